"""Execute the quickstart notebook as a person without any key would, and say where to look.

Everything happens in a copy, `demo/`, so that the tree stays clean and the notebook's links to created files hold.
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
# A kernel that works as on a fresh machine: no key, no setting, no start-up file of the person's.
FOREIGN = re.compile(r"^(ANTHROPIC|CONJURE|IPYTHON|JPY)|API_KEY|AUTH_TOKEN", re.I)


def prepare(folder: Path) -> Path:
    """A fresh copy of the notebooks and the logs beside them; the notebook's path in it."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(HERE / "notebooks", folder, ignore=shutil.ignore_patterns("conjure-files", ".*"))
    return folder / f"{NAME}.ipynb"


def execute(path: Path) -> None:
    """Run it from top to bottom, in its folder; it is written back even when a cell fails.

    Raises:
        CellExecutionError: a cell failed.
    """
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory(prefix="conjure-demo-") as home:
        env = {name: value for name, value in os.environ.items() if not FOREIGN.search(name)}
        env |= {"CONJURE_HOME": home, "IPYTHONDIR": home, "CONJURE_MODEL": "offline"}
        env["JPY_SESSION_NAME"] = str(path)  # as a Jupyter server would: the workspace is named after it
        # A kernel on loopback warns about its lack of encryption.
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
    """Make Lab and Notebook open it trusted: links live, as after running it there."""
    NotebookNotary().sign(nbformat.read(path, as_version=4))


def export(path: Path) -> Path:
    """Its page, which asks no server for anything."""
    exporter = HTMLExporter(require_js_url="", mathjax_url="", mermaid_js_url="")
    page, _ = exporter.from_filename(str(path))
    target = path.with_suffix(".html")
    target.write_text(page, encoding="utf-8")
    return target


def main(folder: Path) -> int:
    """Do all of it below `folder`; 1 if a cell failed."""
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
