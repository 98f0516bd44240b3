"""Bad networks: a fifth of all requests to a real S3 server fail, lie or get lost, and no byte is ever wrong for it.

Some seeds are tried; `TRACK_SAFETY=full python -m pytest tests/safety/test_bad_networks.py` tries many. A seed that
failed is run again by its number: the weather depends on nothing else.
"""

import random
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.remotes import STORE_ID, add_objects, new_remote
from support.repositories import commit_all
from support.scene import FULL
from support.seaweed import BUCKET, OWNER, Seaweed, place_at
from support.servers import Answer, Proxy, Request, closed_port, hanging, proxy, s3_error
from support.weather import FAULTS, Weather
from track.model.digest import digest_of
from track.store.backends import http_requests, object_place
from track.store.backends.pace import Pace, pause_before
from track.store.backends.s3 import BucketPlace
from track.store.backends.sealed import SealedPlace
from track.store.backends.sealing import Sealing
from track.store.objects import Store
from track.store.place import Place

SEEDS = range(12) if FULL else range(1)
MORE = 1.3
"""So many requests of a clean run may be made, and one more for each fault."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server is silent for less than the weather's silence, and no pause is long."""
    monkeypatch.setattr(object_place, "ANSWER", timedelta(seconds=0.8))
    monkeypatch.setattr(object_place, "SENDING", timedelta(seconds=60))
    monkeypatch.setattr("track.store.backends.pace.MOST_TIMEOUTS", 6)
    monkeypatch.setattr("track.store.backends.pace._BUSY_PAUSE_S", 0.1)
    monkeypatch.setattr(http_requests, "SILENCE_S", 10.0)


@pytest.fixture
def between(s3_server: Seaweed) -> Iterator[Proxy]:
    with proxy(s3_server.endpoint) as made:
        yield made


def a_thousand_files(folder: Path) -> dict[str, Path]:
    """Files by their keys: small ones, large ones, and one that goes in parts."""
    source = random.Random(1)
    sizes = [source.randrange(1, 20_000) for _ in range(950)] + [source.randrange(1 << 20, 2 << 20) for _ in range(49)]
    folder.mkdir()
    made = {}
    for number, size in enumerate([*sizes, object_place.SINGLE_LIMIT + (9 << 20)]):
        path = folder / str(number)
        path.write_bytes(source.randbytes(size))
        made[f"objects/{number:04}"] = path
    return made


def up(place: Place, files: dict[str, Path]) -> None:
    with place.upload() as upload, ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda key: upload.put_file(key, files[key], digest_of(files[key].read_bytes())), files))
        upload.commit()


def down(place: Place, files: dict[str, Path], staging: Path) -> int:
    """Fetch every file, again when it came wrong, as those who know digests do; how often that was."""
    wrong: list[str] = []

    def one(key: str) -> None:
        content = files[key].read_bytes()
        for _ in range(6):
            staged = place.get_file(key, staging, limit=len(content))
            is_whole = staged.digest == digest_of(content)
            assert not is_whole or staged.path.read_bytes() == content
            staged.path.unlink()
            if is_whole:
                return
            wrong.append(key)
        raise AssertionError(f"{key} never came as it is")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(one, files))
    return len(wrong)


def test_a_thousand_objects_go_up_and_come_down_with_every_fifth_request_failing(
    between: Proxy, s3_server: Seaweed, tmp_path: Path
) -> None:
    files = a_thousand_files(tmp_path / "files")
    clean = place_at(between.endpoint, OWNER, f"weather/{secrets.token_hex(8)}")
    up(clean, files)
    assert down(clean, files, tmp_path / "staging") == 0
    expected = len(between.requests)
    for seed in SEEDS[:4]:
        prefix = f"weather/{secrets.token_hex(8)}"
        weather = Weather(seed)
        del between.requests[:]
        between.faults[:] = [weather]
        place = place_at(between.endpoint, OWNER, prefix)
        up(place, files)
        down(place, files, tmp_path / "staging")
        between.faults.clear()
        asked = len(between.requests)
        assert set(weather.met) >= {fault.name for fault in FAULTS} - {"stale"}, f"seed {seed}: {weather.met}"
        assert asked <= MORE * expected + weather.faults_count, f"seed {seed}: {asked}, clean {expected}, {weather.met}"
        direct = place_at(s3_server.endpoint, OWNER, prefix)
        assert {one.key: one.size for one in direct.list("")} == {k: p.stat().st_size for k, p in files.items()}
        assert down(direct, files, tmp_path / "staging") == 0, f"seed {seed}: wrong bytes were kept at the server"


