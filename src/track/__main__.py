"""`track` and `python -m track`; `--version` is answered before anything is loaded."""

import sys
from importlib import import_module

from track import __version__


def main() -> int:
    """Run the command line and return its exit code."""
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"track {__version__}\n")
        return 0
    code: int = import_module("track.cli.main").run(sys.argv[1:])
    return code


if __name__ == "__main__":
    sys.exit(main())
