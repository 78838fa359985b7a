"""The turns of a session, and a checkpoint of the conversation before each of them."""

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
    """What a server counted last for `messages`."""


class Turns:
    """The turns so far, which can be undone."""

    def __init__(self) -> None:
        self.all: list[TurnResult] = []
        self.now = Checkpoint()
        """The conversation as the next turn finds it."""
        self._before: list[Checkpoint] = []

    @property
    def files(self) -> Artifacts:
        """The files of all turns, each once, in its newest state."""
        newest = {artifact.name: artifact for turn in self.all for artifact in turn.files}
        return Artifacts(newest.values())

    @property
    def usage(self) -> Usage:
        """The tokens of all turns."""
        return sum((turn.usage for turn in self.all), Usage())

    @property
    def cost(self) -> float | None:
        """US dollars of all turns; None if any price is not known."""
        costs = [turn.cost for turn in self.all]
        return None if None in costs else sum(cost for cost in costs if cost is not None)

    def add(self, turn: TurnResult, after: Checkpoint) -> None:
        """Add a turn, and the conversation as it left it."""
        self._before.append(self.now)
        self.all.append(turn)
        self.now = after

    def undo(self, turns: int) -> None:
        """Remove the last `turns` turns."""
        self.now = self._before[-turns]
        del self._before[-turns:], self.all[-turns:]

    def reset(self) -> None:
        """Remove all of them."""
        self.all, self._before, self.now = [], [], Checkpoint()
