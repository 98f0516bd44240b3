"""A repository with a named artifact in it, as the tests of named artifacts begin with."""

from pathlib import Path

from support.cli import track_here
from support.repositories import commit_all, git, new_repository
from track.model.pointer import Pointer, parse_pointer

NAMED = Path(".track/artifacts")


def new_project(repo: Path) -> Path:
    """A repository that track is set up in, with that committed."""
    new_repository(repo)
    track_here("init", cwd=repo).ok()
    commit_all(repo, "track")
    return repo


def new_rides(repo: Path) -> Path:
    """A project with three partitions of `rides`, in commits of their own, a year before another: 2020 to 2022."""
    new_project(repo)
    for number, (region, day) in enumerate([("eu", "2024-01-01"), ("us", "2024-01-01"), ("eu", "2024-01-02")]):
        put_text(repo, "rides", f"{region} {day}\n", "--partition", f"region={region}", "--time", day)
        commit_at(repo, f"{region} {day}", 2020 + number)
    return repo


def put_text(repo: Path, name: str, text: str, *options: str) -> None:
    """Put a file with this text, which then is nowhere else."""
    file = repo.parent / "put.csv"
    file.write_text(text)
    track_here("put", name, file, *options, cwd=repo).ok()
    file.unlink()


def commit_at(repo: Path, message: str, year: int) -> None:
    """Commit what is staged, as Ann in June of a year."""
    date = f"{year}-06-01T12:00:00+00:00"
    git("commit", "--quiet", f"--message={message}", f"--date={date}", "--author=ann <ann@x.org>", cwd=repo)


def got(repo: Path, *words: str | Path) -> bytes:
    """What `track get` brings."""
    target = repo.parent / "got"
    target.unlink(missing_ok=True)
    track_here("get", *words, "-o", target, cwd=repo).ok()
    return target.read_bytes()


def pointer(repo: Path, name: str) -> Pointer:
    """The pointer of a named artifact, by its path below the named ones without `.track`."""
    return parse_pointer((repo / NAMED / f"{name}.track").read_bytes(), name)
