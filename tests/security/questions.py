"""The doors through which a person is asked, each as a function from foreign text to the question as it is shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from conjure_magic.approval import ApprovalRequest
from conjure_magic.cancel import Cancel
from conjure_magic.magics import ask_user
from conjure_magic.skills.changes_since_trust import SkillToTrust

Asked = Callable[[str], object]


def asked(monkeypatch_setattr: Callable[..., None], ask: Asked, text: str) -> str:
    """What `input()` is given as its prompt, the first time."""
    prompts: list[str] = []

    def answer(prompt: str = "") -> str:
        prompts.append(prompt)
        return "n"

    monkeypatch_setattr("builtins.input", answer)
    ask(text)
    return prompts[0]


def _request(question: str) -> Asked:
    return lambda text: ask_user.ask(ApprovalRequest("t1", "local", "bash_tool", text, question), Cancel())


DOORS: dict[str, Asked] = {
    "a command": _request("Run this command?"),
    "code in the kernel": _request("Run this in your kernel?"),
    "a file": _request("Write this file?"),
    "an upload": _request("Upload this file to Anthropic?"),
    "the names of a project's skills": lambda text: ask_user.ask_trust(
        Path("/project"), (SkillToTrust(text), SkillToTrust("other"))
    ),
    "the name of a project's folder": lambda text: ask_user.ask_trust(
        Path("/project") / text, (SkillToTrust("skill"),)
    ),
    "what changed in a skill": lambda text: ask_user.ask_trust(
        Path("/project"), (SkillToTrust("own", ("new",), text),)
    ),
    "what is to be deleted": lambda text: ask_user.ask_whether("Delete this?", text, ""),
}
"""Every function of `magics.ask_user` that shows a foreign text."""
