"""The demonstration: a repository, a folder remote and a clone, every command shown before it runs."""

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from track.cli import late, terminal
from track.cli.main import run
from track.errors import Conflict, TrackError
from track.here import absolute
from track.publish import make_directories, publish_bytes, remove, rename


def demonstrate(folder: Path) -> None:
    """Walk through the whole of track inside `folder`, which is made.

    Raises:
        Conflict: the folder is there and not empty.
        TrackError: a step ended otherwise than it should.
    """
    if os.path.lexists(folder) and (not folder.is_dir() or any(folder.iterdir())):
        raise Conflict(f"`{folder}` is already there and not empty", hint=f"track demo {folder.name}-2")
    walk = _Walk()
    with walk.from_here():
        _first_version(walk, folder)
        _change(walk)
        _share(walk)
        _go_back(walk)
    _end(folder)


class _Walk:
    """Commands as a person would type them: each is shown, then done."""

    def __init__(self) -> None:
        self._asked = terminal.settings()

    @contextmanager
    def from_here(self) -> Iterator[None]:
        """Come back to the folder and the settings of the start at the end."""
        start = absolute()
        try:
            yield
        finally:
            os.chdir(start)
            terminal.configure(quiet=self._asked.quiet, verbose=self._asked.verbose, color=self._asked.color)

    def say(self, text: str) -> None:
        """Tell what comes next."""
        terminal.emit("\n" + terminal.paint(f"# {text}", "dim"))

    def make_and_enter(self, folder: Path) -> None:
        """Make a folder and go there."""
        self._show("mkdir", "-p", str(folder))
        make_directories(folder)
        self.enter(str(folder))

    def enter(self, folder: str) -> None:
        """Go to a folder."""
        self._show("cd", folder)
        os.chdir(folder)

    def init(self, folder: str) -> None:
        """Make a Git repository on branch `main`."""
        self._show("git", "init", "--quiet", "-b", "main", folder)
        make_directories(Path(folder))
        late.gitrepo.init(Path(folder)).run("symbolic-ref", "HEAD", "refs/heads/main")

    def git(self, *words: str) -> None:
        """Run Git."""
        self._show("git", *words)
        said = late.plumbing.Git(os.getcwd()).run(*words).decode(errors="backslashreplace")
        terminal.emit(said, end="")

    def git_pull(self) -> None:
        """Bring the commits of the other side."""
        self._show("git", "pull", "--quiet", "--ff-only")
        late.gitrepo.pull(late.plumbing.Git(os.getcwd()))

    def track(self, *words: str) -> None:
        """Run a command of ours in this process."""
        self._show("track", *words)
        code = run(["--no-pager", "--color", self._asked.color, *words])
        if code:
            raise TrackError(f"the demonstration stopped: `track {shlex.join(words)}` ended with code {code}")

    def move(self, source: str, target: str) -> None:
        """Rename a file."""
        self._show("mv", source, target)
        rename(source, target)

    def remove(self, path: str) -> None:
        """Remove a file."""
        self._show("rm", path)
        remove(path)

    def append(self, path: str, line: str) -> None:
        """Write one more line at the end of a file."""
        self._show_text(f"{shlex.join(['echo', line])} >> {shlex.quote(path)}")
        file = Path(path)
        before = file.read_bytes() if file.exists() else b""
        publish_bytes(file, before + line.encode() + b"\n", durable=False)

    def _show(self, *words: str) -> None:
        self._show_text(shlex.join(words))

    def _show_text(self, text: str) -> None:
        terminal.emit(terminal.paint(f"$ {text}", "bold"))


def _first_version(walk: _Walk, folder: Path) -> None:
    walk.say("A Git repository, with track set up in it.")
    walk.make_and_enter(folder)
    walk.init("project")
    walk.enter("project")
    walk.git("config", "user.name", "Ada Lovelace")
    walk.git("config", "user.email", "ada@example.org")
    walk.track("init")
    walk.git("commit", "--quiet", "-m", "set up track")
    walk.say("Real data: this Python's own modules, a table about them, and one large text.")
    walk.track("demo", "--data", "data")
    walk.track("add", "data/stdlib", "data/modules.csv", "data/corpus.txt")
    walk.git("commit", "-m", "first data")
    walk.track("status")


def _change(walk: _Walk) -> None:
    walk.say("A change: one file renamed, one removed, one new, and a row more in the table.")
    walk.move("data/stdlib/this.py", "data/stdlib/zen.py")
    walk.remove("data/stdlib/antigravity.py")
    walk.append("data/stdlib/hello.py", 'print("hello")')
    walk.append("data/modules.csv", "hello.py,1,0,0,15")
    walk.track("status")
    walk.track("diff")
    walk.track("add", "data/stdlib", "data/modules.csv")
    walk.git("commit", "-m", "say hello")


def _share(walk: _Walk) -> None:
    walk.say("A remote is a folder here; a colleague clones, and has every byte.")
    walk.track("remote", "add", "origin", "../remote")
    walk.git("commit", "--quiet", "--all", "-m", "share data through ../remote")
    walk.track("push")
    walk.enter("..")
    walk.track("clone", "project", "colleague")
    walk.say("Work goes on: a push sends only what is new, a pull brings only that.")
    walk.enter("project")
    walk.append("data/stdlib/hello.py", 'print("hello again")')
    walk.track("add", "data/stdlib/hello.py")
    walk.git("commit", "--quiet", "-m", "say it again")
    walk.track("push")
    walk.enter("../colleague")
    walk.git_pull()
    walk.track("pull")
    walk.track("status")


def _go_back(walk: _Walk) -> None:
    walk.say("What happened to the data, and back to how it was.")
    walk.enter("../project")
    walk.track("log", "data/stdlib")
    walk.track("diff", "HEAD~2", "HEAD")
    walk.track("checkout", "HEAD~3", "--", "data/modules.csv")
    walk.track("status")
    walk.track("checkout", "HEAD", "--", "data/modules.csv")
    walk.track("verify")


def _end(folder: Path) -> None:
    where = shlex.quote(str(folder / "project"))
    terminal.emit("")
    terminal.emit(f"Everything is in {folder}: `project`, the `colleague`'s clone, and the `remote` between them.")
    terminal.emit("Try next:")
    for command, reason in (
        (f"cd {where} && track show data/stdlib", "everything known about one artifact"),
        ("track ls data/stdlib", "the files inside it"),
        ("track cat HEAD~3:data/modules.csv | head", "a file as it was"),
        ("track help add", "what a command can do"),
        (f"rm -r {shlex.quote(str(folder))}", "when you have seen enough"),
    ):
        terminal.emit(f"  {command:<48}  {reason}")
