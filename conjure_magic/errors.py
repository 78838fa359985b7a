"""The error tree, one sentence per class.

    ConjureError                  anything that this package raises on purpose
    ├── UsageError                the person's slip: one or two lines that say what is possible
    ├── ToolError                 what the model should read: it becomes an `is_error` tool result
    │   └── PathNotAllowedError   a file tool was pointed outside the folders it may touch
    ├── SkillError                a skill folder that cannot be used
    │   └── SkillNotFoundError    no skill of that name
    ├── ModelError                the model could not answer; what it had said is kept
    ├── BackendError              the hands are gone: a supervisor or container that died
    │   └── BackendUnavailableError   it cannot start here, and the message says what it needs
    ├── CancelledError            the turn was stopped; carries the reason
    └── SessionError              a session that cannot do this now
        ├── SessionBusyError      another turn is running in it
        └── SessionClosedError    it was closed

A non-zero exit is none of these: it is a result. Everything not in this tree is a fault of ours or of a
caller's own code, and propagates with its traceback.
"""

from __future__ import annotations


class ConjureError(Exception):
    """Anything that this package raises on purpose."""


class UsageError(ConjureError):
    """The person's slip: one or two lines that say what is wrong and what is possible."""


class ToolError(ConjureError):
    """What the model should read: it becomes an `is_error` tool result."""


class PathNotAllowedError(ToolError):
    """A file tool was pointed outside the folders it may touch."""


class SkillError(ConjureError):
    """A skill folder that cannot be used."""


class SkillNotFoundError(SkillError):
    """No skill of that name."""


class ModelError(ConjureError):
    """The model could not answer; what it had said is kept, in the last turn of the session."""


class BackendError(ConjureError):
    """The hands are gone: a supervisor or a container that died."""


class BackendUnavailableError(BackendError):
    """The backend cannot start here; the message says what it needs."""


class CancelledError(ConjureError):
    """The turn was stopped; `reason` says by what (see `conjure_magic.cancel.StopReason`)."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"stopped: {reason}")
        self.reason = reason


class SessionError(ConjureError):
    """A session that cannot do this now."""


class SessionBusyError(SessionError):
    """Another turn is running in this session."""


class SessionClosedError(SessionError):
    """The session was closed."""