@pytest.mark.parametrize("seed", SEEDS)
def test_two_clones_share_a_remote_in_bad_weather(
    between: Proxy, s3_server: Seaweed, tmp_path: Path, seed: int
) -> None:
    """A thousand objects in ten pushes, each by one of two clones; the other fetches; a third reads all at the end."""
    _share_in_bad_weather(between, s3_server, tmp_path, seed, lambda place: place, pushes_count=10)


@pytest.mark.parametrize("seed", SEEDS)
def test_two_clones_share_an_encrypted_remote_in_bad_weather(
    between: Proxy, s3_server: Seaweed, tmp_path: Path, seed: int
) -> None:
    """What comes altered opens as zeros, or not at all: it is asked for again, and never believed."""
    sealing = Sealing(secrets.token_bytes(32), STORE_ID)

    def sealed(place: Place) -> Place:
        return SealedPlace(place, sealing, tmp_path / "sealing")

    _share_in_bad_weather(between, s3_server, tmp_path, seed, sealed, pushes_count=10 if FULL else 4)


def _share_in_bad_weather(
    between: Proxy, s3_server: Seaweed, tmp_path: Path, seed: int, made_of: Callable[[Place], Place],
    *, pushes_count: int,
) -> None:  # fmt: skip
    source = random.Random(seed)
    prefix = f"weather/{secrets.token_hex(8)}"
    weather = Weather(seed)
    contents: dict[bytes, bytes] = {}
    with ExitStack() as stack:
        clones = []
        for name in ("ada", "bob"):
            store = stack.enter_context(Store.open(tmp_path / name / "store", create=True))
            place = made_of(place_at(between.endpoint, OWNER, prefix))
            clones.append((store, stack.enter_context(new_remote(place, tmp_path / name / "known.db"))))
        between.faults[:] = [weather]
        for number in range(pushes_count):
            (store, remote), (other, theirs) = clones[number % 2], clones[1 - number % 2]
            made = [source.randbytes(source.choice((90, 3000, 40_000))) for _ in range(95)]
            made += [source.randbytes((1 << 20) + number) for _ in range(5)]
            digests = add_objects(store, made)
            contents.update(zip(digests, made, strict=True))
            remote.refresh()
            remote.send(store, digests, writer=f"{number % 2}" * 32, roots={"HEAD": tuple(digests[:1])})
            theirs.refresh()
            fetched = theirs.fetch(other, digests)
            assert not fetched.missing and not fetched.damaged, f"seed {seed}, push {number}: {weather.met}"
        between.faults.clear()
        assert weather.faults_count > 2 * pushes_count
        carol = stack.enter_context(Store.open(tmp_path / "carol" / "store", create=True))
        direct = made_of(place_at(s3_server.endpoint, OWNER, prefix))
        last = stack.enter_context(new_remote(direct, tmp_path / "carol/known.db"))
        last.refresh()
        assert last.verify().problems == ()
        assert not last.fetch(carol, contents).missing
        for store in (*(store for store, _ in clones), carol):
            assert store.absent(contents) == set()
            assert all(contents[digest] == data for digest, data in store.read_many(sorted(contents)))


