"""The set-up around the package: the demo, the wheel, and what `conftest.py` promises every other test."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbformat.sign import NotebookNotary

HERE = Path(__file__).parent.parent
CANARY = "sk-ant-" + "c4n4ry" * 4


def run(*command: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=os.environ | env, cwd=HERE, capture_output=True, text=True, timeout=170, stdin=subprocess.DEVNULL
    )


# --- The demo ---


@dataclass(frozen=True)
class Demo:
    """A demo that was made with a key in the environment: its folder, what was said, both as they are."""

    folder: Path
    said: str

    @property
    def notebook(self) -> nbformat.NotebookNode:
        return nbformat.read(self.folder / "quickstart.ipynb", as_version=4)

    @property
    def page(self) -> str:
        return (self.folder / "quickstart.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp("demo") / "out"
    done = run(sys.executable, "tools/demo.py", str(folder), ANTHROPIC_API_KEY=CANARY, CONJURE_BACKEND="nonsense")
    assert done.returncode == 0, done.stderr
    return Demo(folder, done.stdout)


def test_the_demo_says_where_to_look(demo: Demo) -> None:
    assert str(demo.folder / "quickstart.ipynb") in demo.said
    assert str(demo.folder / "quickstart.html") in demo.said


def test_the_demo_makes_a_chart_and_a_table(demo: Demo) -> None:
    """And the answers come from a model that needs no key."""
    kinds = {path.suffix for path in demo.folder.glob("conjure-files/*/*")}
    assert {".svg", ".csv"} <= kinds
    assert "not a language model" in demo.page


def test_the_demo_opens_trusted(demo: Demo) -> None:
    notary = NotebookNotary()
    assert notary.check_signature(demo.notebook)
    notary.store.close()


def test_the_demo_leaves_the_key_nowhere(demo: Demo) -> None:
    assert [path for path in demo.folder.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()] == []


def test_the_page_of_the_demo_loads_nothing(demo: Demo) -> None:
    """No require.js, no MathJax; a browser's view of the same is among the browser tests."""
    assert re.findall(r"<(?:script|img|iframe)\b[^>]*\bsrc=[\"'](?!data:|[\"'])", demo.page) == []
    assert re.findall(r"<link\b[^>]*\bhref=", demo.page) == []


def test_the_demo_leaves_the_tree_clean(demo: Demo) -> None:
    """The notebook in the repository has no outputs: they would go stale, and the demo makes them again."""
    source = nbformat.read(HERE / "notebooks/quickstart.ipynb", as_version=4)
    assert [cell for cell in source.cells if cell.get("outputs")] == []


# --- The wheel ---


def test_the_wheel_holds_what_it_needs(tmp_path: Path) -> None:
    done = run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path))
    assert done.returncode == 0, done.stderr
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    found = [path.relative_to(HERE) for path in (HERE / "conjure_magic").rglob("*") if path.is_file()]
    # Caches that tools left behind are no part of it.
    sources = [path for path in found if not any(part.startswith((".", "__pycache__")) for part in path.parts)]
    assert {str(path) for path in sources} <= set(names)
    assert any(name.endswith("data/share/conjure_magic/ipython_config.json") for name in names)


# --- What conftest.py promises ---

SAMPLE = """
import os, signal, time, pytest

def test_interrupts():
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
        time.sleep(1)

@pytest.mark.browser
def test_browser(): pytest.skip("none here")

def test_other(): pytest.skip("not here either")

@pytest.mark.browser
@pytest.mark.xfail(reason="known")
def test_known(): assert False

def test_environment():
    assert not [name for name, value in os.environ.items() if "c4n4ry" in value]
    assert os.environ["HOME"] != "/home/c4n4ry"
"""


def run_sample(folder: Path, *before: str, **env: str) -> str:
    (folder / "conftest.py").write_text((HERE / "tests/conftest.py").read_text())
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    browser: x\n")
    (folder / "test_sample.py").write_text(SAMPLE)
    command = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(folder), str(folder))
    return run(*before, *command, **env).stdout


def test_a_skip_is_a_skip_where_nothing_is_required(tmp_path: Path) -> None:
    assert "2 passed, 2 skipped, 1 xfailed" in run_sample(tmp_path, CONJURE_REQUIRE="")


def test_a_required_test_may_not_skip(tmp_path: Path) -> None:
    said = run_sample(tmp_path, CONJURE_REQUIRE="docker,browser")
    assert "1 failed, 2 passed, 1 skipped, 1 xfailed" in said
    assert "CONJURE_REQUIRE=browser forbids this skip: Skipped: none here" in said


@pytest.mark.parametrize("name", ["ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "CONJURE_MODEL", "GITHUB_TOKEN", "HOME"])
def test_tests_see_nothing_of_the_persons(tmp_path: Path, name: str) -> None:
    assert "2 passed" in run_sample(tmp_path, **{name: "/home/c4n4ry"})


def test_tests_hear_interrupts_where_the_shell_ignores_them(tmp_path: Path) -> None:
    """As in a script's background job."""
    assert "2 passed" in run_sample(tmp_path, "sh", "-c", "trap '' INT; exec \"$@\"", "sh")


# --- The command files ---


def test_the_demo_installs_no_tool_of_the_tests() -> None:
    """And after the tests' set-up it has nothing left to install."""
    said = run("make", "--dry-run", "VENV=nowhere", "MAKEFLAGS=", "demo").stdout
    assert re.findall(r"--editable '(.*)'", said) == [".[lab]"]
    said = run("make", "--dry-run", "VENV=nowhere", "MAKEFLAGS=", "test", "demo").stdout
    assert ".[test,lint]" in said


def test_ci_is_a_sound_script() -> None:
    assert run("bash", "-n", ".ci/run").returncode == 0
    assert os.access(HERE / ".ci/run", os.X_OK)


@pytest.mark.parametrize("target", ["demo", "test", "unit", "soak", "lint", "types", "bench", "picture"])
def test_every_target_sets_itself_up(target: str) -> None:
    """On a machine where nothing is installed yet, each begins with the virtual environment."""
    said = run("make", "--dry-run", "VENV=nowhere", "MAKEFLAGS=", target)
    assert said.returncode == 0, said.stderr
    assert "-m venv nowhere" in said.stdout
    assert "nowhere/bin/python -m pip install" in said.stdout
