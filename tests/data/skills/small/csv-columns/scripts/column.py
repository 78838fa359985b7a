"""Works out the sum, mean, largest or smallest number of a column of a CSV table."""

import argparse
import csv
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("table")
parser.add_argument("--column", metavar="NAME", required=True)
for name in ("sum", "mean", "max", "min"):
    parser.add_argument(f"--{name}", action="store_true", help=f"the {name} of the column")
args = parser.parse_args()
found = [float(row[args.column]) for row in csv.DictReader(Path(args.table).read_text(encoding="utf-8").splitlines())]
if args.sum:
    print("sum", sum(found))
if args.mean:
    print("mean", sum(found) / len(found))
if args.max:
    print("max", max(found))
if args.min:
    print("min", min(found))
