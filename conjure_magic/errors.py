"""The error tree, one sentence per class.

    ConjureError                  anything that this package raises on purpose
    ├── UsageError                the user's slip: one or two lines that say what is possible
    │   ├── SkillSpecError        what cannot be a hosted skill: xlsx, xlsx@latest, custom:ID@VERSION, anthropic:PATH
    │   ├── TooManySkillsError    more hosted skills than a request may carry
    │   ├── MissingModelError     a model is named that nothing here can reach: there is no key
    │   ├── WorkspaceError        a session's folder cannot be used or made
    │   └── NotNativeError        what was given as a skill in Python is none
    │       └── CallbackMissingError  it lacks a callback that its allowed_tools promise
    ├── ToolError                 what the model should read: it becomes an `is_error` tool result
    │   ├── PathNotAllowedError   a file tool was pointed outside the folders it may touch
    │   ├── MissingFileError      there is no such file
    │   ├── FilePermissionError   the system does not let it be read or written
    │   └── CommandNotStartedError    the system did not start a command
    ├── SkillError                a skill folder that cannot be used
    │   ├── SkillNotFoundError    no skill of that name
    │   ├── InvalidSkillError     it breaks the rules of the format; the message lists them
    │   ├── FrontMatterError      the head of its SKILL.md cannot be read
    │   └── PackageError          a `.skill` package (a ZIP) that is refused
    ├── ApiError                  a server refused, or could not do, what was asked; `status` and more say why
    │   ├── ModelError            the model could not answer; what it had said is kept
    │   │   ├── AuthenticationError   the key is missing or wrong, or may not do this
    │   │   ├── RateLimitError        too many requests, or a spending limit is reached
    │   │   ├── ModelUnavailableError it cannot be reached, is overloaded, or failed on its side
    │   │   ├── RequestRefusedError   the server calls the request invalid
    │   │   │   ├── ContextOverflowError   the conversation no longer fits
    │   │   │   ├── ThinkingRefusedError   earlier thinking is not accepted: another key's, or its place changed
    │   │   │   ├── ContainerNotFoundError the hosted container is unknown there, or has expired
    │   │   │   ├── UploadLostError        an uploaded file that the conversation names is gone there
    │   │   │   └── HostedSkillNotFoundError  a skill that the request names is not there
    │   │   ├── PauseLimitError       the server's own loop paused more often than `max_pauses` allows
    │   │   ├── StreamCutError        the answer broke off: a lost connection, or an end that came too early
    │   │   │   └── StalledError           nothing more came for as long as `idle_timeout` allows
    │   │   └── ProtocolError         what came back is not the Messages protocol
    │   └── HostedError           Files or Skills of Anthropic's did not do it; is a BackendError too
    │       ├── UploadError           a file or a skill was not taken: too large, or refused
    │       ├── DownloadError         a file's content did not come: larger than asked for, or not to be had
    │       └── HostedNotFoundError   no such file, skill or version there
    │           └── FileExpiredError      the file is past its date
    ├── BackendError              the hands are gone: a supervisor or container that died
    │   ├── ContainerError        a container, or the engine below it, failed or is gone
    │   └── BackendUnavailableError   it cannot start here, and the message says what it needs
    │       └── DockerUnavailableError    no engine that can be used, or no image
    ├── CancelledError            the turn was stopped; carries the reason
    └── SessionError              a session that cannot do this now
        ├── SessionBusyError      another turn is running in it
        └── SessionClosedError    it was closed

The Files and Skills endpoints raise the kinds of ModelError as well, for what is no fault of a file or a skill: the
key, a limit, the connection.

What a turn runs into is no error but a result, since what was done until then counts: a command's non-zero exit or time
limit, and what a user's function raised, of whatever kind, are `ToolResult`s with `is_error` and a `status`; an
interrupt, a time limit, `max_rounds` and `max_cost` are the `stop_reason` of a `TurnResult`. What a callable model of
one's own raises is wrapped in a ModelError. Everything not in this tree is a fault of ours or of a caller's own code,
and propagates with its traceback.
"""

from __future__ import annotations

from conjure_magic.characters import printed
from conjure_magic.remedies import Remedy, Words, with_remedy


class ConjureError(Exception):
    """Anything that this package raises on purpose.

    Its message may hold text of a server, a file or a callable, so it shows what drives a terminal by signs.

    Attributes:
        remedy: what helps, which the message ends with; None where the fact says it all.
    """

    def __init__(self, fact: str = "", *, remedy: Remedy | None = None) -> None:
        super().__init__(fact)
        self.remedy = remedy

    def __str__(self) -> str:
        return self.told(str)

    @property
    def fact(self) -> str:
        """What is wrong, without what helps."""
        return printed(super().__str__())

    def told(self, words: Words) -> str:
        """The whole message, with what helps in the words of those who read it."""
        return printed(with_remedy(super().__str__(), self.remedy, words))


