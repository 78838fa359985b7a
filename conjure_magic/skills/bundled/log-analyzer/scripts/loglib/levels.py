"""Canonical severity for every usual spelling of a log level, and how severities compare."""

from __future__ import annotations

import re

ORDER = (
    "TRACE", "DEBUG", "INFO", "NOTICE", "WARN", "ERROR", "CRITICAL", "ALERT", "FATAL", "EMERGENCY",
)  # fmt: skip
RANK = {name: rank for rank, name in enumerate(ORDER)}
BAD_RANK = RANK["ERROR"]

_SPELLINGS = {
    "TRACE": "trace trce trc verbose verb vrb finest finer",
    "DEBUG": "debug debug1 debug2 debug3 debug4 debug5 dbug dbg fine",
    "INFO": "info information informational inf log config statement default",
    "NOTICE": "notice note ntc",
    "WARN": "warn warning wrn warng warnung avertissement advertencia aviso avviso",
    "ERROR": "error err eror severe failure fail fehler erreur errore",
    "CRITICAL": "critical crit crt",
    "ALERT": "alert",
    "FATAL": "fatal ftl panic dpanic assert",
    "EMERGENCY": "emerg emergency",
}
# Words that are levels only where every line of a column carries one: as plain
# English words they turn up in messages too often to be believed on their own.
_WEAK = frozenset(["fine", "config", "statement", "default", "fail", "note", "assert", "verb", "log", "alert", "panic"])
_LETTERS = {
    "V": "TRACE", "T": "TRACE", "D": "DEBUG", "I": "INFO", "N": "NOTICE", "W": "WARN",
    "E": "ERROR", "C": "CRITICAL", "F": "FATAL", "A": "ALERT",
}  # fmt: skip
# RFC 5424, section 6.2.1: severity = PRI mod 8.
SYSLOG_SEVERITY = (
    "EMERGENCY", "ALERT", "CRITICAL", "ERROR", "WARN", "NOTICE", "INFO", "DEBUG",
)  # fmt: skip

CANONICAL = {word: name for name, words in _SPELLINGS.items() for word in words.split()}
WORD = "|".join(sorted(CANONICAL, key=len, reverse=True))
WORD_PATTERN = re.compile(rf"(?:{WORD})\Z", re.IGNORECASE)
LETTER = "[VTDINWECFA]"


def canonical(written: str) -> str | None:
    """The canonical name of a written level, or None where the word is no level."""
    known = CANONICAL.get(written.lower())
    return known if known is not None else _LETTERS.get(written)


def is_strong(word: str) -> bool:
    """True for a word that is a level in any column; weak words need the whole column's support."""
    lowered = word.lower()
    return lowered in CANONICAL and lowered not in _WEAK


def from_number(value: int) -> str | None:
    """The level of a numeric scale: 10 to 60 in tens (structured loggers), 0 to 7 (syslog)."""
    if 0 <= value <= 7:
        return SYSLOG_SEVERITY[value]
    tens = {10: "TRACE", 20: "DEBUG", 30: "INFO", 40: "WARN", 50: "ERROR", 60: "FATAL"}
    return tens.get(value)
