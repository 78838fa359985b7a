"""Columns between the time and the message, learnt piece by piece from what nearly all lines share."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from loglib import clock, levels
from loglib.layout import Layout, time_source
from loglib.severity import ALL, ATOM, ATOMS, BRACKET, CLOSE, MOST, OPEN, PAREN, level_ahead, level_here, share

_MAX_PIECES = 14
_ANGLE = r"<[^<>\s]+>"
MESSAGE = r"\s*(?P<message>.*)"
# A colon belongs to a name only before a letter: a::b, not the line number of file.c:12.
_NAME = r"[^\s\[\]:|=,;\"]+?(?::+[^\s\[\]:|\"\d][^\s\[\]:|\"]*)*?"
_PID = r"(?::\d+)?(?:\[(?P<pid>[\w.-]+)\]|\(\s*(?P<pid_>\d+)\))?"
# Further words of a program's name: up to three before its number, else one.
_WORDS = r"(?:(?: [^\s:\[\]]+){1,3}(?=\[\d+\])|(?: [^\s:]+)?)"
_TAGS = (
    rf"(?P<component>{_NAME}){_PID}\s*:(?=\s|$)\s?",
    rf"(?P<component>{_NAME}(?: \S+)?){_PID} +(?:-+|>>|=>|->|::)(?=\s|$)",
    rf"(?P<component>{_NAME}){_PID}\](?=\s|$)",
    rf"(?P<host>[^\s|=]*[^\s|=:]) +(?P<component>{_NAME}{_WORDS}){_PID}(?: \([^()]*\))?:(?=\s|$)\s?",
)
_SEPARATOR = re.compile(r"\s*([\])>|,;:-]*)")
_COLUMN = re.compile(r"\(\?P<([pc]\d+)>")


def after_time(rests: Sequence[str], *, has_level: bool = False) -> list[str]:
    """Patterns of all that follows the time: every column learnt, then fewer, then no column.

    `has_level`: the level stood before the time.
    """
    pieces = _pieces(rests, has_level)
    bodies = ["".join(pieces) + MESSAGE]
    level = next((i for i, piece in enumerate(pieces) if "(?P<level>" in piece), None)
    if level is not None and level < len(pieces) - 1:
        bodies.append("".join(pieces[: level + 1]) + MESSAGE)
    tag = next((i for i, piece in enumerate(pieces) if "(?P<host>" in piece), None)
    if tag is not None:
        # A line of the same host without a program: "last message repeated 3 times".
        bodies.append("".join(pieces[:tag]) + r"\s+(?P<host>[A-Za-z0-9][^\s:\[\]|=]*)(?=\s)" + MESSAGE)
    if pieces:
        bodies.append(r"(?:\s*[\])>|:,]|\s+-(?=\s))*" + MESSAGE)
    return bodies


def _pieces(rests: Sequence[str], has_level: bool) -> list[str]:
    pieces = ["(?#<level>)"] if has_level else []
    left = list(rests)
    while left and len(pieces) < _MAX_PIECES:
        piece = _next_piece(left, pieces)
        if piece is None:
            break
        regex = re.compile(piece)
        left = [text[match.end() :] for text in left if (match := regex.match(text))]
        pieces.append(piece)
    return pieces


def untimed(lines: Sequence[str]) -> Layout:
    """A layout for lines without a time: a level and a tag where nearly all carry one, else all message."""
    colon = rf"(?P<level>(?i:{levels.WORD})):(?P<component>[\w.$-]+):"
    if share(colon, lines) >= MOST:
        pattern = colon + MESSAGE
    else:
        pattern = after_time(lines)[0]
        if "(?P<level>" not in pattern and "(?P<pri>" not in pattern:
            return Layout("text", r"(?P<message>.*)")
    pattern, names = name_columns(pattern, lines)
    rule = "priority" if "(?P<pri>" in pattern else "column"
    return Layout("text", pattern, level_rule=rule, columns=tuple(names))


def delimited(lines: Sequence[str], style: clock.Style) -> Layout | None:
    """A layout of cells between one delimiter, where the time fills a cell of its own."""
    for mark in ("|", "\t", ";", ",") if lines else ():
        counts = sorted(line.count(mark) for line in lines)
        count = counts[len(counts) // 50]  # nearly all lines have at least as many
        if count < 2:
            continue
        place = _time_cell(lines, mark, count, style)
        if place is None:
            continue
        cell = rf"\s*\"?([^{mark}]*?)\"?\s*"
        cells = [cell.replace("(", f"(?P<c{i + 1}>", 1) for i in range(count)]
        cells[place] = rf'\s*["\[]?{time_source(style)}["\]]?\s*'
        pattern = re.escape(mark).join(cells) + re.escape(mark) + r"\s*(?P<message>.*)"
        pattern, names = name_columns(pattern, lines)
        rule = "column" if "(?P<level>" in pattern else "none"
        return Layout("text", pattern, style, level_rule=rule, columns=tuple(names))
    return None


def _time_cell(lines: Sequence[str], mark: str, count: int, style: clock.Style) -> int | None:
    regex = re.compile(rf'\s*["\[]?{style.pattern}["\]]?\s*')
    rows = [line.split(mark, count) for line in lines[:300]]
    for place in range(count):
        hits = sum(1 for row in rows if len(row) > place and regex.fullmatch(row[place]))
        if hits >= MOST * len(rows):
            return place
    return None


def name_columns(pattern: str, lines: Sequence[str]) -> tuple[str, list[str]]:
    """Give the anonymous columns of a pattern their roles; the rest are c1, c2, … in order."""
    regex = re.compile(pattern)
    matches = [match for line in lines[:2000] if (match := regex.match(line))]
    if "pid" in regex.groupindex and not any(match["pid"] for match in matches):
        # The tag could have carried a number and never did: the name is free for a column.
        pattern = pattern.replace("(?P<pid>", "(?:")
        regex = re.compile(pattern)
        matches = [match for line in lines[:2000] if (match := regex.match(line))]
    taken = set(regex.groupindex)
    names: list[str] = []
    for column in _COLUMN.findall(pattern):
        values = [match[column] or "" for match in matches]
        role = _role(values, taken, free=f"[(?P<{column}>" not in pattern) or f"c{len(names) + 1}_"
        taken.add(role)
        names.append(role)
        pattern = pattern.replace(f"(?P<{column}>", f"(?P<{role}>")
    pattern = pattern.replace(r"(?P<level>\S+)", rf":?{OPEN}(?P<level>[^\s\[\](){{}}<>:]+){CLOSE}:?")
    for name in [name for name in names if name.endswith("_")]:
        pattern = pattern.replace(f"(?P<{name}>", f"(?P<{name[:-1]}>")
    return pattern, [name.rstrip("_") for name in names]


def _role(values: Sequence[str], taken: set[str], *, free: bool) -> str | None:
    """What the values of a column are; `free` tells that it does not stand in brackets, as threads do."""
    count = len(values) or 1
    distinct = set(values)
    if not distinct:
        return None
    if "level" not in taken and _are_levels(values):
        return "level"
    if all(v.isdigit() and len(v) < 8 for v in distinct) and (len(distinct) > 1 or len(min(distinct)) > 1):
        return None if "pid" in taken else "pid"
    if "epoch" not in taken and all(clock.EPOCH_CELL.match(v) for v in distinct):
        return "epoch"
    if "day" not in taken and all(clock.DAY_CELL.match(v) for v in distinct):
        return "day"
    wordy = sum(1 for v in distinct if re.fullmatch(r"[A-Za-z_$][\w.$:/-]*", v)) >= 0.8 * len(distinct)
    few = len(distinct) <= max(3.0, 0.2 * count)
    named = any(re.search(r"[a-z]", v) for v in distinct) or len(distinct) > 1
    if "component" not in taken and wordy and few and named and not _numbered(distinct):
        return "component"
    spread = len(distinct) <= max(3.0, 0.8 * count) and not any(".log" in v for v in distinct)
    if free and "host" not in taken and wordy and spread and _numbered(distinct):
        return "host"
    return None


def _numbered(distinct: set[str]) -> bool:
    return sum(1 for v in distinct if re.search(r"\d", v)) >= 0.7 * len(distinct)


def _are_levels(values: Sequence[str]) -> bool:
    hits = [v for v in values if levels.canonical(v.strip("[]<>:()"))]
    return len(hits) >= ALL * len(values) > 0


def _next_piece(left: Sequence[str], pieces: Sequence[str]) -> str | None:
    done = "".join(pieces)
    separator = _separator(left)
    if separator:
        return separator
    if "<level>" not in done and "<pri>" not in done:
        level = level_here(left)
        if level:
            return level
        ahead = level_ahead(left)
        if ahead is not None:
            tag = _tag(left, before=ahead) if "<component>" not in done else None
            return tag or rf"\s*(?P<c{len(pieces) + 1}>{ATOM}):?"
    column = _enclosed(left, f"c{len(pieces) + 1}")
    if column:
        return column
    if "<component>" in done:
        return None
    tag = _tag(left)
    if tag:
        return tag
    return _bare_component(left) or _number(left, pieces)


def _enclosed(left: Sequence[str], name: str) -> str | None:
    """A column in brackets of one kind that stands next in nearly all lines."""
    if share(rf"\s*{BRACKET}", left) >= ALL:
        return rf"\s*\[(?P<{name}>{BRACKET[2:-2]})\]:?"
    if share(rf"\s*{PAREN}(?=[\s:]|$)", left) >= ALL:
        return rf"\s*\((?P<{name}>[^()]*)\):?"
    if share(rf"\s*{_ANGLE}(?=\s)", left) >= ALL:
        return rf"\s*<(?P<{name}>{_ANGLE[1:-1]})>"
    return None


def _bare_component(left: Sequence[str]) -> str | None:
    """A component that no mark ends: one of a few words padded with blanks, or dotted, or before a bracket."""
    padded = r"\s*(?P<component>[A-Za-z][\w.-]*)(?:\s{2,}|\t)(?=\S)"
    dotted = r"\s*(?P<component>[A-Za-z_$][\w$]*(?:\.[\w$]+)+)(?=\s)"
    for named in (padded, dotted):
        if _few(named, left):
            return named
    before_bracket = r"\s*(?P<component>[A-Za-z_][\w.$:/-]*)(?=\s*\[)"
    if share(before_bracket + rf"\s*{BRACKET}(?=\s|$)", left) >= ALL:
        return before_bracket
    return None


def _number(left: Sequence[str], pieces: Sequence[str]) -> str | None:
    """A number that stands next and is no part of the message, since more columns follow."""
    number = rf"\s*(?P<c{len(pieces) + 1}>\d+)(?=\s)"
    follows = _leads_on(number, left) or (all(map(_is_number, pieces)) and _constant(number, left))
    return number if share(number, left) >= ALL and follows else None


def _few(piece: str, left: Sequence[str]) -> bool:
    """Whether a padded word stands next in nearly all lines, and is one of a few."""
    regex = re.compile(piece)
    found = [match["component"] for text in left if (match := regex.match(text))]
    return len(found) >= ALL * len(left) and len(set(found)) <= max(2, len(left) // 50)


def _is_number(piece: str) -> bool:
    return piece.endswith(r"\d+)(?=\s)")


def _constant(piece: str, left: Sequence[str]) -> bool:
    """Whether a number hardly changes over many lines: a flag, not a count in the message."""
    regex = re.compile(piece)
    found = {match[0].strip() for text in left if (match := regex.match(text))}
    return len(left) >= 50 and len(found) <= 2


def _leads_on(piece: str, left: Sequence[str]) -> bool:
    """Whether more columns follow a piece; a number right before the message belongs to the message."""
    regex = re.compile(piece)
    rests = [_SEPARATOR.sub("", text[match.end() :], count=1) for text in left if (match := regex.match(text))]
    flag = r"\s*\d+(?=\s)"
    if share(flag, rests) >= ALL and _constant(flag, rests):
        return True
    return _tag(rests) is not None or share(rf"\s*{BRACKET}(?=\s|$)", rests) >= ALL


def _separator(left: Sequence[str]) -> str | None:
    marks = Counter(match[1] for text in left if (match := _SEPARATOR.match(text)))
    mark, hits = marks.most_common(1)[0] if marks else ("", 0)
    if not mark or hits < ALL * len(left):
        return None
    return rf"\s*{re.escape(mark)}"


def _tag(left: Sequence[str], before: int | None = None) -> str | None:
    """A component in front of the message, by the commonest marks that end one."""
    if before is not None and before < 1:
        return None
    for source in _TAGS:
        regex = re.compile(r"\s*" + source)
        found = [match for text in left if (match := regex.match(text))]
        if len(found) < MOST * len(left):
            continue
        names = {match["component"] for match in found}
        if len(names) > max(20, 0.25 * len(left)) or not any(re.search("[a-zA-Z]", n) for n in names):
            continue
        if before is not None and not _ends_before(found, before):
            continue
        if any(match["pid_"] for match in found) and not any(match["pid"] for match in found):
            source = source.replace("(?P<pid>", "(?:").replace("(?P<pid_>", "(?P<pid>")
        return r"\s*" + source.replace("(?P<pid_>", "(?:")
    return None


def _ends_before(found: Sequence[re.Match[str]], atoms: int) -> bool:
    inside = sum(1 for match in found if len(ATOMS.findall(match[0])) <= atoms)
    return inside >= MOST * len(found)
