"""The exception hierarchy.

    ConjureError                  base class of all exceptions raised by this package
    ├── UsageError                invalid input or settings; the message says what is possible
    │   ├── SkillSpecError        not a hosted skill: xlsx, xlsx@latest, custom:ID@VERSION or anthropic:PATH
    │   ├── TooManySkillsError    more hosted skills than a request may have
    │   ├── MissingModelError     the model cannot be reached from here, because there is no key
    │   ├── WorkspaceError        a session's folder cannot be used or created
    │   └── NotNativeError        an object that is not a skill in Python
    │       └── CallbackMissingError  a native skill lacks a callback that is in its allowed_tools
    ├── ToolError                 a message for the model, which becomes an `is_error` tool result
    │   ├── PathNotAllowedError   a path outside the folders that a file tool may access
    │   ├── MissingFileError      a file that does not exist
    │   ├── FilePermissionError   a file that the system does not allow to be read or written
    │   └── CommandNotStartedError    the system could not start a command
    ├── SkillError                a skill folder that cannot be used
    │   ├── SkillNotFoundError    no skill with that name
    │   ├── InvalidSkillError     a skill violates the format; the message lists all problems
    │   ├── FrontMatterError      the front matter of a SKILL.md cannot be read
    │   └── PackageError          a `.skill` package (a ZIP) that cannot be accepted
    ├── ApiError                  a request to a server failed; `status` and other attributes say why
    │   ├── ModelError            the model could not answer; the part received is kept
    │   │   ├── AuthenticationError   the key is missing, wrong, or lacks a permission
    │   │   ├── RateLimitError        too many requests, or a spending limit is reached
    │   │   ├── ModelUnavailableError the server cannot be reached, is overloaded, or failed
    │   │   ├── RequestRefusedError   the server rejected the request as invalid
    │   │   │   ├── ContextOverflowError   the conversation no longer fits
    │   │   │   ├── ThinkingRefusedError   earlier thinking is rejected: another key's, or its position changed
    │   │   │   ├── ContainerNotFoundError the hosted container does not exist, or has expired
    │   │   │   ├── UploadLostError        an uploaded file of the conversation no longer exists
    │   │   │   └── HostedSkillNotFoundError  a hosted skill of the request does not exist
    │   │   ├── PauseLimitError       the server paused more often than `max_pauses` allows
    │   │   ├── StreamCutError        the answer ended early: a lost connection, or an incomplete response
    │   │   │   └── StalledError           the server sent nothing for `idle_timeout` seconds
    │   │   └── ProtocolError         the response does not follow the Messages protocol
    │   └── HostedError           a request to Anthropic's Files or Skills failed; also a BackendError
    │       ├── UploadError           a file or a skill was rejected, or is too large
    │       ├── DownloadError         a file could not be downloaded, or is larger than allowed
    │       └── HostedNotFoundError   no such file, skill or version on the server
    │           └── FileExpiredError      the file has expired
    ├── BackendError              the backend can no longer run tools: its supervisor or container died
    │   ├── ContainerError        a container, or its engine, failed or is gone
    │   └── BackendUnavailableError   the backend cannot start here; the message says what it needs
    │       └── DockerUnavailableError    no usable engine, or no image
    ├── CancelledError            the turn was stopped; `reason` says why
    └── SessionError              the session cannot do this now
        ├── SessionBusyError      another turn is running in it
        └── SessionClosedError    the session was closed

The Files and Skills endpoints also raise the subclasses of ModelError, for problems with the key, a limit or the
connection.

Events inside a turn are results rather than errors, since the work done so far counts. A command's non-zero exit or
time limit, and any exception of a user's function, become a `ToolResult` with `is_error` and a `status`. An interrupt,
a time limit, `max_rounds` and `max_cost` become the `stop_reason` of a `TurnResult`. An exception of a callable model
is wrapped in a ModelError. Every other exception is a bug in this package or in the caller's code, and propagates with
its traceback.
"""

from __future__ import annotations

from conjure_magic.characters import printed
from conjure_magic.remedies import Remedy, Words, with_remedy


class ConjureError(Exception):
    """Base class of all exceptions raised by this package.

    The message may contain text from a server, a file or a callable, so characters that control a terminal are replaced
    by visible symbols.

    Attributes:
        remedy: what to do about it, at the end of the message; None if there is nothing to add.
    """

    def __init__(self, fact: str = "", *, remedy: Remedy | None = None) -> None:
        super().__init__(fact)
        self.remedy = remedy

    def __str__(self) -> str:
        return self.told(str)

    @property
    def fact(self) -> str:
        """The message without the remedy."""
        return printed(super().__str__())

    def told(self, words: Words) -> str:
        """Return the whole message, with the remedy in the given wording."""
        return printed(with_remedy(super().__str__(), self.remedy, words))


class UsageError(ConjureError):
    """Invalid input or settings; one or two lines say what is wrong and what is possible."""


