"""Access of native tools to the kernel: the user's variables, the main thread, and code that runs like a cell."""

from __future__ import annotations

import asyncio
import contextlib
import io
import sys
import threading
import traceback
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any, cast

from IPython.core.interactiveshell import InteractiveShell

from conjure_magic.backends.native.host import CodeOutput, CodeResult

NO_AWAIT = (
    "RuntimeError: top-level `await` is not available here, since the kernel's event loop is waiting for this code. "
    "Put it into an async function and run that with asyncio.run in a separate thread."
)
NO_EXIT = "this would end the user's kernel, so it was ignored"


class ShellHost:
    """A `Host` over an IPython shell."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell

    @property
    def namespace(self) -> MutableMapping[str, Any]:
        """The user's variables, live."""
        return cast("MutableMapping[str, Any]", self._shell.user_ns)

    @property
    def hidden(self) -> frozenset[str]:
        """Names that IPython added to them, unless the user has replaced the value."""
        hidden, namespace = self._shell.user_ns_hidden, self._shell.user_ns
        own = (name for name, value in hidden.items() if namespace.get(name) is value)
        return frozenset({*own, "In", "Out", "exit", "quit", "get_ipython", "open"})

    def run(self, code: str) -> CodeResult:
        """Run code like a cell and capture its output, figures and displayed objects included; main thread only."""
        if _has_running_loop() and self._awaits(code):
            return CodeResult((), NO_AWAIT)
        with _captured(self._shell) as sink:
            run: Callable[..., Any] = self._shell.run_cell
            result = run(code, store_history=False)
        error = result.error_before_exec or result.error_in_exec
        if error is None:
            return CodeResult(sink.shown())
        text = " ".join(str(error).split())
        line = f"{type(error).__name__}: {text}" if text else type(error).__name__
        return CodeResult(sink.shown(), line, _traceback(error))

    def _awaits(self, code: str) -> bool:
        """True for code with `await` at its top level."""
        shell: Any = self._shell
        try:
            return bool(shell.should_run_async(code, transformed_cell=shell.transform_cell(code)))
        except Exception:  # not valid code: running it will report why
            return False

    def call_soon(self, function: Callable[[], None]) -> bool:
        """Schedule a call in ipykernel's event loop; False if there is none."""
        loop = getattr(getattr(self._shell, "kernel", None), "io_loop", None)
        if loop is None:
            return False
        loop.add_callback(function)
        return True


def _has_running_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _no_exit(*_: Any) -> None:
    raise RuntimeError(NO_EXIT)


class _Sink:
    """Collects the output of code, in order."""

    def __init__(self) -> None:
        self._found: list[CodeOutput] = []

    def write(self, text: str) -> None:
        last = self._found[-1] if self._found else None
        if last is not None and last.data is None:
            self._found[-1] = CodeOutput(last.text + text)
        else:
            self._found.append(CodeOutput(text))

    def display(self, data: Mapping[str, Any]) -> None:
        images = {key: _bytes(value) for key, value in data.items() if key.startswith("image/")}
        self._found.append(CodeOutput(data={**data, **images}))

    def shown(self) -> tuple[CodeOutput, ...]:
        return tuple(self._found)


class _Printed(io.TextIOBase):
    """`sys.stdout` while code runs: captures the main thread's text, and passes on that of other threads."""

    def __init__(self, sink: _Sink, outer: Any) -> None:
        self._sink, self._outer = sink, outer
        self._thread = threading.get_ident()

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if threading.get_ident() == self._thread:
            self._sink.write(text)
            return len(text)
        return int(self._outer.write(text) or 0)

    def flush(self) -> None:
        if threading.get_ident() != self._thread:
            self._outer.flush()


class _Published:
    """The shell's display publisher while code runs; other threads, such as a live display, use the original one."""

    def __init__(self, sink: _Sink, outer: Any) -> None:
        self._sink, self._outer = sink, outer
        self._thread = threading.get_ident()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._outer, name)

    def publish(self, data: Any, metadata: Any = None, **kwargs: Any) -> None:
        if threading.get_ident() == self._thread:
            self._sink.display(data)
        else:
            self._outer.publish(data, metadata, **kwargs)

    def clear_output(self, wait: bool = False) -> None:
        if threading.get_ident() != self._thread:
            self._outer.clear_output(wait)


@contextlib.contextmanager
def _captured(shell: Any) -> Iterator[_Sink]:
    """Capture all output of code in the main thread. Tracebacks are dropped: the result contains them."""
    sink = _Sink()

    def displayed(value: Any) -> None:
        if value is not None:
            sink.display(shell.display_formatter.format(value)[0])

    trap = shell.display_trap
    saved = shell.display_pub, sys.displayhook, trap.hook, sys.stdout, sys.stderr
    shell.display_pub, sys.displayhook, trap.hook = _Published(sink, saved[0]), displayed, displayed
    sys.stdout, sys.stderr = _Printed(sink, saved[3]), _Printed(sink, saved[4])
    own = {"_showtraceback": lambda *_: None, "ask_exit": _no_exit}
    before = {name: shell.__dict__[name] for name in own if name in shell.__dict__}
    shell.__dict__.update(own)
    try:
        yield sink
    finally:
        shell.display_pub, sys.displayhook, trap.hook, sys.stdout, sys.stderr = saved
        for name in own:
            del shell.__dict__[name]
        shell.__dict__.update(before)


def _bytes(value: Any) -> Any:
    """The bytes of an image: ipykernel's formatters encode PNG as base64, while SVG is text."""
    if isinstance(value, str) and not value.lstrip().startswith("<"):
        with contextlib.suppress(ValueError):
            return b64decode(value)
    return value


def _traceback(error: BaseException) -> str:
    """The traceback without IPython's own frames at its start."""
    tb = error.__traceback__
    while tb is not None and "IPython/core/" in tb.tb_frame.f_code.co_filename.replace("\\", "/"):
        tb = tb.tb_next
    return "".join(traceback.format_exception(type(error), error, tb)).rstrip()
