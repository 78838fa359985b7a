"""The bounds as the settings have them where nothing is configured, with what a test needs changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conjure_magic.executors.docker import limits
from conjure_magic.executors.docker.limits import DockerLimits
from conjure_magic.settings import Settings
from conjure_magic.turn.budget import Limits, limits_of


def turn_limits(**changes: Any) -> Limits:
    """The bounds of a turn."""
    return replace(limits_of(Settings()), **changes)


def docker_limits(**changes: Any) -> DockerLimits:
    """The bounds of a container."""
    return replace(limits.limits_of(Settings()), **changes)
