"""Counts words: `count.py FILE… [--top N] [--json] [--containing TEXT]`."""

import argparse
import collections
import json
import re
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("files", nargs="+")
parser.add_argument("--top", type=int, default=10)
parser.add_argument("--json", action="store_true")
parser.add_argument("--containing", default="")
options = parser.parse_args()
words = collections.Counter(
    word for name in options.files for word in re.findall(r"\w+", Path(name).read_text(encoding="utf-8").lower())
)
found = [(word, count) for word, count in words.most_common() if options.containing in word][: options.top]
if options.json:
    print(json.dumps(dict(found)))
else:
    print("\n".join(f"{count} {word}" for word, count in found))
