"""A look at the files that a request names: a few lines of each shape, those first that hold the request's words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from conjure_magic.models.offline.conversation import SAMPLE_MARK
from conjure_magic.models.offline.fill_template import quoted_path
from conjure_magic.skills.ranking import stem

EXAMPLES = 2
"""Lines of each shape that are looked at, of those that hold a word of the request."""
OTHERS = 20
"""Shapes of other lines."""
MOST_LINES = 160
WIDEST = 320
"""Characters of a line that are looked at."""
_SAFE = re.compile(r"[\w.$@:-]{2,60}")
"""What may be looked for: nothing that a shell or awk could take for more than text."""
_ABSENT = re.compile(r"(?:can't open|cannot open|cannot access|No such file|can't find)", re.IGNORECASE)
REQUEST = r"\"[A-Z]{3,7} [^\"]* HTTP/"
"""A request to a web server, as its log writes it."""
_READERS = {"gz": "gzip -dc", "bz2": "bzip2 -dc", "xz": "xz -dc"}
ALIKE = (
    frozenset(["refus", "forbid", "forbidden", "deni", "deny", "reject"]),
    frozenset(["finish", "complet", "done"]),
    frozenset(["fail", "failur", "unsuccessful"]),
    frozenset(["delet", "remov"]),
    frozenset(["start", "begin", "launch"]),
    frozenset(["pay", "paid", "payment"]),
    frozenset(["disconnect", "dropp"]),
    frozenset(["login", "log"]),
    frozenset(["restart", "reboot"]),
)
"""Stems of words that may stand for each other, where a file has only one of them."""


@dataclass(frozen=True)
class Sample:
    """Lines of the files, without repetitions; the request's words that were looked for."""

    lines: tuple[str, ...] = ()
    words: frozenset[str] = frozenset()
    absent: bool = False
    """True if a file was not there."""

    @property
    def have_requests(self) -> bool:
        """True if there are requests to a web server among the lines."""
        return any(re.search(REQUEST, line) for line in self.lines)

    @property
    def are_requests(self) -> bool:
        """True if nearly every line is a request to a web server."""
        web = sum(re.search(REQUEST, line) is not None for line in self.lines)
        return bool(self.lines) and web >= 0.8 * len(self.lines) and not any(": *" in line for line in self.lines[:3])


def alternatives(word: str) -> tuple[str, ...]:
    """The stem of a word, and those that may stand for it."""
    own = stem_of(word)
    others = next((group for group in ALIKE if own in group), frozenset())
    return (own, *sorted(others - {own}))


def stem_of(word: str) -> str:
    """A word's stem as it is looked for; identifiers stay whole."""
    low = word.lower().strip("'\"")
    return stem(low) if re.fullmatch(r"[^\W\d_]+", low) else low


def command(paths: Sequence[str], words: Iterable[str]) -> str:
    """The shell command that looks."""
    stems = sorted(wanted(words))
    quoted = " ".join(quoted_path(path) for path in paths)
    reader = next((_READERS[end] for path in paths if (end := path.rpartition(".")[2]) in _READERS), "")
    program = (
        f'BEGIN{{split("{" ".join(stems)}",w," ")}} {{s=$0; gsub(/[^ ]*[0-9][^ ]*/,"",s); t=tolower($0); c=0; '
        f'for(i in w)if(index(t,w[i]))c++}} c?n[s]++<{EXAMPLES}:!m[s]++&&k++<{OTHERS}{{print c"\\t"$0}}'
    )
    source = f"{reader} {quoted} | awk '{program}'" if reader else f"awk '{program}' {quoted}"
    return f"{source} | sort -snr -k1,1 | cut -f2- | cut -c1-{WIDEST} | head -n {MOST_LINES}"


def is_sampling(command_line: str) -> bool:
    """True for a command of this kind."""
    return SAMPLE_MARK in command_line


def sampled_words(command_line: str) -> frozenset[str]:
    """The stems that a look was for."""
    found = re.search(r'split\("([^"]*)"', command_line)
    return frozenset(found[1].split()) if found is not None else frozenset()


def wanted(words: Iterable[str]) -> frozenset[str]:
    """The stems that these words are looked for by."""
    return frozenset(part for word in words for part in alternatives(word) if _SAFE.fullmatch(part))


def read_sample(command_line: str, output: str) -> Sample:
    """What a look has shown."""
    lines = tuple(line for line in output.split("\n") if line.strip())
    absent = any(
        _ABSENT.search(line)
        for line in lines[:6]
        if line.startswith(("awk", "gzip", "bzip2", "xz", "mawk", "gawk", "cut"))
    )
    kept = tuple(line for line in lines if not (absent and _ABSENT.search(line)))
    return Sample(kept, sampled_words(command_line), absent)
