"""A notebook from someone else: its name and its metadata lead nowhere, and are no text that acts."""

from __future__ import annotations

from pathlib import Path

import pytest
from security.attacks import INVISIBLE

from conjure_magic.workspace import Workspace

NAMES = ["..", ".", "-rf", "a\nb", "a\x1b]0;t\x07", "$(touch x)", "x" * 240, ""]
"""What can be the name of a file; Jupyter Server says in which folder it is."""


@pytest.mark.parametrize("name", [*NAMES, *INVISIBLE.values()], ids=repr)
def test_the_name_of_a_notebook_leads_to_no_folder_but_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    project = tmp_path.resolve() / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    if "\x00" not in name:  # no environment can hold it
        monkeypatch.setenv("JPY_SESSION_NAME", str(project / f"{name}.ipynb").encode("utf-8", "replace").decode())
    workspace = Workspace.open("main")
    try:
        assert workspace.root.parent.name == "conjure-files"
        assert workspace.root.resolve().is_relative_to(tmp_path.resolve())
        assert workspace.root.name.isprintable()
        assert not workspace.root.name.startswith(("-", "."))
    finally:
        workspace.close()
