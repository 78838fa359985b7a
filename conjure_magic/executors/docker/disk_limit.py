"""Stops a command that fills the disk: bind mounts have no quota, so the size is checked periodically."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from conjure_magic.safe_open import walk

MOST_FILES = 200_000
"""Most files and folders in a workspace; even small ones cost resources."""
RESERVE = 512 << 20
"""Bytes that a command must leave free on the disk."""
OURS = 64 << 20
"""Bytes that must have been used since the command started before a full disk is blamed on it."""


class SizeWatch:
    """Reports why a command must end if its workspace exceeds its limits or the disk is nearly full.

    Walking through a large workspace twice a second would slow everything down. So only the file system's free space is
    read, which takes microseconds, and the workspace is measured again only if the space used since the last time
    could exceed the limit. Deleted files that are still open only count against the disk's reserve.
    """

    def __init__(self, workspace: Path, limit: int) -> None:
        """`limit` is in bytes on disk, as `du` counts them."""
        self._workspace = workspace
        self._limit = limit
        self._measured: tuple[int, int] | None = None
        self._free_then = (0, 0)
        self._free_at_start = 0

    def start(self) -> None:
        """Called when a command starts."""
        self._free_at_start = self._free()[0]

    def look(self) -> str:
        """Why the command must end; empty if it may continue."""
        free, free_files = self._free()
        if free < RESERVE and self._free_at_start - free > OURS:
            return f"the disk is nearly full: {free >> 20:,} MB left"
        if self._measured is not None:
            size, count = self._measured
            lost, lost_files = self._free_then[0] - free, self._free_then[1] - free_files
            if size + lost <= self._limit and count + lost_files <= MOST_FILES:
                return ""
        before = self._measured or (0, 0)
        size, count = self._measured = measure(self._workspace)
        self._free_then = (free, free_files)
        # A command that only deletes may continue, however much is left.
        if size > self._limit and size > before[0]:
            return (
                f"the workspace has grown to {size >> 20:,} MB; the limit is {self._limit >> 20:,} MB "
                "(docker_workspace_size)"
            )
        if count > MOST_FILES and count > before[1]:
            return f"the workspace contains more than {MOST_FILES:,} files"
        return ""

    def _free(self) -> tuple[int, int]:
        """Bytes and files that the workspace's disk has left."""
        try:
            status = os.statvfs(self._workspace)
        except OSError:  # it is gone, which is reported elsewhere
            return 1 << 60, 1 << 60
        return status.f_bavail * status.f_frsize, status.f_favail


def measure(workspace: Path) -> tuple[int, int]:
    """(bytes on disk, number of files and folders); counting stops once there are too many."""
    size = count = 0
    with contextlib.closing(walk(workspace)) as everything:
        for _, entry, _ in everything:
            with contextlib.suppress(OSError):  # gone meanwhile
                size += entry.stat(follow_symlinks=False).st_blocks * 512
            count += 1
            if count > MOST_FILES:
                break
    return size, count
