"""Which lines are meant by words: the phrase that the lines hold, or the words in any order."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from conjure_magic.models.offline.reading import lexicon
from conjure_magic.models.offline.sampling import alternatives, stem_of
from conjure_magic.models.offline.slots import begins, holds, words_of

_JOINING = lexicon.words("in of for on at from by with to the a an and or as is was not has be been")
"""Words that only join others."""


def match_topic(words: Sequence[str], lines: Sequence[str]) -> tuple[str, str, list[str], list[str]]:
    """The pattern of the lines that hold most of these words, in words, the words they lack, and notes."""
    held = {line: frozenset(word for word in words if holds(line, word)) for line in lines}
    best = max((len(found) for found in held.values()), default=0)
    if not best:
        return "", "", list(words), []
    sets = Counter(found for found in held.values() if len(found) == best)
    chosen, _ = max(sets.items(), key=lambda item: (item[1], sorted(item[0])))
    if len(sets) > 1 and best < len(words):
        phrases = [
            found
            for found in sets
            if _is_run(found, words) and any(_span(sorted(found), line) for line in lines if held[line] == found)
        ]
        if len(phrases) != 1:
            return "", "", [word for word in words if word not in chosen], []
        chosen = phrases[0]
    matching = [line for line in lines if held[line] == chosen]
    pattern, shown = _phrase([word for word in words if word in chosen], matching)
    assumed = [f"`{word}` was looked for as `{other}`" for word in chosen if (other := _other_word(word, matching))]
    return pattern, shown, [word for word in words if word not in chosen], assumed


def _is_run(found: frozenset[str], words: Sequence[str]) -> bool:
    """True if these words stand side by side in the request."""
    places = [index for index, word in enumerate(words) if word in found]
    return len(places) > 1 and places[-1] - places[0] == len(places) - 1


def _other_word(word: str, lines: Sequence[str]) -> str:
    """The word that stands for this one in the lines, if it is quite another one."""
    if any(holds(line, word, alike=False) for line in lines):
        return ""
    return next((other for other in alternatives(word)[1:] if any(begins(line, other) for line in lines)), "")


def _phrase(words: Sequence[str], lines: Sequence[str]) -> tuple[str, str]:
    """The shortest pattern for words in lines: the phrase as the lines have it, or the words in any order."""
    phrases = {_span(words, line) for line in lines}
    phrase = next(iter(phrases)) if len(phrases) == 1 else None
    if phrase is not None and not _says_more(phrase, words):
        return re.escape(phrase).replace(r"\ ", " "), f"`{phrase}`"
    stems = [_common(word, lines) for word in words]
    bound = [
        rf"(?<![a-z]){re.escape(part)}"
        if all(re.search(rf"(?<![a-z]){re.escape(part)}", line.lower()) for line in lines)
        else re.escape(part)
        for part in stems
    ]
    if len(stems) == 1:
        return bound[0], f"`{stems[0]}…`" if stems[0] != words[0] else f"`{stems[0]}`"
    ahead = "".join(rf"(?=.*{part})" for part in bound)
    return f"^{ahead}", " and ".join(f"`{part}…`" for part in stems)


def _says_more(phrase: str, words: Sequence[str]) -> bool:
    """True if a phrase of the lines holds a word that the request does not say: "user ann logged in" for any user."""
    own = [part for word in words for part in alternatives(word)]
    others = [token for token in re.findall(r"[^\W\d_]+", phrase) if not any(token.startswith(part) for part in own)]
    return any(token not in lexicon.FILLER and token not in _JOINING for token in others)


def _span(words: Sequence[str], line: str) -> str | None:
    """The words of a line from the first to the last of these, in lower case, if they stand close together."""
    tokens = [(match.start(), match.end(), match[0].lower()) for match in re.finditer(r"[^\W\d_]+", line)]
    for start, (_, _, first) in enumerate(tokens):
        left = [word for word in words if not any(first.startswith(part) for part in alternatives(word))]
        if len(left) == len(words):
            continue
        for end in range(start, min(start + len(words) + 1, len(tokens))):
            left = [word for word in left if not any(tokens[end][2].startswith(part) for part in alternatives(word))]
            if not left:
                text = line[tokens[start][0] : tokens[end][1]]
                return None if re.search(r"\d|[\"'{}]", text) else text.lower()
    return None


def _common(word: str, lines: Sequence[str]) -> str:
    """The beginning that the forms of a word share in these lines."""
    for part in alternatives(word):
        forms = {token for line in lines for token in words_of(line) if token.startswith(part)}
        if forms:
            return next(iter(forms)) if len(forms) == 1 else part
    return stem_of(word)
