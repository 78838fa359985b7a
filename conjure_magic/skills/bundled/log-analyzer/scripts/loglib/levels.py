"""Canonical severity for every usual spelling of a log level, and how severities compare."""

from __future__ import annotations

import re
from collections.abc import Iterable

ORDER = (
    "TRACE", "DEBUG", "INFO", "NOTICE", "WARN", "ERROR", "CRITICAL", "ALERT", "FATAL", "EMERGENCY",
)  # fmt: skip
RANK = {name: rank for rank, name in enumerate(ORDER)}
BAD_RANK = RANK["ERROR"]

_SPELLINGS = {
    "TRACE": "trace trce trc 跟踪 追蹤 トレース 추적 verbose verb vrb finest finer",
    "DEBUG": "debug debug1 debug2 debug3 debug4 debug5 dbug dbg fine 调试 調試 偵錯 デバッグ 디버그 отладка",
    "INFO": "info information informational inf log config statement default 信息 情報 情报 資訊 정보 информация инфо",
    "NOTICE": "notice note ntc 通知 알림",
    "WARN": "warn warning wrn warng warnung avertissement advertencia aviso avviso 警告 경고 предупреждение",
    "ERROR": "error err eror severe failure fail fehler erreur errore 错误 錯誤 エラー 오류 에러 ошибка",
    "CRITICAL": "critical crit crt 严重 嚴重 重大 심각",
    "ALERT": "alert 警报 警報",
    "FATAL": "fatal ftl panic dpanic assert 致命 致命的 致命错误 치명적",
    "EMERGENCY": "emerg emergency 緊急 紧急",
}
# Words that are levels only where every line of a column carries one: as plain
# English words they turn up in messages too often to be believed on their own.
_WEAK = frozenset(
    [
        "fine",
        "config",
        "statement",
        "default 信息 情報 情报 資訊 정보 информация инфо",
        "fail",
        "note",
        "assert",
        "verb",
        "log",
        "alert",
        "panic",
    ]
)
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


# Numeric scales, the surest first: names of keys that have it (any key, where there are none), and its numbers.
_SCALES: tuple[tuple[str, frozenset[str], dict[int, str]], ...] = (
    ("OpenTelemetry", frozenset(["severitynumber", "severity_number"]), {
        number: ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")[(number - 1) // 4] for number in range(1, 25)}),
    ("Python", frozenset(["levelno", "level_no"]), {
        10: "DEBUG", 20: "INFO", 30: "WARN", 40: "ERROR", 50: "CRITICAL"}),
    ("syslog", frozenset(), dict(enumerate(SYSLOG_SEVERITY))),
    ("tens", frozenset(), {10: "TRACE", 20: "DEBUG", 30: "INFO", 40: "WARN", 50: "ERROR", 60: "FATAL"}),
    ("java.util.logging", frozenset(), {
        300: "TRACE", 400: "TRACE", 500: "DEBUG", 700: "INFO", 800: "INFO", 900: "WARN", 1000: "ERROR"}),
    ("hundreds", frozenset(["severity"]), {
        0: "INFO", 100: "DEBUG", 200: "INFO", 300: "NOTICE", 400: "WARN", 500: "ERROR", 600: "CRITICAL", 700: "ALERT",
        800: "EMERGENCY"}),
    ("Monolog", frozenset(), {
        100: "DEBUG", 200: "INFO", 250: "NOTICE", 300: "WARN", 400: "ERROR", 500: "CRITICAL", 550: "ALERT",
        600: "EMERGENCY"}),
    ("Logback", frozenset(), {5000: "TRACE", 10000: "DEBUG", 20000: "INFO", 30000: "WARN", 40000: "ERROR"}),
    ("log4net", frozenset(), {
        30000: "DEBUG", 40000: "INFO", 50000: "NOTICE", 60000: "WARN", 70000: "ERROR", 90000: "CRITICAL",
        110000: "FATAL", 120000: "EMERGENCY"}),
    ("slog", frozenset(), {-8: "TRACE", -4: "DEBUG", 0: "INFO", 4: "WARN", 8: "ERROR", 12: "CRITICAL"}),
    ("one to twenty-four", frozenset(), {
        number: ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")[(number - 1) // 4] for number in range(1, 25)}),
)  # fmt: skip


def scale(key: str, numbers: Iterable[int]) -> dict[int, str]:
    """The levels of a key's numbers: of the first scale that has all of them and is used under such a key.

    300, 400 and 500 alone are Monolog's; java.util.logging's show by 700 to 1000.
    """
    seen = set(numbers)
    tail = key.lower().rpartition(".")[2]
    for name, keys, found in _SCALES:
        if keys and tail not in keys:
            continue
        if name == "java.util.logging" and not seen & {700, 800, 900, 1000}:
            continue
        if seen <= set(found):
            return found
    return {}
