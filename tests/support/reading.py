"""What a process of its own reads; it stands here since a spawned one finds no test by its name."""

import track


def read_bytes(root: str, name: str) -> bytes:
    """All of the artifact or file `name` of the repository at `root`."""
    with track.Repo(root) as repo:
        return repo.get(name).read_bytes()
