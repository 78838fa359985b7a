"""Hostile text in a real JupyterLab and Notebook 7: nothing of it runs, nothing is fetched, nothing is a link to it.

`new_page` watches what a page asks for and whether it opens a dialog, and fails the test on leaving.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from kit import output
from playwright.sync_api import Page

pytestmark = pytest.mark.browser
HERE = Path(__file__).parent.parent

# A model that says a hostile text, has a command print it, and names and fills files with it.
MODEL = f"""
import sys, json, base64; sys.path.insert(0, {str(HERE)!r})
import hostile
from conjure_magic import Session
from conjure_magic.approval import approve_all
%load_ext conjure_magic
SCRIPT = '''
import base64, json, pathlib, sys
for name, data in json.loads(base64.b64decode(sys.argv[1])):
    path = pathlib.Path("f", name)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(base64.b64decode(data))
    sys.stdout.buffer.write(name.encode("utf-8", "surrogateescape") + base64.b64decode(data)[:2000])
'''
def packed(files):
    pairs = [(name.replace("/", "!"), base64.b64encode(data).decode()) for name, data in files]
    return base64.b64encode(json.dumps(pairs).encode()).decode()
def evil(request):
    words = request.messages[-1]
    if "tool_result" in json.dumps(words.to_dict()):
        return TEXT
    command = "python make.py " + packed([(name, TEXT.encode("utf-8", "replace")) for name in hostile.FILE_NAMES]
                                         + list(hostile.FILE_CONTENTS.items()))
    return {{"content": [
        {{"type": "text", "text": TEXT}},
        {{"type": "tool_use", "id": "a", "name": "create_file", "input": {{"path": "make.py", "file_text": SCRIPT}}}},
        {{"type": "tool_use", "id": "b", "name": "bash_tool", "input": {{"command": command}}}},
        {{"type": "tool_use", "id": "c", "name": TEXT[:60], "input": {{TEXT[:60]: TEXT}}}},
    ], "stop_reason": "tool_use"}}
TEXT = hostile.EVERYTHING
"""
LIVE = "%%conjure --model evil --yes --backend local\nGo."
# Each text by itself: in all of them together an open fence makes code of the rest.
SINGLE = """
session = Session(backend="local", model=lambda request: TEXT)
for TEXT in hostile.TEXTS.values():
    display(session.chat("Go.", approver=approve_all))
"""

# What must not be there, whatever a text says: elements that act or load, handlers, and odd addresses.
ACTING = """roots => roots.flatMap(root => [...root.querySelectorAll('*')]).filter(e =>
    ['SCRIPT', 'IFRAME', 'OBJECT', 'EMBED', 'STYLE', 'LINK', 'META', 'BASE', 'FORM', 'VIDEO', 'AUDIO', 'SVG', 'INPUT']
        .includes(e.tagName.toUpperCase())
    || [...e.attributes].some(a => a.name.startsWith('on'))
    || (e.tagName === 'A' && e.href && !/^(https?|mailto|data:application\\/octet-stream|blob):?/.test(e.href))
    || (e.tagName === 'IMG' && !/^data:image\\//.test(e.src))
).map(e => e.outerHTML.slice(0, 200))"""


def test_nothing_of_a_hostile_turn_acts(opened: Callable[..., Page]) -> None:
    """Through model, tool call, tool output, file names and contents; live and as values that display themselves."""
    page = opened(MODEL, LIVE, SINGLE, name="hostile.ipynb")
    for i in (1, 2):
        region = output(page, i)
        assert "alert(1)" in region.inner_text()  # in words
        assert region.locator("[data-mime-type='application/vnd.jupyter.error']").count() == 0
        assert region.locator(".jp-RenderedHTML").evaluate_all(ACTING) == []
    assert output(page, 1).locator("details").count() == 3
