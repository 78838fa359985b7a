"""Tool calls: one line that unfolds to the whole input and output."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping

from conjure_magic.approval import STOPPED, UNANSWERED
from conjure_magic.characters import exact, printed
from conjure_magic.events import ApprovalAnswered, Called
from conjure_magic.phrases import counted, duration, shortened
from conjure_magic.render import style
from conjure_magic.render.excerpt import excerpt, excerpt_text, render_excerpt
from conjure_magic.render.limits import CallLimits
from conjure_magic.render.safe_markdown import code_block, code_span, escape_inline, escape_markdown
from conjure_magic.render.text import TOO_DEEP, escape, one_line

COMMAND_KEYS = ("command", "path")
"""Arguments that summarise a call by themselves."""

SUMMARY_LENGTH = 2_000
"""Characters of a call's input from which its line is built."""
LIVE_LINES = 12
"""Lines shown of the end of a running command's output."""
RAIL = f"margin:6px 0;border-left:{style.RAIL};padding-left:10px"

_SKILL_FILE = re.compile(
    r"(?<![\w./-])/(?:[^\s'\"/]{1,255}+/){1,24}(?=[\w.-]{1,255}/(?:(?:scripts|references|assets)/|SKILL\.md\b))"
)


def status_mark(called: Called) -> str:
    """The symbol for a call's status, with a word if it waits or has failed."""
    result = called.result
    if result is None:
        return "◌ waiting for an answer" if called.asked else "◌"
    if not called.is_error:
        return "✓"
    refused = called.approval is not None and not called.approval.allowed
    return f"✗ {one_line(result.status or ('refused' if refused else 'failed'), 40)}"


def summary(called: Called, skills: Mapping[str, str]) -> str:
    """The call's input in one line: its command or path, else its arguments; skill paths are shortened."""
    given = called.call.input
    named = [value for key in COMMAND_KEYS if isinstance(value := given.get(key), str) and value]
    text = " ".join(named) or None  # an editor's command and its path
    if text is None:
        text = ", ".join(f"{key}={_value(value)}" for key, value in given.items())
    text = text[:SUMMARY_LENGTH]
    for name, folder in sorted(skills.items(), key=lambda pair: -len(pair[1])):
        if len(folder) > 1:
            text = re.sub(rf"(?<![\w./-]){re.escape(folder.rstrip('/'))}(?=/)", name.replace("\\", r"\\"), text)
    # If the folders are not known, the dots show that something was left out.
    return one_line(_SKILL_FILE.sub("…/", text))


def _value(value: object) -> str:
    return value if isinstance(value, str) else _json(value)


def _json(value: object, indent: int | None = None) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, indent=indent, default=str)
    except (RecursionError, ValueError):
        return TOO_DEEP


def outcome(called: Called) -> str:
    """The duration, a summary of the result or the progress, and the number of files."""
    result, parts = called.result, []
    if result is not None:
        parts.append(duration(called.seconds))
        if result.summary:
            parts.append(one_line(result.summary, 60))
    elif called.progress is not None:
        done, share = called.progress, share_done(called)
        parts.append(f"{done.done:,.10g}" if share is None else f"{share:.0%}")
        parts += [one_line(done.text, 60)] if done.text else []
    if called.files:
        parts.append(counted(len(called.files), "file"))
    return " · ".join(parts)


def share_done(called: Called) -> float | None:
    """Progress of a running call from 0 to 1; None if unknown."""
    progress = called.progress
    if called.result is not None or progress is None or not progress.total > 0 or not math.isfinite(progress.done):
        return None
    return min(max(progress.done / progress.total, 0.0), 1.0)


def input_text(called: Called) -> str:
    """The whole input: `$ command`, or each argument after its name."""
    given = dict(called.call.input)
    lines = []
    if isinstance(given.get("command"), str) and "path" not in given:
        lines.append("$ " + given.pop("command"))
    for key, value in given.items():
        text = value if isinstance(value, str) else _json(value, indent=2)
        lines.append(f"{key}:\n{text}" if "\n" in text else f"{key}: {text}")
    return exact("\n".join(lines))


def output_text(called: Called) -> str:
    """The result as the model received it; while the call runs, its output so far."""
    return printed(called.result.text if called.result is not None else called.output).strip("\n")


