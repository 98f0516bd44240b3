"""What changes a repository, through GitPython: commit, init, clone, pull. What is staged, `index` stages.

Each call opens what it needs and closes it. `commit` and `clone` run hooks and filters as Git itself would there.
Called from one thread: the environment is swapped meanwhile.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from track.errors import Conflict, GitFailed, HistoryIncomplete, UsageError
from track.history import late, surroundings
from track.history.git_failure import failed
from track.history.plumbing import Git
from track.model.names import display, typed
from track.model.secrets import without_keys


def commit(git: Git, message: str, paths: Sequence[bytes] = ()) -> str:
    """Commit what is staged, or only `paths`, and return the commit's id. Hooks run as in any commit.

    Raises:
        GitFailed: Git refused, a hook said no, or there was nothing to commit.
    """
    arguments = ["commit", "--quiet", f"--message={message}", "--", *(os.fsdecode(path) for path in paths)]
    own = {key: value for key, value in git.environment.items() if key in surroundings.LOCAL}
    _execute(git, ("--literal-pathspecs",), arguments, _without_locals() | own)
    done = git.head()
    assert done is not None
    return done


def init(folder: Path) -> Git:
    """Make a Git repository in a folder, which may have files, and return it.

    Raises:
        GitFailed: Git refused.
    """
    with _environment(_without_locals()), _translated(("init",)):
        late.gitpython.Repo.init(folder).close()
    return Git(folder)


def clone(
    url: str, target: Path, *, branch: str | None = None, depth: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> Git:  # fmt: skip
    """Clone a Git repository into a folder that does not exist or is empty, and return it.

    `progress` is given the lines with which Git says how far it is.

    Raises:
        UsageError: the URL would run a program, or looks like an option.
        Conflict: the folder is there and not empty.
        GitFailed: Git refused, or the repository was not reached; `details` say why.
    """
    if url.startswith("-") or any(ord(c) < 32 or ord(c) == 127 for c in url):
        raise UsageError(f"`{without_keys(display(url))}` is not a URL")
    if target.is_dir() and any(target.iterdir()):
        raise Conflict(f"{display(str(target))} is there and not empty", hint=_beside(target))
    options = [] if branch is None else [f"--branch={branch}"]
    options += [] if depth is None else [f"--depth={depth}"]
    report = _reporter(progress) if progress is not None else None
    with _environment(_without_locals()), _translated(("clone",)):
        try:
            late.gitpython.Repo.clone_from(url, str(target), progress=report, multi_options=options or None).close()
        except (late.gitpython.exc.UnsafeProtocolError, late.gitpython.exc.UnsafeOptionError) as error:
            raise UsageError(f"`{without_keys(display(url))}` would run a program; it is refused") from error
    return Git(target)


@contextmanager
def passing_clone(
    url: str, target: Path, *, branch: str | None = None, progress: Callable[[str], None] | None = None
) -> Iterator[Git]:
    """A clone that is gone at the end of the block: the last commit alone, for who asks what would be at `target`.

    Raises as `clone`.
    """
    if target.is_dir() and any(target.iterdir()):
        raise Conflict(f"{display(str(target))} is there and not empty", hint=_beside(target))
    with tempfile.TemporaryDirectory(prefix="track-") as folder:
        yield clone(url, Path(folder) / "clone", branch=branch, depth=1, progress=progress)


def _beside(target: Path) -> str:
    if (target / ".git").exists():
        return (
            f"if it is this clone, and was interrupted: track -C {display(str(target))} pull; else name another folder"
        )
    return "name another folder"


def pull(git: Git) -> None:
    """Fast-forward the current branch to its upstream, as `git pull --ff-only` does; hooks run as there.

    Raises:
        GitFailed: there is no upstream, it was not reached, or the branches went apart.
    """
    own = {key: value for key, value in git.environment.items() if key in surroundings.LOCAL}
    _execute(git, (), ["pull", "--quiet", "--ff-only"], _without_locals() | own)


def asking_place(git: Git) -> Path:
    """The folder from where Git asks its remotes: relative addresses start at the top of the main working tree."""
    return git.common_dir.parent if git.common_dir.name == ".git" else git.common_dir


def tips_elsewhere(git: Git) -> Iterator[tuple[str, str, str]]:
    """(remote, ref, commit or tag) of every branch and tag that the Git remotes have now; each of them is asked.

    Raises:
        HistoryIncomplete: one of them cannot be asked, so that nobody knows what it names.
    """
    for name in git.run("remote").decode("utf-8", "surrogateescape").splitlines():
        asked = ["ls-remote", "--quiet", "--heads", "--tags", "--refs", "--", name]
        runner = late.gitpython.Git(str(asking_place(git)))
        try:
            with _environment(_without_locals()), _translated(asked):
                listed = str(runner.execute([git.program, *asked]))
        except GitFailed as error:
            raise HistoryIncomplete(
                f"the Git remote `{display(name)}` cannot be asked which branches it has, and they may name data",
                hint=f"git fetch {typed(name)}      has to work first; if it is gone for good: "
                f"git remote remove {typed(name)}",
                details=error.details,
            ) from error
        for line in listed.splitlines():
            oid, _, ref = line.partition("\t")
            yield name, ref, oid


def _reporter(tell: Callable[[str], None]) -> Callable[[int, str | float, str | float | None, str], None]:
    """Return what GitPython calls while Git clones; `tell` gets one line such as `receiving 120 of 4000`."""
    words = {
        late.gitpython.RemoteProgress.COUNTING: "counting",
        late.gitpython.RemoteProgress.COMPRESSING: "compressing",
        late.gitpython.RemoteProgress.RECEIVING: "receiving",
        late.gitpython.RemoteProgress.RESOLVING: "resolving",
        late.gitpython.RemoteProgress.CHECKING_OUT: "checking out",
    }

    def report(op: int, done: str | float, total: str | float | None, _message: str) -> None:
        word = words.get(op & late.gitpython.RemoteProgress.OP_MASK, "cloning")
        tell(f"{word} {done:.0f} of {total:.0f}" if isinstance(done, float) and isinstance(total, float) else word)

    return report


def _execute(
    git: Git, flags: Sequence[str], arguments: list[str], environment: Mapping[str, str], given: int | None = None
) -> None:
    runner = late.gitpython.Git(str(git.top))
    with _environment(environment), _translated(arguments):
        stream = None if given is None else os.fdopen(os.dup(given), "rb")
        try:
            runner.execute([git.program, *flags, *arguments], istream=stream, stdout_as_string=False)
        finally:
            if stream is not None:
                stream.close()


@contextmanager
def _translated(arguments: Sequence[str]) -> Iterator[None]:
    """Turn GitPython's error into ours, with the lines that Git said."""
    try:
        yield
    except late.gitpython.exc.GitCommandError as error:
        said = str(error.stderr).strip().removeprefix("stderr: '").removesuffix("'")
        raise failed(arguments, os.fsencode(said)) from error


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Give GitPython exactly these variables; by itself it can add some, but take none away."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _without_locals() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key not in surroundings.LOCAL}
