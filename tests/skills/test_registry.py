"""The registry: where skills come from, which one wins, who is trusted, what a reload finds."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from conjure_magic.errors import SkillNotFoundError, UsageError
from conjure_magic.skills import SkillRegistry, TrustStore
from conjure_magic.skills.changes_since_trust import SkillToTrust
from conjure_magic.skills.trust import data_dir


@pytest.fixture(autouse=True)
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CONJURE_HOME", str(tmp_path / "conjure"))


def add(root: Path, name: str, description: str = "does something") -> Path:
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "SKILL.md").write_text(f"---\nname: {name}\ndescription: {description}\n---\nBody.\n", encoding="utf-8")
    return folder


def names(registry: SkillRegistry) -> list[str]:
    return [skill.name for skill in registry.list()]


def codes(registry: SkillRegistry) -> list[str]:
    return [finding.code for finding in registry.findings]


def given(*paths: Path) -> SkillRegistry:
    return SkillRegistry(paths, user=False, bundled=False)


def test_a_path_is_a_skill_or_a_folder_of_skills(tmp_path: Path) -> None:
    add(tmp_path / "many", "one")
    add(tmp_path / "many", "two")
    alone = add(tmp_path, "alone")
    assert names(given(tmp_path / "many", alone)) == ["alone", "one", "two"]
    assert names(given(alone / "SKILL.md")) == ["alone"]


def test_a_path_that_is_no_folder_is_a_slip(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="skills folder 'nowhere'"):
        SkillRegistry(["nowhere"])


def test_what_comes_first_wins_and_the_other_is_shown_as_shadowed(tmp_path: Path) -> None:
    project = tmp_path / "project"
    add(tmp_path / "given", "log-analyzer", "given")
    add(project / "skills", "log-analyzer", "project")
    add(project / "skills", "mine", "project")
    add(tmp_path / "home" / ".agents" / "skills", "mine", "user")
    add(tmp_path / "conjure" / "skills", "own", "user")
    registry = SkillRegistry([tmp_path / "given"], project=project, ask_trust=lambda *_: True)
    assert {s.name: s.scope for s in registry.list()} == {"log-analyzer": "given", "mine": "project", "own": "user"}
    shadowed = [f.message for f in registry.findings if f.code == "shadowed"]
    assert [text.split(" is shadowed")[0] for text in shadowed] == [
        "log-analyzer (project)",
        "mine (user)",
        "log-analyzer (bundled)",
    ]


def test_shadowed_skills_are_reported_with_the_skill_used_instead(tmp_path: Path) -> None:
    first, second, third = (add(tmp_path / name, "same", name) for name in ("a", "b", "c"))
    registry = given(tmp_path / "a", tmp_path / "b", tmp_path / "c")
    assert [(s.directory, f.directory) for s, f in registry.shadowed] == [(second, first), (third, first)]
    shutil.rmtree(first)
    registry.reload()
    assert [(s.directory, f.directory) for s, f in registry.shadowed] == [(third, second)]


def test_inside_one_scope_the_first_path_wins(tmp_path: Path) -> None:
    add(tmp_path / "a", "same", "first")
    add(tmp_path / "b", "same", "second")
    registry = given(tmp_path / "b", tmp_path / "a")
    assert registry.get("same").description == "second"
    assert codes(registry) == ["shadowed"]


def test_the_same_folder_named_twice_shadows_nothing(tmp_path: Path) -> None:
    add(tmp_path / "a", "one")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    registry = given(tmp_path / "a", tmp_path / "link", tmp_path / "a" / "one")
    assert names(registry) == ["one"]
    assert registry.findings == ()


def test_names_restrict_the_catalogue_to_themselves_and_what_paths_hold(tmp_path: Path) -> None:
    add(tmp_path / "home" / ".agents" / "skills", "wanted")
    add(tmp_path / "home" / ".agents" / "skills", "other")
    add(tmp_path / "given", "path-skill")
    registry = SkillRegistry([tmp_path / "given"], names=["wanted"])
    assert names(registry) == ["path-skill", "wanted"]


def test_an_unknown_name_is_reported_with_similar_names() -> None:
    with pytest.raises(SkillNotFoundError, match="unknown skill 'log-analyser'; did you mean log-analyzer"):
        SkillRegistry(names=["log-analyser"])
    with pytest.raises(SkillNotFoundError, match="available: log-analyzer"):
        SkillRegistry().get("zzz")


def test_find_ranks_by_shared_words(tmp_path: Path) -> None:
    add(tmp_path / "s", "logs", "analyses log files for errors")
    add(tmp_path / "s", "tables", "summarises CSV tables and finds errors in them")
    add(tmp_path / "s", "poems", "writes verse")
    registry = given(tmp_path / "s")
    assert [skill.name for skill in registry.find("analyse the errors in a log")] == ["logs", "tables"]
    assert registry.find("nothing in common") == ()


# ---- trust


def project_with(tmp_path: Path, *skills: str) -> Path:
    for name in skills:
        add(tmp_path / "project" / "skills", name)
    return tmp_path / "project"


def test_a_project_is_asked_about_once_and_the_answer_is_remembered(tmp_path: Path) -> None:
    project = project_with(tmp_path, "one")
    add(project / ".agents" / "skills", "two")
    asked = []

    def ask(folder: Path, found: tuple[SkillToTrust, ...]) -> bool:
        asked.append((folder, tuple(map(str, found))))
        return True

    for _ in range(2):
        registry = SkillRegistry(project=project, ask_trust=ask, bundled=False)
        registry.reload()
        assert names(registry) == ["one", "two"]
    assert asked == [(project, ("one", "two"))]


def test_a_project_that_is_not_trusted_is_not_loaded_and_said(tmp_path: Path) -> None:
    project = project_with(tmp_path, "one")
    registry = SkillRegistry(project=project, ask_trust=lambda *_: False, bundled=False)
    assert names(registry) == []
    assert codes(registry) == ["untrusted"]
    again = SkillRegistry(project=project, ask_trust=lambda *_: pytest.fail("asked twice"), bundled=False)
    assert codes(again) == ["untrusted"]


@pytest.mark.parametrize("ask", [None, lambda folder, found: None])
def test_without_anyone_to_ask_it_is_not_loaded_and_asked_about_next_time(tmp_path: Path, ask: object) -> None:
    project = project_with(tmp_path, "one")
    registry = SkillRegistry(project=project, ask_trust=ask, bundled=False)  # type: ignore[arg-type]
    assert names(registry) == []
    assert str(registry.findings[0].remedy) == 'To load them, name the folder: skills="./skills".'
    with pytest.raises(SkillNotFoundError, match="there is no way to ask here"):
        registry.get("one")
    assert names(SkillRegistry(project=project, ask_trust=lambda *_: True, bundled=False)) == ["one"]


def test_naming_a_project_folder_is_trusting_it(tmp_path: Path) -> None:
    project = project_with(tmp_path, "one")
    registry = SkillRegistry(
        [project / "skills"], project=project, ask_trust=lambda *_: pytest.fail("asked"), bundled=False
    )
    assert [(skill.name, skill.scope) for skill in registry.list()] == [("one", "given")]
    assert registry.findings == ()


def test_nothing_of_a_project_is_shown_before_it_is_trusted(tmp_path: Path) -> None:
    project = project_with(tmp_path, "one")
    add(project / "skills", "two").joinpath("SKILL.md").write_text("---\nname: x\n---\nsecret words\n")
    registry = SkillRegistry(project=project, bundled=False)
    assert codes(registry) == ["not-asked"]


def test_a_project_folder_that_links_out_of_it_is_not_loaded(tmp_path: Path) -> None:
    add(tmp_path / "elsewhere", "one")
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "skills").symlink_to(tmp_path / "elsewhere")
    registry = SkillRegistry(project=tmp_path / "project", ask_trust=lambda *_: True, bundled=False)
    assert names(registry) == []
    assert codes(registry) == ["link-outside"]


def test_the_users_own_skills_are_not_asked_about_if_the_project_is_the_home_folder(tmp_path: Path) -> None:
    add(tmp_path / "home" / ".agents" / "skills", "mine")
    registry = SkillRegistry(project=tmp_path / "home", ask_trust=lambda *_: pytest.fail("asked"), bundled=False)
    assert [(skill.name, skill.scope) for skill in registry.list()] == [("mine", "user")]


def test_an_answer_that_cannot_be_remembered_still_counts(tmp_path: Path) -> None:
    (tmp_path / "conjure").write_text("a file where the folder should be")
    registry = SkillRegistry(
        project=project_with(tmp_path, "one"), ask_trust=lambda *_: True, bundled=False, user=False
    )
    assert names(registry) == ["one"]
    assert codes(registry) == ["not-remembered"]


def test_the_trust_file_is_its_owners_alone_and_knows_folders_by_their_real_path(tmp_path: Path) -> None:
    store = TrustStore()
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    store.set(tmp_path / "link", True)
    assert store.path == data_dir() / "trusted-folders.json"
    assert store.path.stat().st_mode & 0o777 == 0o600
    assert store.get(tmp_path / "real") is True
    store.forget(tmp_path / "real")
    assert store.get(tmp_path / "link") is None
    assert [path.name for path in store.path.parent.iterdir()] == ["trusted-folders.json"]


@pytest.mark.parametrize("content", ["", "[]", "{", '{"folders": 1}', '{"folders": {"%s": "yes"}}', "[" * 100_000])
def test_a_damaged_trust_file_trusts_nothing_and_can_be_rewritten(tmp_path: Path, content: str) -> None:
    store = TrustStore(tmp_path / "trust.json")
    store.path.write_text(content.replace("%s", str(tmp_path)))
    assert store.get(tmp_path) is None
    store.set(tmp_path, True)
    assert store.get(tmp_path) is True


# ---- reload


def test_a_reload_tells_what_was_added_removed_and_changed(tmp_path: Path) -> None:
    add(tmp_path / "s", "stays")
    add(tmp_path / "s", "goes")
    add(tmp_path / "s", "changes")
    registry = given(tmp_path / "s")
    assert not registry.reload()
    add(tmp_path / "s", "comes")
    shutil.rmtree(tmp_path / "s" / "goes")
    add(tmp_path / "s", "changes", "something else")
    changes = registry.reload()
    assert (changes.added, changes.removed, changes.changed, changes.broken) == (
        ("comes",),
        ("goes",),
        ("changes",),
        (),
    )
    assert registry.get("changes").description == "something else"


def test_a_new_body_alone_is_a_change(tmp_path: Path) -> None:
    folder = add(tmp_path / "s", "one")
    registry = given(tmp_path / "s")
    with (folder / "SKILL.md").open("a") as file:
        file.write("more\n")
    assert registry.reload().changed == ("one",)


def test_a_skill_that_broke_keeps_its_last_good_state_and_says_so(tmp_path: Path) -> None:
    folder = add(tmp_path / "s", "one", "worked")
    registry = given(tmp_path / "s")
    (folder / "SKILL.md").write_text("---\nname: one\n---\n")
    for expected in (("one",), ("one",)):
        assert registry.reload().broken == expected
        assert registry.get("one").description == "worked"
    assert codes(registry) == ["missing-description", "kept"]
    add(tmp_path / "s", "one", "mended")
    assert registry.reload().changed == ("one",)
    assert registry.findings == ()


def test_a_folder_that_is_gone_is_a_finding_at_the_next_reload(tmp_path: Path) -> None:
    add(tmp_path / "s", "one")
    registry = given(tmp_path / "s")
    shutil.rmtree(tmp_path / "s")
    assert registry.reload().removed == ("one",)
    assert codes(registry) == ["unreadable"]


def test_what_is_read_while_another_thread_reloads_stays_whole(tmp_path: Path) -> None:
    """Two generations of three skills each alternate on disk; a reader sees one or the other, never a mixture."""
    root = tmp_path / "s"
    for name in ("a", "b", "c"):
        add(root, name, "generation 0")
    registry = given(root)
    stop = threading.Event()

    def rewrite() -> None:
        for generation in range(1, 60):
            for name in ("a", "b", "c"):
                add(root, name, f"generation {generation}")
            registry.reload()
        stop.set()

    writer = threading.Thread(target=rewrite)
    writer.start()
    while not stop.is_set():
        assert len({skill.description for skill in registry.list()}) == 1
        time.sleep(0)  # lets the writer go on
    writer.join()


def test_two_threads_reload_while_others_look_and_what_breaks_meanwhile_stays(tmp_path: Path) -> None:
    """A skill that breaks and is repaired again and again can be read, listed and found at every moment."""
    folder = add(tmp_path / "s", "broken-often", "flickers")
    registry = given(tmp_path / "s")
    errors: list[BaseException] = []
    stop = threading.Event()

    def repeat(call: Callable[[], object]) -> None:
        try:
            while not stop.is_set():
                call()
                time.sleep(0)  # lets the others go on
        except BaseException as error:
            errors.append(error)
            stop.set()

    def look() -> None:
        assert registry.get("broken-often").description == "flickers"
        assert names(registry) == ["broken-often"]
        assert len(registry.find("it flickers")) == 1
        assert {finding.code for finding in registry.findings} <= {"missing-description", "kept", "no-frontmatter"}

    threads = [threading.Thread(target=repeat, args=(call,)) for call in (registry.reload, registry.reload, look, look)]
    for thread in threads:
        thread.start()
    for _ in range(100):
        (folder / "SKILL.md").write_text("---\nname: broken-often\n---\n")
        add(tmp_path / "s", "broken-often", "flickers")
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []


def test_a_catalogue_too_long_for_a_model_is_said(tmp_path: Path) -> None:
    for number in range(90):
        add(tmp_path / "s", f"skill-{number:03}", "words " * 100)
    assert codes(given(tmp_path / "s")) == ["catalogue-shortened"]
