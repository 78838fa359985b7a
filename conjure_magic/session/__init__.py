"""Sessions: the conversation (`session.py`), the options of a turn, the open resources and the finished turns."""

from conjure_magic.session.options import TurnOptions
from conjure_magic.session.session import Session

__all__ = ["Session", "TurnOptions"]
