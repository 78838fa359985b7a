"""A command's output in bounded memory: head and tail for the model, everything on disk, the newest text live."""

from __future__ import annotations

import contextlib
import os
import re
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

from conjure_magic.events import Stream
from conjure_magic.executors.base import KEPT_HEAD, KEPT_TAIL, OUTPUT_LIMIT, OutputChunk
from conjure_magic.executors.output_cleaning import PlainText
from conjure_magic.secrets import Masking
from conjure_magic.workspace import OUTPUT_DIR

LIVE_LIMIT = 16_000
"""Most characters waiting to be displayed; beyond that, only the newest are displayed. Results are not affected."""
LIVE_EVERY = 0.05
"""Seconds between two chunks of live output."""
PROGRESS_LIMIT = 4_096
"""Most characters held back of a line that is redrawn with carriage returns, until it is final."""


def byte_count(text: str) -> int:
    """The size of the text in bytes, as UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


class Excerpt:
    """The first and the last characters of a text, however long it is."""

    def __init__(self, head: int = KEPT_HEAD, tail: int = KEPT_TAIL) -> None:
        self._head: list[str] = []
        self._room = head
        self._tail: deque[str] = deque()
        self._tail_size = 0
        self._tail_limit = tail
        self._limit = head + tail
        self._size = 0
        self._left_out = 0

    def fits(self, text: str) -> bool:
        """True if nothing would be left out after adding the text."""
        return self._size + len(text) <= self._limit

    def add(self, text: str) -> None:
        """Append text."""
        self._size += len(text)
        if self._room and text:
            self._head.append(text[: self._room])
            text = text[self._room :]
            self._room -= len(self._head[-1])
        if len(text) > self._tail_limit:
            self._left_out += sum(map(byte_count, self._tail)) + byte_count(text[: -self._tail_limit])
            self._tail.clear()
            self._tail_size, text = 0, text[-self._tail_limit :]
        if not text:
            return
        self._tail.append(text)
        self._tail_size += len(text)
        while self._tail_size - len(self._tail[0]) >= self._tail_limit:
            dropped = self._tail.popleft()
            self._tail_size -= len(dropped)
            self._left_out += byte_count(dropped)

    def kept(self) -> tuple[str, int, str]:
        """(head, bytes left out, tail), cut at a line end if there is one nearby."""
        head, tail, left_out = "".join(self._head), "".join(self._tail), self._left_out
        if self._size <= self._limit:
            return head + tail, 0, ""
        extra, tail = tail[: -self._tail_limit], tail[-self._tail_limit :]
        near = self._tail_limit // 8
        cut = head.rfind("\n", len(head) - near) + 1 or len(head)
        start = tail.find("\n", 0, near) + 1
        left_out += byte_count(extra) + byte_count(head[cut:]) + byte_count(tail[:start])
        return head[:cut], left_out, tail[start:]

    def render(self) -> str:
        """The text, with a line that says how much was left out."""
        head, left_out, tail = self.kept()
        if not left_out:
            return head
        return f"{head.removesuffix(chr(10))}\n[… {left_out:,} bytes left out …]\n{tail}"


def _final_state(text: str) -> str:
    """The text with only what each line shows after its last carriage return."""
    *overwritten, last = text.split("\r")
    return "".join(part[: part.rfind("\n") + 1] for part in overwritten) + last


class Redrawn:
    """Reduces lines that are redrawn with carriage returns (progress bars) to their final state."""

    def __init__(self) -> None:
        self._pending: str | None = None
        self._midline = False

    def feed(self, text: str) -> str:
        """The text that is final. A line counts as redrawn from its first carriage return on."""
        if self._pending is None and "\r" not in text:
            if text:
                self._midline = not text.endswith("\n")
            return text
        out, redrawn = "", self._pending is not None
        first, _, rest = text.partition("\r")
        if self._midline and "\n" not in first:  # its beginning was already returned
            out, text, redrawn = first + "\n", rest, True
        body, newline, last = ((self._pending or "") + text).rpartition("\n")
        out += _final_state(body) + newline
        redrawn = (redrawn and not newline) or "\r" in last
        ending = "\r" if last.endswith("\r") else ""
        last = _final_state(last.removesuffix("\r")) + ending
        if redrawn and len(last) <= PROGRESS_LIMIT:
            self._pending, self._midline = last, False
            return out
        self._pending, self._midline = None, bool(last)
        return out + last

    def end(self) -> str:
        """The last state of an unfinished line."""
        text, self._pending = self._pending or "", None
        return text.removesuffix("\r")


class WholeOutput:
    """The file with the complete output, written once the excerpt is full; `path` is None until then."""

    def __init__(self, workspace: Path, limit: int = OUTPUT_LIMIT) -> None:
        self._workspace = workspace
        self._left = limit
        self._fd = -1
        self.started = False
        self.path: Path | None = None

    def write(self, texts: Iterable[str]) -> None:
        """Append text; at the limit, a last line says that the rest is missing."""
        if not self.started:
            self.started = True
            with contextlib.suppress(OSError):
                self._fd, self.path = _new_file(self._workspace)
        for text in texts:
            if self._fd >= 0:
                self._append(text.encode("utf-8", "replace"))

    def _append(self, data: bytes) -> None:
        try:
            _write_all(self._fd, data[: self._left])
            self._left -= min(len(data), self._left)
            if self._left == 0:
                _write_all(self._fd, b"\n[output limit reached; the rest was not kept]\n")
                self.close()
        except OSError:  # the disk is full: keep what was written
            self.close()

    def close(self) -> None:
        """Finish the file."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def _write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


