"""One turn: `Turn` runs the loop, `TurnSetup` is its input from the session."""

from conjure_magic.turn.loop import Turn
from conjure_magic.turn.setup import TurnSetup

__all__ = ["Turn", "TurnSetup"]
