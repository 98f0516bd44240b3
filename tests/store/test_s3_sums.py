"""Which sum of a body a server looks at is found by trying, and the others are not made any more."""

import hashlib
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.seaweed import NO_WRITE, OWNER, Seaweed, place_at
from support.servers import LOST, Answer, Proxy, Request, answering, proxy, s3_error
from track.errors import RemoteError
from track.store.abilities import note_abilities, sums_of
from track.store.address import Access, Bucket
from track.store.backends import http_requests
from track.store.backends.s3 import BucketPlace
from track.store.description import SUMS, dump_description, parse_description
from track.store.layout import DESCRIPTION
from track.store.remote import create_remote, open_remote

LARGE = bytes(range(256)) * 8192
HEADERS = {"crc32": "x-amz-checksum-crc32", "sha256": "x-amz-checksum-sha256", "md5": "content-md5"}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_requests, "TRIES", 3)


@pytest.fixture
def between(s3_server: Seaweed) -> Iterator[Proxy]:
    with proxy(s3_server.endpoint) as made:
        yield made


@pytest.fixture
def place(between: Proxy, tmp_path: Path) -> BucketPlace:
    return place_at(between.endpoint, OWNER, f"sums/{tmp_path.parent.name}-{tmp_path.name}")


def summed(name: str, body: bytes) -> bytes:
    return zlib.crc32(body).to_bytes(4, "big") if name == "crc32" else hashlib.new(name, body).digest()


def looking_at(*names: str, knows: tuple[str, ...] = SUMS) -> Callable[[Request], Answer]:
    """A server that holds bodies against some sums, and refuses requests with those that it does not know."""

    def answer(request: Request) -> Answer:
        if request.method != "PUT":
            return Answer(204)
        headers = {name.lower(): value for name, value in request.headers.items()}
        for name, header in HEADERS.items():
            said = headers.get(header)
            if said is not None and name not in knows:
                return s3_error("InvalidRequest", 400)
            is_right = said in (None, b64encode(summed(name, request.body)).decode())
            if name in names and not is_right:
                return s3_error("BadDigest", 400)
        return Answer(200)

    return answer


def test_a_real_server_looks_at_the_quickest_and_nothing_of_the_trial_stays(place: BucketPlace) -> None:
    assert place.find_sums("probes/one") == "crc32"
    assert not list(place.list("probes/"))


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        (looking_at(*SUMS), "crc32"),
        (looking_at("sha256", "md5"), "sha256"),
        (looking_at("md5"), "md5"),
        (looking_at("md5", knows=("md5",)), "md5"),
        (looking_at("sha256", knows=("sha256",)), "sha256"),
        (looking_at("crc32", knows=("crc32",)), "crc32"),
        (looking_at(), ""),
        (looking_at(knows=()), ""),
        (lambda _: s3_error("AccessDenied"), None),
        (lambda _: None, None),
    ],
    ids=["all", "no CRC-32", "MD5", "knows MD5", "knows SHA-256", "knows CRC-32", "none", "refuse", "no right", "gone"],
)
def test_what_a_server_looks_at_is_what_it_refuses_when_it_is_wrong(
    server: Callable[[Request], Answer | None], expected: str | None
) -> None:
    with answering(server) as endpoint:
        assert place_at(endpoint, OWNER, "sums").find_sums("probes/one") == expected


@pytest.mark.parametrize("number", [1, 2])
def test_what_is_refused_once_for_another_reason_was_not_looked_at(number: int) -> None:
    """S3 answers 400, too, to a body that came too slowly."""
    puts: list[Request] = []

    def slow_once(request: Request) -> Answer:
        if request.method == "PUT":
            puts.append(request)
            if len(puts) == number:
                return s3_error("RequestTimeout", 400)
        return Answer(204 if request.method != "PUT" else 200)

    with answering(slow_once) as endpoint:
        assert place_at(endpoint, OWNER, "sums").find_sums("probes/one") == ""


