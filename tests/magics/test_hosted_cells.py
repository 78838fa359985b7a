"""`%conjure hosted` in a real kernel: what Anthropic keeps, listed, uploaded, fetched and deleted."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Iterator

import pytest
from kernel_kit import Cell, Kernel

from conjure_magic.skills import new_skill
from conjure_magic.testing.stub import Reply, StubServer, bash, workbook

SECRET = "sk-hosted-secret"


@pytest.fixture(scope="module")
def loaded(kernel: Kernel) -> Kernel:
    kernel.run("%load_ext conjure_magic")
    return kernel


@pytest.fixture
def stub(loaded: Kernel) -> Iterator[StubServer]:
    with StubServer(key=SECRET) as stub:
        there = {"ANTHROPIC_API_KEY": SECRET, "ANTHROPIC_BASE_URL": stub.url, "CONJURE_GATEWAY": "anthropic"}
        loaded.run(f"import os; os.environ.update({there})")
        yield stub
        loaded.run(f"for name in {list(there)}: os.environ.pop(name, None)")


def told(cell: Cell) -> str:
    """Everything that a cell shows, in a text that holds each form."""
    assert cell.reply is not None
    assert cell.reply["status"] == "ok", cell.outputs
    return cell.text("text/html") + cell.text()


def error(cell: Cell) -> str:
    """The one line that a cell fails with."""
    assert cell.reply is not None
    assert cell.reply["status"] == "error", cell.outputs
    (shown,) = [o for o in cell.outputs if o["output_type"] == "error"] or [{"traceback": [cell.text()]}]
    text = "\n".join(shown["traceback"])
    assert "Traceback" not in text
    assert ", line " not in text
    return text


def test_skills_and_files_are_listed(loaded: Kernel, stub: StubServer) -> None:
    stub.hosted.add_file("<b>report</b>.xlsx", b"x" * 1234)
    stub.hosted.add_file("shop.log", b"", made=False)
    shown = told(loaded.run("%conjure hosted"))
    assert all(name in shown for name in ("xlsx", "pptx", "20251013", "Skills at Anthropic"))
    cell = loaded.run("%conjure hosted files")
    assert "&lt;b&gt;report" in cell.text("text/html")
    assert "<b>report" not in cell.text("text/html")
    assert "1,234" in cell.text()
    assert "no (uploaded)" in cell.text()
    assert "none" in told(loaded.run("%conjure hosted skills --source custom"))


def test_a_skill_is_uploaded_versioned_fetched_and_deleted(loaded: Kernel, stub: StubServer) -> None:
    new_skill("house-style", loaded.folder / "made")
    assert "custom:skill_stub000001" in told(loaded.run("%conjure hosted upload made/house-style --name House"))
    assert "Uploaded a version of house-style" in told(
        loaded.run("%conjure hosted upload made/house-style --version-of skill_stub000001")
    )
    assert "House" in told(loaded.run("%conjure hosted skills --source custom"))
    versions = told(loaded.run("%conjure hosted versions skill_stub000001"))
    assert versions.index("skver_stub000002") < versions.index("skver_stub000001")
    saved = told(loaded.run("%conjure hosted download skill_stub000001 --into fetched"))
    assert "saved fetched/house-style.skill" in saved
    assert (loaded.folder / "fetched" / "house-style.skill").is_file()
    cell = loaded.run(
        "%conjure hosted delete skill_stub000001@skver_stub000001 skill_stub000001", answers=["what?", "y"]
    )
    assert "Permanently delete" in cell.prompts[0]
    assert "deleted skill_stub000001@skver_stub000001\ndeleted skill_stub000001" in told(cell)
    assert [skill.source for skill in stub.hosted.skills.values()] == ["anthropic"] * 4


def test_files_are_uploaded_fetched_and_deleted(loaded: Kernel, stub: StubServer) -> None:
    (loaded.folder / "shop.log").write_text("ERROR\n")
    assert "file_stub000001" in told(loaded.run("%conjure hosted upload shop.log"))
    made = stub.hosted.add_file("../../report.xlsx", b"made")
    assert "saved report.xlsx" in told(loaded.run(f"%conjure hosted download {made.id}"))
    assert (loaded.folder / "report.xlsx").read_bytes() == b"made"
    assert "File exists" in error(loaded.run(f"%conjure hosted download {made.id}"))
    assert "not downloadable" in error(loaded.run("%conjure hosted download file_stub000001 --into other"))
    cell = loaded.run(f"%conjure hosted delete file_stub000001 file_gone not/one {made.id} --yes")
    assert "not deleted: the file file_gone" in told(cell)
    assert "not deleted: 'not/one' is no skill id" in told(cell)
    assert stub.hosted.files == {}


def test_nothing_is_deleted_without_a_yes(loaded: Kernel, stub: StubServer) -> None:
    made = stub.hosted.add_file("a.txt", b"a")
    assert "Nothing was deleted" in told(loaded.run(f"%conjure hosted delete {made.id}", answers=["n"]))
    assert "--yes deletes" in error(loaded.run(f"%conjure hosted delete {made.id}"))
    assert list(stub.hosted.files) == [made.id]


def test_slips_and_refusals_are_one_line(loaded: Kernel, stub: StubServer) -> None:
    for line, words in [
        ("files --colour", "no option --colour"),
        ("file", "did you mean files"),
        ("upload", "PATH"),
        ("upload nowhere.txt", "is not there"),
        (f"upload {'x' * 300}", "is not there"),
        ("upload ~nobody-of-this-name/a.txt", "home directory"),
        ("download file_1 --into ~nobody-of-this-name/x", "home directory"),
        ("versions", "ID"),
        ("versions a/../b", "no skill id"),
        ("versions skill_gone", "skill_gone"),
        ("delete", "at least one ID"),
    ]:
        assert words in error(loaded.run(f"%conjure hosted {line}")), line
    stub.fault("/v1/skills", Reply.fault(403, message=f"not with {SECRET}"))
    refused = error(loaded.run("%conjure hosted"))
    assert "AuthenticationError" in refused
    assert SECRET not in refused
    assert "List the files" in told(loaded.run("%conjure hosted files --help"))


def test_where_there_is_no_anthropic_it_says_what_to_do(loaded: Kernel) -> None:
    loaded.run("import os")
    assert "%conjure key" in error(loaded.run("%conjure hosted"))
    loaded.run("os.environ['ANTHROPIC_BASE_URL'] = 'http://localhost:11434'")
    try:
        assert "CONJURE_GATEWAY" in error(loaded.run("%conjure hosted files"))
    finally:
        loaded.run("del os.environ['ANTHROPIC_BASE_URL']")


def test_the_current_sessions_server_and_key_are_asked(loaded: Kernel) -> None:
    with StubServer(key="sk-own-key-0123") as own:
        own.hosted.add_file("own.txt", b"x")
        named = {
            "own": {"model": "claude-opus-5-5", "base_url": own.url, "key_variable": "OWN_KEY", "dialect": "anthropic"}
        }
        loaded.run("%reload_ext conjure_magic")
        loaded.run(f"import os; os.environ['OWN_KEY'] = 'sk-own-key-0123'\n%config ConjureMagics.models = {named}")
        try:
            told(loaded.run("%conjure use --backend local --model own"))
            told(loaded.run("%%conjure\nHi."))
            assert "own.txt" in told(loaded.run("%conjure hosted files"))
        finally:
            loaded.run("del os.environ['OWN_KEY']")
            loaded.run("%config ConjureMagics.models = {}")
            loaded.run("%reload_ext conjure_magic")


def test_an_interrupt_ends_it_at_once(loaded: Kernel, stub: StubServer) -> None:
    stub.fault("/v1/files", Reply(silent=True))
    started = loaded.start("%conjure hosted files")
    while not stub.requests:
        pass
    loaded.km.interrupt_kernel()
    cell = loaded.finish(*started)
    assert "KeyboardInterrupt" in error(cell)
    assert "Files at Anthropic" in told(loaded.run("%conjure hosted files"))


# ---- cells that work in the container


@pytest.fixture
def asked(loaded: Kernel, stub: StubServer) -> Iterator[StubServer]:
    """The stub as the model of a fresh session."""
    loaded.run("%reload_ext conjure_magic")
    (loaded.folder / "shop.log").write_text("ERROR\n")
    yield stub
    loaded.run("%reload_ext conjure_magic")


def test_a_workbook_of_the_container_is_shown_saved_and_bound(loaded: Kernel, asked: StubServer) -> None:
    report = workbook({"Errors": [["level", "count"], ["ERROR", 34]]})
    asked.reply([*bash("python report.py", "made\n", files={"report.xlsx": report}), "See report.xlsx."])
    cell = loaded.run("%%conjure --backend anthropic --skills xlsx --attach shop.log -o result\nA report, please.")
    shown = told(cell)
    assert "python report.py" in shown
    assert "Excel workbook" in shown
    assert ">ERROR</td>" in shown or importlib.util.find_spec("openpyxl") is None
    assert "shop.log" in shown
    body = asked.messages[-1].body
    assert body is not None
    assert body["container"]["skills"] == [{"type": "anthropic", "skill_id": "xlsx", "version": "latest"}]
    assert "container_upload" in [block["type"] for block in body["messages"][0]["content"]]
    assert "saved " in told(loaded.run("%conjure files --save saved"))
    assert (loaded.folder / "saved/report.xlsx").read_bytes() == report
    assert f"{len(report)}" in told(loaded.run("print(len(result.files['report.xlsx'].read()))"))
    assert "report.xlsx" in told(loaded.run("%conjure files"))


def test_a_container_cell_is_interrupted_and_the_next_continues(loaded: Kernel, asked: StubServer) -> None:
    asked.reply(Reply((*bash("sleep 100", "never"), "x" * 100), stall_after=900))
    started = loaded.start("%%conjure --backend anthropic\nWait.")
    while not asked.messages or asked.messages[-1].sent < 900:
        time.sleep(0.01)
    loaded.km.interrupt_kernel()
    cell = loaded.finish(*started)
    assert "KeyboardInterrupt" in error(cell)
    assert "Done." in told(loaded.run("%%conjure\nGo on."))
    assert [record.error for record in asked.messages] == ["", ""]
