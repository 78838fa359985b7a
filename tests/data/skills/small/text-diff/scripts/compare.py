"""Compares two versions of a text and shows the differences."""

import argparse
import difflib
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("old")
parser.add_argument("new")
args = parser.parse_args()
old, new = (Path(name).read_text(encoding="utf-8").splitlines() for name in (args.old, args.new))
print("\n".join(line for line in difflib.ndiff(old, new) if line[0] in "+-"))
