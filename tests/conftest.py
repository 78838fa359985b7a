"""What every test stands on: an environment with nothing of the person's in it, and no silent skips in CI.

Fixtures for a browser are in `tests/browser/conftest.py`; the kits behind them in `kit.py`, `kernel_kit.py` and
`docker_kit.py`.
"""

from __future__ import annotations

import os
import re
import signal
import tempfile
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import hypothesis
import pytest

# Here, since it has to come before anything imports them: the shared suites' assertions say what they compared.
pytest.register_assert_rewrite("conjure_magic.testing")

# Settings that would reach into a test, and anything that may be a secret, but for what speaks to the tests themselves.
FOREIGN = re.compile(r"^(ANTHROPIC|CONJURE|IPYTHON|JUPYTER|JPY|XDG)_?|KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.I)
KEPT = {"CONJURE_REQUIRE", "CONJURE_TEST_IMAGE", "CONJURE_SOAK", "CONJURE_LLAMA_CPP"}
REQUIRED = {word for word in os.environ.get("CONJURE_REQUIRE", "").split(",") if word}


def scrub(environ: MutableMapping[str, str], home: Path) -> None:
    """Leave nothing of the person's in `environ`: no key, no setting, and homes of its own below `home`."""
    for name in [name for name in environ if FOREIGN.search(name) and name not in KEPT]:
        del environ[name]
    own = {"HOME": home, "IPYTHONDIR": home / "ipython", "CONJURE_HOME": home / "conjure"}
    own |= {f"JUPYTER_{kind}_DIR": home / "jupyter" / kind.lower() for kind in ("CONFIG", "DATA", "RUNTIME")}
    for name, path in own.items():
        path.mkdir(parents=True, exist_ok=True)
        environ[name] = str(path)
    # Jupyter's deprecated default paths would warn; servers and stubs live on loopback, whatever proxy is set.
    environ |= {"JUPYTER_PLATFORM_DIRS": "1", "NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}


# Now, and not in a fixture: IPython and Jupyter read some of these when they are first imported, and the workers
# of a parallel run inherit them.
_HOME = tempfile.TemporaryDirectory(prefix="conjure-tests-", ignore_cleanup_errors=True)
scrub(os.environ, Path(_HOME.name))

# Under `nohup` or in a script's background job, this process and all that it starts would be deaf to interrupts. A
# handler, unlike SIG_IGN, is not inherited: each child begins as it does in a terminal.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

hypothesis.settings.register_profile("default", deadline=None)  # a busy machine is slow, not wrong
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") or REQUIRED else "default")


def pytest_unconfigure() -> None:
    """Nothing is left behind in the system's temporary folder."""
    _HOME.cleanup()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[Any]:
    """A test marked with a word of CONJURE_REQUIRE must run: there its skip is a failure."""
    report = yield
    missing = sorted(word for word in REQUIRED if item.get_closest_marker(word))
    if report.skipped and missing and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome, report.longrepr = "failed", f"CONJURE_REQUIRE={','.join(missing)} forbids this skip: {reason}"
    return report


@pytest.fixture(autouse=True)
def conjure_home(monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of conjure_magic's own for each test: no skill, transcript or trust of another test's."""
    home = tempfile.mkdtemp(dir=_HOME.name)  # removed with it, at the end of the run
    monkeypatch.setenv("CONJURE_HOME", home)
    return Path(home)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of the test's own, where it works."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def stub(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A strict server of the Messages API on loopback; a module names the only key that it takes as STUB_KEY."""
    from conjure_magic.testing.stub import StubServer

    with StubServer(key=getattr(request.module, "STUB_KEY", "")) as server:
        yield server


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A real kernel for the tests of one module, started in a folder of its own (`kernel.folder`)."""
    from kernel_kit import Kernel

    kernel = Kernel(folder=tmp_path_factory.mktemp("kernel"))
    yield kernel
    kernel.close()


@pytest.fixture(scope="session")
def docker_image() -> str:
    """An image with Python on a real engine; skips, with the reason, where there is none."""
    from docker_kit import image

    return image("base")


@pytest.fixture(scope="session")
def docker_sh_image() -> str:
    """An image with a shell and no Python on a real engine; skips, with the reason, where there is none."""
    from docker_kit import image

    return image("sh")
