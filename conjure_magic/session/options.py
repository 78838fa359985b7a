"""The options of one turn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypedDict

from conjure_magic.approval import Approver
from conjure_magic.backends.native.base import NativeSkill
from conjure_magic.cancel import Cancel
from conjure_magic.models.base import Model
from conjure_magic.skills.registry import SkillRegistry
from conjure_magic.skills.skill import Skill
from conjure_magic.turn.budget import Limits

ModelLike = str | Model | Callable[..., Any]
"""A model: "offline", an id, a name in `Settings.models`, a Model, or a callable `request -> response`."""
SkillLike = str | Path | Skill | SkillRegistry | NativeSkill | type[NativeSkill] | Callable[..., Any]
"""A skill: its folder or a folder of skills, a name, a Skill, a SkillRegistry, or a Python skill."""


class TurnOptions(TypedDict, total=False):
    """Keyword arguments of `Session.stream`, `chat` and `retry`. Options left out are those of the session."""

    extra_text: str | Sequence[str]
    """Further text sent with the prompt and not repeated in the displayed result."""
    files: str | Path | Iterable[str | Path]
    """Files sent with the prompt: uploaded for the hosted backend, copied into the workspace for the others."""
    approver: Approver | None
    """Asks before a call runs, instead of the session's approver."""
    model: ModelLike | None
    """Used for this turn instead of the session's model."""
    limits: Limits | None
    """Limits of this turn, such as `session.limits(max_cost=0.50)`; by default those of the settings."""
    cancel: Cancel
    """Stops the turn when set, like `Session.stop`."""
