"""Shows the outline of a Markdown document: its headings."""

import argparse
import re
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("file")
parser.add_argument("--depth", metavar="N", type=int, default=6, help="the deepest level of headings")
args = parser.parse_args()
for signs, title in re.findall(r"^(#+) (.*)$", Path(args.file).read_text(encoding="utf-8"), re.MULTILINE):
    if len(signs) <= args.depth:
        print("  " * (len(signs) - 1) + title)
