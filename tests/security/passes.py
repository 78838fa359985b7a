"""Every pass over text that a model, a tool, a file or a server chooses: renderers, cleaners, previewers, parsers."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from render.made import CALL, LIMITS, called, turn

from conjure_magic import characters
from conjure_magic.api import error_translation
from conjure_magic.artifacts import Artifact, media_type
from conjure_magic.backends.bundled_native import log_fetcher
from conjure_magic.backends.hosted.results import read_result
from conjure_magic.command_rules import matches_rule, words_of
from conjure_magic.errors import ConjureError
from conjure_magic.events import Called, Noted, Said, Thought
from conjure_magic.executors.output_cleaning import PlainText, visible
from conjure_magic.history import repair, settle
from conjure_magic.messages import Message, OtherBlock, TextBlock, ToolResultBlock, ToolUseBlock
from conjure_magic.models.offline import (
    answer,
    conversation,
    documents,
    explain,
    interface,
    mentions,
    sampling,
    script_options,
    template,
)
from conjure_magic.models.offline.reading.reader import read_request
from conjure_magic.models.tool_arguments import read_call
from conjure_magic.phrases import shortened
from conjure_magic.render import live_text, markdown, quoted_text, running_turn, safe_markdown, text
from conjure_magic.render.excerpt import excerpt, render_excerpt
from conjure_magic.render.items import render_item, render_item_markdown, render_item_text
from conjure_magic.render.listings import Table, render_artifact, render_state
from conjure_magic.render.previews import preview_file
from conjure_magic.render.tool_calls import (
    render_call,
    render_call_live,
    render_call_markdown,
    render_call_text,
    summary,
)
from conjure_magic.render.turn import render_footer, render_turn
from conjure_magic.secrets import masked
from conjure_magic.skills.frontmatter import parse_frontmatter, quote_plain_values
from conjure_magic.skills.yaml_text import parse_yaml_text
from conjure_magic.tools import bash_tool, check_arguments
from conjure_magic.turn.compaction import summary_by_rule

Pass = Callable[[str], object]
_FOLDER = tempfile.mkdtemp(prefix="conjure-passes-")


def _refusing(work: Pass) -> Pass:
    """The same, where a refusal of ours is an answer."""

    def run(given: str) -> object:
        with contextlib.suppress(ConjureError, ValueError):
            return work(given)

    return run


def _file(name: str) -> Callable[[str], Artifact]:
    def make(content: str) -> Artifact:
        path = Path(_FOLDER) / name
        data = content.encode("utf-8", "replace")
        path.write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        return Artifact(name, media_type(name), len(data), digest, "local", "t1", "new", path, name)

    return make


def _shown_file(name: str) -> Pass:
    make = _file(name)
    return lambda given: render_artifact(make(given), LIMITS)


def _streamed(given: str) -> str:
    stream, data = PlainText(), given.encode("utf-8", "replace")
    return "".join(stream.feed(data[at : at + 65536]) for at in range(0, len(data), 65536)) + stream.end()


def _call(given: str) -> Called:
    return Called(ToolUseBlock("t1", "write", {"text": given, "nested": [{given[:40]: given}]}), given)


def _answered(given: str) -> tuple[Message, ...]:
    call = ToolUseBlock("t1", "bash_tool", {"command": given})
    return (
        Message.user(given),
        Message("assistant", (TextBlock(given), call)),
        Message("user", (ToolResultBlock("t1", given),)),
        Message.assistant(given),
    )


PASSES: dict[str, Pass] = {
    **{
        f"characters.{door.__name__}": door
        for door in (characters.exact, characters.strict, characters.printed, characters.clean)
    },
    "terminal.visible": visible,
    "terminal.PlainText": _streamed,
    "secrets.masked": lambda given: masked(given, ["aaaaaaaaab", "[[[[[[[(", "      x"]),
    "text.one_line": text.one_line,
    "text.escape": text.escape,
    "text.json_safe": lambda given: text.json_safe({"a": [given, given]}),
    "phrases.shortened": lambda given: shortened(given, 1000),
    "quoted_text.quoted": quoted_text.quoted,
    "quoted_text.beginning": quoted_text.beginning,
    "quoted_text.named": quoted_text.named,
    "markdown.render_markdown": markdown.render_markdown,
    "safe_markdown.render_markdown_source": safe_markdown.render_markdown_source,
    "safe_markdown.escape_inline": safe_markdown.escape_inline,
    "safe_markdown.escape_markdown": safe_markdown.escape_markdown,
    "safe_markdown.code_span": safe_markdown.code_span,
    "safe_markdown.code_block": lambda given: safe_markdown.code_block(given, given),
    "calls.summary": lambda given: summary(called(given), {"skill": "/a/a"}),
    "calls.render_call": lambda given: render_call(called(given, given, is_error=True, status=given), CALL),
    "calls.render_call of any tool": lambda given: render_call(_call(given), CALL),
    "calls.render_call_live": lambda given: render_call_live(Called(called(given).call, given, output=given), CALL),
    "calls.render_call_markdown": lambda given: render_call_markdown(called(given, given), CALL),
    "excerpt.render_excerpt": lambda given: render_excerpt(excerpt(characters.printed(given), failed=False), 2_000),
    "calls.render_call_text": lambda given: render_call_text(called(given, given, is_error=True), CALL),
    "items.render_item": lambda given: [render_item(item, CALL) for item in (Said(given), Thought(given))],
    "items.render_item of a notice": lambda given: render_item(Noted(given, "error"), CALL),
    "items.render_item_markdown": lambda given: render_item_markdown(Thought(given), CALL),
    "items.render_item_text": lambda given: [render_item_text(item, CALL) for item in (Said(given), Thought(given))],
    "running_turn.render_newest": lambda given: running_turn.render_newest(
        [Said(given), Thought(given)], len(given) // 2, "```"
    ),
    "running_turn.render_status": lambda given: running_turn.render_status([_call(given)], 1.0, datetime.now()),
    "running_turn.render_unfinished": lambda given: running_turn.render_unfinished([Said(given)], 1.0),
    "running_turn.render_failure": lambda given: running_turn.render_failure(turn(Said(given)), given),
    "live_text.open_fence": live_text.open_fence,
    "live_text.block_cut": lambda given: live_text.block_cut(given, 0),
    "live_text.last_part": lambda given: live_text.last_part(given, 0, "", 100),
    "live_text.without_unfinished_table": live_text.without_unfinished_table,
    "turn.render_turn": lambda given: render_turn(turn(Said(given), called(given, given)), LIMITS),
    "turn.render_footer": lambda given: render_footer(turn(stop_reason="error", error=given, model=given)),
    "tables.render_state": lambda given: render_state(given, [(given[:99], given)], [Table((given[:99],), [(given,)])]),
    **{
        f"tables.render_artifact of {name}": _shown_file(name)
        for name in ("a.svg", "a.csv", "a.tsv", "a.json", "a.md", "a.html", "a.log", "a.bin", "a.jsonl", "a.xml")
    },
    "previews.preview_file": lambda given: preview_file(_file("b.svg")(given), 1 << 20),
    "rules.matches_rule": lambda given: matches_rule(given, ["a *", "* *", "a/*a/*a/*a"]),
    "rules.words_of": words_of,
    "tools.check_arguments": _refusing(lambda given: check_arguments(bash_tool(60), {"command": given})),
    "log_fetcher.parse": _refusing(log_fetcher.parse),
    "log_fetcher.read_entries": lambda given: log_fetcher.read_entries(given, 100),
    "log_fetcher.read_entries of lines": lambda given: log_fetcher.read_entries(f"{given}\n", 100),
    "results.read_result": lambda given: read_result(
        OtherBlock({"type": "code_execution_tool_result", "tool_use_id": "t", "content": {"stdout": given}})
    ),
    "faults.from_body": lambda given: error_translation.from_body({"error": {"type": "x", "message": given}}, 400),
    "history.repair": lambda given: repair(_answered(given)),
    "history.settle": lambda given: settle(_answered(given), frozenset()),
    "compaction.summary_by_rule": lambda given: summary_by_rule(_answered(given)),
    "frontmatter.parse_frontmatter": _refusing(
        lambda given: parse_frontmatter(f"---\nname: a\ndescription: {given}\n---\n")
    ),
    "frontmatter.quote_plain_values": quote_plain_values,
    "yaml_text.parse_yaml_text": _refusing(parse_yaml_text),
    "offline.answer.plain": answer.plain,
    "offline.answer.looks_like_markdown": answer.looks_like_markdown,
    "offline.answer.split_status": answer.split_status,
    "offline.answer.render_output": answer.render_output,
    "offline.conversation.read_conversation": lambda given: conversation.read_conversation(_answered(given)[:3]),
    "offline.conversation.read_system": lambda given: conversation.read_system(
        f"<available_skills>{given}</available_skills>{given}"
    ),
    "offline.documents.read_documentation": documents.read_documentation,
    "offline.documents.code_spans": lambda given: list(documents.code_spans(given)),
    "offline.explain.explain": explain.explain,
    "offline.mentions.read_mentions": mentions.read_mentions,
    "offline.interface.read_help": lambda given: interface.read_help("a.py", f"usage: a.py [-h]\n{given}"),
    "offline.script_options.read_declared": lambda given: script_options.read_declared(
        {"": f"import argparse\nparser = argparse.ArgumentParser()\n{given}"}
    ),
    "offline.look.read_sample": lambda given: sampling.read_sample("head a", given),
    "offline.reading.read_request": read_request,
    "arguments.read_call": lambda given: read_call({"type": "tool_use", "id": "t", "name": "n"}, given),
    "offline.template.parse_template": template.parse_template,
}