class SkillSpecError(UsageError):
    """Not a hosted skill; the message lists the valid spellings."""


class TooManySkillsError(UsageError):
    """More hosted skills than a request may have."""


class MissingModelError(UsageError):
    """The model cannot be reached from here: there is no key, and no server of the user's own."""


class WorkspaceError(UsageError):
    """A session's folder cannot be used or created."""


class NotNativeError(UsageError):
    """An object that is not a skill in Python; the message says how to make it one."""


class CallbackMissingError(NotNativeError):
    """A native skill lacks a callback that is in its `allowed_tools`, or has none at all."""


class ToolError(ConjureError):
    """A message for the model, which becomes an `is_error` tool result."""


class PathNotAllowedError(ToolError):
    """A path outside the folders that a file tool may access."""


class MissingFileError(ToolError):
    """A file that does not exist."""


class FilePermissionError(ToolError):
    """A file that the system does not allow to be read or written."""


class CommandNotStartedError(ToolError):
    """The system could not start a command: there is no shell, or a limit on processes is reached."""


class SkillError(ConjureError):
    """A skill folder that cannot be used."""


class SkillNotFoundError(SkillError):
    """No skill with that name."""


class InvalidSkillError(SkillError):
    """A skill violates the format; the message lists all problems."""


class FrontMatterError(SkillError):
    """Front matter that cannot be read; `code` names the reason, as in a finding."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class PackageError(SkillError):
    """A package that cannot be accepted; `code` names the reason, as in a finding."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ApiError(ConjureError):
    """A request to a server failed.

    Attributes:
        status: the HTTP status; None if there was no response.
        error_type: the server's name for the error ("overloaded_error"); empty if unknown.
        error_code: a more specific name, if the server gave one.
        request_id: the id to give to the vendor's support; empty if unknown.
        retry_after: seconds after which to try again; None if the server did not say.
        said: the server's own message; empty if there was none.
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
    """The model could not answer; the part received is kept in the session's last turn."""


class AuthenticationError(ModelError):
    """The key is missing, wrong, or lacks a permission."""


class RateLimitError(ModelError):
    """Too many requests, or a spending limit is reached."""


class ModelUnavailableError(ModelError):
    """The server cannot be reached, is overloaded, or failed."""


class RequestRefusedError(ModelError):
    """The server rejected the request as invalid.

    Attributes:
        longest_answer: the largest valid `max_tokens`, if the server said so.
    """

    longest_answer: int | None = None


class ContextOverflowError(RequestRefusedError):
    """The conversation no longer fits into the model's context window, or into a request.

    Attributes:
        window: limit of prompt and answer together in tokens, if the server said so.
        prompt: length of the prompt in tokens, if the server said so.
    """

    window: int | None = None
    prompt: int | None = None


class ThinkingRefusedError(RequestRefusedError):
    """Earlier thinking is rejected: it is from another organisation, or the messages before it have changed."""


class ContainerNotFoundError(RequestRefusedError):
    """The hosted container that a request names does not exist, or has expired."""


class UploadLostError(RequestRefusedError):
    """An uploaded file that the conversation names was deleted on the server, or has expired."""


class HostedSkillNotFoundError(RequestRefusedError):
    """A hosted skill that a request names does not exist on the server, or not in that version."""


class PauseLimitError(ModelError):
    """The server paused more often than the setting `max_pauses` allows."""


class StreamCutError(ModelError):
    """The answer ended early: a lost connection, or an incomplete response."""


class StalledError(StreamCutError):
    """The server sent nothing for `idle_timeout` seconds."""


class ProtocolError(ModelError):
    """The response does not follow the Messages protocol."""


class BackendError(ConjureError):
    """The backend can no longer run tools: its supervisor or container died."""


class ContainerError(BackendError):
    """A container, or its engine, failed or is gone."""


class BackendUnavailableError(BackendError):
    """The backend cannot start here; the message says what it needs."""


class DockerUnavailableError(BackendUnavailableError):
    """There is no usable engine, or no image to run; the message says what to do."""


class HostedError(ApiError, BackendError):
    """A request to Anthropic's Files or Skills failed."""


class UploadError(HostedError):
    """A file or a skill was rejected by the server, or is too large."""


class DownloadError(HostedError):
    """A file could not be downloaded, or is larger than allowed."""


class HostedNotFoundError(HostedError):
    """There is no such file, skill or version on the server."""


class FileExpiredError(HostedNotFoundError):
    """The file has expired; its content is gone."""


class CancelledError(ConjureError):
    """The turn was stopped; `reason` says why (see `conjure_magic.cancel.StopReason`)."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"stopped: {reason}")
        self.reason = reason


class SessionError(ConjureError):
    """The session cannot do this now."""


class SessionBusyError(SessionError):
    """Another turn is running in this session."""


class SessionClosedError(SessionError):
    """The session was closed."""
