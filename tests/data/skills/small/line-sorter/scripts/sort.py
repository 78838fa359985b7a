"""Sorts the lines of a text file alphabetically."""

import argparse
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("file")
parser.add_argument("--reverse", action="store_true", help="from z to a")
parser.add_argument("--unique", action="store_true", help="each line once")
args = parser.parse_args()
lines = Path(args.file).read_text(encoding="utf-8").splitlines()
print("\n".join(sorted(set(lines) if args.unique else lines, reverse=args.reverse)))
