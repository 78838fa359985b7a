"""Detecting secrets, and keeping them out of everything that a user or a model reads.

`Key` wraps a secret so that it is not shown by accident. `looks_secret` and `names_secret` judge by a name,
`known_secrets` lists the values that no output may show, `masked` and `Masking` replace them in text.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NoReturn
from urllib.parse import unquote, urlsplit

PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy")
"""Environment variables with addresses that may contain a password."""

_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASS(WORD|WD|PHRASE)?(_|$)|CREDENTIAL|AUTH|COOKIE|PRIVATE", re.IGNORECASE)
_OURS = re.compile(r"(ANTHROPIC|CONJURE)_", re.IGNORECASE)
_STRONG = re.compile(r"pass(?:word|wd|phrase)|secret|credential|token|api_?key|access_?key|private_?key|bearer", re.I)
_WEAK = frozenset({"key", "keys", "pwd", "auth", "authorization", "cookie", "cookies", "private", "pat"})
"""Words in names of secrets that also occur in names of ordinary variables."""


class Key:
    """A secret that only `reveal` returns; it does not appear in a repr, a pickle or a traceback with locals.

    The constructor never raises, because the secret would be in the frame of that traceback; check `problem` instead.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value.strip()

    def __repr__(self) -> str:
        return "Key(…)"

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Key cannot be pickled")

    @property
    def problem(self) -> str:
        """The reason why the key cannot be sent in a header, without the key itself; empty if it can."""
        if not self._value:
            return "the key is empty"
        if not (self._value.isascii() and self._value.isprintable()):
            return "the key contains characters that are not allowed in an HTTP header; was something else pasted?"
        return ""

    @property
    def is_secret(self) -> bool:
        """False for the placeholders used with servers that need no key ("ollama", "not-needed", "sk-1234").

        Masking such words would garble ordinary text.
        """
        length = len(self._value)
        return length >= 12 or (length >= 8 and any(character.isdigit() for character in self._value))

    def reveal(self) -> str:
        """Return the secret itself, for a header or for masking it in output."""
        return self._value

    def hide_in(self, text: str) -> str:
        """Return the text with the key replaced, in case a server echoes it."""
        return text.replace(self._value, "…") if self.is_secret else text


# ---- names of secrets


def looks_secret(variable: str) -> bool:
    """True if an environment variable's name suggests a key, a token or the like, or a setting of this package."""
    return bool(_SECRET.search(variable) or _OURS.match(variable))


def names_secret(name: object) -> bool:
    """True if a name in a program suggests a key, a token or a password; stricter than `looks_secret`."""
    return isinstance(name, str) and (_STRONG.search(name) is not None or bool(_WEAK & _words(name)))


def worth_hiding(value: str, name: str) -> bool:
    """True if the value of such a name looks like a secret; False for `key = "level"` in a loop, for example.

    Args:
        value: the value of the variable or entry.
        name: its name, for which `names_secret` is true.
    """
    if _STRONG.search(name):
        return True
    return len(value) >= 16 and not re.search(r"\s", value) and re.search(r"\d", value) is not None


def _words(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


# ---- values


def known_secrets(
    environ: Mapping[str, str] | None = None, key: Key | None = None, variables: Iterable[str] = ()
) -> tuple[str, ...]:
    """Return all known secrets in clear text, for masking them in output and for nothing else.

    These are the keys in Conjure's and Anthropic's environment variables, and the passwords in proxy addresses.

    Args:
        environ: used instead of the process's environment.
        key: a key passed in code.
        variables: names of further environment variables that contain keys.
    """
    environ = os.environ if environ is None else environ
    names = dict.fromkeys([*(name for name in environ if _OURS.match(name) and _SECRET.search(name)), *variables])
    keys = [key, *(Key(environ.get(name, "")) for name in names)]
    found = [one.reveal() for one in keys if one is not None and one.is_secret]
    return tuple(dict.fromkeys([*found, *_proxy_passwords(environ)]))


def _proxy_passwords(environ: Mapping[str, str]) -> Iterator[str]:
    for name, address in environ.items():
        if name.lower() in PROXIES:
            try:
                password = urlsplit(address).password or ""
            except ValueError:
                continue
            yield from filter(None, (password, unquote(password)))


# ---- masking

MASK = "[masked]"
SHORTEST = 6
"""Characters; masking anything shorter would garble ordinary text."""


def _worth_masking(secrets: Iterable[str]) -> list[str]:
    return sorted({secret for secret in secrets if len(secret) >= SHORTEST}, key=len, reverse=True)


def masked(text: str, secrets: Iterable[str]) -> str:
    """Return the text with every secret replaced by `[masked]`."""
    masking = Masking(secrets)
    return masking.feed(text) + masking.end()


class Masking:
    """Masks secrets in a stream, also across pieces: call `feed` for each piece, then `end`."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = _worth_masking(secrets)
        self._pattern = re.compile("|".join(map(re.escape, self._secrets))) if self._secrets else None
        self._held = ""

    def feed(self, text: str) -> str:
        """Return the masked text; an end that may be the start of a secret is held back until the next piece."""
        if self._pattern is None:
            return text
        text = self._pattern.sub(MASK, self._held + text)
        cut = len(text) - max(_overlap(text, secret) for secret in self._secrets)
        self._held = text[cut:]
        return text[:cut]

    def end(self) -> str:
        """Return the text that was held back, which is not a secret."""
        text, self._held = self._held, ""
        return text


def _overlap(text: str, secret: str) -> int:
    """Return the length of the longest suffix of `text` that is a proper prefix of `secret`."""
    for size in range(min(len(secret) - 1, len(text)), 0, -1):
        if text.endswith(secret[:size]):
            return size
    return 0
