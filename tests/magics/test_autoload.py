"""The one command that loads the extension in every new kernel, tried on a Python of its own with real shells."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pytest
from kernel_kit import Kernel

HERE = Path(__file__).parent.parent.parent
HAS_CONJURE = "'conjure' in get_ipython().magics_manager.magics['cell']"


@dataclass(frozen=True)
class Prefix:
    """A Python that sees our packages, with a `sys.prefix` and a profile of IPython's own."""

    path: Path
    profile: Path

    @property
    def config(self) -> Path:
        return self.path / "etc/ipython/ipython_config.json"

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(self.path / "bin/python"), *arguments]
        env = {**os.environ, "IPYTHONDIR": str(self.profile.parent)}
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)

    def autoload(self, action: str) -> subprocess.CompletedProcess[str]:
        return self.python("-m", "conjure_magic", "autoload", action)

    def ipython(self, expression: str) -> str:
        """What a real, new `ipython` says the expression is."""
        return self.python("-m", "IPython", "--no-banner", "-c", f"print({expression})").stdout.strip()

    def write(self, text: str) -> None:
        self.config.parent.mkdir(parents=True, exist_ok=True)
        self.config.write_text(text)


@pytest.fixture
def prefix(tmp_path: Path) -> Prefix:
    """A virtual environment whose packages are those of the running one."""
    path = tmp_path / "prefix"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(path)], check=True, timeout=60)
    packages = next((path / "lib").glob("python*/site-packages"))
    # addsitedir and not a bare path: the project itself is installed by a .pth file in there.
    (packages / "ours.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    profile = tmp_path / "ipython/profile_default"
    profile.mkdir(parents=True)
    return Prefix(path, profile)


def test_it_is_off_until_it_is_switched_on(prefix: Prefix) -> None:
    assert prefix.ipython(HAS_CONJURE) == "False"
    assert prefix.autoload("status").returncode == 1
    assert prefix.autoload("on").returncode == 0
    assert prefix.ipython(HAS_CONJURE) == "True"
    assert prefix.autoload("status").returncode == 0
    assert prefix.autoload("off").returncode == 0
    assert prefix.ipython(HAS_CONJURE) == "False"
    assert not prefix.config.exists()


def test_a_kernel_has_the_magic_at_once(prefix: Prefix) -> None:
    prefix.autoload("on")
    spec = Path(os.environ["JUPYTER_DATA_DIR"]) / "kernels/autoload/kernel.json"
    spec.parent.mkdir(parents=True)
    argv = [str(prefix.path / "bin/python"), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec.write_text(json.dumps({"argv": argv, "display_name": "autoload", "language": "python"}))
    kernel = Kernel("autoload", env={**os.environ, "IPYTHONDIR": str(prefix.profile.parent)})
    try:
        assert kernel.run(HAS_CONJURE).text() == "True"
    finally:
        kernel.close()
        shutil.rmtree(spec.parent)


def test_what_was_there_stays_in_its_order(prefix: Prefix) -> None:
    """Both ways: on adds one entry at the end, off takes that one out again."""
    before = {
        "TerminalInteractiveShell": {"confirm_exit": False},
        "InteractiveShellApp": {"exec_lines": ["a = 'ü'"], "extensions": ["storemagic", "autoreload"]},
        "A": 1,
    }
    prefix.write(json.dumps(before))
    prefix.autoload("on")
    after = json.loads(prefix.config.read_text())
    assert after["InteractiveShellApp"].pop("extensions") == ["storemagic", "autoreload", "conjure_magic"]
    assert list(after) == list(before)
    assert after["InteractiveShellApp"] == {"exec_lines": ["a = 'ü'"]}
    prefix.autoload("off")
    assert json.loads(prefix.config.read_text()) == before


def test_twice_is_once(prefix: Prefix) -> None:
    prefix.autoload("on")
    once = prefix.config.read_bytes()
    prefix.autoload("on")
    assert prefix.config.read_bytes() == once
    assert prefix.autoload("off").returncode == prefix.autoload("off").returncode == 0


def test_a_list_that_ours_would_hide_is_taken_along(prefix: Prefix) -> None:
    """The JSON file is read after the Python file beside it, and its list replaces that one's."""
    prefix.config.parent.mkdir(parents=True)
    prefix.config.with_suffix(".py").write_text("c = get_config()\nc.InteractiveShellApp.extensions = ['autoreload']\n")
    prefix.autoload("on")
    assert prefix.ipython(HAS_CONJURE) == "True"
    assert prefix.ipython("'autoreload' in get_ipython().magics_manager.magics['line']") == "True"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ipython_config.py", "c = get_config()\nc.InteractiveShellApp.extensions = ['autoreload']\n"),
        ("ipython_config.json", '{"InteractiveShellApp": {"extensions": []}}'),
    ],
)
def test_a_profile_that_replaces_the_list_is_named(prefix: Prefix, name: str, text: str) -> None:
    (prefix.profile / name).write_text(text)
    said = prefix.autoload("on")
    assert said.returncode == 1
    assert str(prefix.profile / name) in said.stdout
    assert "replaces" in said.stdout
    assert prefix.ipython(HAS_CONJURE) == "False"