@pytest.mark.parametrize("fault", [fault.name for fault in FAULTS if fault.name not in ("stale", "silence")])
def test_each_fault_alone_is_survived_at_every_second_request(between: Proxy, tmp_path: Path, fault: str) -> None:
    between.faults.append(Weather(3, 0.5, only=(fault, "500")))
    # The same names and bytes each time meet the same faults: of random ones, some meet nine in a row and give up.
    place = place_at(between.endpoint, OWNER, f"weather/{fault.replace(' ', '-')}")
    content = random.Random(fault).randbytes(300_000)
    (tmp_path / "file").write_bytes(content)
    files = {f"objects/{number}": tmp_path / "file" for number in range(12)}
    up(place, files)
    down(place, files, tmp_path / "staging")
    assert place.create("store.toml", b"ours") and not place.create("store.toml", b"theirs")
    place.put("roots/a", content)
    assert place.get("roots/a") == content
    assert {one.key for one in place.list("objects/")} == set(files)
    place.delete("roots/a")
    between.faults.clear()
    assert place.size("roots/a") is None


def test_what_has_a_tag_of_another_kind_is_believed_when_it_comes_the_same_thrice(between: Proxy) -> None:
    place = place_at(between.endpoint, OWNER, f"weather/{secrets.token_hex(8)}")
    place.put("roots/a", b"content")

    def encrypted(request: Request, ask: Callable[..., Answer]) -> Answer | None:
        if request.method != "GET":
            return None
        answer = ask()
        kept = [(name, value) for name, value in answer.headers if name.lower() != "etag"]
        return answer._replace(headers=(*kept, ("ETag", f'"{"0" * 32}"')))

    between.faults.append(encrypted)
    assert place.get("roots/a") == b"content"


def test_fewer_ask_a_busy_server_and_more_when_it_is_not(between: Proxy, tmp_path: Path) -> None:
    under_way, most, lock = [0], [0], threading.Lock()

    def busy(request: Request, ask: Callable[..., Answer]) -> Answer | None:
        with lock:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
            too_many = under_way[0] > 2
        try:
            time.sleep(0.02)
            return s3_error("SlowDown", 503) if too_many else ask()
        finally:
            with lock:
                under_way[0] -= 1

    between.faults.append(busy)
    place: BucketPlace = place_at(between.endpoint, OWNER, f"weather/{secrets.token_hex(8)}")
    (tmp_path / "file").write_bytes(b"content")
    up(place, {f"objects/{number}": tmp_path / "file" for number in range(120)})
    assert most[0] > 2 and place.pace.streams <= 6
    between.faults.clear()
    up(place, {f"objects/{number}": tmp_path / "file" for number in range(120)})
    assert place.pace.streams > 6
    assert len(list(place.list("objects/"))) == 120


def test_those_who_are_told_together_slow_down_once_and_never_below_one() -> None:
    pace = Pace(16)
    for _ in range(8):
        pace.slow_down()
    assert pace.streams == 8
    for _ in range(8):
        pace._slowed_s = 0.0
        pace.slow_down()
    assert pace.streams == 1
    for _ in range(200):
        pace.went_well()
    assert pace.streams == 16


def test_pauses_grow_are_random_and_have_a_bound() -> None:
    assert max(pause_before(number) for number in range(1, 40)) <= 10
    assert len({pause_before(5) for _ in range(20)}) > 1
    assert min(pause_before(9) for _ in range(50)) > max(pause_before(1) for _ in range(50))


def test_a_dead_remote_is_named_within_a_minute(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    for name, value in OWNER.environment.items():
        monkeypatch.setenv(name, value)
    track("init", cwd=repo).ok()
    (repo / "a.bin").write_bytes(b"content")
    track("add", "a.bin", cwd=repo).ok()
    commit_all(repo, "data")
    for number, (endpoint, words) in enumerate(((closed_port(), "cannot be reached"), (None, "does not answer"))):
        with ExitStack() as stack:
            endpoint = endpoint or stack.enter_context(hanging())
            track("config", "--clone", f"remote.r{number}.url", f"s3://{BUCKET}/dead", cwd=repo).ok()
            track("config", "--clone", f"remote.r{number}.endpoint", endpoint, cwd=repo).ok()
            track("trust", "--yes", cwd=repo)
            done = track("push", f"r{number}", cwd=repo)
            assert done.code == 5 and f"remote `r{number}`: {endpoint} {words}" in done.err, done.err
    longest_s = object_place.ASKING_AGAIN["retry_timeout"] + object_place.ANSWER + object_place.CONNECT
    assert longest_s < timedelta(seconds=60)
