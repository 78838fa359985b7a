"""One Jupyter server and one browser, for JupyterLab and Notebook 7 alike: no click on a menu, no sleep.

Selectors that hold in both: `.jp-Notebook-cell[data-windowed-list-index='N']`, `.jp-Cell-outputArea`,
`.jp-InputPrompt` (`[*]:` while queued or running), `[data-jp-item-name=interrupt]`, `.jp-Stdin-input`. Select by
class and not by id: an untrusted output has its ids taken away.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import BrowserContext, Locator, Page, sync_playwright

# Chromium's own services have nothing to say here, and must not speak to anyone.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
]
URL = {"lab": "/lab/tree/{}?reset&token={}", "notebook": "/notebooks/{}?token={}"}
# For axe, what lies outside of a scrolled box is obscured by it: Lab's own body has no height at all, and Notebook 7
# scrolls long outputs.
IN_VIEW = "body{height:100vh!important} .jp-mod-outputsScrolled .jp-Cell-outputArea{max-height:none!important}"
APP = "window.jupyterapp"  # there because of expose_app_in_browser
QUIET = {
    # The news pop-up would cover screenshots.
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    # Lab gives a kernel one second to complete, and then shows nothing: too short on a busy machine.
    "@jupyterlab/completer-extension:manager": {"providerTimeout": 30_000},
}
THEMES = "@jupyterlab/apputils-extension:themes"

Server = tuple[str, str]
"""A server's address and its token."""


@contextlib.contextmanager
def jupyter(root: Path, settings: Mapping[str, Any] | None = None) -> Iterator[Server]:
    """Yield (url, token) of a server for Lab and Notebook 7; `settings` is {"@ext/name:plugin": {...}}."""
    with tempfile.TemporaryDirectory(prefix="jupyter-", ignore_cleanup_errors=True) as home:
        yield from _serve(root, Path(home), settings or {})


def _serve(root: Path, home: Path, settings: Mapping[str, Any]) -> Iterator[Server]:
    folders = {f"JUPYTER_{k}_DIR": str(home / k) for k in ("CONFIG", "DATA", "RUNTIME")}
    env = {**os.environ, "HOME": str(home), "IPYTHONDIR": str(home / "ipython")} | folders
    for key, value in (QUIET | dict(settings)).items():
        file = home / "CONFIG/lab/user-settings" / (key.replace(":", "/") + ".jupyterlab-settings")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(value))
    token = secrets.token_hex()
    with (home / "log").open("w") as log:
        server = subprocess.Popen(_command(root, token), env=env, stdout=log, stderr=log, start_new_session=True)
    try:
        yield _address(server, home, token), token
    finally:
        server.terminate()
        server.wait(10)  # ends its kernels too


