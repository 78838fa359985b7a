"""Take the picture in the README: the first answer of the quickstart in JupyterLab."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(HERE / "tests"))

from kit import APP, browser, command, jupyter, open_notebook, wait_cells  # noqa: E402


def take(target: Path, width: int = 1100, height: int = 3500) -> None:
    """Run the notebook without a key and write a picture of its first cell, input included, to `target`."""
    for name in [name for name in os.environ if name.startswith(("ANTHROPIC_", "CONJURE_"))]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(prefix="conjure-picture-") as folder:
        notebooks = Path(folder) / "notebooks"
        shutil.copytree(HERE / "notebooks", notebooks, ignore=shutil.ignore_patterns("conjure-files", ".*"))
        os.environ["CONJURE_HOME"] = folder
        with jupyter(notebooks) as server, browser() as chromium:
            page = chromium.new_page()
            page.set_viewport_size({"width": width, "height": height})
            open_notebook(page, server, "quickstart.ipynb")
            command(page, "notebook:run-all-cells")
            wait_cells(page, 120_000)
            page.evaluate(f"{APP}.shell.collapseLeft(); {APP}.shell.currentWidget.content.deselectAll()")
            target.parent.mkdir(parents=True, exist_ok=True)
            first = page.locator(".jp-CodeCell", has_text="%%conjure").first
            first.scroll_into_view_if_needed()
            first.screenshot(path=target)


if __name__ == "__main__":
    take(Path(sys.argv[1]).resolve())
