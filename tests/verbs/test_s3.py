"""Sharing through a bucket of a real server, from one clone to another, and how little that asks of the server."""

import os
import random
from pathlib import Path

import pytest

from support.cli import track
from support.repositories import commit_all, git, new_repository
from support.seaweed import BUCKET, NO_WRITE, OWNER, Seaweed
from support.servers import Proxy, proxy
from support.trees import read_tree


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in OWNER.environment.items():
        monkeypatch.setenv(name, value)


def filled(repo: Path, url: str, endpoint: str, files: int = 1000) -> Path:
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
    (repo / "model.bin").write_bytes(source.randbytes(34 << 20))
    track("add", "data", "model.bin", cwd=repo).ok()
    track("remote", "add", "origin", url, "--endpoint", endpoint, cwd=repo).ok()
    commit_all(repo, "first")
    return repo


def asked(between: Proxy) -> int:
    """How many requests the server saw since this was last asked."""
    count = len(between.requests)
    del between.requests[:]
    return count


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
