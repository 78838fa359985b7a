"""Lists the keys of a JSON document."""

import argparse
import json
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("file")
print("\n".join(json.loads(Path(parser.parse_args().file).read_text(encoding="utf-8"))))
