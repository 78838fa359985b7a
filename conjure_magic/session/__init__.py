"""A session: the conversation (`session.py`), its open resources, and its turns."""

from conjure_magic.session.session import Session

__all__ = ["Session"]
