"""Whether words that alternate in one place of a message are values of one thing, or different wordings."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from itertools import combinations

VALUE = "<*>"

# Pairs that turn a message into its opposite: never two values of one thing.
_PAIRS = """
start/stop start/end start/finish begin/end open/close enter/exit enter/leave add/remove add/delete create/delete
create/destroy create/remove load/unload mount/unmount lock/unlock acquire/release attach/detach register/unregister
connect/disconnect enable/disable install/uninstall install/remove insert/delete insert/remove grant/revoke join/leave
subscribe/unsubscribe accept/reject allow/deny allow/block permit/forbid send/receive read/write push/pop show/hide
raise/lower high/low higher/lower above/below warm/cold normal/abnormal warning/critical user/computer soft/hard
commit/rollback commit/abort suspend/resume pause/resume increase/decrease import/export upload/download bind/unbind
login/logout logon/logoff encrypt/decrypt compress/decompress assign/release get/set get/put activate/deactivate
success/failure success/fail succeed/fail pass/fail ok/error ok/fail complete/fail accept/deny grow/shrink
up/down on/off in/out yes/no true/false input/output before/after first/last min/max left/right old/new source/target
src/dst client/server master/slave primary/secondary leader/follower parent/child online/offline active/inactive
valid/invalid available/unavailable reachable/unreachable found/missing hit/miss busy/idle full/empty known/unknown
enter/leave incoming/outgoing inbound/outbound front/back healthy/unhealthy alive/dead local/remote tx/rx rx/tx
"""
_FUNCTION_WORDS = """
    a an the of to from in on at by for with without into onto over under via as is are was were be been being has have
    had do does did not no nor and or but if then else than when while until after before because due this that these
    those it its will would can cannot could should may might must there here all any some none each every other again
    already still yet only just more most less too very so such failed error warning unable
"""
_FUNCTION = frozenset(_FUNCTION_WORDS.split())
# Nouns before which a name is expected: "user anna", "host web".
_NAMED_WORDS = """
    user users username login account uid host hostname server node peer client device interface iface port file
    directory folder path class service process thread program module package plugin job task queue topic table database
    db index schema domain zone name named id called group role session cluster pool volume bucket key
"""
_NAMED = frozenset(_NAMED_WORDS.split())
_BEFORE_STATES_WORDS = "from to into is are was now state status mode goes becomes became in"
_BEFORE_STATES = frozenset(_BEFORE_STATES_WORDS.split())


def _grow(word: str) -> set[str]:
    """A verb's usual forms, so that each pair need be written once."""
    stem = word[:-1] if word.endswith("e") else word
    double = word + word[-1]
    forms = {word, word + "s", word + "es", word + "d", word + "ed", stem + "ing", double + "ed", double + "ing"}
    irregular = {
        "send": "sent sending", "begin": "began begun beginning", "leave": "left leaving",
        "write": "wrote written writing", "get": "got getting", "read": "reading", "deny": "denied denying denies",
        "failure": "failures failed",
        "success": "successful succeeded successfully", "destroy": "destroying", "put": "putting", "lose": "lost",
        "grow": "grew grown", "shrink": "shrank shrunk", "hide": "hid hidden hiding", "show": "shown",
    }  # fmt: skip
    return forms | set(irregular.get(word, "").split())


OPPOSITES: dict[str, set[str]] = {}
for _pair in _PAIRS.split():
    _one, _other = _pair.split("/")
    for _form in _grow(_one):
        OPPOSITES.setdefault(_form, set()).update(_grow(_other))
    for _form in _grow(_other):
        OPPOSITES.setdefault(_form, set()).update(_grow(_one))

_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|<\*>")
_HEX_LETTERS = re.compile(r"[a-f]{3,}\Z|[A-F]{3,}\Z")
_ENUM = re.compile(r"[A-Z][A-Z_]*[A-Z][.,:;]?\Z")
_PREFIXED = re.compile(r"[A-Z][A-Z0-9]*_[A-Z0-9_]+[.,:;]?\Z")
_CONSTANT = re.compile(r"[A-Z][A-Z0-9_]+\Z")
_NUMBERED = re.compile(r"[A-Za-z]{3,}<\*>\Z")
_VERBAL = re.compile(r"[a-z]{2,}(?:ed|ing)\Z")


def are_values(words: Mapping[str, int], blank: Sequence[str], place: int, *, recurring: bool = False) -> bool:
    """Whether the words found in `place` of otherwise equal messages are values.

    `words` counts the messages of each; `blank` is the common message as tokens; `recurring` tells that the
    same words alternate beside other neighbours too, as names do and wordings rarely.
    """
    constant = sum(1 for token in blank if is_wording(token))
    if constant == 0 or opposed(words):
        return False
    count = len(words)
    if count > 2 and _share_a_prefix(words):
        return True
    first = not any(is_wording(token) for token in blank[:place])
    shaped = sum(1 for word in words if has_value_shape(word, beside_value=VALUE in words, first=first))
    plain = count - shaped
    numbered = sum(1 for word in words if _NUMBERED.match(word))
    if shaped and plain <= shaped and not _mere_wordings(words) and (count > 2 or not plain or not numbered):
        return True
    verbal = sum(1 for word in words if word.lower() in _FUNCTION or _VERBAL.match(word))
    return count >= _needed(words, blank, place, first, constant, verbal, recurring)


