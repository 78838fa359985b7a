"""Stops a command that fills the disk: a bind mount has no quota, so somebody has to look."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from conjure_magic.nofollow import walk

MOST_FILES = 200_000
"""Files and folders that a workspace may hold; each of them costs, however small it is."""
RESERVE = 512 << 20
"""Bytes that a command must leave free on the disk."""
OURS = 64 << 20
"""Bytes that a disk must have lost since the command began, before a full one is put down to that."""


class SizeWatch:
    """Says why a command must end, if its workspace has outgrown its bounds or the disk is about to be full.

    To walk through a large workspace twice a second would slow everything down. So the file system is asked for its
    free space, which takes microseconds, and the workspace is measured only if what the disk has lost since the
    last time could be too much. What was deleted while it is open is in no folder; it ends at the disk's reserve.
    """

    def __init__(self, workspace: Path, limit: int) -> None:
        """`limit` in bytes on the disk, as `du` counts them."""
        self._workspace = workspace
        self._limit = limit
        self._measured: tuple[int, int] | None = None
        self._free_then = (0, 0)
        self._free_at_start = 0

    def start(self) -> None:
        """A command begins."""
        self._free_at_start = self._free()[0]

    def look(self) -> str:
        """Why the command must end; empty if it may go on."""
        free, free_files = self._free()
        if free < RESERVE and self._free_at_start - free > OURS:
            return f"the disk is nearly full: {free >> 20:,} MB are left of it"
        if self._measured is not None:
            size, count = self._measured
            lost, lost_files = self._free_then[0] - free, self._free_then[1] - free_files
            if size + lost <= self._limit and count + lost_files <= MOST_FILES:
                return ""
        before = self._measured or (0, 0)
        size, count = self._measured = measure(self._workspace)
        self._free_then = (free, free_files)
        # One that only deletes may go on, however much is still there.
        if size > self._limit and size > before[0]:
            return (
                f"the workspace holds {size >> 20:,} MB, and {self._limit >> 20:,} are allowed (docker_workspace_size)"
            )
        if count > MOST_FILES and count > before[1]:
            return f"the workspace holds more than {MOST_FILES:,} files"
        return ""

    def _free(self) -> tuple[int, int]:
        """Bytes and files that the workspace's disk has left."""
        try:
            status = os.statvfs(self._workspace)
        except OSError:  # it is gone, which somebody else tells
            return 1 << 60, 1 << 60
        return status.f_bavail * status.f_frsize, status.f_favail


def measure(workspace: Path) -> tuple[int, int]:
    """Bytes on the disk, and how many files and folders; not more of them than are needed to be too many."""
    size = count = 0
    with contextlib.closing(walk(workspace)) as everything:
        for _, entry, _ in everything:
            with contextlib.suppress(OSError):  # gone meanwhile
                size += entry.stat(follow_symlinks=False).st_blocks * 512
            count += 1
            if count > MOST_FILES:
                break
    return size, count
