"""What SECURITY.md does not promise is as it says: a shell command on the user's machine can do what the user can."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

KEY = "sk-ant-api03-only-a-test-0123456789"
CODE = """
import sys
from conjure_magic import Session
from conjure_magic.approval import approve_all

def model(request):
    if len(request.messages) > 1:
        return "done"
    return {"content": [{"type": "tool_use", "id": "t1", "name": "bash_tool", "input": {"command": sys.argv[1]}}]}

with Session("local", model=model, approver=approve_all) as session:
    print(session.chat("go").tool_calls[0].result.text)
"""
LOOK = "tr '\\0' '\\n' < /proc/PID/environ | rev; cat SECRET"


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_local_command_finds_the_key_of_the_kernel_and_files_of_the_user(tmp_path: Path) -> None:
    secret = tmp_path / "elsewhere" / "secret"
    secret.parent.mkdir()
    secret.write_text("a file of the user\n")
    command = LOOK.replace("SECRET", str(secret)).replace("PID", "$(cut -d' ' -f4 /proc/$PPID/stat)")
    (tmp_path / "project").mkdir()
    run = subprocess.run(
        [sys.executable, "-c", CODE, command],
        env={**os.environ, "ANTHROPIC_API_KEY": KEY, "PYTHONPATH": os.pathsep.join(sys.path)},
        cwd=tmp_path / "project",
        capture_output=True,
        text=True,
        check=False,
    )
    assert KEY[::-1] in run.stdout, run
    assert "a file of the user" in run.stdout
    assert KEY not in run.stdout
