"""Sharing through a bucket of a real server, from one clone to another, and how little that asks of the server."""

import os
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote

import pytest

from support.cli import track
from support.remotes import leave_uncut
from support.repositories import commit_all, git, new_repository
from support.seaweed import BUCKET, NO_WRITE, OWNER, Seaweed, place_at
from support.servers import LOST, Answer, Proxy, Request, proxy, s3_error
from support.trees import read_tree
from track.store.layout import PACKS, pack_key


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in OWNER.environment.items():
        monkeypatch.setenv(name, value)


def filled(repo: Path, url: str, endpoint: str, files: int = 1000, model_bytes: int = 34 << 20) -> Path:
    """A project whose data is pushed nowhere yet: many small files, links, an executable, a large file."""
    new_repository(repo)
    track("init", cwd=repo).ok()
    source = random.Random(3)
    for number in range(files):
        path = repo / "data" / f"{number % 30:02}" / f"{number}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source.randbytes(4096))
    (repo / "data" / "link").symlink_to("00/0.bin")
    (repo / "data" / "run").write_bytes(b"#!/bin/sh\n")
    (repo / "data" / "run").chmod(0o755)
    (repo / "data" / "empty").mkdir()
    (repo / "model.bin").write_bytes(source.randbytes(model_bytes))
    track("add", "data", "model.bin", cwd=repo).ok()
    track("remote", "add", "origin", url, "--endpoint", endpoint, cwd=repo).ok()
    commit_all(repo, "first")
    return repo


def asked(between: Proxy) -> int:
    """How many requests the server saw since this was last asked."""
    count = len(between.requests)
    del between.requests[:]
    return count


def test_a_push_with_nothing_to_do_asks_as_little_of_a_large_dataset(
    tmp_path: Path, s3_server: Seaweed, person: None
) -> None:
    """5,000 objects and 20 manifest nodes, in a store with more packs than one page of a listing has.

    Would a push ask for each object, node or pack, or list them, it were more than five requests.
    """
    prefix = f"large/{tmp_path.parent.name}"
    with proxy(s3_server.endpoint) as between:
        ada = filled(tmp_path / "ada", f"s3://{BUCKET}/{prefix}", between.endpoint, files=5000, model_bytes=2 << 20)
        assert track("push", "--json", cwd=ada).ok().json["objects"] > 5000
        place = place_at(s3_server.endpoint, OWNER, prefix)
        with ThreadPoolExecutor(16) as threads:  # of others, who share the store
            digests = (os.urandom(32) for _ in range(1100))
            list(threads.map(lambda digest: place.put(pack_key(digest), b"x"), digests))
        before = place.requests_count
        assert len(list(place.list(PACKS))) > 1100 and place.requests_count - before == 2
        asked(between)
        again = track("push", "--json", cwd=ada).ok().json
        assert (again["objects"], again["sent_bytes"]) == (0, 0)
        assert asked(between) <= 5 and again["requests"] <= 5


def test_two_clones_through_a_bucket_have_the_same_trees_and_ask_little(
    tmp_path: Path, s3_server: Seaweed, person: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy(s3_server.endpoint) as between:
        url = f"s3://{BUCKET}/two/{tmp_path.parent.name}"
        ada = filled(tmp_path / "ada", url, between.endpoint)
        asked(between)
        pushed = track("push", "--json", cwd=ada).ok().json
        parts = 1 + 5 + 1 + 1  # a large object: is it there, begin, its parts of 8 MiB, end
        assert asked(between) <= 8 + pushed["packs"] + parts

        again = track("push", "--json", cwd=ada).ok().json
        assert (again["objects"], again["sent_bytes"]) == (0, 0)
        assert asked(between) <= 5 and again["requests"] <= 5

        for number in range(30):
            (ada / "data" / "05" / f"new-{number}").write_bytes(os.urandom(2000))
        track("add", "data", cwd=ada).ok()
        commit_all(ada, "second")
        more = track("push", "--json", cwd=ada).ok().json
        assert asked(between) <= 10 and more["sent_bytes"] < 1 << 20

        git("clone", "--quiet", ada, tmp_path / "bob", cwd=tmp_path)
        bob = tmp_path / "bob"
        monkeypatch.setenv("AWS_ENDPOINT_URL", between.endpoint)
        track("pull", cwd=bob, env=NO_WRITE.environment).ok()
        assert asked(between) <= 10 + pushed["packs"] + more["packs"] + 6
        assert read_tree(bob / "data") == read_tree(ada / "data")
        assert (bob / "model.bin").read_bytes() == (ada / "model.bin").read_bytes()
        assert track("status", "--porcelain", cwd=bob).ok().out == ""
        track("verify", cwd=bob).ok()
        done = track("push", cwd=bob)
        assert done.code == 5 and "was named by the repository, not by you" in done.err
        track("remote", "add", "origin", url, cwd=bob).ok()
        track("push", cwd=bob).ok()


def test_what_is_altered_or_gone_at_the_bucket_is_told_and_not_placed(
    tmp_path: Path, s3_server: Seaweed, person: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server.endpoint)
    with proxy(s3_server.endpoint) as between:
        ada = filled(tmp_path / "ada", f"s3://{BUCKET}/bad/{tmp_path.parent.name}", between.endpoint, 3)
        leave_uncut(place_at(s3_server.endpoint, OWNER, f"bad/{tmp_path.parent.name}"))
        track("push", cwd=ada).ok()
        git("clone", "--quiet", ada, tmp_path / "bob", cwd=tmp_path)
        monkeypatch.setenv("AWS_ENDPOINT_URL", between.endpoint)
        between.faults.append(
            lambda request, ask: (
                (answer := ask())._replace(body=answer.body[:-1] + b"!") if "/objects/" in request.path else None
            )
        )
        bob = tmp_path / "bob"
        done = track("pull", "model.bin", cwd=bob)
        assert done.code in (4, 7) and "model.bin" in done.err and not (bob / "model.bin").exists()
        between.faults.clear()
        track("pull", "model.bin", cwd=bob)
        track("pull", cwd=bob).ok()
        assert (bob / "model.bin").read_bytes() == (ada / "model.bin").read_bytes()


HTML = Answer(200, b"<html>log in first</html>", (("Content-Type", "text/html"), ("Last-Modified", "x")))
EMPTY = Answer(200, b"", (("Last-Modified", "Mon, 02 Nov 2026 10:00:00 GMT"), ("ETag", '"x"')))
SLOW = s3_error("SlowDown", 503)._replace(headers=(("Content-Type", "application/xml"), ("Retry-After", "1")))


Shared = tuple[Path, str]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, s3_server: Seaweed) -> Shared:
    """A project that was pushed, with a file of its own that comes in two parts, and its address in the bucket."""
    folder = tmp_path_factory.mktemp("shared")
    url = f"s3://{BUCKET}/shared/{folder.parent.name}"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in OWNER.environment.items():
            patch.setenv(name, value)
        ada = filled(folder / "ada", url, s3_server.endpoint, 40, 10 << 20)
        leave_uncut(place_at(s3_server.endpoint, OWNER, url.removeprefix(f"s3://{BUCKET}/")))
        track("push", cwd=ada).ok()
    return ada, url


