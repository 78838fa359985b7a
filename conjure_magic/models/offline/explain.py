"""An explanation of a traceback by rules: the error, the user's line that led to it, Python's description of it."""

from __future__ import annotations

import builtins
import inspect
import re
from dataclasses import dataclass

from conjure_magic.models.offline import answer as say

_FRAME = re.compile(r'^ +File "([^"\n]*)", line (\d+), in ([^\n]*)\n((?:    [^\n]*\n?)?)', re.MULTILINE)
_CELL = re.compile(r"<(?:ipython-input|stdin|string)|ipykernel_\d+")
_ERROR = re.compile(r"^([A-Za-z_][\w.]*)(?:: (.*))?\Z", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Frame:
    """A place in a traceback."""

    file: str
    line: str
    function: str
    code: str

    @property
    def place(self) -> str:
        """The place in words; a cell has no file of its own."""
        where = "a cell" if _CELL.search(self.file) else self.file
        inside = "" if self.function == "<module>" else f", in {self.function}"
        return f"line {self.line} of {where}{inside}"


def explain(traceback: str) -> str:
    """The answer to a request to explain a traceback."""
    if "Exception Group Traceback" in traceback:  # what is in the group comes below a line of its own
        group = re.split(
            r"^ *\+-", traceback.partition("Exception Group Traceback")[2], maxsplit=1, flags=re.MULTILINE
        )[0]
        traceback = re.sub(r"^ *\| ?", "", group, flags=re.MULTILINE).partition("\n")[2]
    frames = [Frame(file, line, name, code.strip()) for file, line, name, code in _FRAME.findall(traceback)]
    rest = traceback[max((match.end() for match in _FRAME.finditer(traceback)), default=0) :]
    lines = [line for line in rest.split("\n") if line.strip() and not line.startswith(" ")]
    found = _ERROR.match("\n".join(lines))
    kind, message = (found[1], found[2] or "") if found else ("", "")
    paragraphs = [f"**{say.plain(kind)}**{f': {say.plain(message)}' if message else ''}"] if kind else []
    own = next((frame for frame in reversed(frames) if _CELL.search(frame.file)), None)
    for frame in dict.fromkeys(filter(None, (own, frames[-1] if frames else None))):
        word = "It was raised in" if frame is frames[-1] else "Your code called it in"
        paragraphs.append(f"{word} {say.plain(frame.place)}:\n\n{say.fenced(frame.code or '(no source)', 'python')}")
    meaning = _meaning(kind)
    if meaning:
        paragraphs.append(f"Python’s description of {say.plain(kind)}: {say.plain(meaning)}")
    limit = "It can only read the traceback; a language model could suggest a fix."
    return "\n\n".join((*paragraphs, say.label(limit)))


def _meaning(kind: str) -> str:
    """The docstring of an exception of Python's own; empty for others."""
    value = getattr(builtins, kind, None)
    known = isinstance(value, type) and issubclass(value, BaseException)
    return (inspect.getdoc(value) or "").partition("\n\n")[0] if known else ""
