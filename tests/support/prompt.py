"""A shell at a prompt, as a person has it: what is typed is completed, and what that is for the shell is told."""

import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

_SETUP = {
    "bash": ("bashrc", 'PS1="$ "; told() { printf "{%s}" "$@"; echo; }; eval "$(track completion bash)"'),
    "zsh": (
        ".zshrc",
        'PS1="$ "; told() { printf "{%s}" "$@"; echo; }; bindkey -e; autoload -U compinit; compinit -u -D; '
        'eval "$(track completion zsh)"',
    ),
    "fish": (
        "fish/config.fish",
        "function fish_prompt; echo -n '$ '; end; function told; printf '{%s}' $argv; echo; end; "
        "set -g fish_greeting; track completion fish | source",
    ),
}
_LIMIT_S = 60.0
_TAB_HOME = "\t\x01"


def completed(shell: str, typed: str, *, cwd: Path, home: Path, env: Mapping[str, str]) -> str:
    """What `track TYPED` is for a shell after a tab at its end: each word behind it in braces."""
    name, setup = _SETUP[shell]
    (home / name).parent.mkdir(parents=True, exist_ok=True)
    (home / name).write_text(setup + "\n")
    command = {"bash": ["bash", "--rcfile", home / name, "-i"], "zsh": ["zsh", "-i"], "fish": ["fish", "-i"]}[shell]
    places = {"HOME": str(home), "ZDOTDIR": str(home), "XDG_CONFIG_HOME": str(home), "XDG_DATA_HOME": str(home)}
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        command, cwd=cwd, env={**env, **places, "TERM": "dumb"}, stdin=terminal, stdout=terminal, stderr=terminal,
        start_new_session=True, preexec_fn=_take_terminal,
    )  # fmt: skip
    os.close(terminal)
    try:
        _read(controller, r"\$ ")
        os.write(controller, f"track {typed}{_TAB_HOME}told \r".encode())
        return _read(controller, r"\{track\}(\{.*\})\r*\n").replace("\r", "")
    finally:
        process.kill()
        process.wait()
        os.close(controller)


def _take_terminal() -> None:
    os.close(os.open(os.ttyname(0), os.O_RDWR))  # the first terminal that the leader of a session opens is its own


def _read(controller: int, wanted: str) -> str:
    """What is shown, until the pattern is in it; its first group, if it has one."""
    shown, end = b"", time.monotonic() + _LIMIT_S
    while time.monotonic() < end:
        if not select.select([controller], [], [], 0.2)[0]:
            continue
        shown += os.read(controller, 65536)
        if (found := re.search(wanted, shown.decode(errors="replace"))) is not None:
            return found[found.lastindex or 0]
    raise TimeoutError(f"{wanted} does not come: {shown!r}")
