"""Counts how often letters occur in a text."""

import argparse
from collections import Counter
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("file")
parser.add_argument("--top", metavar="N", type=int, default=26)
args = parser.parse_args()
letters = Counter(sign for sign in Path(args.file).read_text(encoding="utf-8").lower() if sign.isalpha())
print("\n".join(f"{sign} {count}" for sign, count in letters.most_common(args.top)))
