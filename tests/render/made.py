"""Made-up turns: values as the session would hand them over."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from conjure_magic.artifacts import Artifact, Artifacts, Change, media_type
from conjure_magic.events import ApprovalAnswered, Called, Item, ToolResult, TurnResult
from conjure_magic.messages import Message, ToolUseBlock, Usage
from conjure_magic.render import display_limits
from conjure_magic.settings import Settings

LIMITS = display_limits(Settings())
"""What travels inside an output where nothing is configured."""
CALL = LIMITS.calls(1)
"""How much of a call is shown then."""
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
"""A PNG of one pixel."""


def called(command: str = "ls", output: str = "", **fields: Any) -> Called:
    """A finished call of `bash_tool` that printed `output`; fields of ToolResult and Called by name."""
    names = ("is_error", "status", "summary", "output_path")
    result = ToolResult(output, **{name: fields.pop(name) for name in names if name in fields})
    return Called(ToolUseBlock("t1", "bash_tool", {"command": command}), "local", **{"result": result, **fields})


def allowed(by: str = "you", *, ok: bool = True, reason: str = "") -> ApprovalAnswered:
    """An answer to the question whether `t1` may run."""
    return ApprovalAnswered("t1", ok, by, reason)


def artifact(folder: Path, name: str, data: bytes, change: Change = "new") -> Artifact:
    """A file made in `folder`, told to the person as `made/<name>`."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    return Artifact(name, media_type(name), len(data), digest, "local", "t1", change, path, f"made/{name}")


def turn(*items: Item, files: tuple[Artifact, ...] = (), **fields: Any) -> TurnResult:
    """A finished turn of these items; any field of TurnResult by name."""
    standard: dict[str, Any] = {
        "session": "main",
        "turn": 3,
        "id": "turn-3",
        "parent_id": "turn-2",
        "prompt": "Where?",
        "backends": ("local",),
        "model": "some-model",
        "messages": (Message.user("Where?"), Message.assistant("There.")),
        "usage": Usage(1194, 412, 0, 5020),
        "cost": 0.012,
        "stop_reason": "end_turn",
        "seconds": 9.4,
        "rounds": 2,
    }
    return TurnResult(**{**standard, **fields, "items": items, "files": Artifacts(files)})
