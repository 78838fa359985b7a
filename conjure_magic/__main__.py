"""`python -m conjure_magic autoload on|off|status`: the one command outside of a notebook."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from conjure_magic.errors import UsageError
from conjure_magic.magics.autoload import EXTENSION, describe, status, switch
from conjure_magic.printing import say


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says; 0 if the wish has come true, 1 if not, 2 for a slip."""
    parser = argparse.ArgumentParser(prog=f"python -m {EXTENSION}", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    autoload = commands.add_parser("autoload", help="load the extension in every new kernel of this Python, or not")
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
