"""Published: what commits of remote-tracking branches have, so that Git brings it to whoever fetches from there."""

from track.history.plumbing import Git
from track.model.names import is_record_path


def records_published(git: Git) -> set[bytes]:
    """Return the paths of records that some commit of a remote-tracking branch added: whoever fetches has them."""
    shown = git.run(
        "log", "--remotes", "--no-renames", "--diff-filter=A", "--name-only", "--format=", "-z", "--", ".track/runs/"
    )
    return {path.lstrip(b"\n") for path in shown.split(b"\0") if is_record_path(path.lstrip(b"\n"))}
