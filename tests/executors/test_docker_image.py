"""The image: found, pulled from a registry on loopback, built by the recipe; and what is said where it cannot be."""

from __future__ import annotations

import contextlib
import io
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from docker import DockerClient
from docker_kit import engine, forget, host_build_context
from fakes import ScriptedModel
from processes import wait_until
from registry import registry
from standard import docker_limits

from conjure_magic.cancel import Cancel
from conjure_magic.errors import BackendError, BackendUnavailableError, CancelledError, UsageError
from conjure_magic.events import ToolOutput
from conjure_magic.executors.docker import image
from conjure_magic.executors.docker.build_context import LABEL, BuildContext, version
from conjure_magic.executors.docker.executor import DockerExecutor
from conjure_magic.executors.docker.folders import ContainerFolders
from conjure_magic.messages import ToolUseBlock
from conjure_magic.session import Session
from conjure_magic.settings import Settings

pytestmark = pytest.mark.docker
UNUSED = "http://127.0.0.1:1/debian"  # nothing is asked of it; it makes steps that were never done before
NOWHERE = "127.0.0.1:1/nothing:1"  # nothing listens at port 1


@pytest.fixture(scope="module")
def client() -> Iterator[DockerClient]:
    with engine() as client:
        yield client


@pytest.fixture
def target(client: DockerClient) -> Iterator[str]:
    """The name of an image to build, gone afterwards."""
    name = "conjure-test:built"
    yield name
    forget(client, name)


def ensure(client: DockerClient, name: str, cancel: Cancel | None = None) -> tuple[str, list[str]]:
    """(id, what was said) of an image."""
    said: list[str] = []
    return image.ensure(client, docker_limits(image=name), said.append, cancel or Cancel()), said


def building(client: DockerClient) -> set[str]:
    """The containers of builds, which have no label of a session."""
    return {c["Id"] for c in client.api.containers(all=True) if not any("session" in label for label in c["Labels"])}


# --- Found and pulled ---


def test_an_image_that_is_there_is_found_without_a_word(client: DockerClient, docker_image: str) -> None:
    assert ensure(client, docker_image) == (client.images.get(docker_image).id, [])


def test_an_image_that_is_not_there_is_pulled_with_progress(client: DockerClient) -> None:
    with registry() as server:
        try:
            found, said = ensure(client, server.image)
            assert found == client.images.get(server.image).id
            assert said[0] == f"pulling the image {server.image}"
            assert "of 2 MB" in said[-1]
            assert ensure(client, server.image) == (found, [])
        finally:
            forget(client, server.image)


def test_a_turn_shows_the_pull_and_the_model_is_told_nothing_of_it(client: DockerClient, tmp_path: Path) -> None:
    """In the profile `prod`, which means this backend. The image holds no shell, so the call fails in the end."""
    call = ToolUseBlock("t1", "bash_tool", {"command": "echo hi"})
    settings, shown = Settings(profile="prod"), []
    with registry() as server:
        model = ScriptedModel([call], ["Done."])
        with Session(model=model, settings=settings, workspace=tmp_path, input=tmp_path, image=server.image) as session:
            session.subscribe(lambda event: shown.append(event.body.text), events={ToolOutput})
            result = session.chat("Go.")
        forget(client, server.image)
    assert result.backends == ("docker",)
    assert shown[0] == f"pulling the image {server.image}\n"
    assert "of 2 MB" in shown[-1]
    assert result.tool_calls[0].is_error
    assert "pulling" not in str(result.messages)


def test_a_pull_stops_with_its_turn(client: DockerClient) -> None:
    """The layer has come to a halt, so nothing but the stop can wake it; the half image is not kept."""
    cancel, failed = Cancel(), list[BaseException]()

    def pull() -> None:
        try:
            ensure(client, server.image, cancel)
        except CancelledError as error:
            failed.append(error)

    with registry(hold=True) as server:
        thread = threading.Thread(target=pull)
        thread.start()
        wait_until(server.halted.is_set)
        cancel.set("interrupted")
        thread.join(30)
        assert [str(error) for error in failed] == ["stopped: interrupted"]
        assert image.find(client, server.image) is None


def test_an_image_that_no_registry_has_says_what_to_do(client: DockerClient) -> None:
    with registry() as server, pytest.raises(BackendUnavailableError) as caught:
        ensure(client, f"{server.address}/conjure-test/other:1")
    assert "was found neither on the engine" in str(caught.value)
    assert "image.build builds the standard image" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_registry_that_is_not_there_says_what_to_do(client: DockerClient) -> None:
    with pytest.raises(BackendUnavailableError, match=r"cannot pull it .*BuildContext\(base=IMAGE\)"):
        ensure(client, NOWHERE)


def test_a_name_that_is_none(client: DockerClient) -> None:
    with pytest.raises(UsageError, match="'Not A Name' is not a valid image name"):
        ensure(client, "Not A Name")
    with pytest.raises(BackendUnavailableError, match="'NotLower' is not a valid image name"):
        ensure(client, "NotLower")


