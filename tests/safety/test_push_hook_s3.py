"""`git push` to where the data goes to a bucket: its hook killed, or refused, at the requests that it makes."""

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from support.cli import track_here as track
from support.hooked import SECOND, Hooked, as_bytes, hooked_project
from support.repositories import git
from support.scene import FULL
from support.seaweed import BUCKET, OWNER, Seaweed
from support.servers import LOST, Answer, Proxy, Request, answering, proxy, s3_error

HOOK = [sys.executable, "-P", "-m", "track.cli.hook", "pre-push", "origin", "../code.git"]
MOST = 5


class Scene(NamedTuple):
    """A project with commits to push, and a proxy before the bucket; each attempt has a remote of its own."""

    here: Hooked
    between: Proxy
    prefix: str
    numbers: "itertools.count[int]"

    def begin(self) -> str:
        """A new remote for the data and a new bare repository for the commits; the remote's URL."""
        url = f"s3://{BUCKET}/{self.prefix}/{next(self.numbers)}"
        track("remote", "remove", "origin", cwd=self.here.root)
        track("remote", "add", "origin", url, "--clone", "--endpoint", self.between.endpoint, cwd=self.here.root).ok()
        bare = self.here.root.parent / "code.git"
        if bare.exists():
            bare.rename(bare.with_name(f"code-{next(self.numbers)}.git"))
        git("init", "--quiet", "--bare", "--initial-branch=main", "../code.git", cwd=self.here.root)
        git("update-ref", "-d", "refs/remotes/code/main", cwd=self.here.root)
        del self.between.requests[:]
        return url

    def hook(self) -> "subprocess.Popen[bytes]":
        """The hook as Git starts it, with what Git says on its input; what it says is in `said`."""
        head = git("rev-parse", "HEAD", cwd=self.here.root).strip()
        given = self.here.root.parent / "given"
        given.write_text(f"refs/heads/main {head} refs/heads/main {'0' * 40}\n")
        with open(given, "rb") as source, open(self.log, "wb") as target:
            return subprocess.Popen(HOOK, cwd=self.here.root, stdin=source, stdout=target, stderr=subprocess.STDOUT)

    @property
    def log(self) -> Path:
        """Where the hook speaks."""
        return self.here.root.parent / "said"

    def everything_arrives(self, url: str) -> None:
        """Git pushes now, and another clone has all of it."""
        self.here.git("push", "--quiet", "../code.git", "main")
        clone = self.here.root.parent / f"clone-{next(self.numbers)}"
        git("clone", "--quiet", "code.git", clone.name, cwd=clone.parent)
        track("remote", "add", "data", url, "--clone", "--endpoint", self.between.endpoint, cwd=clone).ok()
        track("pull", "--from", "data", cwd=clone).ok()
        assert Hooked(clone).data() == as_bytes(SECOND)
        track("verify", "--remote", "data", cwd=clone).ok()


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, s3_server: Seaweed) -> Iterator[Scene]:
    monkeypatch.delenv("TRACK_HOOKS_INSTALL")
    for name, value in OWNER.environment.items():
        monkeypatch.setenv(name, value)
    here = hooked_project(tmp_path / "repo")
    with proxy(s3_server.endpoint) as between:
        yield Scene(here, between, f"hooks/{tmp_path.name}-{os.getpid()}", itertools.count())


def chosen(scene: Scene) -> list[int]:
    """The requests at which something happens: all of them, or some from the first to the last."""
    scene.begin()
    assert scene.hook().wait(240) == 0
    count = len(scene.between.requests)
    assert count >= 8
    return list(range(1, count + 1)) if FULL else sorted({1 + (count - 1) * i // (MOST - 1) for i in range(MOST)})


def at(number: int, then: Callable[[Callable[[], Answer]], Answer]) -> Callable[..., Answer | None]:
    """Let something happen at the n-th request, once."""
    seen = itertools.count(1)

    def fault(request: Request, ask: Callable[[], Answer]) -> Answer | None:
        return then(ask) if next(seen) == number else None

    return fault


def test_a_hook_that_is_killed_at_any_request_stops_the_push_and_the_next_finishes_it(scene: Scene) -> None:
    for number in chosen(scene):
        url = scene.begin()
        process = scene.hook()

        def kill(
            ask: Callable[[], Answer], number: int = number, process: "subprocess.Popen[bytes]" = process
        ) -> Answer:
            if number % 2:
                ask()  # it is done at the server, and nobody hears of it
            process.send_signal(signal.SIGKILL)
            return LOST

        scene.between.faults.append(at(number, kill))
        assert process.wait(240) == -signal.SIGKILL, f"request {number}"
        scene.between.faults.clear()
        scene.everything_arrives(url)


def test_a_hook_of_which_any_request_is_refused_stops_the_push_in_words(scene: Scene) -> None:
    for number in chosen(scene):
        url = scene.begin()
        scene.between.faults.append(at(number, lambda ask: s3_error("AccessDenied")))
        process = scene.hook()
        code, said = process.wait(240), scene.log.read_text()
        scene.between.faults.clear()
        assert code in (0, 1) and "Traceback" not in said and "a bug in track" not in said, said
        assert code == 0 or ("nothing was pushed" in said and "s3:" in said), said
        scene.everything_arrives(url)


def test_git_pushes_nothing_while_the_bucket_is_not_there(scene: Scene) -> None:
    url = scene.begin()
    scene.between.faults.append(lambda request, ask: s3_error("NoSuchBucket", 404))
    said = scene.here.git("push", "../code.git", "main", check=False)
    scene.between.faults.clear()
    assert said.code == 1 and "there is no bucket" in said.text, said.text
    assert git("for-each-ref", cwd=scene.here.root.parent / "code.git") == ""
    scene.everything_arrives(url)


def test_what_one_server_has_says_nothing_of_another_that_the_environment_names_now(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", scene.between.endpoint)
    root = scene.here.root
    git("init", "--quiet", "--bare", "--initial-branch=main", "../code.git", cwd=root)
    track("remote", "add", "origin", f"s3://{BUCKET}/{scene.prefix}/environment", "--clone", cwd=root).ok()
    track("push", "origin", "first", "main", cwd=root).ok()
    del scene.between.requests[:]
    with answering(lambda _: s3_error("NoSuchBucket", 404)) as other:
        monkeypatch.setenv("AWS_ENDPOINT_URL", other)
        said = scene.here.git("push", "../code.git", "main", check=False)
        assert said.code == 1 and "there is no bucket" in said.text, said.text
    monkeypatch.setenv("AWS_ENDPOINT_URL", scene.between.endpoint)
    scene.here.git("push", "--quiet", "../code.git", "main")
    assert not scene.between.requests  # what was known of this one still is
