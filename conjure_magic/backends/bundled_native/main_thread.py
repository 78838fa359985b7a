"""Running code in the kernel's main thread: immediately, or queued from another thread."""

from __future__ import annotations

import contextlib
import threading

from conjure_magic.backends.native.context import SkillContext
from conjure_magic.backends.native.host import CodeResult, Host
from conjure_magic.cancel import interrupt_guard
from conjure_magic.errors import CancelledError, ToolError
from conjure_magic.user_code import running_on, stoppable

QUEUED = "This runs in the kernel's main thread, as soon as no cell is running there."


def run_in_main(host: Host, code: str, context: SkillContext) -> CodeResult:
    """Run code in the main thread and return its output; from another thread it is queued, with a notice.

    Raises CancelledError if the turn is stopped before the code starts, ToolError if it cannot be queued.
    """
    if threading.current_thread() is threading.main_thread():
        return host.run(code)
    return _Queued(host, code, context).result()


class _Queued:
    """Code waiting for the main thread."""

    def __init__(self, host: Host, code: str, context: SkillContext) -> None:
        self._host = host
        self._code = code
        self._context = context
        self._gate = threading.Lock()
        self._gate.acquire()
        self._claim = threading.Lock()  # taken once: by the main thread to start, or by the waiting thread to give up
        self._ran: CodeResult | None = None
        self._failure: BaseException | None = None

    def result(self) -> CodeResult:
        context = self._context
        if not self._host.call_soon(self._run):
            raise ToolError("this runs in the kernel's main thread only, which cannot be reached from here")
        context.notify(QUEUED)
        with context.cancel.waking(self._open):
            self._gate.acquire()
        if context.cancel.is_set and self._ran is None and self._failure is None:
            if self._claim.acquire(blocking=False):
                context.cancel.raise_if_set()  # it never began
            if not self._gate.acquire(timeout=5.0):  # it is being interrupted
                context.notify(running_on(context.tool))
        if self._failure is not None and not isinstance(self._failure, CancelledError):
            raise self._failure
        if self._ran is None:
            context.cancel.raise_if_set()
        assert self._ran is not None
        return self._ran

    def _run(self) -> None:
        """Run the code; called in the main thread, outside of any cell."""
        if not self._claim.acquire(blocking=False):
            return
        context = self._context
        try:
            with interrupt_guard(context.cancel), stoppable(context.cancel, context.notify, context.tool):
                self._ran = self._host.run(self._code)
        except BaseException as error:  # raised in the waiting thread
            self._failure = error
        finally:
            self._open()

    def _open(self) -> None:
        with contextlib.suppress(RuntimeError):
            self._gate.release()
