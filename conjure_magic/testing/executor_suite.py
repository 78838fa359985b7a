"""The conformance suite for executors: the required behaviour of commands and files.

Subclass it in a test module, and give it a fixture `place` that creates a new `Place` for each check:

    class TestMine(ExecutorSuite):
        @pytest.fixture
        def place(self, tmp_path):
            ...
            yield Place(executor, workspace, input, outside, key)
            executor.close()

If an executor deliberately behaves differently, override the check by name, with the reason in the docstring.
"""

from __future__ import annotations

from conjure_magic.testing.command_checks import EndChecks, OutputChecks, SurroundingsChecks
from conjure_magic.testing.executor_fixture import Place
from conjure_magic.testing.file_checks import ConfinementChecks, FileChecks
from conjure_magic.testing.process_checks import BackgroundChecks, KillChecks, LifeChecks

__all__ = ["ExecutorSuite", "Place"]


class ExecutorSuite(
    EndChecks,
    OutputChecks,
    SurroundingsChecks,
    KillChecks,
    BackgroundChecks,
    LifeChecks,
    FileChecks,
    ConfinementChecks,
):
    """Every check of commands and files."""
