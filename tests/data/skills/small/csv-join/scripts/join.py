"""Joins two CSV tables on a common column."""

import argparse
import csv
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("left")
parser.add_argument("right")
parser.add_argument("--on", metavar="COLUMN", required=True)
args = parser.parse_args()
right = {row[args.on]: row for row in csv.DictReader(Path(args.right).read_text(encoding="utf-8").splitlines())}
for row in csv.DictReader(Path(args.left).read_text(encoding="utf-8").splitlines()):
    print(",".join({**row, **right.get(row[args.on], {})}.values()))
