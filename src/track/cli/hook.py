"""`track-hook NAME`: what Git calls by itself. No click, nothing that is not needed for the one thing that is asked.

A name leads to a module with a function `run`, which takes the arguments that Git gave and returns the exit code.
Whatever fails is told on stderr in one line; `BLOCKING` says for whom it counts.
"""

import os
import sys
from importlib import import_module

from track.cli import cycles

MODULES = {
    "pre-commit": "track.cli.hooks.pre_commit",
    "post-checkout": "track.cli.hooks.in_step",
    "post-merge": "track.cli.hooks.in_step",
    "post-rewrite": "track.cli.hooks.in_step",
    "post-index-change": "track.cli.hooks.in_step",
    "pre-push": "track.cli.hooks.pre_push",
    "diff": "track.cli.diff_driver",
    "merge": "track.cli.merge_driver",
}
"""What Git calls, and where it is."""

BLOCKING = ("pre-push", "diff", "merge")
"""Those for which a failure of ours counts; with the others Git goes on, whatever happens to them."""

FAILED = 70
"""The exit code of a failure of ours that counts."""

REFUSED = 9
"""The exit code of a check that found something; no failure of Python's own has it."""


def main() -> int:
    """Do what Git called for and return the exit code."""
    name, arguments = (sys.argv[1], sys.argv[2:]) if len(sys.argv) > 1 else ("", [])
    if name not in MODULES:
        sys.stderr.write(f"usage: track-hook {'|'.join(MODULES)} ARGUMENTS…\n")
        return 2
    if name not in ("diff", "merge") and os.environ.get("TRACK_SKIP", "0") not in ("", "0"):
        return 0
    sys.stderr.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # stderr is a text stream
    cycles.seldom()
    try:
        code: int = import_module(MODULES[name]).run(name, arguments)
    except KeyboardInterrupt:
        code = 130
    except Exception as error:  # Git must not stumble over a failure of ours, but hear of it
        import_module("track.cli.hooks.telling").tell_failure(name, error)
        code = FAILED if name in BLOCKING else 0
    finally:
        cycles.no_more()
    return code


if __name__ == "__main__":
    sys.exit(main())
