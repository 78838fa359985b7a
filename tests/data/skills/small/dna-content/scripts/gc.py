"""Computes the GC content of a DNA sequence."""

import argparse
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("file")
bases = [sign for sign in Path(parser.parse_args().file).read_text(encoding="utf-8").upper() if sign in "ACGT"]
print(f"{100 * sum(sign in 'GC' for sign in bases) / len(bases):.1f} % GC")
