"""Message templates in batch: mask word by word, group equal strings, then merge groups that differ in a value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from loglib.failures import is_problem, is_told_by_number, problem_words
from loglib.masks import VALUE, WordMemo
from loglib.merge import merge
from loglib.structured import request_template


class TemplateMiner:
    """Gives each message a group number as it comes; `finish` turns the groups into templates.

    The result depends on the set of messages only, not on their order, as long as there are fewer than
    `limit` distinct masked messages. Beyond, to bound memory, words that few of them share are opened at once.
    """

    limit = 20_000
    longest = 2_000  # characters of a message that tell its template; the search for lists takes their square
    exact_limit = 3_000

    def __init__(self, *, worded: bool = False) -> None:
        """`worded`: each message in which a number means failure, such as an exit code, is judged by itself."""
        self._each = worded
        self._by_number: set[int] = set()
        self._other: dict[int, int] = {}  # group -> the group of the same text whose messages are judged otherwise
        self._words = WordMemo()
        self._groups: dict[str, int] = {}
        self._counts: list[int] = []
        self._texts: list[str] = []
        self._exact: set[str] = set()
        self._worded: list[bool] = []
        self._coarsen: Callable[[str], str] | None = None

    @property
    def coarse(self) -> bool:
        """Whether there are too many groups, so that they are coarse: messages of one group may be worded unlike."""
        return self._coarsen is not None

    def add(self, message: str) -> int:
        """The group number of a message."""
        words = self._words
        if len(message) > self.longest:
            message = message[: self.longest].rpartition(" ")[0] or message[: self.longest]
        masked = " ".join([words[word] for word in message.split()])
        group = self._groups.get(masked)
        if group is None:
            group = self._new_group(masked)
        if group in self._by_number and is_problem(message) is not self._worded[group]:
            group = self._other_group(group)
        self._counts[group] += 1
        return group

    def add_request(self, message: str) -> int:
        """The group number of a web access record's message: requests group by method, path and status."""
        text = request_template(message)
        return self.add(message) if text is None else self.add_exact(text)

    def add_exact(self, text: str) -> int:
        """The group number of a text that is a template already; beyond `exact_limit` it loses its middle."""
        group = self._groups.get(text)
        if group is None:
            if len(self._exact) >= self.exact_limit:
                first, _, last = text.partition(" ")
                text = f"{first} {VALUE} {last.rpartition(' ')[2]}"
                group = self._groups.get(text)
            if group is None:
                group = self._new_group(text)
                self._exact.add(text)
        self._counts[group] += 1
        return group

    def _new_group(self, masked: str) -> int:
        if len(self._groups) >= self.limit:
            self._overflow()
        if self._coarsen is not None:
            masked = self._coarsen(masked)
            known = self._groups.get(masked)
            if known is not None:
                return known
        self._groups[masked] = len(self._counts)
        self._texts.append(masked)
        self._worded.append(is_problem(masked))
        self._counts.append(0)
        if self._each and is_told_by_number(masked):
            self._by_number.add(len(self._counts) - 1)
        return len(self._counts) - 1

    def _other_group(self, group: int) -> int:
        number = self._other.get(group)
        if number is None:
            number = self._other[group] = len(self._counts)
            self._texts.append(self._texts[group])
            self._worded.append(not self._worded[group])
            self._counts.append(0)
        return number

    def _overflow(self) -> None:
        """Open what few messages share, then, if that is not enough, all but the first words, then everything.

        The words that tell of a failure stay, or failures would vanish among the values.
        """
        for coarsen in (_keep_common(self._groups, self._counts), _cut, _keep_problem):
            texts = {text: coarsen(text) for text in self._groups}
            if len(set(texts.values())) <= self.limit // 2:
                break
        self._coarsen = coarsen
        self._texts = [texts[text] for text in self._texts]
        groups: dict[str, int] = {}
        for number, text in enumerate(self._texts):
            groups.setdefault(text, number)
        self._groups = groups

    def finish(self) -> Templates:
        """The templates of all messages so far."""
        amount: Counter[str] = Counter()
        for text, count in zip(self._texts, self._counts, strict=True):
            amount[text] += count
        merged = list(amount) if self._exact else merge(list(amount), list(amount.values()))
        of_text = dict(zip(amount, merged, strict=True))
        return Templates([of_text[text] for text in self._texts], self._counts, self._worded)


def _keep_common(groups: Mapping[str, int], counts: Sequence[int]) -> Callable[[str], str]:
    """A function that opens the words of a text which few texts and few messages have."""
    spread: Counter[str] = Counter()
    weight: Counter[str] = Counter()
    for text, number in groups.items():
        words = set(text.split(" "))
        spread.update(words)
        weight.update(dict.fromkeys(words, counts[number]))
    total = sum(counts)
    # Also the words of a message that is often repeated as it is: they are seldom and yet no values.
    repeated = {word for word in spread if weight[word] >= max(10 * spread[word], total / 1000)}
    common = repeated | {word for word in spread if spread[word] * 200 >= len(groups)}

    def coarsen(text: str) -> str:
        kept: list[str] = []
        telling = {part for words in problem_words(text) for part in words.split()}
        for word in text.split(" "):
            shown = word if word in common or (telling and word.strip(".,:;!'\"()[]") in telling) else VALUE
            if shown != VALUE or kept[-1:] != [VALUE]:
                kept.append(shown)
        return " ".join(kept)

    return coarsen


def _cut(text: str) -> str:
    return " ".join([*text.split(" ", 3)[:3], VALUE, *problem_words(text)[:3]])


def _keep_problem(text: str) -> str:
    return " ".join([VALUE, *problem_words(text)[:1]])


class Templates:
    """The templates of a log, numbered by falling count (equal counts: by text).

    Attributes:
        texts: template number -> its text, values as `<*>`.
        counts: template number -> lines.
        of_group: group number (from `TemplateMiner.add`) -> template number.
        worded: group number -> whether its messages are worded as failures, judged before any word was opened.
    """

    def __init__(self, merged: Sequence[str], counts: Sequence[int], worded: Sequence[bool] = ()) -> None:
        self.worded = worded
        totals: dict[str, int] = {}
        for text, count in zip(merged, counts, strict=True):
            totals[text] = totals.get(text, 0) + count
        self.texts = sorted(totals, key=lambda text: (-totals[text], text))
        self.counts = [totals[text] for text in self.texts]
        number = {text: place for place, text in enumerate(self.texts)}
        self.of_group = [number[text] for text in merged]
