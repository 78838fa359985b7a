"""The input of a turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from conjure_magic.approval import Approver
from conjure_magic.backends.base import Backend
from conjure_magic.events import Notice
from conjure_magic.messages import Message
from conjure_magic.models.base import Model
from conjure_magic.turn.budget import Counted, Limits
from conjure_magic.turn.feed import Subscriber
from conjure_magic.turn.masking import Secrets
from conjure_magic.workspace import Workspace


@dataclass(frozen=True, slots=True)
class TurnSetup:
    """Everything that a turn gets from its session."""

    session: str
    number: int
    parent_id: str
    system: str
    """The system prompt of the session; those of the backends follow it."""
    backends: tuple[Backend, ...]
    model: Model
    workspace: Workspace
    messages: tuple[Message, ...]
    """The history before this turn."""
    fingerprint: bytes
    """`Request.fingerprint` of the previous turn; empty for the first."""
    approver: Approver | None
    subscribers: Sequence[Subscriber]
    limits: Limits
    counted: Counted = field(default_factory=Counted)
    """The last token count that a server reported for `messages`."""
    secrets: Secrets = tuple
    """What nothing that the model says may show."""
    notices: tuple[Notice, ...] = ()
    """Notices shown at the start of the turn."""
