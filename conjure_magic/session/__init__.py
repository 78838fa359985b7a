"""A session: the conversation (`session.py`), what may be given with a turn, its open resources, and its turns."""

from conjure_magic.session.options import TurnOptions
from conjure_magic.session.session import Session

__all__ = ["Session", "TurnOptions"]