def test_an_image_without_sh_is_named(client: DockerClient, tmp_path: Path) -> None:
    empty = io.BytesIO()
    tarfile.open(fileobj=empty, mode="w").close()
    name = "conjure-test:empty"
    client.api.import_image_from_data(empty.getvalue(), repository="conjure-test", tag="empty")
    limits = docker_limits(image=name)
    try:
        with (
            contextlib.closing(DockerExecutor(ContainerFolders(tmp_path, tmp_path), limits)) as executor,
            pytest.raises(BackendUnavailableError, match=f"the image {name} has no sh, .*image=NAME"),
        ):
            next(executor.run("true", timeout=60, cancel=Cancel()))
    finally:
        forget(client, name)


def test_no_engine() -> None:
    with pytest.raises(BackendUnavailableError, match="no engine answers"):
        image.pull("x:1", print, Cancel(), host="unix:///nowhere/docker.sock")


# --- Built ---


def test_the_recipe_builds_from_debian_alone(client: DockerClient, docker_image: str, target: str) -> None:
    """No registry is asked for images: Python's packages come by pip, with this machine's authorities and index."""
    said: list[str] = []
    recipe = host_build_context(docker_image, packages=("six",))
    found = image.build(recipe, said.append, Cancel(), name=target)
    made = client.images.get(target)
    assert found == made.id
    assert made.labels[LABEL] == version()
    steps = [line for line in said if line.startswith("step ")]
    assert any("pip install" in line for line in steps)
    command = ["python", "-c", "import os, six, sys; print(six.__name__, sys.prefix, os.path.exists('/etc/pip.conf'))"]
    # pip.conf may hold the index's password, and stays behind.
    hardened = {"network_mode": "none", "read_only": True, "user": "12345:12345", "cap_drop": ["ALL"], "remove": True}
    assert client.containers.run(target, command, **hardened) == b"six /opt/conjure False\n"


def test_the_standard_image_that_is_missing_is_built(
    client: DockerClient, docker_image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would begin with the official Python's image, which no test may pull: one that cannot work stands in."""
    monkeypatch.setattr(image, "STANDARD_IMAGE", "conjure-test:standard")
    monkeypatch.setattr(image, "BuildContext", lambda: BuildContext(base=NOWHERE))
    with pytest.raises(BackendUnavailableError, match=r"conjure-test:standard's base and cannot pull it"):
        ensure(client, "conjure-test:standard")


def test_a_build_stops_with_its_turn(client: DockerClient, docker_image: str, target: str) -> None:
    before, cancel = building(client), Cancel()

    def stop(line: str) -> None:
        if line.startswith("step 8 "):
            cancel.set("stopped")

    with pytest.raises(CancelledError):
        image.build(BuildContext(base=docker_image, apt=UNUSED), stop, cancel, name=target)
    assert image.find(client, target) is None
    wait_until(lambda: building(client) <= before)


def test_a_base_without_python_or_apt_says_so(client: DockerClient, docker_sh_image: str, target: str) -> None:
    with pytest.raises(BackendUnavailableError) as caught:
        image.build(BuildContext(base=docker_sh_image), print, Cancel(), name=target)
    assert "failed in step 6 of 1" in str(caught.value)
    assert "the base image has no Python 3.9 with venv, and no apt-get" in str(caught.value)


def test_an_index_that_is_not_there_says_which_option(client: DockerClient, docker_image: str, target: str) -> None:
    """And the password in its address is neither said nor left in the image."""
    said: list[str] = []
    recipe = replace(host_build_context(docker_image, packages=("six",)), index="http://me:hunter2@127.0.0.1:1/simple")
    with pytest.raises(BackendUnavailableError, match=r"BuildContext\(index=URL\)") as caught:
        image.build(recipe, said.append, Cancel(), name=target)
    assert "hunter2" not in f"{said}{caught.value}"


def test_an_engine_that_dies_while_it_builds() -> None:
    """Its answer breaks off: that is no word about the image."""

    def die() -> None:
        with image._refused("x:1"):
            raise ConnectionResetError

    with pytest.raises(BackendError, match="the engine is gone"):
        die()


# --- All of it ---

BARE = """
FROM {base}
RUN apt-get -qq purge -y 'python3*' 'libpython3*' && ! command -v python3
"""
CHART = """
import io, docx, matplotlib.pyplot as plt, numpy as np, openpyxl, pandas as pd, pptx, pypdf, tabulate, yaml
frame = pd.DataFrame({"x": np.arange(5), "y": np.arange(5) ** 2})
frame.plot(x="x", y="y")
picture = io.BytesIO()
plt.savefig(picture)
frame.to_excel("/tmp/f.xlsx")
print(pd.read_excel("/tmp/f.xlsx").y.sum(), picture.getvalue()[1:4], frame.to_markdown().count("|"))
"""


@pytest.mark.soak
def test_the_standard_image_from_a_debian_without_python(client: DockerClient, docker_image: str, target: str) -> None:
    """Python comes from apt, the libraries from pip, and a chart is drawn under a root that cannot be written."""
    bare = "conjure-test:bare"
    client.images.build(fileobj=io.BytesIO(BARE.format(base=docker_image).encode()), tag=bare, rm=True, forcerm=True)
    image.build(host_build_context(bare), print, Cancel(), name=target, fresh=True)
    hardened = {"network_mode": "none", "read_only": True, "user": "12345:12345", "tmpfs": {"/tmp": ""}, "remove": True}
    assert client.containers.run(target, ["python", "-c", CHART], **hardened) == b"30 b'PNG' 28\n"
    forget(client, bare)
