"""A real kernel without a browser: cells run, prompts are answered, display updates land where they belong."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from queue import Empty
from typing import Any

import zmq
from jupyter_client.manager import start_new_kernel


class Cell:
    """What one cell has shown so far."""

    def __init__(self) -> None:
        self.outputs: list[dict[str, Any]] = []
        self.prompts: list[str] = []
        self.reply: dict[str, Any] | None = None
        self.clear_next = False

    def text(self, mime: str = "text/plain") -> str:
        """Streams and every output's text of this type, in order."""
        return "".join(o.get("text") or o.get("data", {}).get(mime, "") for o in self.outputs)


class Kernel:
    """One running kernel, in `folder` (default: here); keywords (`env`) go to its start."""

    def __init__(self, name: str = "python3", folder: Path | None = None, **options: Any) -> None:
        self.folder = folder or Path.cwd()
        self.km, self.kc = start_new_kernel(kernel_name=name, cwd=str(self.folder), **options)
        self.channels = self.kc.stdin_channel, self.kc.shell_channel, self.kc.iopub_channel
        self.displays: dict[str, list[dict[str, Any]]] = {}  # display_id -> outputs showing it, in every cell

    def close(self) -> None:
        """End it, at once."""
        self.kc.stop_channels()
        self.km.shutdown_kernel(now=True)

    def run(self, code: str, answers: tuple[str, ...] | list[str] = (), timeout: float = 30) -> Cell:
        """The finished cell; `answers` are typed at its prompts, and without any it has no one to ask."""
        return self.finish(*self.start(code, allow_stdin=bool(answers)), answers, timeout)

    def start(self, code: str, **options: Any) -> tuple[str, Cell]:
        """Send a cell and do not wait: give what it returns to `finish`."""
        return self.kc.execute(code, **options), Cell()

    def finish(self, msg_id: str, cell: Cell, answers: tuple[str, ...] | list[str] = (), timeout: float = 30) -> Cell:
        """Wait until the cell has its reply and the kernel is idle again."""
        answers, idle, end = list(answers), False, time.monotonic() + timeout
        while not (idle and cell.reply):
            if time.monotonic() > end:
                raise TimeoutError(cell.outputs)
            zmq.select([channel.socket for channel in self.channels], [], [], 0.05)
            with contextlib.suppress(Empty):
                cell.prompts.append(self.kc.get_stdin_msg(timeout=0)["content"]["prompt"])
                self.kc.input(answers.pop(0))
            with contextlib.suppress(Empty):
                reply = self.kc.get_shell_msg(timeout=0)
                if reply["parent_header"].get("msg_id") == msg_id:
                    cell.reply = reply["content"]
            with contextlib.suppress(Empty):
                msg = self.kc.get_iopub_msg(timeout=0)
                mine = msg["parent_header"].get("msg_id") == msg_id
                self._show(msg["msg_type"], msg["content"], cell if mine else None)
                idle |= mine and msg["content"].get("execution_state") == "idle"
        return cell

    def _show(self, kind: str, content: dict[str, Any], cell: Cell | None) -> None:
        display_id = content.pop("transient", {}).get("display_id")
        if kind == "update_display_data":  # no output of its own; may belong to an older cell
            for out in self.displays.get(display_id, []):
                out.update(content)
        if cell is None:
            return
        if kind == "clear_output":
            cell.clear_next = content["wait"]
            if not content["wait"]:
                cell.outputs.clear()
        if kind not in ("stream", "display_data", "execute_result", "error"):
            return
        if cell.clear_next:
            cell.outputs.clear()
            cell.clear_next = False
        last = cell.outputs[-1] if cell.outputs else {}
        if kind == "stream" and last.get("name") == content["name"]:
            last["text"] += content["text"]
            return
        cell.outputs.append({"output_type": kind, **content})
        if display_id:
            self.displays.setdefault(display_id, []).append(cell.outputs[-1])
