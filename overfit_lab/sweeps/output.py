"""Output of a command: collected by a thread, sent in pieces, bounded in memory."""

import codecs
import os
import threading

from overfit_lab.sweeps.reading import ConsoleReading

MAX_UNSENT = 1 << 20  # bytes kept while the server is unreachable; older output is dropped
READ_BYTES = 1 << 16


class Output:
    """The output of one command as UTF-8. Its places are byte offsets in the whole output."""

    def __init__(self) -> None:
        self._unsent = bytearray()
        self._start = 0  # the place of the first unsent byte
        self._lock = threading.Lock()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._thread: threading.Thread | None = None
        self.last_line = ""
        self.reading = ConsoleReading()

    def follow(self, descriptor: int) -> None:
        """Read a descriptor until its end, in a thread, and close it."""
        self._thread = threading.Thread(target=self._read, args=(descriptor,), daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> None:
        """Wait until the output has ended, at most for some seconds."""
        if self._thread is not None:
            self._thread.join(seconds)

    def add(self, content: bytes, *, final: bool = False) -> None:
        """Add output; bytes that are not UTF-8 are replaced."""
        text = self._decoder.decode(content, final)
        if lines := [line.strip() for line in text.splitlines() if line.strip()]:
            self.last_line = lines[-1]
        with self._lock:
            encoded = text.encode()
            self._unsent += encoded
            self.reading.add(encoded)
            self._drop(len(self._unsent) - MAX_UNSENT)

    def unsent(self, limit: int) -> tuple[int, str] | None:
        """Return the place and the text of the next output to send, None without any."""
        with self._lock:
            content = bytes(self._unsent[:limit])
            start = self._start
        if not content:
            return None
        return start, content.decode(errors="ignore")  # a character that is cut off is sent later

    def forget(self, place: int) -> None:
        """Drop the output before a place, because the server has it."""
        with self._lock:
            self._drop(place - self._start)

    def _drop(self, count: int) -> None:
        if count > 0:
            while count < len(self._unsent) and self._unsent[count] & 0xC0 == 0x80:
                count += 1  # up to the beginning of a character
            count = min(count, len(self._unsent))
            del self._unsent[:count]
            self._start += count

    def _read(self, descriptor: int) -> None:
        try:
            while content := os.read(descriptor, READ_BYTES):
                self.add(content)
        finally:
            self.add(b"", final=True)
            os.close(descriptor)
