"""The answers of the offline model: a column of the table in log_analyzer.md."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from conjure_magic.approval import approve_all
from conjure_magic.session import Session
from conjure_magic.settings import Settings


def answer(question: str, log: str | Path) -> str | None:
    """The answer that a cell shows for a question about this log; None if no command ran."""
    path = Path(log)
    with tempfile.TemporaryDirectory() as folder:
        before = Path.cwd()
        os.chdir(folder)  # the session's own folder is made in the current one
        try:
            settings = Settings(project_skills=False)
            with Session(
                "local", model="offline", input=path.parent, settings=settings, approver=approve_all
            ) as session:
                result = session.chat(f"In {path.name}: {question}")
        finally:
            os.chdir(before)
    return result.text if result.tool_calls else None
