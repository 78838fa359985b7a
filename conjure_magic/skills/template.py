"""A template for a new skill: valid, with a script that runs and a reference file."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from conjure_magic.errors import InvalidSkillError, SkillError
from conjure_magic.skills.skill import check_name, normal_name

_SKILL_MD = """\
---
name: {name}
description: Counts the lines, words and characters of text files. Use it when asked how long a text is.
compatibility: Needs Python 3.11 or later, standard library only.
metadata:
  version: "0.1"
---

# {title}

This template works as it is. The description above is all that a model knows before it reads this file: say \
there what the skill does and when to use it. Below, list each command with one sentence on what it answers. Keep \
this file short and move details into `references/`.

Paths are relative to this folder. FILE is one or more text files.

Count the lines, words and characters of a text file.

```bash
python scripts/count.py FILE
```

Give the counts as JSON, for further work on them.

```bash
python scripts/count.py FILE --json
```

Read [references/counting.md](references/counting.md) when asked how a figure is counted.
"""

_SCRIPT = '''\
"""Count the lines, words and characters of text files."""

import argparse
import json
from pathlib import Path


def count(text):
    return {"lines": len(text.splitlines()), "words": len(text.split()), "characters": len(text)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    counts = {}
    for file in options.files:
        try:
            counts[file] = count(Path(file).read_text(encoding="utf-8", errors="replace"))
        except OSError as error:
            parser.error(f"{file}: {error.strerror}")
    if options.json:
        print(json.dumps(counts, indent=2, ensure_ascii=False))
        return
    for file, found in counts.items():
        print(f"{file}: " + ", ".join(f"{number:,} {what}" for what, number in found.items()))


if __name__ == "__main__":
    main()
'''

_REFERENCE = """\
# How the figures are counted

- A line ends at a line break; the last one counts even without it.
- Words are separated by blanks, so `well-known` is one and `a - b` are three.
- A character is one code point. Text is read as UTF-8; each invalid byte counts as one character.
"""


def new_skill(name: str, folder: str | Path) -> Path:
    """The folder of a new skill below `folder`, with a SKILL.md that is valid, a script and a reference.

    Raises SkillError with every rule that the name breaks, or if the folder exists already; OSError if it cannot be
    written.
    """
    name = normal_name(name)
    broken = check_name(name, name) if name else [("missing-name", "a skill needs a name")]
    if broken:
        raise InvalidSkillError("; ".join(f"{message} ({code})" for code, message in broken))
    directory = Path(folder).expanduser() / name  # letters, digits and hyphens by now
    try:
        directory.mkdir(parents=True)
    except FileExistsError:
        raise SkillError(f"{directory} already exists") from None
    title = name.replace("-", " ").capitalize()
    for path, text in {
        "SKILL.md": _SKILL_MD.format(name=_scalar(name), title=unicodedata.normalize("NFC", title)),
        "scripts/count.py": _SCRIPT,
        "references/counting.md": _REFERENCE,
    }.items():
        target = directory / path
        target.parent.mkdir(exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return directory


def _scalar(name: str) -> str:
    """The name as a YAML string: `123` and `on` are quoted."""
    import yaml  # only once a skill is written: loading the extension stays light

    try:
        return name if isinstance(yaml.safe_load(name), str) else f'"{name}"'
    except (yaml.YAMLError, ValueError):  # an impossible date
        return f'"{name}"'
