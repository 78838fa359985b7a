"""A masked message as a row of tokens, and what is done to rows everywhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection

from loglib.wording import VALUE

# Of longer rows only the beginning is compared word by word.
MAX_TOKENS = 120
Row = tuple[str, ...]
Step = Callable[[Counter[Row]], dict[Row, Row]]


def blanked(row: Row, places: Collection[int]) -> Row:
    """The row with a value in each of the places."""
    return tuple(VALUE if place in places else token for place, token in enumerate(row))


def is_word(token: str) -> bool:
    """Whether a token may be a value: a word or a letter, no mark and no blank."""
    return (len(token) > 1 and not token.isspace()) or token.isalnum()
