"""The live display of a turn: two outputs updated in place, or plain text without a kernel.

The main output contains the finished items; the second, small one the newest text, the running call, and the time.
Redrawing everything at a fixed rate would send a number of bytes quadratic in the answer's length. So the main output
is redrawn only after it has grown by a fraction of its size (`render.growing`), and the second has a limited size and
rate.
"""

from __future__ import annotations

import contextlib
import contextvars
import logging
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Protocol

from conjure_magic.characters import clean, printed
from conjure_magic.events import (
    Body,
    Called,
    Event,
    Notice,
    TextDelta,
    ThinkingDelta,
    ToolFinished,
    ToolOutput,
    ToolStarted,
    TurnFinished,
    TurnResult,
)
from conjure_magic.printing import say
from conjure_magic.render import style
from conjure_magic.render.files import cards, render_cards_text
from conjure_magic.render.growing import Committed
from conjure_magic.render.items import render_item_text
from conjure_magic.render.limits import CallLimits, DisplayLimits
from conjure_magic.render.running_turn import (
    LIVE,
    render_failure,
    render_newest,
    render_status,
    render_status_text,
    render_unfinished,
)
from conjure_magic.render.tool_calls import render_call_text
from conjure_magic.render.turn import Bundle, render_footer, render_pictures, render_turn
from conjure_magic.turn_record import TurnRecord

log = logging.getLogger(__name__)

GAP = 0.2
"""Minimum seconds between two redraws of the second output."""
TICK, SLOWEST = 1.0, 1.4
"""Seconds after which the second output is redrawn to update its clock: if it is short, if it is long."""
BYTES_PER_SECOND = 5_000
"""Rate limit of the second output."""
BYTES_PER_CHARACTER = 6
"""Bytes that may be sent for each new character: slow text is collected before it is shown."""
JOIN = 5.0
"""Seconds that closing waits for a redraw in progress."""
PRINTED = 4_000
"""Characters of a running command's output that are shown in a terminal."""

EMPTY: Bundle = {"text/html": ""}


class Display(Protocol):
    """Shows one turn; a subscriber of its session."""

    def __call__(self, event: Event) -> None:
        """Process an event. Errors of the display are logged, never raised."""
        ...

    def close(self) -> None:
        """Stop updating and show the final state. May be called twice."""
        ...


def open_display(limits: DisplayLimits, shell: Any = None) -> Display:
    """Return a display for the running cell: HTML in a kernel, plain text in a terminal.

    Args:
        limits: limits of what is embedded in the output.
        shell: the IPython shell; by default the current one.
    """
    if shell is None:
        from IPython.core.getipython import get_ipython

        shell = get_ipython()
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return TextDisplay(limits)
    return CellDisplay(limits, in_place=updates_in_place(kernel))


def updates_in_place(kernel: Any) -> bool:
    """True if the front end is known to apply updates of an output.

    Notebook front ends send the cell's ID with the request; programs that execute notebooks do not allow stdin.
    Some of the others (jupyter console) ignore updates.
    """
    with contextlib.suppress(Exception):
        parent = kernel.get_parent("shell")
        return bool(parent["metadata"].get("cellId")) or not parent["content"].get("allow_stdin", True)
    return False


def _news(body: Body) -> int:
    """Visible characters of an event; large for events other than text, which are shown at once."""
    return len(body.text) if isinstance(body, TextDelta | ThinkingDelta | ToolOutput) else 10_000


