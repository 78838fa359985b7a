"""Tab after `%%conjure` and `%conjure`: options, their values, commands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from IPython.core.completer import SimpleCompletion

from conjure_magic.backends import backend_names
from conjure_magic.magics import commands
from conjure_magic.magics.options import cell_parser

if TYPE_CHECKING:
    from conjure_magic.magics.front import Front

LINE = re.compile(r"^\s*(%{1,2})conjure\s+(.*)$", re.DOTALL)


def complete(front: Front, namespace: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """What may follow the text before the cursor; nothing outside our own lines."""
    match = LINE.match(str(context.line_with_cursor)[: context.cursor_position])
    if match is None:
        return {"completions": []}
    typed = match[2]
    token = re.split(r"[\s,=]", typed)[-1]
    words = candidates(front, namespace, match[1] == "%%", typed[: len(typed) - len(token)].split())
    found = [word for word in words if word.startswith(token)]
    return {
        "completions": [SimpleCompletion(text=word, type="keyword") for word in found],
        "matched_fragment": token,
        "suppress": bool(found),
        "ordered": True,
    }


def candidates(front: Front, namespace: Mapping[str, Any], in_cell: bool, before: list[str]) -> list[str]:
    """The words that may stand after the words before; options already given are left out."""
    last = before[-1].rstrip("=,").split("=")[0] if before else ""
    found = values(front, namespace, last)
    if found is not None:
        return found
    if in_cell:
        return [option for option in cell_parser().options if option not in before]
    return commands.words(before)


def values(front: Front, namespace: Mapping[str, Any], option: str) -> list[str] | None:
    """The values an option may have; None if it has none to offer."""
    sessions = front.sessions
    match option:
        case "--backend":
            return backend_names()
        case "--session" | "session":
            return sorted(sessions.by_name)
        case "--skills":
            return [*(skill.name for skill in sessions.current.skills.list()), *sessions.current.skill_spellings]
        case "--model":
            return ["offline", *map(str, sessions.settings.models)]
        case "--with":
            return sorted(name for name in namespace if not name.startswith("_"))
    return None
