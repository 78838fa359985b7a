"""Tab completion after `%%conjure` and `%conjure`: commands, options and their values."""

from __future__ import annotations

import re
from typing import Any

from IPython.core.completer import SimpleCompletion

from conjure_magic.magics.commands import CONJURE
from conjure_magic.magics.options import Names, cell_arguments, following

LINE = re.compile(r"^\s*(%{1,2})conjure\s+(.*)$", re.DOTALL)


def complete(names: Names, completion: Any) -> dict[str, Any]:
    """Completions at the cursor of an IPython `CompletionContext`; none outside lines of our magics."""
    match = LINE.match(str(completion.line_with_cursor)[: completion.cursor_position])
    if match is None:
        return {"completions": []}
    typed = match[2]
    token = re.split(r"[\s,=]", typed)[-1]
    before = typed[: len(typed) - len(token)].split()
    offered = following(cell_arguments(), names, before) if match[1] == "%%" else CONJURE.offers(names, before)
    found = [word for word in offered if word.startswith(token)]
    return {
        "completions": [SimpleCompletion(text=word, type="keyword") for word in found],
        "matched_fragment": token,
        "suppress": bool(found),
        "ordered": True,
    }