class CellDisplay:
    """A cell's output in a kernel."""

    def __init__(self, limits: DisplayLimits, *, in_place: bool = True) -> None:
        self._limits = limits
        self._in_place = in_place
        self._record = TurnRecord()
        self._lock = threading.Lock()
        self._committed = Committed(CallLimits(LIVE.input, LIVE.output, limits.skills, limits.words))
        self._outputs: tuple[Any, Any] | None = None
        self._result: TurnResult | None = None
        self._done = self._tried = False
        self._began = time.monotonic()
        self._ticker: threading.Thread | None = None
        self._position = 0
        self._log_errors = _LogErrors()
        self._stopped = threading.Event()

    def __call__(self, event: Event) -> None:
        """Process an event; the turn's last one shows the final state."""
        if self._done:
            return
        with self._log_errors("an event"):
            with self._lock:
                self._record.add(event.body)
            self._position += _news(event.body)
            if isinstance(event.body, TurnFinished):
                self._result = event.body.result
                self.close()
            elif not self._tried:
                self._tried = True
                self._start()

    def close(self) -> None:
        """Stop the ticker and show the final state; a turn that never ended is marked as stopped."""
        if self._done or (self._result is None and self._outputs is None):
            self._done = True
            return
        self._stopped.set()
        if self._ticker is not None and self._ticker is not threading.current_thread():
            self._ticker.join(JOIN)
        with self._log_errors("the final state"):
            self._finish()
        self._done = True  # set last: after an interrupt, the next call does the rest

    def _start(self) -> None:
        """Create both outputs, in this thread so that they appear in this cell, and start the ticker."""
        self._outputs = self._opened()
        # The context identifies the cell that the ticker's updates belong to.
        context = contextvars.copy_context()
        self._ticker = threading.Thread(target=context.run, args=(self._tick,), name="conjure-display", daemon=True)
        self._ticker.start()

    def _opened(self) -> tuple[Any, Any]:
        if self._outputs is not None:
            return self._outputs
        now = datetime.now()
        status = {"text/html": style.page(render_status([], 0, now)), "text/plain": render_status_text(now)}
        return _show(EMPTY), _show(status)

    def _tick(self) -> None:
        while not self._stopped.is_set():
            began, position, size = time.monotonic(), self._position, 0
            with self._log_errors("a redraw"):
                size = self._draw()
            soonest = size / BYTES_PER_SECOND
            latest = min(max(TICK, size / 3_000), SLOWEST)
            while not self._stopped.wait(GAP):
                waited = time.monotonic() - began
                news = self._position - position
                if waited >= latest or (waited >= soonest and news * BYTES_PER_CHARACTER >= size):
                    break

    def _draw(self) -> int:
        """Redraw the second output, and the main one if it has grown enough. Return the characters of the second."""
        with self._lock:
            items = list(self._record.items)
        main, second = self._opened()
        done, now = self._committed, datetime.now()
        if done.advance(items) and not self._stopped.is_set():
            main.update({"text/html": done.html, "text/plain": render_status_text(now)}, raw=True)
        newest = render_newest(items[done.items :], done.said, done.opener)
        html = style.page(newest + render_status(items, time.monotonic() - self._began, now))
        if not self._stopped.is_set():
            second.update({"text/html": html, "text/plain": render_status_text(now)}, raw=True)
        return len(html)

    def _finish(self) -> None:
        self._outputs = main, second = self._opened()
        if self._result is None:
            bundles = list(render_unfinished(self._record.items, time.monotonic() - self._began))
        else:
            bundles = final_bundles(self._result, self._limits, parts=self._in_place)
        if not self._in_place:
            # A front end that ignores updates must show it all; one that applies them must not show it twice.
            main.update(EMPTY, raw=True)
            second.update(EMPTY, raw=True)
            main = second = None
        for output, bundle in zip((main, second), bundles, strict=False):
            _ = _show(bundle) if output is None else output.update(bundle, raw=True)
        for bundle in bundles[2:]:
            _show(bundle)


def final_bundles(result: TurnResult, limits: DisplayLimits, *, parts: bool) -> list[Bundle]:
    """The outputs of a finished turn: main output, footer and pictures, or a single one without `parts`."""
    try:
        if not parts:
            return [render_turn(result, limits)]
        return [
            render_turn(result, limits, whole=False),
            render_footer(result, limits.words),
            *render_pictures(result, limits),
        ]
    except Exception as error:
        log.exception("the turn could not be rendered")
        return [render_failure(result, repr(error)), EMPTY]


def _show(bundle: Bundle) -> Any:
    from IPython.display import display

    return display(bundle, raw=True, display_id=True)  # type: ignore[no-untyped-call]


class _LogErrors:
    """Logs errors of the display so that the turn continues: the first of each kind as a warning."""

    def __init__(self) -> None:
        self._logged: set[str] = set()

    @contextlib.contextmanager
    def __call__(self, what: str) -> Iterator[None]:
        try:
            yield
        except Exception:
            level = logging.DEBUG if what in self._logged else logging.WARNING
            self._logged.add(what)
            log.log(level, "the display could not show %s", what, exc_info=log.isEnabledFor(logging.DEBUG))


class TextDisplay:
    """Prints a turn as it proceeds, for terminals."""

    def __init__(self, limits: DisplayLimits) -> None:
        self._limits = limits
        self._calls = CallLimits(LIVE.input, LIVE.output, limits.skills, limits.words)
        self._record = TurnRecord()
        self._column = 0
        self._left = PRINTED
        self._result: TurnResult | None = None
        self._begun = self._done = False
        self._log_errors = _LogErrors()

    def __call__(self, event: Event) -> None:
        """Print an event."""
        if self._done:
            return
        with self._log_errors("an event"):
            self._begun = True
            self._record.add(event.body)
            self._take(event.body)

    def close(self) -> None:
        """Print that the turn stopped, unless its end was printed."""
        if self._begun and not self._done:
            self._done = True
            self._line("■ Stopped before the end of the turn.")

    def _take(self, body: Body) -> None:
        match body:
            case TextDelta(text):
                self._print(clean(text))
            case Notice():
                self._line(render_item_text(self._record.items[-1], self._calls))
            case ToolStarted(call, backend):
                self._left = PRINTED
                self._line(render_call_text(Called(call, backend), self._calls))
            case ToolOutput(_, text):
                if self._left > 0:
                    self._print(printed(text[: self._left]))
                    self._left -= len(text)
                    if self._left <= 0:
                        self._line("… (further output is not shown while the command runs)")
            case ToolFinished(tool_use_id):
                calls = [item for item in self._record.items if isinstance(item, Called)]
                for called in [called for called in calls if called.call.id == tool_use_id][-1:]:
                    self._line(render_call_text(called, self._calls))
            case TurnFinished(result):
                self._done = True
                found = cards(result.files, self._limits.file_bytes, self._limits.cell_bytes, apart=True)
                for text in (render_cards_text(found), render_footer(result, self._limits.words)["text/plain"]):
                    if text:
                        self._line(text)

    def _print(self, text: str) -> None:
        if text:
            say(text, end="", shown=clean)
            self._column = 0 if text.endswith("\n") else 1

    def _line(self, text: str) -> None:
        self._print(("\n" if self._column else "") + text + "\n")