@pytest.fixture
def bob(tmp_path: Path, shared: Shared, person: None) -> Path:
    """A clone without data."""
    git("clone", "--quiet", shared[0], tmp_path / "bob", cwd=tmp_path)
    return tmp_path / "bob"


def pull_with(fault: Callable[[Request, Callable[[], Answer]], Answer | None], clone: Path, server: Seaweed) -> str:
    """What a pull says when the server behaves so; nothing is placed, and without the fault all is well."""
    with proxy(server.endpoint) as between:
        between.faults.append(fault)
        done = track("pull", cwd=clone, env={"AWS_ENDPOINT_URL": between.endpoint})
        assert done.code in (4, 5, 7) and "Traceback" not in done.err and "hint:" in done.err, done.err
        assert not (clone / "data").exists()
        between.faults.clear()
        track("pull", cwd=clone, env={"AWS_ENDPOINT_URL": between.endpoint}).ok()
    return done.err


@pytest.mark.parametrize("where", ["store.toml", "index/", "packs/"])
@pytest.mark.parametrize(
    "answer", [HTML, EMPTY, LOST, s3_error("InternalError", 500), SLOW], ids=["html", "empty", "closes", "500", "slow"]
)
def test_a_server_that_answers_badly_costs_nothing_but_time(
    bob: Path, shared: Shared, s3_server: Seaweed, where: str, answer: Answer
) -> None:
    said = pull_with(lambda request, ask: answer if where in unquote(request.path) else None, bob, s3_server)
    assert said.startswith("error: ")
    assert read_tree(bob / "data") == read_tree(shared[0] / "data")


def test_a_server_that_is_busy_for_a_moment_is_waited_for(bob: Path, shared: Shared, s3_server: Seaweed) -> None:
    seen: list[str] = []

    def busy(request: Request, ask: Callable[[], Answer]) -> Answer | None:
        seen.append(request.path)
        return SLOW if len(seen) % 2 else None

    with proxy(s3_server.endpoint) as between:
        between.faults.append(busy)
        track("pull", cwd=bob, env={"AWS_ENDPOINT_URL": between.endpoint}).ok()
    assert read_tree(bob / "data") == read_tree(shared[0] / "data")


@pytest.mark.parametrize("how", ["cut", "flipped", "short"])
def test_a_body_that_is_cut_or_flipped_is_never_placed(bob: Path, shared: Shared, s3_server: Seaweed, how: str) -> None:
    def worse(request: Request, ask: Callable[[], Answer]) -> Answer | None:
        if request.method != "GET" or "/packs/" not in request.path:
            return None
        answer = ask()
        if how == "short":
            return answer._replace(body=answer.body[:-100])
        if how == "flipped":
            return answer._replace(body=bytes(byte ^ 1 for byte in answer.body))
        return answer._replace(headers=(*answer.headers, ("Content-Length", str(len(answer.body)))), cut=1000)

    said = pull_with(worse, bob, s3_server)
    assert "broke off in the middle" in said if how == "cut" else "data" in said and shared[1] in said


@pytest.mark.parametrize("how", ["missing", "altered"])
def test_what_is_missing_or_altered_is_named_by_file_and_repaired_by_a_push(
    bob: Path, shared: Shared, s3_server: Seaweed, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server.endpoint)
    clone, (ada, url) = bob, shared
    place = place_at(s3_server.endpoint, OWNER, url.removeprefix(f"s3://{BUCKET}/"))
    large = max(place.list("objects/"), key=lambda one: one.size)
    if how == "missing":
        place.delete(large.key)
    else:
        place.put(large.key, b"!" * large.size)
    done = track("pull", cwd=clone)
    assert done.code == (4 if how == "missing" else 7) and "model.bin" in done.err and url in done.err
    assert not (clone / "model.bin").exists() and read_tree(clone / "data") == read_tree(ada / "data")
    checked = track("verify", "--remote", "origin", cwd=ada)
    assert checked.code in (1, 4, 7) and "model.bin" in checked.out + checked.err, checked.out + checked.err
    track("push", cwd=ada).ok()
    track("verify", "--remote", "origin", cwd=ada).ok()
    track("pull", cwd=clone).ok()
    assert (clone / "model.bin").read_bytes() == (ada / "model.bin").read_bytes()
