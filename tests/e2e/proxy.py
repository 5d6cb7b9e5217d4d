"""TCP proxy in front of the product, which a test can cut and restore."""

import socket
import threading
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit


class Proxy:
    """Forwards connections to the product. While it is cut, it closes every connection."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._target = (str(parts.hostname), int(parts.port or 80))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._is_cut = False
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self._listener.close()

    def cut(self) -> None:
        """Close every connection, and accept no new ones."""
        self._is_cut = True
        for end in list(self._open):
            _close(end)

    def restore(self) -> None:
        """Accept connections again."""
        self._is_cut = False

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                browser, _ = self._listener.accept()
                if self._is_cut:
                    _close(browser)
                else:
                    self._connect(browser)

    def _connect(self, browser: socket.socket) -> None:
        product = socket.create_connection(self._target)
        self._open |= {browser, product}
        if self._is_cut:  # while the product was being connected
            self.cut()
        for source, sink in ((browser, product), (product, browser)):
            threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for end in (source, sink):
            self._open.discard(end)
            _close(end)


def _close(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
