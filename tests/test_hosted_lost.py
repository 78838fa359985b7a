"""What Anthropic no longer keeps, a file or a skill, costs a session no more than that: it is told, and continues."""

from __future__ import annotations

from pathlib import Path

import pytest
from hosted_kit import THINK, call, model, refused, sent, session

from conjure_magic.api import error_translation
from conjure_magic.approval import approve_all
from conjure_magic.errors import (
    ContainerNotFoundError,
    HostedSkillNotFoundError,
    ModelError,
    RequestRefusedError,
    UploadLostError,
)
from conjure_magic.events import Event, MessageAppended, Noted, TurnResult
from conjure_magic.skills import new_skill
from conjure_magic.testing.stub import Reply, StubServer, bash

pytestmark = pytest.mark.usefixtures("folder")


def notices(result: TurnResult) -> str:
    return "\n".join(item.text for item in result.items if isinstance(item, Noted))


@pytest.mark.parametrize("way", ["expired", "deleted"])
def test_a_missing_file_is_left_out_with_a_notice(stub: StubServer, tmp_path: Path, way: str) -> None:
    for name in "abc":
        (tmp_path / f"{name}.txt").write_text(name)
    with session(stub) as s:
        stub.reply(Reply((THINK, *bash("ls"), "one")))
        s.chat("look", files=["a.txt", "b.txt"])
        for file_id in list(stub.hosted.files):
            stub.hosted.expire_file(file_id)
            if way == "deleted":
                del stub.hosted.files[file_id]
        stub.reply(Reply((THINK, *bash("cat c.txt"), "two")))
        again = s.chat("again", files=["c.txt"])
        assert "no longer stored there" in notices(again)
        assert again.text == "two"
        assert notices(s.chat("and again")) == ""
        blocks = [block for message in sent(stub)["messages"] for block in message["content"]]
        uploads = [block["file_id"] for block in blocks if block["type"] == "container_upload"]
        assert uploads == [list(stub.hosted.files)[-1]], "what was attached just now stays"
        texts = [block["text"] for block in blocks if block["type"] == "text"]
        assert sum("the server no longer has it" in text for text in texts) == 2
    assert len(refused(stub)) == 1


def test_a_container_and_a_file_may_be_gone_at_once(stub: StubServer, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    with session(stub) as s:
        stub.reply([*bash("ls"), "one"])
        s.chat("look", files=["a.txt"])
        stub.hosted.expire_container()
        stub.hosted.expire_file(next(iter(stub.hosted.files)))
        stub.reply([*bash("ls"), "two"])
        again = s.chat("again")
        assert again.text == "two"
        assert "container has expired" in notices(again)
        assert "no longer stored there" in notices(again)
    assert len(refused(stub)) == 2


@pytest.mark.parametrize("kind", ["paused", "in a loop"])
def test_a_file_that_goes_in_the_midst_of_a_turn(stub: StubServer, tmp_path: Path, kind: str) -> None:
    (tmp_path / "a.txt").write_text("a")

    def expire(event: Event) -> None:
        if isinstance(event.body, MessageAppended) and event.body.message.role == "assistant":
            for file_id in stub.hosted.files:
                stub.hosted.expire_file(file_id)

    with session(stub, ["local", "anthropic"], approver=approve_all) as s:
        s.subscribe(expire)
        paused = Reply((THINK, *bash("make", later=True)), stop_reason="pause_turn")
        looping = Reply((THINK, *bash("ls"), call("bash_tool", command="true")))
        stub.reply(paused if kind == "paused" else looping, Reply((THINK, "end")))
        result = s.chat("look", files=["a.txt"])
        assert result.text.endswith("end")
        assert "no longer stored there" in notices(result)
        assert s.chat("again").text == "Done."
    assert len(refused(stub)) == 1


def test_a_file_that_was_sent_is_uploaded_again(stub: StubServer) -> None:
    with session(stub, ["local", "anthropic"], approver=approve_all) as s:
        (s.workspace.root / "a.txt").write_text("x")
        for _ in range(2):
            stub.reply(call("send_file", path="a.txt"), Reply((THINK, *bash("ls"), "one")))
            assert s.chat("send").text == "one"
            stub.hosted.expire_file(list(stub.hosted.files)[-1])
        assert len(stub.hosted.files) == 2
    assert len(refused(stub)) == 1


def test_a_skill_that_was_uploaded_and_is_gone_comes_back_with_the_next_turn(stub: StubServer, tmp_path: Path) -> None:
    new_skill("house-style", tmp_path)
    with session(stub, skills=["anthropic:house-style"]) as s:
        s.chat("look")
        del stub.hosted.skills["skill_stub000001"]
        with pytest.raises(HostedSkillNotFoundError, match="skill_stub000001"):
            s.chat("again")
        assert "Uploaded the skill house-style" in notices(s.chat("again"))
        assert sent(stub)["container"]["skills"][0]["skill_id"] == "skill_stub000002"


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("container: container_1 not found", ContainerNotFoundError),
        ("Container container_1 has expired", ContainerNotFoundError),
        ("container.skills.0: skill 'abacus' not found", HostedSkillNotFoundError),
        ("Skill version not found: skver_1", HostedSkillNotFoundError),
        ("File not found: file_1", UploadLostError),
        ("File has expired: file_1", UploadLostError),
        ("messages.0: file file_1 does not exist", UploadLostError),
        ("model: claude-x", RequestRefusedError),
        ("container: Input should be a string", RequestRefusedError),
        ("file: Field required", RequestRefusedError),
    ],
)
def test_missing_files_and_missing_containers_are_distinguished(message: str, kind: type[ModelError]) -> None:
    body = {"type": "error", "error": {"type": "invalid_request_error", "message": message}}
    assert type(error_translation.from_body(body, 400)) is kind


def test_a_model_that_runs_no_code_says_what_to_do(stub: StubServer) -> None:
    plain = model(stub, "claude-plain-stub")
    with session(stub, model=plain) as s, pytest.raises(RequestRefusedError, match="Choose another with model=NAME"):
        s.chat("look")
    with session(stub, "local", model=plain) as s:
        assert s.chat("look").text == "Done."
