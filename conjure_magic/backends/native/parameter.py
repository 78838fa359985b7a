"""A parameter of a tool: what its signature and docstring say about one argument."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument that a model gives."""

    name: str
    annotation: Any = Any
    required: bool = True
    default: Any = None
    description: str = ""
    minimum: int | None = None
    """Of a number."""
