"""How clearly a line reports a failure, by the forms in which tools word failures and verdicts."""

# ruff: noqa: E501 - a table with one form a line

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

# Colours and cursor moves, also as `cat -v` writes the escape character.
ESCAPES = re.compile(r"(?:\x1b|\^\[)(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|_bk;[^\x07]*\x07)")
# The time that a build runner puts before every line, and the mark of the stream that some add.
RUNNER_TIME = re.compile(
    r"\ufeff?\[?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3,9}(?:Z|[+-]\d\d:?\d\d)\]?[ \t]?(?:\d\d[OE]\+? ?)?"
)
_ANY_TIME = re.compile(
    r"\ufeff?[\[(]?\d{2,4}[-/.]\d\d[-/.]\d{2,4}[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z| ?[+-]\d\d:?\d\d)?[\])]?[ \t]*|"
    r"\[\d\d:\d\d:\d\d(?:[.,]\d+)?\] ?[A-Z]?:? ?"
)
_PRECISE = r"(?:[\w./\\@+-]|:\\)+\.\w{1,6}"  # a source file


_PROBLEM = re.compile(
    r"\b(?:error|errors|errno|fail|fails|failed|failing|failure|failures|fatal|panic|exception|traceback|denied|refused|"
    r"timeout|timed out|unable|cannot|can't|couldn't|could not|not found|no route|unreachable|corrupt(?:ed)?|"
    r"abort(?:ed)?|crash(?:ed)?|killed|segfault|invalid|illegal|unexpected|overflow|exhausted|reset by peer|"
    r"broken|lost|dead|oops|rejected|unauthorized|forbidden|break-in|no such|panicked|segmentation fault|core dumped|"
    r"out of memory|oomkilled|deadlock|not permitted|unhandled|uncaught|(?-i:[A-Z]\w*(?:Error|Exception|Failure)))\b",
    re.IGNORECASE,
)
# Failures that there were none of, and those that only a number tells.
_NONE = re.compile(
    r"\b(?:0|no|zero|without(?: any)?) (?:[a-z]+ )?(?:errors?|fail(?:ed|ures?)|problems?|exceptions?)\b|"
    r"\b(?:errors?|fail(?:ed|ures?)|exceptions?)[\"']?(?:=|: ?)(?:0\b|none\b|null\b)|"
    # A limit that is set, not one that was reached.
    r"\b(?:set|setting|default|using|configured|with)\b[^:;]{0,30}\btime-?out\b|"
    r"\btime-?out\b(?: value)? ?(?:=|\b(?:of|is|set)\b)",
    re.IGNORECASE,
)
_COUNTED = re.compile(
    r"\bexit(?:ed|ing|s)?\b[^\d]{0,24}\b(?:code|status)\b[:= ]{0,3}-?[1-9]|\b(?:exit|exited|rc|exit_?code)[=: ]{1,2}-?[1-9]|"
    r"\b(?:HTTP(?:/[\d.]+)?|status|status_?code)[\"=: ]{1,2}5\d\d\b",
    re.IGNORECASE,
)
_BY_NUMBER = re.compile(
    r"\b(?:exit\w*|rc|http|status\w*|errors?|fail(?:ed|ures?)|exceptions?)\b[^<]{0,24}<\*>|"
    r"<\*> (?:[a-z]+ )?(?:errors?|fail(?:ed|ures?)|problems?|exceptions?)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Form:
    """A form of failure: how much a line in it tells, and whether it ends a step, a test run or a build."""

    weight: float
    pattern: str
    verdict: bool = False


_FORMS = (
    # The runner's own verdict.
    Form(10, r"(?:##\[error\]|::error\b|ERROR: Job failed\b|Finished: (?:FAILURE|UNSTABLE|ABORTED)\b)", True),
    Form(9, r".*\bexit(?:ed|ing)?\b.{0,24}\b(?:code|status)\b:? ?(?!0\b)-?\d", True),
    Form(9, r".*\b(?:returned|return code:?|returned non-zero exit status) (?!0\b)\d+\b", True),
    Form(9, r"(?:\[ERROR\] |.*\b)?BUILD FAIL(?:ED|URE)\b|Build FAILED\b|FAILURE: Build failed\b", True),
    Form(9, r"(?:\w*make(?:\[\d+\])?: )\*\*\* ", True),
    Form(8, r".*\b(?:Build step .* marked build as failure|[Bb]uild (?:failed|completed unsuccessfully)|"
            r"Bootstrap failed|did not complete successfully|[Cc]ommand failed|failed to solve|Failed to execute goal|"
            r"script returned exit code|Session \S+ failed|Job failed|Pipeline failed|Deployment failed)\b", True),
    Form(8, r"npm (?:ERR!|error) (?:code|errno|Lifecycle|Test failed|Exit)|error Command failed|ELIFECYCLE", True),
    # A run of tests or checks, added up.
    Form(8, r".*\b(?!0\b)\d[\d,]* (?:of \d+ )?(?:tests? |specs? |examples? |scenarios? )?(?:fail(?:ed|ures?|ing)|errors?)\b"
            r"(?!.*\berrors?: 0\b)", True),
    Form(8, r".*\b(?:Failures|Errors|Failed|failed|errors|failures) ?[:=] ?(?!0\b)\d", True),
    Form(8, r".*\bFound (?!0\b)\d+ (?:errors?|problems?|violations?|issues?|offenses?)", True),
    Form(8, r"\W*(?!0\b)\d+ (?:problems?|offenses?|violations?) ", True),
    Form(8, r"test result: FAILED|Tests? (?:run )?FAILED|(?:Some )?tests? (?:run )?failed\b|No tests found", True),
    # A test or a check by name.
    Form(8, r"\s*(?:FAILED|FAIL|ERROR)(?:\s+\[.{0,20}?\]|:)?\s+\(?[\w./\\<\[]"),
    Form(8, r"\s*--- FAIL: |\s*not ok \d|\s*[●✕✗✖✘×❌] +\S|\s*\d+\) \S.*(?:FAILED|failed)"),
    Form(8, r".*(?:\.{3,}|\s|\*)(?:FAILED|Failed|FAIL|\*\*\*(?:Failed|Exception|Timeout).*|failed|mismatch)\s*(?:\(.{0,30}\)|\[.{0,30}\]|[\d.]+ \w+)?\s*\Z"),
    Form(7, r"_{4,} .* _{4,}|={4,} (?:FAILURES|ERRORS) ={4,}|-{3,} .* std(?:out|err) -{3,}|failures:\Z|> Task \S+ FAILED"),
    Form(7, r".*failed to pass\b|The following (?:tests|errors|build commands) .*FAILED|Tests? failed: |Failing tests?\b"),
    # A compiler, a linter, a type checker.
    Form(7, rf"\W*{_PRECISE}[:(]\d+(?:[:,]\d+)?\)?\s*(?::|-)?\s*(?:fatal )?(?:error|Error|ERROR)\b"),
    Form(7, r"\s*(?:fatal )?error(?:\[\w+\]|\(\w+\)| [A-Z]{1,4}\d+)?: |.*\berror(?:\[\w+\]| [A-Z]{1,4}\d+):"),
    Form(5, r"\s+\d+:\d+\s+(?:error|✖)\s"),
    Form(6, rf"\W*{_PRECISE}:\d+(?::\d+)?: (?:\w+Error|\w+Failure|\w+Exception|in\b|F\d+|E\d+|W\d+|C\d+|R\d+)"),
    # An exception, a panic, a signal.
    Form(8, r"E   +\S"),
    Form(8, r".*\bpanicked at\b|panic: |.*\bSegmentation fault|.*\bcore dumped|.*\bOut of memory|.*\bOOMKilled"),
    Form(8, r"\s*(?:[\w$.]+\.)?[A-Z][\w$]*(?:Error|Exception|Failure|Panic|Warning|Interrupt|Exit)(?:\s*\[\w+\])?: "),
    Form(7, r"\s*(?:Caused by|Root cause|Unhandled|Uncaught|Exception in thread|\* What went wrong|Reason|Error Message)\b:?"),
    Form(7, r".*\b(?:[A-Z][a-z]+)+(?:Error|Exception|Failure)\b"),
    Form(5, r"\s*Traceback \(most recent|\s*goroutine \d+ \[running|.*stack backtrace:"),
    Form(7, r"\s*(?:[\w./-]{1,40}: )?(?:fatal|FATAL|Fatal)(?: error)?:? "),
    Form(7, r".*(?:\bHTTP(?:/[\d.]+)?[ :]*|\bstatus(?: code)?[ :=]+|server returned error: \D*)[45]\d\d\b"),
    Form(7, r"[│|]\s*Error: |\s*(?:[│|] )?Error: |(?:\w[\w./-]{0,30}): (?:error|cannot|can't|failed|not found|No such)\b"),
    Form(6, r"\s*(?:\S+ )?(?:ERROR|ERR!?|FAIL|FATAL|CRITICAL|SEVERE)\b"),
    # What was expected and what came.
    Form(6, r"\s*(?:Expected|Received|expected|received|got|actual|Actual|want|EXPECTED|ACTUAL OUTPUT|Got|left|right)\b ?[^.]{0,24}:"),
    Form(5, r"\s*(?:assert(?:ion)?\b|Assert\w*\b|AssertionError|expect\()|.*\bassertion\b.*\bfailed"),
    Form(5, r".*\b(?:No such file|not found|Permission denied|[Cc]onnection refused|timed? ?out|[Uu]ndefined reference|"
            r"[Cc]annot find|[Uu]nable to|not accessible|dubious ownership|No space left|[Uu]nexpected|"
            r"is not formatted|Please run|would reformat|files? (?:were|was) modified|denied|forbidden|rejected)\b"),
    Form(4, r".*(?<![\w./\\-])(?i:errors?|fail(?:ed|ure|s|ing)?|fatal|abort(?:ed|ing)?|crash(?:ed)?|killed|cannot|invalid|missing|"
            r"exception|unauthorized|broken|corrupt(?:ed)?)(?![\w/\\-]|\.\w)"),
    Form(3, r"\s*(?:-->|at ).*:\d+|\s*File \".*, line \d+|.*\bexit [1-9]\b|- (?:hook id|exit code):|\s*>>> |> +\d+ \|"),
)  # fmt: skip


@cache
def _matchers() -> list[tuple[Form, Callable[[str], re.Match[str] | None]]]:
    """Compiled when a line first needs them: a log in which all goes well does without."""
    return [(form, re.compile(form.pattern).match) for form in _FORMS]


# A line without any of these is in none of the forms; looked for one by one, which is faster than one pattern.
_CUES = (
    "error", "fail", "fatal", "panic", "exception", "traceback", "expect", "exit", "abort", "cannot", "denied",
    "not found", "refused", "time", "warning:", "caused", "cause:", "kill", "unable", "invalid", "missing", "e   ", "return",
    "problem", "offense", "violation", "***", "not ok", "assert", "--> ", "http", "status", "got", "want", "receiv",
    "actual", "unexpected", "no such", "undefined", "crash", "core dump", "memory", "oom", "forbidden", "reject",
    "unsuccess", "unauthor", "broken", "corrupt", "mismatch", "✕", "✗", "✖", "✘", "×", "❌", "●", "elifecycle",
    "formatted", "please run", "modified", "reformat", "unhandled", "uncaught", "accessible", "ownership", "reason",
    "no space", "running]", "backtrace", "____ ", "interrupt", "hook id", "file \"", "err!", " in <",
    ">>> ", "can't", "severe", "critical", " | ", "left:", "right:",
)  # fmt: skip
_HARMLESS = re.compile(
    r"(?i).*(?:\b(?:0|no|without) (?:errors?|fail(?:ed|ures?)|problems?)\b|\berrors?[:=] ?0\b|\bfail(?:ed|ures?)[:=] ?0\b|"
    r"\bXFAIL\b|\bXPASS\b|\[should fail|if-no-files-found|fail-fast|continue-on-error|fail_ci|\bok\s*\Z|(?-i:\bPASS(?:ED)?\b)|"
    r"\.\.\. ok\b|\bdownload(?:ing|ed)\b|\bcompiling\b|\binstalling\b|\bunpacking\b|\bselecting\b|\bget:\d)"
)
_LONGEST = 600  # characters of a line that are judged


def plain(line: str) -> str:
    """A line as its tool printed it: without colours and without the runner's time."""
    if "\x1b" in line or "^[" in line:
        line = ESCAPES.sub("", line)
    line = line.rpartition("\r")[2] or line
    match = RUNNER_TIME.match(line)
    return line[match.end() :] if match else line


def judge(line: str) -> Form | None:
    """The form of failure that a plain line is in, the weightiest; None where it is in none."""
    text = line[:_LONGEST]
    timed = _ANY_TIME.match(text)
    if timed:
        text = text[timed.end() :]
    lowered = text.lower()
    if not any(cue in lowered for cue in _CUES) and not text.startswith("##["):
        return None
    found = max((form for form, match in _matchers() if match(text)), key=lambda form: form.weight, default=None)
    if found is not None and not found.verdict and _HARMLESS.match(text):
        return Form(found.weight * 0.2, "")
    return found


def is_problem(text: str) -> bool:
    """Whether a message's wording reports a failure; an inference, never a level."""
    found = _PROBLEM.search(text) is not None
    if found and _NONE.search(text):
        found = _PROBLEM.search(_NONE.sub("", text)) is not None
    return found or _COUNTED.search(text) is not None


def is_told_by_number(masked: str) -> bool:
    """Whether messages of a masked text are failures or not by the number in it, as an exit code."""
    return _BY_NUMBER.search(masked) is not None


def problem_words(text: str) -> list[str]:
    """The words with which a message reports a failure, each once."""
    return list(dict.fromkeys(match[0] for match in _PROBLEM.finditer(text)))
