"""A parameter of a tool, from the signature and the docstring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a tool."""

    name: str
    annotation: Any = Any
    required: bool = True
    default: Any = None
    description: str = ""
    minimum: int | None = None
    """The smallest valid number."""
