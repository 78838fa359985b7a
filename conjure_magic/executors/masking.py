"""Keeps Conjure's own secrets out of what is printed, also where one falls across two pieces."""

from __future__ import annotations

import re
from collections.abc import Iterable

MASK = "[masked]"
SHORTEST = 6
"""Characters; to mask something shorter would tear ordinary text apart."""


def _worth_masking(secrets: Iterable[str]) -> list[str]:
    return sorted({secret for secret in secrets if len(secret) >= SHORTEST}, key=len, reverse=True)


def masked(text: str, secrets: Iterable[str]) -> str:
    """The whole text with every secret replaced by `[masked]`."""
    masking = Masking(secrets)
    return masking.feed(text) + masking.end()


class Masking:
    """The same for a stream: feed it pieces, and take what `end` still held back."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = _worth_masking(secrets)
        self._pattern = re.compile("|".join(map(re.escape, self._secrets))) if self._secrets else None
        self._held = ""

    def feed(self, text: str) -> str:
        """Some more text, masked; an end that may be the beginning of a secret waits for the next piece."""
        if self._pattern is None:
            return text
        text = self._pattern.sub(MASK, self._held + text)
        cut = len(text) - max(_overlap(text, secret) for secret in self._secrets)
        self._held = text[cut:]
        return text[:cut]

    def end(self) -> str:
        """What was held back, and turned out to be no secret."""
        text, self._held = self._held, ""
        return text


def _overlap(text: str, secret: str) -> int:
    """Length of the longest end of `text` that `secret` begins with, the whole secret left out."""
    for size in range(min(len(secret) - 1, len(text)), 0, -1):
        if text.endswith(secret[:size]):
            return size
    return 0
