"""The word lists that the planner goes by."""

from __future__ import annotations

from typing import Literal

Kind = Literal["input", "output", "url", "number", "level", "time", "text", "word"]
"""What a value of a command or tool stands for; a "word" is one of the author's own, and stays."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


KINDS: tuple[tuple[Kind, frozenset[str]], ...] = (
    ("url", _words("url uri link endpoint address website")),
    ("level", _words("level levels severity loglevel l")),
    ("time", _words("time date timestamp since until after before day around when")),
    (
        "number",
        _words(
            "n num number count limit k max min top int integer lines head tail size port days hours minutes seconds "
            "rows columns width height depth context percent threshold timeout bytes samples page value amount"
        ),
    ),
    (
        "output",
        _words(
            "o out output outfile outputs dest destination target result chart plot graph figure image png svg html "
            "report save write export"
        ),
    ),
    (
        "input",
        _words(
            "i in f file files filename path paths input inputs infile log logs logfile src source dir folder "
            "directory data csv json document doc pdf xlsx dataset table"
        ),
    ),
)
"""What names of placeholders and options stand for; the first that holds one of a name's words counts."""

NOT_PLACEHOLDERS = _words("GET POST PUT DELETE HEAD PATCH OPTIONS JSON CSV YAML HTML UTC TRUE FALSE AND OR")
"""Words in capitals that mean themselves."""

SHELL_VARIABLES = _words("HOME PWD OLDPWD PATH USER SHELL TMPDIR LANG INPUT_DIR OUTPUT_DIR SKILL_DIR PYTHON")
"""Variables that a command finds set; others in capitals are to be filled in."""

WRITTEN = _words(
    "o out output outfile outputs dest destination target result chart plot graph report save write export"
)
"""Names of files that a command writes, whatever else it reads."""

EXTENSIONS = _words(
    "bz2 cfg conf csv dat db docx err gz html ini jpeg jpg json jsonl log md ndjson out parquet pdf png py sh sql "
    "sqlite svg tar toml tsv txt xlsx xml xz yaml yml zip zst"
)
"""Endings that make a bare word a file's name."""

LEVELS = {
    "trace": "TRACE",
    "debug": "DEBUG",
    "info": "INFO",
    "notice": "NOTICE",
    "warn": "WARN",
    "warning": "WARNING",
    "error": "ERROR",
    "critical": "CRITICAL",
    "fatal": "FATAL",
}

INTERPRETERS = _words("python python3 bash sh zsh node ruby perl Rscript php deno bun uv npx julia")

SETUP = _words(
    "pip pip3 pipx npm yarn pnpm apt apt-get brew conda mamba cd export source sudo rm mkdir git chmod curl wget cargo "
    "docker alias set echo touch mv cp exit"
)
"""First words of lines that prepare something, and are never what a request asks for."""

LAST_RESORT = _words("curl wget git docker cargo npm yarn pnpm echo")
"""Those that may be all that a skill has, and then are what it is for, if they take a value."""

SHELL_LANGUAGES = frozenset({"", "bash", "sh", "shell", "console", "zsh", "terminal", "shell-session", "shellsession"})

SYNONYMS = {
    "chart": _words("plot graph diagram picture figure visualise visualisation draw svg png"),
    "plot": _words("chart graph diagram picture figure visualise draw"),
    "csv": _words("table spreadsheet"),
    "limit": _words("first last most maximum max newest latest lines records entries rows items messages events up"),
    "top": _words("most common frequent biggest largest worst first commonest"),
    "head": _words("first"),
    "tail": _words("last"),
    "count": _words("number"),
    "n": _words("first last top limit most"),
    "mean": _words("average avg"),
    "max": _words("maximum largest highest biggest longest"),
    "min": _words("minimum smallest lowest shortest"),
    "sum": _words("total"),
    "verbose": _words("detail detailed details"),
    "grep": _words("containing matching contain contains pattern mention mentions with"),
    "pattern": _words("containing matching contain contains mention mentions with"),
    "query": _words("containing matching about search"),
    "since": _words("from after start between"),
    "until": _words("to before till end and"),
    "around": _words("at near before after about when"),
    "level": _words("severity"),
}
"""Words of a request that ask for an option of that name."""

SEARCHES = _words("pattern query text term keyword keywords word search regex regexp grep phrase string")
"""Names of values that are looked for in a text."""

FORMATS = _words("json jsonl csv xml yaml html format raw debug quiet verbose silent")
"""Names of flags that change how an answer looks: out of place where nobody asks for them."""

PICTURES = _words("svg png jpg jpeg pdf")

PHRASES = (
    (r"\bhow (?:many|often|much)\b", "count number total"),
    (r"\bwent wrong|goes wrong|what happened\b", "error problem failure incident"),
    (r"\bwhen\b", "time"),
    (r"\b(?:overview|at a glance)\b", "summary"),
)
"""Turns of phrase, and words that documentation has in their place."""

ENDINGS = {"jsonl": "JSON lines", "ndjson": "JSON lines", "tsv": "table"}
"""Endings of file names that are no words, with what such files are called."""