@pytest.mark.parametrize(
    ("sums", "sent"),
    [
        ("", {"content-md5", "x-amz-content-sha256"}),
        ("crc32", {"x-amz-checksum-crc32"}),
        ("sha256", {"x-amz-checksum-sha256", "x-amz-content-sha256"}),
        ("md5", {"content-md5"}),
    ],
)
def test_only_the_sum_that_is_looked_at_is_sent(place: BucketPlace, between: Proxy, sums: str, sent: set[str]) -> None:
    place.use_sums(sums)
    assert place.put_new("packs/one", LARGE)
    (request,) = (one for one in between.requests if one.method == "PUT")
    headers = {name.lower(): value for name, value in request.headers.items() if value != "UNSIGNED-PAYLOAD"}
    assert {name for name in headers if "sum" in name or "md5" in name or "sha256" in name} == sent
    assert place.get("packs/one") == LARGE


@pytest.mark.parametrize("sums", ["", *SUMS])
def test_what_is_altered_on_its_way_is_sent_again(place: BucketPlace, between: Proxy, sums: str) -> None:
    altered: list[Request] = []

    def alter(request: Request, ask: Callable[..., Answer]) -> Answer | None:
        if request.method != "PUT" or altered:
            return None
        altered.append(request)
        return ask(request._replace(body=b"x" + request.body[1:]))

    between.faults.append(alter)
    place.use_sums(sums)
    assert place.put_new("packs/two", LARGE)
    assert altered and place.get("packs/two") == LARGE


@pytest.mark.parametrize("size", [1 << 10, 2 << 20])
@pytest.mark.parametrize("sums", ["md5", ""])
def test_a_server_that_looks_at_md5_alone_keeps_nothing_that_was_altered(size: int, sums: str) -> None:
    kept: dict[str, bytes] = {}
    altered: list[str] = []
    looks = looking_at("md5")

    def altering(request: Request) -> Answer:
        if request.method == "PUT" and request.path not in altered:
            altered.append(request.path)
            request = request._replace(body=b"x" + request.body[1:])
        answer = looks(request)
        if answer.status == 200:
            kept[request.path] = request.body
        return answer._replace(headers=(*answer.headers, ("ETag", '"tag"')))

    content = bytes(size)
    with answering(altering) as endpoint:
        place = place_at(endpoint, OWNER, "sums")
        place.use_sums(sums)
        assert place.put_new("packs/six", content)
        place.put("index/seven", content)
    assert len(altered) == 2 and list(kept.values()) == [content, content]


def test_a_server_that_wants_another_sum_by_now_gets_it() -> None:
    kept: dict[str, bytes] = {}

    def locked(request: Request) -> Answer:
        if not any(name.lower() == "content-md5" for name in request.headers):
            return s3_error("InvalidRequest", 400, "Content-MD5 HTTP header is required with object lock")
        kept[request.path] = request.body
        return Answer(200)

    with answering(locked) as endpoint:
        place = place_at(endpoint, OWNER, "sums")
        place.use_sums("sha256")
        assert place.put_new("packs/three", LARGE)
    assert list(kept.values()) == [LARGE]


def test_a_new_remote_says_which_and_a_push_follows(
    between: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in OWNER.environment.items():
        monkeypatch.setenv(name, value)
    address, access = Bucket("data", f"sums/{tmp_path.name}-new"), Access(endpoint=between.endpoint)
    assert create_remote(address, access)
    with open_remote(str(address), name="there", base=tmp_path, record=tmp_path / "known", access=access) as remote:
        assert remote.abilities.sums == "crc32"
        between.requests.clear()
        assert isinstance(remote.place, BucketPlace) and remote.place.put_new("packs/four", LARGE)
    assert not any(name.lower() == "content-md5" for one in between.requests for name in one.headers)


def test_an_older_remote_learns_it_and_whoever_may_not_write_changes_nothing(
    place: BucketPlace, s3_server: Seaweed
) -> None:
    place.put(DESCRIPTION, dump_description(parse_description(_OLD, "old")))
    reader = place_at(s3_server.endpoint, NO_WRITE, place.url.removeprefix("s3://data/"))
    assert sums_of(reader) is None
    assert note_abilities(place, sums=sums_of(place))
    assert parse_description(place.get(DESCRIPTION), "new").abilities.sums == "crc32"
    assert not note_abilities(place, sums=None)


def test_a_lost_answer_is_no_answer(place: BucketPlace, between: Proxy) -> None:
    between.faults.append(lambda request, _: LOST if request.method == "PUT" else None)
    assert place.find_sums("probes/five") is None
    with pytest.raises(RemoteError):
        place.put_new("packs/five", LARGE)


_OLD = b'[store]\nformat = 1\nid = "00112233445566778899aabbccddeeff"\n'