def _command(root: Path, token: str) -> list[str]:
    return [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1"),
        *("--ServerApp.port=0", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={root}"),
        *("--ServerApp.jpserver_extensions={'notebook':True}", "--LabApp.expose_app_in_browser=True"),
        *("--JupyterNotebookApp.expose_app_in_browser=True", "--LabApp.extension_manager=readonly"),
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]


def _address(server: subprocess.Popen[bytes], home: Path, token: str) -> str:
    info, end = home / f"RUNTIME/jpserver-{server.pid}.json", time.monotonic() + 60
    while True:
        with contextlib.suppress(OSError, ValueError):
            url = str(json.loads(info.read_text())["url"]).rstrip("/")
            urllib.request.urlopen(f"{url}/api/status?token={token}", timeout=2).close()
            return url
        if server.poll() is not None or time.monotonic() > end:
            raise RuntimeError((home / "log").read_text())
        time.sleep(0.05)


@contextlib.contextmanager
def browser() -> Iterator[BrowserContext]:
    """Yield the system's Chromium with an empty profile; it never downloads one."""
    with sync_playwright() as p, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        context = p.chromium.launch_persistent_context(
            profile,
            executable_path=chromium_path(),
            headless=True,
            args=FLAGS,
            viewport={"width": 1280, "height": 1000},
            accept_downloads=True,
        )
        yield context
        context.close()


def chromium_path() -> str:
    """Where Chromium is, or would be."""
    return os.environ.get("CHROMIUM", "/usr/bin/chromium")


def axe_path() -> Path:
    """Where axe-core's one file is, or would be."""
    return Path(os.environ.get("AXE", Path(__file__).parent.parent / "node_modules/axe-core/axe.min.js"))


def write(path: Path, *sources: str) -> None:
    """A new notebook of these code cells."""
    nb = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    nb.cells = [nbformat.v4.new_code_cell(s) for s in sources]
    nbformat.write(nb, path)


def open_notebook(page: Page, server: Server, name: str, app: str = "lab") -> None:
    """Open it in `lab` or `notebook` and wait for its kernel to be idle."""
    page.goto(server[0] + URL[app].format(name, server[1]))
    page.wait_for_function(f"{APP}?.shell.currentWidget?.sessionContext")
    page.evaluate(
        f"async () => {{ const w = {APP}.shell.currentWidget; await w.context.ready; await w.sessionContext.ready }}"
    )
    page.wait_for_function(f"{APP}.shell.currentWidget.sessionContext.session?.kernel?.status === 'idle'")


def command(page: Page, name: str) -> None:
    """Execute one of the front end's commands and wait for it: awaiting a run command awaits the cells."""
    page.evaluate(f"name => {APP}.commands.execute(name)", name)


def start(page: Page, i: int) -> None:
    """Run cell i and do not wait."""
    page.evaluate(
        f"i => {{ {APP}.shell.currentWidget.content.activeCellIndex = i; "
        f"void {APP}.commands.execute('notebook:run-cell') }}",
        i,
    )


def wait_cells(page: Page, timeout: float = 30_000) -> None:
    """No cell queued or running. Not kernel.status: a subshell's idle overwrites the cell's busy."""
    idle = "![...document.querySelectorAll('.jp-InputPrompt')].some(e => e.innerText.includes('*'))"
    page.wait_for_function(idle, timeout=timeout)


DRAWN = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 50))))"
"""Resolves when the page has been drawn again: an element that was far away has no text until then."""


def cell(page: Page, i: int) -> Locator:
    """Cell i: input and output."""
    return page.locator(f".jp-Notebook-cell[data-windowed-list-index='{i}']")


def output(page: Page, i: int) -> Locator:
    """The output area of cell i, scrolled to and drawn: Lab does not draw what is far away."""
    cell(page, i).scroll_into_view_if_needed()
    page.evaluate(DRAWN)
    return cell(page, i).locator(".jp-Cell-outputArea")


def answer(page: Page, text: str) -> None:
    """Reply to input() or getpass(). An answered box stays in the page for another 0.5 s."""
    box = page.locator(".jp-OutputArea-stdin-item:not(.jp-OutputArea-stdin-hiding) .jp-Stdin-input")
    box.fill(text)
    box.press("Enter")


def axe(page: Page, selector: str) -> list[str]:
    """Violations, and nodes axe could not decide on (white on white lands there): the rule, the node, what to do.

    Left out is what says nothing about an output: the order of headings, which depends on the notebook around it,
    and the contrast of text that is signs alone (axe never decides it; the words beside them have the same ink).

    Raises:
        AssertionError: axe looked at no contrast at all, and its green would mean nothing.
    """
    page.add_style_tag(content=IN_VIEW)
    before = page.viewport_size or {"width": 1280, "height": 1000}
    tall = page.evaluate("Math.max(...[...document.querySelectorAll('*')].map(e => e.scrollHeight))")
    page.set_viewport_size({"width": before["width"], "height": int(tall) + 500})
    page.locator(selector).first.scroll_into_view_if_needed()
    page.add_script_tag(path=axe_path())
    r = page.evaluate("s => axe.run(s, { rules: { 'heading-order': { enabled: false } } })", selector)
    page.set_viewport_size(before)
    assert any(v["id"] == "color-contrast" for k in ("passes", "violations", "incomplete") for v in r[k])
    found = [(v["id"], n) for k in ("violations", "incomplete") for v in r[k] for n in v["nodes"] if not _signs(n)]
    return [f"{rule}: {n['html'][:300]} | {n.get('failureSummary')}" for rule, n in found]


def _signs(node: Mapping[str, Any]) -> bool:
    return any(isinstance(check["data"], dict) and check["data"].get("messageKey") == "nonBmp" for check in node["any"])
