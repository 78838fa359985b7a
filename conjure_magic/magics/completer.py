"""Tab after `%%conjure` and `%conjure`: options, their values, commands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conjure_magic.magics import ConjureMagics

LINE = re.compile(r"^\s*(%{1,2})conjure\s+(.*)$", re.DOTALL)


class Completer:
    """A matcher of IPython's completer (API version 2)."""

    matcher_api_version = 2
    matcher_identifier = "conjure"
    matcher_priority = 100

    def __init__(self, magics: ConjureMagics) -> None:
        self.magics = magics
        self.__qualname__ = "conjure"

    def __call__(self, context: Any) -> dict[str, Any]:
        """What may follow, given the text before the cursor; nothing outside our own lines."""
        match = LINE.match(str(context.line_with_cursor)[: context.cursor_position])
        if match is None:
            return {"completions": []}
        from IPython.core.completer import SimpleCompletion

        typed = match[2]
        token = re.split(r"[\s,=]", typed)[-1]
        words = self.candidates(match[1] == "%%", typed[: len(typed) - len(token)].split())
        found = [word for word in words if word.startswith(token)]
        return {
            "completions": [SimpleCompletion(text=word, type="keyword") for word in found],
            "matched_fragment": token,
            "suppress": bool(found),
            "ordered": True,
        }

    def candidates(self, in_cell: bool, before: list[str]) -> list[str]:
        """The words that may stand after the words before; options already given are left out."""
        from conjure_magic.magics import commands
        from conjure_magic.magics.options import cell_parser

        last = before[-1].rstrip("=,").split("=")[0] if before else ""
        values = self.values(last)
        if values is not None:
            return values
        if in_cell:
            return [option for option in cell_parser().options if option not in before]
        return commands.words(before)

    def values(self, option: str) -> list[str] | None:
        """The values an option may have; None if it has none to offer."""
        sessions = self.magics.front.sessions
        match option:
            case "--backend":
                from conjure_magic.backends import FACTORIES

                return sorted(FACTORIES)
            case "--session" | "session":
                return sorted(sessions.by_name)
            case "--skills":
                return [skill.name for skill in sessions.current.skills.list()]
            case "--model":
                return ["offline"]
            case "--with":
                return sorted(name for name in self.magics.shell.user_ns if not name.startswith("_"))
        return None
