"""The readings of a conversation: each request by itself, or as a change of the one before it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from conjure_magic.models.offline.conversation import Conversation
from conjure_magic.models.offline.reading import (
    Ask,
    Reading,
    changes_last,
    continue_reading,
    leads_on,
    points_back,
    read_request,
)


def readings_of(conversation: Conversation, skills: Iterable[str] = ()) -> tuple[Reading, ...]:
    """What the last request of a conversation asks for; the names of `skills` are not part of what is asked."""
    names = tuple(skills)
    last: tuple[Reading, ...] = ()
    answered = True
    for exchange in conversation.exchanges:
        if not exchange.prompt.strip():
            continue
        last = read_in_turn(without_skill_names(exchange.prompt, names), last, answered=answered)
        answered = exchange.is_answered
    return last


def without_skill_names(prompt: str, names: Iterable[str]) -> str:
    """The request without the words that name a skill: "with log-analyzer", "using the report skill"."""
    for name in names:
        skill = r"\s+skill\b" if "-" not in name else r"(?:\s+skill\b)?"
        named = (
            rf"(?:\b(?:with|using|use|via|through)\s)?(?:\bthe\s)?(?<![\w./-]){re.escape(name)}(?![\w/-]|\.\w){skill}"
        )
        prompt = re.sub(named, "", prompt, flags=re.IGNORECASE)
    return prompt


def read_in_turn(prompt: str, last: tuple[Reading, ...], *, answered: bool = True) -> tuple[Reading, ...]:
    """The readings of a request that was made after others; one that was not answered changes only if it is meant."""
    new = read_request(prompt)
    leans = (answered or points_back(prompt)) and changes_last(prompt, new[0])
    if leans and any(reading.ask is not Ask.NONE for reading in last):
        changed = continue_reading(last, new[0])
        narrowed = bool(changed.has_subject or changed.conditions or changed.since or changed.until)
        takes_over = (narrowed and not new[0].has_subject) or (new[0].ask is Ask.NONE and new[0].has_subject)
        changed = replace(changed, kept=takes_over and not leads_on(prompt) and len(prompt.split()) > 2)
        rest = tuple(replace(reading, files=reading.files or changed.files) for reading in new[1:])
        return (changed, *rest)
    files = next((reading.files for reading in reversed(last) if reading.files), ())
    return tuple(replace(reading, files=reading.files or (() if reading.urls else files)) for reading in new)
