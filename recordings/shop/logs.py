"""Log files of the shop: UTC times, tracebacks with the paths of a deployment, an exact count."""

import json
import logging
import time
import traceback
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Any

SOURCE_ROOT = Path(__file__).parents[1]
DEPLOYED_IN = PurePosixPath("/srv")


class DeployedFormatter(logging.Formatter):
    """Formats records in UTC and shows source files as if the shop were installed in `/srv/shop`.

    The logs are published, so they must not contain paths of the recording machine.
    """

    @staticmethod
    def converter(seconds: float | None = None) -> time.struct_time:
        return time.gmtime(seconds)

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatException(self, ei: Any) -> str:  # noqa: N802 (the name is logging's)
        report = traceback.TracebackException(*ei)
        for part in (report, report.__cause__, report.__context__):
            for frame in part.stack if part else ():
                frame.filename = _deployed(frame.filename)
        return "".join(report.format()).rstrip("\n")


def _deployed(filename: str) -> str:
    path = Path(filename)
    if path.is_relative_to(SOURCE_ROOT):
        return str(DEPLOYED_IN / path.relative_to(SOURCE_ROOT).as_posix())
    return path.name


class CountingFileHandler(logging.FileHandler):
    """Appends to a log file and counts what it wrote, by level and by logger."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, encoding="utf-8")
        self.setFormatter(DeployedFormatter())
        self._levels: Counter[str] = Counter()
        self._errors: Counter[str] = Counter()
        self._finished = False

    def emit(self, record: logging.LogRecord) -> None:
        # A request may still run when the shop stops; its messages are then neither written nor counted.
        if self._finished:
            return
        super().emit(record)
        self._levels[record.levelname] += 1
        if record.levelno >= logging.ERROR:
            self._errors[record.name] += 1

    def finish(self) -> str:
        """The count as one line of JSON; nothing is written afterwards."""
        self.acquire()
        try:
            self._finished = True
            return json.dumps({"levels": self._levels, "errors_by_logger": self._errors})
        finally:
            self.release()