def _new_file(workspace: Path) -> tuple[int, Path]:
    """Create an empty file with the next number; links are not followed."""
    folder = workspace / OUTPUT_DIR
    with contextlib.suppress(FileExistsError):
        folder.mkdir()
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        numbers = [int(name[:-4]) for name in os.listdir(directory) if re.fullmatch(r"\d{4,9}\.txt", name)]
        for number in range(max(numbers, default=0) + 1, 1 << 30):
            name = f"{number:04}.txt"
            with contextlib.suppress(FileExistsError):
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
                return os.open(name, flags, 0o666, dir_fd=directory), folder / name
    finally:
        os.close(directory)
    raise FileExistsError(folder)


class Live:
    """Text waiting to be displayed, limited in size and rate."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Stream, str]] = deque()
        self._size = 0
        self._skipped = False
        self._midline: dict[Stream, bool] = {}
        self._next = 0.0

    def add(self, stream: Stream, text: str) -> None:
        """Append text; if there is too much, the oldest is dropped."""
        if text:
            self._waiting.append((stream, text[-LIVE_LIMIT:]))
            self._size += len(self._waiting[-1][1])
            self._skipped = self._skipped or len(text) > LIVE_LIMIT
        while self._size > LIVE_LIMIT and len(self._waiting) > 1:
            self._size -= len(self._waiting.popleft()[1])
            self._skipped = True

    def due(self, now: float) -> float | None:
        """Seconds until the text is due, 0 for now; None if there is none."""
        return max(self._next - now, 0.0) if self._waiting else None

    def take(self, now: float) -> Iterator[OutputChunk]:
        """The chunks to display now; adjacent text of one stream is joined."""
        waiting, skipped = list(self._waiting), self._skipped
        self._waiting.clear()
        self._size, self._skipped, self._next = 0, False, now + LIVE_EVERY
        if skipped:
            waiting.insert(0, (waiting[0][0], "\n[…]\n"))
        start = 0
        for end in range(1, len(waiting) + 1):
            if end == len(waiting) or waiting[end][0] != waiting[start][0]:
                stream = waiting[start][0]
                yield OutputChunk(self._settled(stream, "".join(text for _, text in waiting[start:end])), stream)
                start = end

    def _settled(self, stream: Stream, text: str) -> str:
        """The text with redrawn lines in their newest state; text already displayed is followed by a new line."""
        if "\r" in text:
            redraws = "\r" in text.partition("\n")[0]
            text = re.sub(r"(?m)^[^\n]*\r(?=[^\n])", "", text).replace("\r", "\n")
            if redraws and self._midline.get(stream):
                text = "\n" + text
        self._midline[stream] = not text.endswith("\n")
        return text


class CommandOutput:
    """The output of one command, received as bytes of two streams."""

    def __init__(self, workspace: Path, secrets: Iterable[str] = (), limit: int = OUTPUT_LIMIT) -> None:
        secrets = tuple(secrets)
        streams: tuple[Stream, Stream] = ("stdout", "stderr")
        self._plain = {stream: PlainText() for stream in streams}
        self._masking = {stream: Masking(secrets) for stream in streams}
        self._redrawn = {stream: Redrawn() for stream in streams}
        self.excerpts = {stream: Excerpt() for stream in streams}
        self.both = Excerpt()
        self.whole = WholeOutput(workspace, limit)
        self.live = Live()
        self.total_bytes = 0

    def add(self, stream: Stream, data: bytes) -> None:
        """Append bytes."""
        self.total_bytes += len(data)
        self._take(stream, self._masking[stream].feed(self._plain[stream].feed(data)))

    def end(self) -> None:
        """Process what was held back, and close the file."""
        for stream, masking in self._masking.items():
            self._take(stream, masking.feed(self._plain[stream].end()) + masking.end())
            self._keep(stream, self._redrawn[stream].end())
        self.whole.close()

    def _take(self, stream: Stream, text: str) -> None:
        self.live.add(stream, text)
        self._keep(stream, self._redrawn[stream].feed(text))

    def _keep(self, stream: Stream, text: str) -> None:
        if self.whole.started:
            self.whole.write([text])
        elif not self.both.fits(text):
            self.whole.write([self.both.render(), text])
        self.excerpts[stream].add(text)
        self.both.add(text)
