"""What is large is sent as slowly as the line is, and given up when nothing moves any more."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.cli import track_here
from support.repositories import commit_all, new_repository
from support.seaweed import BUCKET, OWNER, Seaweed, place_at
from support.servers import LOST, Answer, Proxy, Request, proxy, s3_error
from track.errors import RemoteUnreachable
from track.model.digest import digest_of
from track.progress import Stopped
from track.store.backends import http_requests
from track.store.backends.credentials import Credentials, Key
from track.store.backends.s3 import BucketPlace
from track.store.backends.s3_multipart import PART, open_parts
from track.store.pieces import Pieces

PACK = os.urandom(6 << 20)


class Slowly:
    """Reads what is put at packs and objects a little at a time, or not to its end; counts how often it began."""

    def __init__(self, *, pause_s: float = 0.0, most: int | None = None) -> None:
        self.pause_s, self.most = pause_s, most
        self.begun = 0
        self.ended = threading.Event()

    def __call__(self, method: str, path: str, read: Callable[[int], bytes], length: int) -> bytes | None:
        if method != "PUT" or length < len(PACK):
            return read(length)
        self.begun += 1
        parts, step = [], len(PACK) // 10
        for start in range(0, length, step):
            if self.most is not None and start >= self.most:
                self.ended.wait()
                return None
            self.ended.wait(self.pause_s)
            parts.append(read(min(step, length - start)))
        return b"".join(parts)


@contextmanager
def place_behind(server: Seaweed, slowly: Slowly, prefix: str) -> Iterator[BucketPlace]:
    with proxy(server.endpoint, slowly) as between:
        place = place_at(between.endpoint, OWNER, prefix)
        found = Credentials(between.endpoint, "us-east-1", "", "", key=Key(OWNER.key, OWNER.secret))
        parts = open_parts(BUCKET, found, None, place.counter.one)
        place.send_parts_by(lambda: parts, None)
        try:
            yield place
        finally:
            slowly.ended.set()


@pytest.fixture
def prefix(tmp_path: Path) -> str:
    return f"silence/{tmp_path.parent.name}-{tmp_path.name}"


def test_a_body_may_take_longer_than_any_silence_as_long_as_it_moves(
    s3_server: Seaweed, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_requests, "SILENCE_S", 3.0)
    slowly = Slowly(pause_s=0.5)
    with place_behind(s3_server, slowly, prefix) as place:
        began = time.monotonic()
        assert place.put_new("packs/aa/b.pack", PACK)
        assert time.monotonic() - began > http_requests.SILENCE_S
        assert slowly.begun == 1
        assert place.get("packs/aa/b.pack") == PACK


def test_of_a_pack_it_is_told_what_has_left_and_nobody_has_to_wait_for_its_end(
    s3_server: Seaweed, prefix: str, tmp_path: Path
) -> None:
    place = place_at(s3_server.endpoint, OWNER, prefix)
    (tmp_path / "pack").write_bytes(PACK)
    told: list[int] = []

    def stopped(size_bytes: int) -> None:
        raise Stopped

    with place.upload() as upload:
        upload.put_pieces("packs/aa/c.pack", Pieces((PACK[:100], PACK[100:]), len(PACK)), b"", moved=told.append)
        assert sum(told) == len(PACK) and len(told) > 3
        told.clear()
        upload.put_file("packs/aa/d.pack", tmp_path / "pack", digest_of(PACK), moved=told.append)
        assert sum(told) == len(PACK) and len(told) > 3
        with pytest.raises(Stopped):
            upload.put_file("packs/aa/e.pack", tmp_path / "pack", digest_of(PACK), moved=stopped)
    assert [place.get(f"packs/aa/{name}.pack") for name in "cd"] == [PACK, PACK] and place.size(
        "packs/aa/e.pack"
    ) is None


@pytest.mark.parametrize("most", [0, 2 << 20], ids=["at once", "in the middle"])
def test_a_server_that_stops_reading_is_given_up_and_named(
    s3_server: Seaweed, prefix: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert http_requests.SILENCE_S * http_requests.TIMEOUTS < 60
    monkeypatch.setattr(http_requests, "SILENCE_S", 0.5)
    slowly = Slowly(most=most)
    with place_behind(s3_server, slowly, prefix) as place:
        with pytest.raises(RemoteUnreachable, match="does not answer") as error:
            place.put_new("packs/aa/b.pack", PACK)
        assert error.value.message.startswith("http://127.0.0.1:")
        with pytest.raises(RemoteUnreachable, match="does not answer"):
            place.put_over("packs/aa/b.pack", PACK)
        assert slowly.begun == 2 * http_requests.TIMEOUTS
    assert place_at(s3_server.endpoint, OWNER, prefix).size("packs/aa/b.pack") is None


def test_a_part_of_a_large_file_that_stops_is_given_up(
    s3_server: Seaweed, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_requests, "SILENCE_S", 0.5)
    large = os.urandom((32 << 20) + PART)
    (tmp_path / "large").write_bytes(large)
    with (
        place_behind(s3_server, Slowly(most=1 << 20), prefix) as place,
        pytest.raises(RemoteUnreachable, match="does not answer"),
        place.upload() as upload,
    ):
        upload.put_file("objects/aa/b", tmp_path / "large", digest_of(large))


def test_a_push_through_a_server_that_stops_reading_says_which_and_again_finishes_it(
    s3_server: Seaweed, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in OWNER.environment.items():
        monkeypatch.setenv(name, value)
    repo = new_repository(tmp_path / "repo")
    track_here("init", cwd=repo).ok()
    (repo / "model.bin").write_bytes(PACK)
    track_here("add", "model.bin", cwd=repo).ok()
    commit_all(repo, "model")
    slowly = Slowly(most=2 << 20)
    with proxy(s3_server.endpoint, slowly) as between:
        url = f"s3://{BUCKET}/{prefix}"
        track_here("remote", "add", "origin", url, "--clone", "--endpoint", between.endpoint, cwd=repo).ok()
        with monkeypatch.context() as patch:
            patch.setattr(http_requests, "SILENCE_S", 0.5)
            done = track_here("push", cwd=repo)
        assert done.code == 5 and f"{between.endpoint} does not answer" in done.err, done.err
        slowly.ended.set()
        slowly.most = None
        track_here("push", cwd=repo).ok()
        track_here("verify", "--remote", "origin", cwd=repo).ok()


# ---- what the library did for bodies of this size, our own requests do, too ----


@pytest.fixture
def between(s3_server: Seaweed) -> Iterator[Proxy]:
    with proxy(s3_server.endpoint) as made:
        yield made


@pytest.fixture
def place(between: Proxy, prefix: str) -> BucketPlace:
    made = place_at(between.endpoint, OWNER, prefix)
    found = Credentials(between.endpoint, "us-east-1", "", "", key=Key(OWNER.key, OWNER.secret))
    parts = open_parts(BUCKET, found, None, made.counter.one)
    made.send_parts_by(lambda: parts, None)
    return made


def test_what_is_there_is_not_replaced_unless_that_is_asked_for(place: BucketPlace, between: Proxy) -> None:
    assert place.put_new("packs/a", PACK)
    assert not place.put_new("packs/a", PACK[::-1])
    assert place.get("packs/a") == PACK
    place.put_over("packs/a", PACK[::-1])
    assert place.get("packs/a") == PACK[::-1]
    conditions = [{name.lower() for name in r.headers} for r in between.requests if r.method == "PUT"]
    assert ["if-none-match" in names for names in conditions] == [True, True, False]


def test_a_server_without_conditions_gets_it_without(place: BucketPlace, between: Proxy) -> None:
    def unknown(request: Request, ask: Callable[[], Answer]) -> Answer | None:
        has_condition = any(name.lower() == "if-none-match" for name in request.headers)
        return s3_error("NotImplemented", 501) if has_condition else None

    between.faults.append(unknown)
    assert place.put_new("packs/a", PACK) and not place.creates
    assert place.get("packs/a") == PACK


@pytest.mark.parametrize(
    "answer",
    [LOST, s3_error("SlowDown", 503), s3_error("ConditionalRequestConflict", 409)],
    ids=["lost", "busy", "at once"],
)
def test_a_moment_s_trouble_is_asked_again(place: BucketPlace, between: Proxy, answer: Answer) -> None:
    def once(request: Request, ask: Callable[[], Answer]) -> Answer | None:
        if request.method != "PUT":
            return None
        between.faults.clear()
        return answer

    between.faults.append(once)
    assert place.put_new("packs/a", PACK)
    assert place.get("packs/a") == PACK
