"""The Docker executor passes the suite that all executors share; what differs is listed here by name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conjure_magic.testing.executor_suite import ExecutorSuite
from conjure_magic.testing.place import Place

pytestmark = pytest.mark.docker


class TestDocker(ExecutorSuite):
    """In a container whose image has Python."""

    @pytest.fixture
    def place(self, make_container: Callable[..., Place]) -> Place:
        return make_container()

    def test_python_is_the_one_that_is_promised(self, place: Place) -> None:
        """None is promised: which one an image has is not known before its container runs. Both names mean one."""
        assert place.executor.paths.python == ""
        one, other = (place.text(f"{name} -c 'import sys; print(sys.executable)'") for name in ("python", "python3"))
        assert one == other != ""

    def test_huge_file_is_not_read(self, place: Place) -> None:
        """No command can make one, for its size has a limit; one that was there before is not read either."""
        assert place.run("truncate -s 1T huge").exit_code != 0
        with (place.workspace / "huge").open("wb") as huge:
            huge.truncate(1 << 40)
        super().test_huge_file_is_not_read(place)
