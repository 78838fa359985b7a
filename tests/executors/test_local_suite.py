"""The local executor passes the suite that all executors share."""

from __future__ import annotations

from conjure_magic.testing.executor_suite import ExecutorSuite


class TestLocal(ExecutorSuite):
    """Nothing differs on Linux."""
