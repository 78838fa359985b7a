"""The turns of a session, with a checkpoint of the conversation before each of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from conjure_magic.artifacts import Artifacts
from conjure_magic.events import TurnResult
from conjure_magic.messages import Message, Usage
from conjure_magic.turn.budget import Counted


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A conversation between two turns."""

    messages: tuple[Message, ...] = ()
    fingerprint: bytes = b""
    """`Request.fingerprint` of the last request; empty before the first."""
    counted: Counted = field(default_factory=Counted)
    """The last token count that a server reported for `messages`."""


class Turns:
    """The finished turns of a session; the last ones can be undone."""

    def __init__(self) -> None:
        self.all: list[TurnResult] = []
        self.now = Checkpoint()
        """The conversation before the next turn."""
        self._before: list[Checkpoint] = []

    @property
    def files(self) -> Artifacts:
        """The files of all turns, each once, in its latest state."""
        newest = {artifact.name: artifact for turn in self.all for artifact in turn.files}
        return Artifacts(newest.values())

    @property
    def usage(self) -> Usage:
        """The token counts of all turns, added up."""
        return sum((turn.usage for turn in self.all), Usage())

    @property
    def cost(self) -> float | None:
        """The cost of all turns in US dollars; None if a price is unknown."""
        costs = [turn.cost for turn in self.all]
        return None if None in costs else sum(cost for cost in costs if cost is not None)

    def add(self, turn: TurnResult, after: Checkpoint) -> None:
        """Add a turn, with the conversation after it."""
        self._before.append(self.now)
        self.all.append(turn)
        self.now = after

    def undo(self, turns: int) -> None:
        """Remove the last `turns` turns."""
        self.now = self._before[-turns]
        del self._before[-turns:], self.all[-turns:]

    def reset(self) -> None:
        """Remove all turns."""
        self.all, self._before, self.now = [], [], Checkpoint()