def test_a_profile_that_extends_the_list_is_no_obstacle(prefix: Prefix) -> None:
    (prefix.profile / "ipython_config.py").write_text(
        "c = get_config()\nc.InteractiveShellApp.extensions.append('autoreload')\n"
    )
    assert prefix.autoload("on").returncode == 0
    assert prefix.ipython(HAS_CONJURE) == "True"


def test_a_profile_that_loads_it_itself_is_named(prefix: Prefix) -> None:
    """Switched off here, it is still on: say who does it."""
    name = prefix.profile / "ipython_config.json"
    name.write_text('{"InteractiveShellApp": {"extensions": ["conjure_magic"]}}')
    said = prefix.autoload("off")
    assert (said.returncode, str(name) in said.stdout) == (1, True)
    assert prefix.ipython(HAS_CONJURE) == "True"


def test_a_profile_that_raises_is_said(prefix: Prefix) -> None:
    (prefix.profile / "ipython_config.py").write_text("1 / 0\n")
    said = prefix.autoload("on")
    assert said.returncode == 0
    assert f"{prefix.profile / 'ipython_config.py'} could not be read" in said.stdout


@pytest.mark.parametrize(
    "text", ["{,}", "[]", '{"InteractiveShellApp": 3}', '{"InteractiveShellApp": {"extensions": 3}}']
)
@pytest.mark.parametrize("action", ["on", "off", "status"])
def test_a_file_that_is_not_ours_to_edit_is_left_alone(prefix: Prefix, action: str, text: str) -> None:
    prefix.write(text)
    said = prefix.autoload(action)
    assert said.returncode == 2
    assert said.stderr.count("\n") == 1
    assert str(prefix.config) in said.stderr
    assert prefix.config.read_text() == text


def test_a_folder_that_cannot_be_made_is_one_line(prefix: Prefix) -> None:
    (prefix.path / "etc").write_text("a file where the folder would be")
    said = prefix.autoload("on")
    assert (said.returncode, said.stderr.count("\n")) == (2, 1)


def test_a_link_stays_a_link_and_keeps_its_mode(prefix: Prefix, tmp_path: Path) -> None:
    """Configuration is often kept elsewhere, under version control; and nothing is left beside the file."""
    real = tmp_path / "dotfiles.json"
    real.write_text('{"A": 1}')
    real.chmod(0o640)
    prefix.config.parent.mkdir(parents=True)
    prefix.config.symlink_to(real)
    prefix.autoload("on")
    assert prefix.config.is_symlink()
    assert json.loads(real.read_text()) == {"A": 1, "InteractiveShellApp": {"extensions": ["conjure_magic"]}}
    assert real.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dotfiles.json", "ipython", "prefix"]


def test_the_shipped_file_is_what_the_command_writes(prefix: Prefix) -> None:
    """Whoever provisions machines copies the file; whoever has one uses the command."""
    prefix.autoload("on")
    shipped = json.loads((HERE / "jupyter-config/ipython_config.json").read_text())
    assert json.loads(prefix.config.read_text()) == shipped
    assert json.loads((Path(sys.prefix) / "share/conjure_magic/ipython_config.json").read_text()) == shipped
