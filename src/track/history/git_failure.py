"""What is told of a Git command that failed."""

import os
from collections.abc import Sequence

from track.errors import GitFailed
from track.model.secrets import said_lines


def failed(args: Sequence[str | bytes], said: bytes) -> GitFailed:
    """Return the error for a Git command that failed, with what it said."""
    word = next((word for word in map(os.fsdecode, args) if not word.startswith(("-", "core."))), "")
    if b"from promisor remote" in said:
        hint = "git fetch --refetch --no-filter      (in a sparse checkout: git sparse-checkout add FOLDER)"
        return GitFailed(f"`git {word}` needs what is not in this partial clone", hint=hint)
    return GitFailed(f"`git {word}` failed", details=said_lines(said))
