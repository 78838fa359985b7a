"""Choosing: the skill or tool that fits a prompt, the documented command that fits best, and what to fill it with."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from conjure_magic.models.offline.conversation import Conversation, Exchange, KnownSkill, Surroundings
from conjure_magic.models.offline.documents import Documentation, DocumentedCommand
from conjure_magic.models.offline.fill_template import Filled, Material, absolute, asks_for, fill
from conjure_magic.models.offline.mentions import Mentions, read_mentions
from conjure_magic.models.offline.reading.lexicon import FILLER, LINE_NOUNS, UNANSWERABLE
from conjure_magic.models.offline.template import OPERATORS, Option, Template, named_option, parse_template
from conjure_magic.models.offline.vocabulary import ENDINGS, PHRASES, SYNONYMS
from conjure_magic.models.offline.weights import MAIN_COMMAND
from conjure_magic.skills.ranking import rank, stem, stems

MAX_PROMPT = 8_000
"""Characters of a prompt that are weighed."""
_FOLLOW_UP = re.compile(
    r"\b(?:and|now|also|again|same|instead|only|just|but|then|it|its|that|those|them|these|this|what about|how about|"
    r"more|less|with|without)\b",
    re.IGNORECASE,
)
_NO_TOPIC = re.compile(r"https?://|\b\d+ times\b", re.IGNORECASE)
"""What a prompt holds without being about it."""
_WRONG_USE = re.compile(
    r"\busage:|unrecogni[sz]ed|invalid (?:option|argument|choice|value)|"
    r"unknown (?:option|argument|flag)|no such option",
    re.IGNORECASE,
)
_MADE = re.compile(
    r"\b(?:wrote|written|saved|created|replaced)\b[^\n]{0,40}?([\w./-]{1,200}\.\w{1,8})\b", re.IGNORECASE
)


def best_fit(prompt: str, candidates: Sequence[tuple[str, str]]) -> int | None:
    """The index of the candidate (a name and a description) that fits the prompt; None if none does.

    One common word is not enough, unless it is in the name or the prompt names a file or an address as well.
    """
    query = _NO_TOPIC.sub(" ", prompt[:MAX_PROMPT])
    query += "".join(f" {words}" for ending, words in ENDINGS.items() if re.search(rf"\.{ending}\b", query))
    scores = rank(query, candidates)
    order = sorted(range(len(candidates)), key=lambda index: (-scores[index], index))
    wanted, mentions = frozenset(stems(query)), read_mentions(prompt[:MAX_PROMPT])
    for index in order:
        name, description = candidates[index]
        in_name = wanted & frozenset(stems(name))
        shared = in_name | wanted & frozenset(stems(description))
        if in_name or len(shared) > 1 or (shared and (mentions.paths or mentions.urls)):
            return index
    return None


def skill_read_in(exchange: Exchange, skills: Iterable[KnownSkill]) -> KnownSkill | None:
    """The skill whose SKILL.md was read in a turn."""
    paths = {step.path for step in exchange.steps}
    return next((skill for skill in skills if skill.location in paths), None)


def follows_up(prompt: str) -> bool:
    """True for a short prompt that leans on the one before: "and only errors?", "in the same file"."""
    mentions = read_mentions(prompt)
    short = len(prompt.split()) <= 25
    named = bool(mentions.paths or mentions.urls or mentions.numbers or mentions.levels)
    return short and (named or _FOLLOW_UP.search(prompt) is not None)


def choose_skill(conversation: Conversation, skills: Sequence[KnownSkill]) -> KnownSkill | None:
    """The skill for the prompt: the best fitting, or the one used before if the prompt leans on that."""
    prompt = conversation.now.prompt
    index = best_fit(prompt, [(skill.name, skill.description) for skill in skills])
    if index is not None:
        return skills[index]
    if follows_up(prompt):
        return next(filter(None, (skill_read_in(turn, skills) for turn in conversation.earlier)), None)
    return None


# ---- what a command may be filled with


def made_files(conversation: Conversation) -> tuple[str, ...]:
    """Files of the workspace that came with a prompt, or that a tool said it wrote."""
    found: dict[str, None] = {}
    for exchange in conversation.exchanges:
        found.update(dict.fromkeys(exchange.attached))
        for told in exchange.settled:
            found.update(dict.fromkeys(_MADE.findall(told[:20_000])))
        for step in exchange.steps:
            if step.call.name in ("create_file", "str_replace"):
                found[str(step.call.input.get("path", ""))] = None
            elif step.call.name != "view" and not step.is_error:
                found.update(dict.fromkeys(_MADE.findall(step.result[:20_000])))
    return tuple(found)


def material(conversation: Conversation, places: Surroundings, directory: str, spelling: str) -> Material:
    """The values that the prompt names; files and addresses of earlier prompts where it names none."""
    mentions = read_mentions(conversation.now.prompt[:MAX_PROMPT])
    made = made_files(conversation)
    came = {posixpath.basename(path) for path in conversation.now.attached}
    named = (path for path in mentions.inputs if path not in came)  # by its name, the file that came is meant
    inputs, urls = (*named, *conversation.now.attached), mentions.urls
    for exchange in conversation.earlier:
        if inputs or urls:
            break
        before = read_mentions(exchange.prompt[:MAX_PROMPT])
        inputs, urls = (*before.inputs, *exchange.attached), before.urls
    paths = tuple(dict.fromkeys(absolute(path, places, made) for path in inputs))
    return Material(mentions, paths, urls, directory, spelling)


# ---- which command


@dataclass(frozen=True)
class Choice:
    """A documented command and how it was filled."""

    command: DocumentedCommand
    template: Template
    filled: Filled


def choose_command(documentation: Documentation, given: Material, prompt: str) -> Choice | None:
    """The documented command that fits the prompt and what it names; None if none is documented."""
    choices = []
    for command in documentation.commands:
        template = parse_template(command.text)
        if template is not None:
            template = with_options(template, command, documentation, given.mentions)
            choices.append(Choice(command, template, fill(template, given)))
    scores = rank(expanded(without_names(prompt[:MAX_PROMPT], given)), [_described(choice) for choice in choices])
    worth = [_worth(choice, score, given) for choice, score in zip(choices, scores, strict=True)]
    worth[:1] = [first + MAIN_COMMAND for first in worth[:1]]
    return choices[worth.index(max(worth))] if worth else None


def without_names(prompt: str, given: Material) -> str:
    """The prompt without the files and addresses in it, whose words say nothing about what to do with them."""
    names = [*(path.text for path in given.mentions.paths), *given.mentions.urls]
    for name in sorted(names, key=len, reverse=True):
        prompt = prompt.replace(name, " ")
    return prompt


def expanded(prompt: str) -> str:
    """The prompt with the words that its turns of phrase stand for."""
    return " ".join((prompt, *(words for phrase, words in PHRASES if re.search(phrase, prompt, re.IGNORECASE))))


def _described(choice: Choice) -> tuple[str, str]:
    """Title and text of a command, for ranking: what runs; what is said about it, and its options."""
    options = [option.name for option in choice.template.options]
    text = " ".join((*choice.command.section[1:], choice.command.about, *options))
    return choice.template.program.rpartition("/")[2], text


def _worth(choice: Choice, words: float, given: Material) -> float:
    """How well a command fits: its words, the values it takes and lacks, the options asked for."""
    kinds = {value.kind for value in choice.template.values}
    filled = choice.filled
    used = len(filled.used - set(given.inputs))
    worth = words + 1.0 * filled.asked + 1.0 * used - filled.unasked - 3.0 * len(filled.missing)
    if given.mentions.urls:
        worth += 2.0 if "url" in kinds else -1.5
    if given.mentions.inputs:
        worth += 0.5 if "input" in kinds else -2.0
    if "url" in kinds and not given.urls:
        worth -= 2.0
    return worth


def with_options(
    template: Template, command: DocumentedCommand, documentation: Documentation, mentions: Mentions
) -> Template:
    """The template with further options of the same program that are documented and that the prompt asks for.

    These are the options that take a value in other commands of the program, and those that the same section
    names apart from any command.
    """
    if any(getattr(part, "text", "") in OPERATORS for part in template.parts):
        return template
    extra: dict[str, Option] = {}
    for other in documentation.commands:
        sibling = parse_template(other.text)
        if sibling is not None and sibling.program == template.program:
            extra |= {option.name: option for option in sibling.options if _takes(option)}
    for documented in documentation.options:
        if documented.section == command.section and documented.name not in extra:
            extra[documented.name] = named_option(documented.name, documented.value)
    own = {option.name for option in template.options}
    wanted = [option for name, option in extra.items() if name not in own and _wanted(option, mentions)]
    return Template((*template.parts, *(Option(o.name, o.value, optional=True) for o in wanted)))


def _takes(option: Option) -> bool:
    """True for an option whose value a prompt could give."""
    return option.value is not None and option.value.kind in ("level", "time", "number", "text")


def _wanted(option: Option, mentions: Mentions) -> bool:
    kind = option.value.kind if option.value is not None else None
    if kind == "level":
        return bool(mentions.levels)
    if kind == "time":
        return bool(mentions.times)
    return asks_for(re.findall(r"[a-z]+", option.name.lower()), mentions)


def simpler(choice: Choice, documentation: Documentation, given: Material) -> str | None:
    """Another try after a failure: the same program with fewer options, else its own help; None if none is left."""
    plain = fill(choice.template, given, plain=True)
    tries = [plain.command] if not plain.missing else []
    for command in documentation.commands:
        template = parse_template(command.text)
        if template is not None and template.program == choice.template.program:
            other = fill(template, given, plain=True)
            tries += [other.command] if not other.missing else []
    failed = choice.filled.command
    shorter = [text for text in tries if text != failed and len(text) < len(failed)]
    return min(shorter, key=len) if shorter else None


def unused(given: Material, filled: Filled, prompt: str) -> tuple[str, ...]:
    """What the prompt names and the command does not hold."""
    mentions = given.mentions
    named = [*mentions.outputs, *mentions.urls, *(number.text for number in mentions.numbers), *mentions.levels]
    named += [*(time.text for time in mentions.times), *mentions.quoted]
    missing = [text for text in named if text not in filled.used]
    if mentions.inputs:
        missing += [path for path in given.inputs if path not in filled.used]
    return tuple(dict.fromkeys(missing))


def unaccounted(prompt: str, given: Material, choice: Choice, skill_text: str) -> tuple[tuple[str, ...], int]:
    """The words of a request that neither the command nor what is said about it holds, and how many words it has."""
    option_words = [word for option in choice.template.options for word in re.findall(r"[a-z]+", option.name.lower())]
    meant = [other for word in option_words for other in (word, *SYNONYMS.get(word, ()))]
    said = " ".join((*choice.command.section, choice.command.about, choice.filled.command, skill_text, *meant))
    known = frozenset(stems(said)) | {stem(word) for word in meant}
    bare = without_names(prompt[:MAX_PROMPT], given)
    for quoted in (*given.mentions.quoted, *given.mentions.sought):
        bare = bare.replace(quoted, " ")
    words = [
        word
        for word in re.findall(r"[^\W\d_]+(?:'[a-z]+)?", bare)
        if word.lower() not in FILLER and word.lower() not in LINE_NOUNS
    ]
    words = [word for word in words if stems(word) or word.lower() in UNANSWERABLE]
    expansions = frozenset(stems(expanded(bare))) - frozenset(stems(bare))
    left = [
        word
        for word in words
        if not (set(stems(word)) & known) and not (expansions and expansions & known and _in_phrase(word))
    ]
    return tuple(dict.fromkeys(left)), len(words)


def _in_phrase(word: str) -> bool:
    """True if a word belongs to a turn of phrase that stands for other words."""
    return any(
        re.search(rf"\b{re.escape(word)}\b", phrase.replace("|", " ").replace(r"\b", " "), re.IGNORECASE)
        for phrase, _ in PHRASES
    )


def is_wrong_use(result: str) -> bool:
    """True if a command's output complains of how it was called, which another try could correct."""
    return _WRONG_USE.search(result) is not None
