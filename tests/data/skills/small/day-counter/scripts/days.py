"""Counts the days between two dates of a calendar."""

import argparse
from datetime import date

parser = argparse.ArgumentParser()
parser.add_argument("--from", dest="start", metavar="DATE", required=True)
parser.add_argument("--until", metavar="DATE", required=True)
args = parser.parse_args()
print((date.fromisoformat(args.until) - date.fromisoformat(args.start)).days, "days")