class UsageError(ConjureError):
    """The user's slip: one or two lines that say what is wrong and what is possible."""


class SkillSpecError(UsageError):
    """What cannot be a hosted skill; the message says which spellings are."""


class TooManySkillsError(UsageError):
    """More hosted skills than a request may carry."""


class MissingModelError(UsageError):
    """A model is named that nothing here can reach: there is no key, and no server of one's own."""


class WorkspaceError(UsageError):
    """A session's folder cannot be used, or not be made."""


class NotNativeError(UsageError):
    """What was given as a skill in Python is none; the message says what would make it one."""


class CallbackMissingError(NotNativeError):
    """A native skill lacks a callback that its `allowed_tools` promise, or has none at all."""


class ToolError(ConjureError):
    """What the model should read: it becomes an `is_error` tool result."""


class PathNotAllowedError(ToolError):
    """A file tool was pointed outside the folders it may touch."""


class MissingFileError(ToolError):
    """A file tool was pointed at a file that is not there."""


class FilePermissionError(ToolError):
    """The system does not let a file be read or written."""


class CommandNotStartedError(ToolError):
    """The system did not start a command: there is no shell, or no process to be had."""


class SkillError(ConjureError):
    """A skill folder that cannot be used."""


class SkillNotFoundError(SkillError):
    """No skill of that name."""


class InvalidSkillError(SkillError):
    """A skill breaks rules of the format; the message lists all of them."""


class FrontMatterError(SkillError):
    """Front matter that cannot be read; `code` names why, as a finding does."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class PackageError(SkillError):
    """A package that is refused; `code` names why, as a finding does."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ApiError(ConjureError):
    """A server refused, or could not do, what was asked.

    Attributes:
        status: the HTTP status; None where there was none.
        error_type: the server's own name for it ("overloaded_error"); empty where it gave none.
        error_code: a finer name, where the server gave one.
        request_id: what the vendor's support asks for; empty where the server gave none.
        retry_after: seconds until a new try makes sense; None where the server did not say.
        said: the server's own words; empty where it had none.
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
        said: str = "",
        remedy: Remedy | None = None,
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.status = status
        self.error_type = error_type
        self.error_code = error_code
        self.request_id = request_id
        self.retry_after = retry_after
        self.said = said


class ModelError(ApiError):
    """The model could not answer; what it had said is kept, in the last turn of the session."""


class AuthenticationError(ModelError):
    """The key is missing or wrong, or may not do this."""


class RateLimitError(ModelError):
    """Too many requests, or a spending limit is reached."""


class ModelUnavailableError(ModelError):
    """The model cannot be reached, is overloaded, or failed on its side."""


class RequestRefusedError(ModelError):
    """The server calls the request invalid.

    Attributes:
        longest_answer: tokens that `max_tokens` may be at most, where the server said so.
    """

    longest_answer: int | None = None


class ContextOverflowError(RequestRefusedError):
    """The conversation no longer fits into the model's window, or into a request.

    Attributes:
        window: tokens that prompt and answer may have together, where the server said so.
        prompt: tokens that the prompt has, where it said so.
    """

    window: int | None = None
    prompt: int | None = None


class ThinkingRefusedError(RequestRefusedError):
    """Earlier thinking is not accepted any more: it is another organisation's, or what came before it has changed."""


class ContainerNotFoundError(RequestRefusedError):
    """The hosted container that a request names is unknown there, or has expired."""


class UploadLostError(RequestRefusedError):
    """An uploaded file that the conversation names was deleted on the server, or has expired there."""


class HostedSkillNotFoundError(RequestRefusedError):
    """A hosted skill that a request names is not on the server, or not in that version."""


class PauseLimitError(ModelError):
    """The server's own loop paused more often than the setting `max_pauses` allows."""


class StreamCutError(ModelError):
    """The answer broke off: a lost connection, or an end that came too early."""


class StalledError(StreamCutError):
    """Nothing more came for as long as the setting `idle_timeout` allows."""


class ProtocolError(ModelError):
    """What came back is not the Messages protocol."""


class BackendError(ConjureError):
    """The hands are gone: a supervisor or a container that died."""


class ContainerError(BackendError):
    """A container, or the engine below it, failed or is gone."""


class BackendUnavailableError(BackendError):
    """The backend cannot start here; the message says what it needs."""


class DockerUnavailableError(BackendUnavailableError):
    """There is no engine that can be used, or no image to run; the message says what to do."""


class HostedError(ApiError, BackendError):
    """Anthropic's Files or Skills did not do what was asked."""


class UploadError(HostedError):
    """A file or a skill was not taken: it is too large, or the server refused it."""


class DownloadError(HostedError):
    """A file's content did not come: it is larger than asked for, or not to be had."""


class HostedNotFoundError(HostedError):
    """There is no such file, skill or version on the server."""


class FileExpiredError(HostedNotFoundError):
    """The file is past its date; its content is gone for good."""


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
