"""Merges masked messages that differ only in values, and keeps apart those that differ in wording."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

VALUE = "<*>"
_TOKEN = re.compile(r"(?:[^\s=,:;()\[\]{}\"'|<>`]|<\*>|:(?=[^\s=,:;()\[\]{}\"'|<>`]))+|\s+|.")
_UNIT = re.compile(r"<\*> ?(?:[KMGTP]i?B|[kMGT]?bytes?|B|ms|us|ns|s|secs?|seconds?|mins?|minutes?|hours?|hrs?|days?)\b(?! ?=)")
_SIZE = re.compile(r"<\*> (?:[KMGTPkmgtp]i?[Bb]|[Bb])\b")
_DATE = re.compile(
    r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? )?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.? <\*>(?:,? <\*>)*"
)
_LIST = re.compile(r"([\w./-]*<\*>[\w./-]*)(?:(?:, ?| )\1)+(?![\w=])")
_EMPTY = re.compile(r"(?<=\s)\(\)(?=\s|$)")
_LITERAL = re.compile(r"([=:] ?)(?:true|false|True|False|TRUE|FALSE|null|NULL|None|nil)\b")
_OPPOSITES = {
    frozenset(pair.split())
    for pair in (
        "start stop,started stopped,starting stopping,start end,started ended,open close,opened closed,"
        "opening closing,up down,on off,enable disable,enabled disabled,enabling disabling,success failure,"
        "succeeded failed,success failed,successful failed,succeed fail,connect disconnect,connected disconnected,"
        "connecting disconnecting,add remove,added removed,adding removing,create delete,created deleted,"
        "creating deleting,load unload,loaded unloaded,loading unloading,mount unmount,mounted unmounted,"
        "lock unlock,locked unlocked,acquire release,acquired released,acquiring releasing,begin end,enter exit,"
        "entering exiting,enter leave,entering leaving,login logout,in out,input output,read write,reading writing,"
        "send receive,sent received,sending receiving,accept reject,accepted rejected,allow deny,allowed denied,"
        "attach detach,attached detached,register unregister,registered unregistered,bind unbind,grant revoke,"
        "online offline,active inactive,valid invalid,available unavailable,reachable unreachable,found missing,"
        "hit miss,yes no,pass fail,passed failed,ok error,ok failed,before after,first last,min max,true false,"
        "lower upper,left right,old new,source target,src dst,push pop,show hide,shown hidden,insert delete,"
        "commit rollback,committed aborted,resume pause,resumed paused,suspend resume,suspended resumed,"
        "get set,get put,client server,master slave,primary secondary,leader follower,busy idle,full empty,"
        "increase decrease,increased decreased,joined left,join leave,subscribe unsubscribe,install uninstall,"
        "installed removed,start finish,started finished,starting finished,starting started,started completed"
    ).split(",")
}


def merge(texts: Sequence[str], counts: Sequence[int]) -> list[str]:
    """For each masked text its template; equal templates mean one group."""
    normal = [normalise(text) for text in texts]
    weight: Counter[str] = Counter()
    for text, count in zip(normal, counts, strict=True):
        weight[text] += count
    final = _merge_rows({text: tuple(_TOKEN.findall(text)) for text in weight}, weight)
    return [final[text] for text in normal]


def normalise(text: str) -> str:
    """Fold dates, sizes, lists and truth values of a masked text."""
    text = _SIZE.sub(VALUE, text)
    text = _DATE.sub(VALUE, text)
    text = _EMPTY.sub(f"({VALUE})", text)
    text = _LITERAL.sub(r"\1" + VALUE, text)
    return _LIST.sub(r"\1", text)


def _merge_rows(rows: dict[str, tuple[str, ...]], weight: Counter[str]) -> dict[str, str]:
    """Open positions until nothing changes; every pass looks at all rows at once, so order is no matter."""
    current = dict(rows)
    for _ in range(6):
        amount: Counter[tuple[str, ...]] = Counter()
        for text, row in current.items():
            amount[row] += weight[text]
        change = _open_positions(amount)
        if not change:
            break
        current = {text: _follow(row, change) for text, row in current.items()}
    return {text: "".join(row) for text, row in current.items()}


def _follow(row: tuple[str, ...], change: dict[tuple[str, ...], tuple[str, ...]]) -> tuple[str, ...]:
    return change.get(row, row)


def _open_positions(amount: Counter[tuple[str, ...]]) -> dict[tuple[str, ...], tuple[str, ...]]:
    buckets: dict[tuple[int, tuple[str, ...]], list[tuple[str, ...]]] = defaultdict(list)
    for row in amount:
        for place, token in enumerate(row):
            if _is_word(token):
                buckets[place, (*row[:place], VALUE, *row[place + 1 :])].append(row)
    opened: dict[tuple[str, ...], set[int]] = defaultdict(set)
    for (place, blank), members in buckets.items():
        if len(members) > 1:
            words = {row[place]: amount[row] for row in members}
            if looks_like_values(words, blank, place):
                for row in members:
                    opened[row].add(place)
    return {
        row: tuple(VALUE if i in places else token for i, token in enumerate(row))
        for row, places in opened.items()
    }


def _is_word(token: str) -> bool:
    return len(token) > 1 or token.isalnum()


def looks_like_values(words: dict[str, int], blank: Sequence[str], place: int) -> bool:
    """Whether words that alternate in one place are values of one thing rather than wordings."""
    if sum(1 for token in blank if _is_word(token) and VALUE not in token) < 1:
        return False
    lowered = {word.lower() for word in words}
    if len(words) < 30 and any(pair <= lowered for pair in _OPPOSITES):
        return False
    shaped = sum(1 for word in words if _has_value_shape(word))
    if shaped >= 0.5 * len(words):
        return True
    keyed = place > 0 and blank[place - 1] in "='\""
    return len(words) >= (4 if keyed else 6)


def _has_value_shape(word: str) -> bool:
    if VALUE in word:
        return True
    inner = word.strip(".:-_")
    return bool(re.search(r"[./\\@$#%]", inner)) or bool(re.search(r"[a-z][A-Z]", inner)) or "_" in inner


def template_words(texts: Iterable[str]) -> set[str]:
    """All words of some templates (for looking templates up by word)."""
    return {token for text in texts for token in _TOKEN.findall(text) if _is_word(token)}
