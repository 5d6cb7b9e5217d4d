"""A proxy that ends TLS in front of a server on this machine, as nginx does.

It answers `https://localhost:PORT`, and adds `X-Forwarded-For` and `X-Forwarded-Proto` to each
request. Each connection carries one request.
"""

import asyncio
import ssl
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

CLIENT = "203.0.113.7"  # the IP address that every client seems to have
FORWARDED = f"X-Forwarded-For: {CLIENT}\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n"
OWN = (b"x-forwarded-for:", b"x-forwarded-proto:", b"connection:")


class TlsProxy:
    """A running proxy to `target`, with a certificate that was just made."""

    def __init__(self, target: str, port: int, folder: Path) -> None:
        parts = urlsplit(target)
        self._target = (str(parts.hostname), int(parts.port or 80))
        self.port, self._certificate = port, folder / "proxy.pem"
        _make_certificate(self._certificate)
        self.trust = ssl.create_default_context(cafile=str(self._certificate))
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self._certificate)
        listening = asyncio.start_server(self._answer, "127.0.0.1", self.port, ssl=context)
        server = self._loop.run_until_complete(listening)
        self._loop.call_soon(self._started.set)
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            first, *headers = head[:-4].split(b"\r\n")
            kept = [header for header in headers if not header.lower().startswith(OWN)]
            from_lab, to_lab = await asyncio.open_connection(*self._target)
            to_lab.write(b"\r\n".join([first, *kept]) + b"\r\n" + FORWARDED.encode() + b"\r\n")
            await asyncio.gather(_pump(reader, to_lab), _pump(from_lab, writer))


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    sink.close()


def _make_certificate(path: Path) -> None:
    """Write a key and a certificate of a day for localhost."""
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "1", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost", "-keyout", path, "-out", f"{path}.crt"),
        ],
        check=True,
        capture_output=True,
    )
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
