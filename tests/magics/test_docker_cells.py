"""`%conjure docker`: what it shows of engine, image and bounds, and building with what is said on the way."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import docker_kit
import pytest
from kernel_kit import Cell, Kernel
from processes import wait_until

BUILT = "conjure-test:from-a-cell"
MODEL = """
def model(messages):
    if len(messages) > 1:
        return "done"
    call = {"type": "tool_use", "id": "t1", "name": "bash_tool", "input": {"command": "echo $((6 * 7))"}}
    return {"content": [call], "stop_reason": "tool_use"}
"""
NO_ENGINE = "%config ConjureMagics.docker_engine = 'unix:///nowhere/docker.sock'\n"


@pytest.fixture(scope="module")
def loaded(kernel: Kernel) -> Kernel:
    kernel.run("%load_ext conjure_magic")
    return kernel


@pytest.fixture(autouse=True)
def fresh(loaded: Kernel) -> None:
    """Settings as they are by default."""
    loaded.run("%config ConjureMagics.docker_engine = ''\n%config ConjureMagics.docker_image = 'conjure-magic:latest'")


@pytest.fixture
def built() -> Iterator[str]:
    """The name of an image to build, gone afterwards."""
    yield BUILT
    with docker_kit.engine() as client:
        docker_kit.forget(client, BUILT)


def shown(cell: Cell) -> str:
    assert cell.reply is not None
    assert cell.reply["status"] == "ok", cell.outputs
    assert cell.text("text/html")
    return cell.text()


def options(recipe: docker_kit.BuildContext) -> str:
    """The recipe as it is typed."""
    typed = ["--base", recipe.base, "--packages", ",".join(recipe.packages or ())]
    typed += ["--ca", str(recipe.ca)] if recipe.ca else []
    typed += ["--index", recipe.index] if recipe.index else []
    return shlex.join(typed)


# --- Without an engine ---


def test_without_an_engine_it_says_what_to_do_and_shows_the_bounds(loaded: Kernel) -> None:
    text = shown(loaded.run(f"{NO_ENGINE}%conjure docker"))
    assert "no engine answers at unix:///nowhere/docker.sock: start Docker" in text
    assert "docker_memory" in text
    assert "Containers" not in text


def test_why_there_are_no_lists_of_hosts_is_said(loaded: Kernel) -> None:
    assert "A list of allowed hosts would not" in shown(loaded.run(f"{NO_ENGINE}%conjure docker"))
    assert "allowed hosts" in loaded.run("%conjure help docker").text()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("docker buid", "did you mean build?"),
        ("docker build --bass x", "has no option --bass; did you mean --base"),
        ("docker build --ca /nowhere.pem", "ca: /nowhere.pem: No such file"),
        ("docker build --index ftp://me:hunter2@x", "index must be an address"),
        ("docker build --packages=-rx", "is not a package name"),
        ("docker build --image 'Not A Name'", "'Not A Name' is not a valid image name"),
        ("docker build extra", "does not expect 'extra'"),
    ],
)
def test_a_slip_is_one_line(loaded: Kernel, line: str, said: str) -> None:
    text = loaded.run(f"%conjure {line}").text()
    assert said in text
    assert text.startswith("UsageError: ")
    assert len(text.strip().splitlines()) == 1
    assert "hunter2" not in text


def test_a_build_without_an_engine_is_one_line(loaded: Kernel) -> None:
    cell = loaded.run(f"{NO_ENGINE}%conjure docker build")
    (line,) = cell.outputs[-1]["traceback"]
    assert line.startswith("DockerUnavailableError: no engine answers at unix:///nowhere/docker.sock: start Docker")


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("%conjure doc", "docker"), ("%conjure docker b", "build"), ("%conjure docker build --ba", "--base")],
)
def test_it_completes_with_tab(loaded: Kernel, typed: str, offered: str) -> None:
    assert offered in loaded.kc.complete(typed, len(typed), reply=True, timeout=20)["content"]["matches"]


# --- With one ---


@pytest.mark.docker
def test_engine_and_image_are_shown(loaded: Kernel, docker_image: str) -> None:
    text = shown(loaded.run(f"%config ConjureMagics.docker_image = {docker_image!r}\n%conjure docker"))
    assert "rootful" in text or "rootless" in text
    assert f"{docker_image}, " in text
    assert "MB, built on 20" in text
    text = shown(loaded.run("%conjure use --image conjure-test:nowhere\n%conjure docker"))
    assert "conjure-test:nowhere does not exist yet; it will be pulled for the first command" in text


@pytest.mark.docker
def test_a_cell_chooses_its_image_and_the_container_is_shown(loaded: Kernel, docker_image: str) -> None:
    loaded.run(MODEL)
    cell = loaded.run(
        f"%%conjure --backend docker --session boxed --image {docker_image} --model model\nGo.", timeout=60
    )
    assert shown(cell)
    assert "42" in cell.text("text/html")
    text = shown(loaded.run("%conjure docker"))
    assert re.search(rf"boxed +conjure-boxed-\w+ +{docker_image} +running +running", text)
    slip = loaded.run("%%conjure --session boxed --image 'a b'\nGo.").text()
    assert slip.startswith("UsageError: 'a b' is not a valid image name")
    loaded.run("%unload_ext conjure_magic\n%load_ext conjure_magic")
    assert "boxed" not in shown(loaded.run("%conjure docker")), "it is gone with its session"


@pytest.mark.docker
def test_an_image_is_built_from_a_cell(loaded: Kernel, docker_image: str, built: str) -> None:
    typed = options(docker_kit.host_build_context(docker_image, packages=("six",)))
    cell = loaded.run(f"%conjure docker build {typed} --image {built}", timeout=170)
    text = shown(cell)
    assert f"Building {built}: done after" in text
    assert f"{built}, " in text
    assert f"Use it with --image {built}." in text
    assert len(cell.outputs) == 2, "one display that is updated, and what came of it"


@pytest.mark.docker
def test_a_build_that_fails_is_one_line_below_its_last_words(loaded: Kernel, docker_sh_image: str, built: str) -> None:
    cell = loaded.run(f"%conjure docker build --base {docker_sh_image} --image {built}", timeout=60)
    assert f"Building {built}: failed after" in cell.text()
    assert "ERROR: the base image has no Python" in cell.text()
    (line,) = cell.outputs[-1]["traceback"]
    assert line.startswith(f"DockerUnavailableError: building the image {built} failed in step 6 of ")


@pytest.mark.docker
def test_an_interrupt_stops_a_build(loaded: Kernel, docker_image: str, built: str) -> None:
    # Nothing is asked of that address; it makes steps that were never done before.
    mirror = "http://127.0.0.1:1/debian"
    message, cell = loaded.start(f"%conjure docker build --base {docker_image} --image {built} --apt {mirror}")
    seen: list[str] = []

    def under_way() -> bool:
        if not seen:
            with docker_kit.engine() as client:
                seen.extend(c["Id"] for c in client.api.containers() if "-m venv" in c["Command"])
        return bool(seen)

    wait_until(under_way)
    loaded.km.interrupt_kernel()
    loaded.finish(message, cell, timeout=60)
    assert cell.outputs[-1]["ename"] == "KeyboardInterrupt"
    assert "stopped after" in cell.text()
    with docker_kit.engine() as client:
        wait_until(lambda: not {c["Id"] for c in client.api.containers(all=True)} & set(seen))
