"""A finding about a skill: a stable code, a sentence, and whether it prevented the skill from loading."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from conjure_magic.remedies import Remedy

Level = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that the user should know about a skill or a folder of skills."""

    code: str
    """Stable, in kebab case: `missing-description`, `name-mismatch`, `shadowed`, …"""
    message: str
    path: Path | None = None
    """The file or folder that it is about."""
    level: Level = "warning"
    """"error": not loaded; "warning": loaded anyway; "info": nothing is wrong."""
    remedy: Remedy | None = None
    """What helps, if anything."""

    def __str__(self) -> str:
        return (
            f"{self.path}: {self.message} ({self.code})" if self.path is not None else f"{self.message} ({self.code})"
        )

    def to_dict(self) -> dict[str, str]:
        """The finding as JSON-able data."""
        path = "" if self.path is None else str(self.path)
        return {"code": self.code, "level": self.level, "message": self.message, "path": path}


def errors(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings that prevented something from loading."""
    return tuple(finding for finding in findings if finding.level == "error")
