"""The error tree, one sentence per class.

    ConjureError                  anything that this package raises on purpose
    ├── UsageError                the person's slip: one or two lines that say what is possible
    ├── ToolError                 what the model should read: it becomes an `is_error` tool result
    │   └── PathNotAllowedError   a file tool was pointed outside the folders it may touch
    ├── SkillError                a skill folder that cannot be used
    │   └── SkillNotFoundError    no skill of that name
    ├── ModelError                the model could not answer; what it had said is kept
    │   ├── AuthenticationError   the key is missing or wrong, or may not do this
    │   ├── RateLimitError        too many requests, or a spending limit is reached
    │   ├── ModelUnavailableError it cannot be reached, is overloaded, or failed on its side
    │   ├── RequestRefusedError   the server calls the request invalid
    │   │   └── ContextOverflowError  the conversation no longer fits
    │   ├── StreamCutError        the answer broke off: a lost connection or a stall
    │   └── ProtocolError         what came back is not the Messages protocol
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
    """The model could not answer; what it had said is kept, in the last turn of the session.

    Attributes:
        status: the HTTP status; None where there was none.
        error_type: the server's own name for it ("overloaded_error"); empty where it gave none.
        error_code: a finer name, where the server gave one.
        request_id: what the vendor's support asks for; empty where the server gave none.
        retry_after: seconds until a new try makes sense; None where the server did not say.
    """

    def __init__(
        self,
        message: str = "",
        *,
        status: int | None = None,
        error_type: str = "",
        error_code: str = "",
        request_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error_type = error_type
        self.error_code = error_code
        self.request_id = request_id
        self.retry_after = retry_after


class AuthenticationError(ModelError):
    """The key is missing or wrong, or may not do this."""


class RateLimitError(ModelError):
    """Too many requests, or a spending limit is reached."""


class ModelUnavailableError(ModelError):
    """The model cannot be reached, is overloaded, or failed on its side."""


class RequestRefusedError(ModelError):
    """The server calls the request invalid."""


class ContextOverflowError(RequestRefusedError):
    """The conversation no longer fits into the model's window, or into a request."""


class StreamCutError(ModelError):
    """The answer broke off: a lost connection, a stall, or an end that came too early."""


class ProtocolError(ModelError):
    """What came back is not the Messages protocol."""


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
