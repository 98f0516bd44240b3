"""Measures all that is promised of remotes, one thing after another: `python -m tests.bench.remotes`.

20,000 small files through a bucket beside restic, rclone and DVC; one file of 2 GiB beside the bare client; and the
edited files of every kind beside restic and borg. Tools that are not on the path are left out.
"""

import argparse
import subprocess
import sys

PARTS = (("bucket", "--repeats"), ("large", "--repeats"), ("edits", None))


def main() -> int:
    """Run each measurement in a process of its own; returns the first exit code that is not 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.remotes", description=__doc__)
    parser.add_argument("--repeats", type=int, default=1, help="how often each is done (default: %(default)s)")
    parser.add_argument("--mib", type=int, default=1024, help="how large the edited files are (default: %(default)s)")
    options = parser.parse_args()
    code = 0
    for name, repeats in PARTS:
        arguments = ["--mib", str(options.mib)] if repeats is None else [repeats, str(options.repeats)]
        print(f"== {name}", flush=True)
        command = [sys.executable, "-m", f"tests.bench.{name}", *arguments]
        code = code or subprocess.run(command, check=False).returncode
    return code


if __name__ == "__main__":
    sys.exit(main())
