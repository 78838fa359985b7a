"""The public names are typed for those who use them: a type checker and an editor see what is there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


@pytest.mark.parametrize("name", ["program.py", "mistakes.py"])
def test_strict_mypy_accepts_what_is_right_and_rejects_what_is_wrong(name: str, tmp_path: Path) -> None:
    """As in a user's project: none of this one's settings, and the package as it is installed."""
    pytest.importorskip("mypy", reason="the extra lint brings it")
    (tmp_path / name).write_text((HERE / name).read_text(encoding="utf-8"), encoding="utf-8")
    cache = ["--cache-dir", str(ROOT / ".mypy_cache" / "typing")]
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "", *cache, name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=170)
    assert (done.stdout.strip(), done.returncode) == ("Success: no issues found in 1 source file", 0), done.stderr


BEGIN = "from conjure_magic import Session\n\nsession = Session('local')\nresult = session.chat('x')\n"


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("session.", {"backends", "chat", "files", "reset", "retry", "skills", "stream", "undo", "use"}),
        ("result.", {"cost", "download_files", "files", "stop_reason", "text", "tool_calls", "usage"}),
        ("session.files['a.csv'].", {"media_type", "name", "open", "read", "save"}),
        ("import conjure_magic\nconjure_magic.", {"ApprovalRequest", "Decision", "Session", "approve_all", "skill"}),
    ],
)
def test_an_editor_completes_members_without_running_anything(typed: str, offered: set[str]) -> None:
    import jedi

    code = BEGIN + typed
    lines = code.splitlines()
    found = {completion.name for completion in jedi.Script(code).complete(len(lines), len(lines[-1]))}
    assert offered - found == set()
