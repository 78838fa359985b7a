"""One turn: `Turn` is its loop, `TurnSetup` what a session gives it."""

from conjure_magic.turn.loop import Turn
from conjure_magic.turn.setup import TurnSetup

__all__ = ["Turn", "TurnSetup"]
