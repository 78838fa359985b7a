"""Running code in the kernel's main thread: there and then, or queued from another thread."""

from __future__ import annotations

import contextlib
import threading

from conjure_magic.backends.native.context import SkillContext
from conjure_magic.backends.native.host import Host, Ran
from conjure_magic.cancel import interrupt_guard
from conjure_magic.errors import CancelledError, ToolError
from conjure_magic.stopping import running_on, stoppable

QUEUED = "This runs in the kernel's main thread, as soon as no cell is running there."


def run_in_main(host: Host, code: str, context: SkillContext) -> Ran:
    """What the code showed, run in the main thread; from another one it is queued, and the user is told.

    Raises CancelledError if the turn is stopped before it began, ToolError where nothing can be queued.
    """
    if threading.current_thread() is threading.main_thread():
        return host.run(code)
    return _Queued(host, code, context).result()


class _Queued:
    """Code on its way to the main thread."""

    def __init__(self, host: Host, code: str, context: SkillContext) -> None:
        self._host = host
        self._code = code
        self._context = context
        self._gate = threading.Lock()
        self._gate.acquire()
        self._claim = threading.Lock()  # whoever takes it first decides: it begins, or it never will
        self._ran: Ran | None = None
        self._failure: BaseException | None = None

    def result(self) -> Ran:
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
        """In the main thread, outside of any cell."""
        if not self._claim.acquire(blocking=False):
            return
        context = self._context
        try:
            with interrupt_guard(context.cancel), stoppable(context.cancel, context.notify, context.tool):
                self._ran = self._host.run(self._code)
        except BaseException as error:  # handed to whoever waits
            self._failure = error
        finally:
            self._open()

    def _open(self) -> None:
        with contextlib.suppress(RuntimeError):
            self._gate.release()
