"""Lists the links of an HTML page."""

import argparse
import re
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("file")
print("\n".join(re.findall(r'href="([^"]+)"', Path(parser.parse_args().file).read_text(encoding="utf-8"))))
