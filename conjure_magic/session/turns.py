"""What a session has behind it: its turns, and the conversation before and after each of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from conjure_magic.artifacts import Artifacts
from conjure_magic.events import TurnResult
from conjure_magic.messages import Message, Usage
from conjure_magic.turn.budget import Counted


@dataclass(frozen=True, slots=True)
class Standing:
    """A conversation between two turns."""

    messages: tuple[Message, ...] = ()
    fingerprint: bytes = b""
    """`Request.fingerprint` of the last request; empty before the first."""
    counted: Counted = field(default_factory=Counted)
    """What a server counted last for `messages`."""


class Past:
    """The turns so far, which can be taken back."""

    def __init__(self) -> None:
        self.turns: list[TurnResult] = []
        self.now = Standing()
        """The conversation as the next turn finds it."""
        self._before: list[Standing] = []

    @property
    def files(self) -> Artifacts:
        """The files of all turns, each once, in its newest state."""
        newest = {artifact.name: artifact for turn in self.turns for artifact in turn.files}
        return Artifacts(newest.values())

    @property
    def usage(self) -> Usage:
        """The tokens of all turns."""
        return sum((turn.usage for turn in self.turns), Usage())

    @property
    def cost(self) -> float | None:
        """US dollars of all turns; None if any price is not known."""
        costs = [turn.cost for turn in self.turns]
        return None if None in costs else sum(cost for cost in costs if cost is not None)

    def add(self, turn: TurnResult, after: Standing) -> None:
        """Remember a turn and what it left."""
        self._before.append(self.now)
        self.turns.append(turn)
        self.now = after

    def undo(self, turns: int) -> None:
        """Take back the last turns, of which there are so many."""
        self.now = self._before[-turns]
        del self._before[-turns:], self.turns[-turns:]

    def reset(self) -> None:
        """Forget all of it."""
        self.turns, self._before, self.now = [], [], Standing()
