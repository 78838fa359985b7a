"""Command line: `python -m conjure_magic autoload on|off|status`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from conjure_magic.errors import UsageError
from conjure_magic.magics.autoload import EXTENSION, describe, status, switch
from conjure_magic.printing import say


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line. Returns 0 on success, 1 if autoload is not in the requested state, 2 for a usage error."""
    parser = argparse.ArgumentParser(prog=f"python -m {EXTENSION}", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    autoload = commands.add_parser(
        "autoload", help="load the extension automatically in every new kernel of this Python"
    )
    autoload.add_argument("action", choices=["on", "off", "status"])
    arguments = parser.parse_args(argv)
    try:
        return _autoload(arguments.action)
    except UsageError as error:
        say(error, file=sys.stderr)
        return 2


def _autoload(action: str) -> int:
    if action != "status":
        switch(action == "on")
    found = status()
    say(describe(found))
    return int(found.loaded != (action != "off"))


if __name__ == "__main__":
    sys.exit(main())