def remarks(called: Called) -> list[str]:
    """Who allowed or refused the call, and where its whole output is saved."""
    lines = [_answer(called, called.approval)] if called.approval is not None else []
    if called.result is not None and called.result.output_path:
        lines.append(f"full output saved as {one_line(called.result.output_path, 400)}")
    return lines


def _answer(called: Called, approval: ApprovalAnswered) -> str:
    """Who allowed or refused a call, and the reason unless the result contains it."""
    if approval.by == STOPPED:
        return "not run: the turn was stopped while waiting for an answer"
    repeated = called.result is not None and approval.reason in called.result.text
    reason = f": {one_line(approval.reason, 300)}" if approval.reason and not repeated else ""
    if approval.by == UNANSWERED.by:
        return f"refused, since there was no one to ask{reason}"
    return f"{'allowed' if approval.allowed else 'refused'} by {one_line(approval.by, 60)}{reason}"


def render_call(called: Called, limits: CallLimits) -> str:
    """The call as a folded line of HTML; a failed one is unfolded."""
    head = f"<summary>{style.span(_line_html(called, limits), f'cursor:pointer;{style.MONO_FONT}')}</summary>"
    given = input_text(called)
    inside = [style.box(shortened(given, limits.input))] if given else []
    if output := output_text(called):
        inside.append(render_excerpt(excerpt(output, called.is_error), limits.output))
    elif called.result is not None:
        inside.append(f'<div style="{style.SMALL}">no output</div>')
    inside += (f'<div style="{style.SMALL}">{escape(text)}</div>' for text in remarks(called))
    if called.result is not None and called.result.details:
        folded = render_excerpt(excerpt(printed(called.result.details), failed=True), limits.output)
        inside.append(f'<details><summary style="{style.SMALL};cursor:pointer">Traceback</summary>{folded}</details>')
    state = " open" if called.is_error else ""
    body = "\n".join([head, *inside])
    return f'<div style="{RAIL}"><details{state}>{body}</details></div>'


def render_call_live(called: Called, limits: CallLimits) -> str:
    """The call's line without its input; while it runs, with the end of its output. Questions are shown elsewhere."""
    parts = [f'<div style="{style.MONO_FONT}">{_line_html(called, limits)}</div>']
    if called.result is None and (output := output_text(called)):
        parts.append(style.box("\n".join(output[-limits.output :].split("\n")[-LIVE_LINES:])))
    return f'<div style="{RAIL}">{"".join(parts)}</div>'


def _line_html(called: Called, limits: CallLimits) -> str:
    head, share = escape(status_mark(called)), share_done(called)
    bar = "" if share is None else f"{style.bar(share)} "
    return (
        f"{style.span(head, style.ALERT) if called.is_error else head} "
        f"{style.span(escape(one_line(called.call.name, 60)), style.SOFT)} "
        f'<span dir="auto">{escape(summary(called, limits.skills))}</span> '
        f"{bar}{style.span(escape(outcome(called)), style.SOFT)}"
    )


def _line(called: Called, limits: CallLimits) -> str:
    parts = (status_mark(called), one_line(called.call.name, 60), summary(called, limits.skills), outcome(called))
    return " ".join(part for part in parts if part)


def render_call_markdown(called: Called, limits: CallLimits) -> str:
    """The call as Markdown: its line, its command, the start and end of its output."""
    head = f"{escape_inline(status_mark(called))} {escape_inline(one_line(called.call.name, 60))}"
    line = f"{head} {code_span(summary(called, limits.skills))} {escape_inline(outcome(called))}".rstrip()
    most = min(limits.output, 2_000)
    given, output = shortened(input_text(called), most), excerpt_text(output_text(called), called.is_error, most)
    text = "\n".join(part for part in (given, output) if part)
    notes = "".join(f"\n\n{escape_markdown(text)}" for text in remarks(called))
    return f"{line}\n\n{code_block(text)}{notes}"


def render_call_text(called: Called, limits: CallLimits) -> str:
    """The call as a line of plain text; a failed one with its output and remarks."""
    if not called.is_error:
        return _line(called, limits)
    inside = [*excerpt_text(output_text(called), called.is_error, 2_000).split("\n"), *remarks(called)]
    return "\n".join([_line(called, limits), *(f"    {line}" for line in inside)])