def are_fields(words: Collection[str]) -> bool:
    """Whether the words of one field are values, and not states of which each is an event of its own."""
    verbal = sum(1 for word in words if _VERBAL.match(word) or _ENUM.match(word))
    return verbal * 4 <= len(words) and not opposed(words)


def _needed(
    words: Mapping[str, int],
    blank: Sequence[str],
    place: int,
    first: bool,
    constant: int,
    verbal: int,
    recurring: bool,
) -> int:
    """How many plain words must alternate before they are believed to be values."""
    states = verbal * 4 > len(words) or (any(map(_ENUM.match, words)) and not _is_subject(words, blank, place))
    if place > 0 and blank[place - 1] == "=":
        # A key with a few plain words is a category that tells events apart: status=sent, status=bounced.
        return 12 if states else 4
    if not states:
        if _word_before(blank, place).lower() in _NAMED or _names_process(blank, place) or (recurring and not first):
            return 2 if _names_process(blank, place) or (recurring and not first) else 3
        if recurring and len(words) > 2 and constant >= 3:
            return 3
        if _enclosed(blank, place) or _calls(blank, place):
            return 3
    if _word_before(blank, place).lower() == "to":
        states = True  # perhaps a verb: to open, to close
    needed = 3 if constant >= 3 else 6 if constant == 2 else 12
    if first:
        needed = max(needed, 10)
    return needed * 2 if states else needed


def _is_subject(words: Mapping[str, int], blank: Sequence[str], place: int) -> bool:
    """Whether constants in capitals are what a message is about, and not the states it tells of."""
    before = _word_before(blank, place).lower().strip(".:")
    return before.isalpha() and before not in _BEFORE_STATES and blank[place - 1] != "="


def _share_a_prefix(words: Collection[str]) -> bool:
    """Whether all are constants of one enumeration: TANK_LEVEL, TANK_TEMP."""
    return all(map(_PREFIXED.match, words)) and len({word.partition("_")[0] for word in words}) == 1


def _names_process(blank: Sequence[str], place: int) -> bool:
    """Whether a number in brackets follows at once, as after a process: name[12]."""
    return tuple(blank[place + 1 : place + 4]) == ("[", VALUE, "]")


def _calls(blank: Sequence[str], place: int) -> bool:
    """Whether a number in round brackets follows: a process, but perhaps a function."""
    return tuple(blank[place + 1 : place + 4]) == ("(", VALUE, ")")


def _enclosed(blank: Sequence[str], place: int) -> bool:
    pair = "".join(blank[place - 1 : place + 2 : 2]) if place else ""
    return pair in ("()", "[]", '""', "''", "{}", "``")


def is_wording(token: str) -> bool:
    """Whether a token is a constant word."""
    return VALUE not in token and any(map(str.isalpha, token))


def has_value_shape(word: str, *, beside_value: bool = False, first: bool = False) -> bool:
    """Whether a word looks like a name, a path, an identifier: not like prose, not like a state.

    The first word of a message is often a function or a setting, so there it takes more.
    """
    if VALUE in word:
        return True
    inner = word.strip(".:-_,!?'\"")
    if _ENUM.match(inner):
        return False
    if beside_value and _HEX_LETTERS.match(inner):
        return True
    if word[:1] in "'\"" and len(word) > 1:
        return True
    if any(mark in inner for mark in "./\\@$#%~"):
        return True
    return not first and ("_" in inner or re.search(r"[a-z][A-Z]", inner) is not None)


def _mere_wordings(words: Mapping[str, int]) -> bool:
    """Whether, of a few words, one is prose beside a single value: "status 5" and "status unknown"."""
    return len(words) == 2 and any(word.lower() in _FUNCTION or _VERBAL.match(word) for word in words)


def _word_before(blank: Sequence[str], place: int) -> str:
    return next((word for word in reversed(blank[:place]) if not word.isspace() and word not in "\"'([{<"), "")


def opposed(words: Collection[str]) -> bool:
    """Whether two of the words are opposites, as a whole or in the one part in which they differ."""
    lowered = {word.lower().strip(".,:;!'\"") for word in words}
    if len(words) < 30 and any(_negates(word, other) for word in lowered for other in lowered):
        return True
    if len(words) < 30 and any(not OPPOSITES.get(word, _NOTHING).isdisjoint(lowered) for word in lowered):
        return True
    if len(words) > 6:
        return False
    if all(word.count(".") > 1 for word in words):
        # Names of things, but for a constant at their end that is the opposite of another.
        ends = [word.rpartition(".") for word in words]
        words = [end for _, _, end in ends]
        if len({start for start, _, _ in ends}) > 1 or not all(map(_CONSTANT.match, words)):
            return False
    split = [[part.lower() for part in _PARTS.findall(word)] for word in words]
    return any(_opposed_parts(one, other) for one, other in combinations(split, 2))


_NOTHING: frozenset[str] = frozenset()


def _opposed_parts(one: list[str], other: list[str]) -> bool:
    if len(one) != len(other):
        return False
    differing = [(a, b) for a, b in zip(one, other, strict=True) if a != b]
    if len(differing) != 1:
        return False
    a, b = differing[0]
    return b in OPPOSITES.get(a, _NOTHING) or _negates(a, b) or _negates(b, a)


def _negates(word: str, other: str) -> bool:
    return (
        len(other) > 3 and word.endswith(other) and word[: -len(other)] in ("un", "de", "dis", "in", "non", "im", "re")
    )
