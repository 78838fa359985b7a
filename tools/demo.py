"""Execute the quickstart notebook without an API key, and print where to find the result.

It runs in a copy, `demo/`, so that the source tree stays clean and the notebook's links to created files work.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter
from nbconvert.filters import strip_ansi
from nbformat.sign import NotebookNotary

HERE = Path(__file__).resolve().parent.parent
NAME = "quickstart"
# The kernel runs as on a fresh machine, without the user's keys, settings and start-up files.
FOREIGN = re.compile(r"^(ANTHROPIC|CONJURE|IPYTHON|JPY)|API_KEY|AUTH_TOKEN", re.I)


def prepare(folder: Path) -> Path:
    """Copy the notebooks and their logs into the folder; return the path of the notebook."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(HERE / "notebooks", folder, ignore=shutil.ignore_patterns("conjure-files", ".*"))
    return folder / f"{NAME}.ipynb"


def execute(path: Path) -> None:
    """Run the notebook in its folder; it is saved even if a cell fails.

    Raises:
        CellExecutionError: a cell failed.
    """
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory(prefix="conjure-demo-") as home:
        env = {name: value for name, value in os.environ.items() if not FOREIGN.search(name)}
        env |= {"CONJURE_HOME": home, "IPYTHONDIR": home, "CONJURE_MODEL": "offline"}
        env["JPY_SESSION_NAME"] = str(path)  # as set by a Jupyter server: the workspace is named after it
        # --log-level=ERROR: a kernel on loopback warns about missing encryption.
        client = NotebookClient(
            notebook,
            timeout=300,
            extra_arguments=["--log-level=ERROR"],
            resources={"metadata": {"path": str(path.parent)}},
        )
        try:
            client.execute(env=env)
        finally:
            nbformat.write(notebook, path)


def sign(path: Path) -> None:
    """Sign the notebook, so that Lab and Notebook trust it as if it had been run there."""
    NotebookNotary().sign(nbformat.read(path, as_version=4))


def export(path: Path) -> Path:
    """Write the notebook as an HTML page that loads nothing from any server."""
    exporter = HTMLExporter(require_js_url="", mathjax_url="", mermaid_js_url="")
    page, _ = exporter.from_filename(str(path))
    target = path.with_suffix(".html")
    target.write_text(page, encoding="utf-8")
    return target


def main(folder: Path) -> int:
    """Prepare, execute, sign and export below `folder`; returns 1 if a cell failed."""
    path = prepare(folder)
    print(f"Executing notebooks/{NAME}.ipynb, offline and without a key …", flush=True)
    try:
        execute(path)
    except CellExecutionError as error:
        print(strip_ansi(str(error)), file=sys.stderr)
        return 1
    sign(path)
    page = export(path)
    lab = Path(sys.executable).with_name("jupyter-lab")
    print(f"notebook  {_short(path)}")
    print(f"page      {_short(page)}   (any browser)")
    print(f"open it   {_short(lab)} {_short(path)}")
    return 0


def _short(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "demo"))
