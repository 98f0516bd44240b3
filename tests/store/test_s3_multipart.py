"""Large files in parts: signed as the service wants it, several at a time, and going on after a kill."""

import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from support.seaweed import BUCKET, NO_WRITE, OWNER, Person, Seaweed, place_at
from support.servers import LOST, Answer, Proxy, Request, answering, proxy, s3_error
from track.errors import BadCredentials, DamagedObject, RemoteError
from track.model.digest import digest_of
from track.store.address import Access, Bucket
from track.store.backends import http_requests, s3_multipart
from track.store.backends.credentials import Credentials, Key
from track.store.backends.failure import Refused, Unusable
from track.store.backends.object_place import SINGLE_LIMIT
from track.store.backends.s3 import BucketPlace, open_bucket
from track.store.backends.s3_multipart import PART, open_parts
from track.store.backends.s3_requests import Requests, signature
from track.store.backends.sealed import SealedPlace
from track.store.backends.sealing import Sealing

LARGE = os.urandom(SINGLE_LIMIT + PART + 123)
PARTS = 6


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_requests, "TRIES", 3)


@pytest.fixture
def between(s3_server: Seaweed) -> Iterator[Proxy]:
    with proxy(s3_server.endpoint) as made:
        yield made


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "large"
    path.write_bytes(LARGE)
    return path


@pytest.fixture
def opened(between: Proxy, tmp_path: Path) -> Callable[[], BucketPlace]:
    """A place as each process opens it anew, with one memory of uploads under way."""

    def make() -> BucketPlace:
        place = place_at(between.endpoint, OWNER, f"parts/{tmp_path.parent.name}-{tmp_path.name}")
        found = Credentials(between.endpoint, "us-east-1", "", "", key=Key(OWNER.key, OWNER.secret))
        memory = tmp_path / "origin.uploads"
        parts = open_parts(BUCKET, found, memory, place.counter.one)
        place.send_parts_by(lambda: parts, memory)
        return place

    return make


def send(place: BucketPlace, source: Path, digest: bytes = digest_of(LARGE)) -> list[int]:
    moved: list[int] = []
    with place.upload() as upload:
        upload.put_file("objects/a", source, digest, moved=moved.append)
        upload.commit()
    return moved


def parts_sent(between: Proxy) -> list[int]:
    found = [int(r.path.split("partNumber=")[1].split("&")[0]) for r in between.requests if "partNumber=" in r.path]
    del between.requests[:]
    return sorted(found)


def refusing(*numbers: int) -> Callable[[Request, Callable[[], Answer]], Answer | None]:
    """As if the process had been killed at these parts."""

    def refuse(request: Request, ask: Callable[[], Answer]) -> Answer | None:
        return s3_error("AccessDenied") if any(f"partNumber={n}&" in request.path for n in numbers) else None

    return refuse


def uploads_at(place: BucketPlace) -> str:
    parts = place.parts()
    assert parts is not None
    return parts._requests.ask("GET", "", {"uploads": "", "prefix": place.path("objects/")}).body.decode()


@pytest.mark.parametrize(
    ("query", "headers", "path", "expected"),
    [
        ("", {"Range": "bytes=0-9"}, "/test.txt", "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
        ("lifecycle=", {}, "/", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        ("max-keys=2&prefix=J", {}, "/", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ],
    ids=["get", "lifecycle", "list"],
)
def test_signatures_are_those_of_the_services_own_examples(
    query: str, headers: dict[str, str], path: str, expected: str
) -> None:
    key = Key("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    given = {"Host": "examplebucket.s3.amazonaws.com", "x-amz-content-sha256": empty, **headers}
    now = datetime(2013, 5, 24, tzinfo=UTC)
    signed = signature(key, "us-east-1", ("GET", path, query), given, now)
    assert signed["Authorization"].endswith(f"Signature={expected}")


def test_an_upload_that_was_broken_off_goes_on_with_the_parts_it_lacks(
    opened: Callable[[], BucketPlace], between: Proxy, source: Path, tmp_path: Path
) -> None:
    between.faults.append(refusing(4, 5, 6))
    with pytest.raises(RemoteError, match="may not write"):
        send(opened(), source)
    between.faults.clear()
    assert "objects/a" in (tmp_path / "origin.uploads").read_text() and opened().size("objects/a") is None
    del between.requests[:]
    moved: list[int] = []
    with opened().upload() as upload:
        travelled = upload.put_file("objects/a", source, digest_of(LARGE), moved=moved.append)
        upload.commit()
    assert sum(moved) == len(LARGE) and travelled == len(LARGE) - 3 * PART
    assert parts_sent(between) == [4, 5, 6]
    assert opened().digest("objects/a") == digest_of(LARGE)
    assert (tmp_path / "origin.uploads").read_text() == "" and "<Upload>" not in uploads_at(opened())


def test_a_sealed_upload_goes_on_too(
    opened: Callable[[], BucketPlace], between: Proxy, source: Path, tmp_path: Path
) -> None:
    """For the same file is sealed to the same bytes."""
    sealing = Sealing(bytes(32), "0" * 32)

    def sealed() -> SealedPlace:
        return SealedPlace(opened(), sealing, tmp_path / "sealing")

    between.faults.append(refusing(3, 6))
    with pytest.raises(RemoteError), sealed().upload() as upload:
        upload.put_file("objects/a", source, digest_of(LARGE))
    assert list((tmp_path / "sealing").iterdir()) == []
    between.faults.clear()
    first = set(parts_sent(between)) - {3, 6}
    with sealed().upload() as upload:
        upload.put_file("objects/a", source, digest_of(LARGE))
        upload.commit()
    again = parts_sent(between)
    assert {3, 6} <= set(again) and len(first & set(again)) < len(first)
    assert sealed().get("objects/a") == LARGE
    assert LARGE[:64] not in opened().get(sealed().key_behind("objects/a"))


def test_parts_of_another_content_are_sent_again(
    opened: Callable[[], BucketPlace], between: Proxy, source: Path
) -> None:
    between.faults.append(refusing(PARTS))
    source.write_bytes(b"other" + LARGE[5:])
    with pytest.raises(RemoteError):
        send(opened(), source, digest_of(source.read_bytes()))
    between.faults.clear()
    del between.requests[:]
    source.write_bytes(LARGE)
    send(opened(), source)
    assert parts_sent(between) == [1, PARTS] and opened().digest("objects/a") == digest_of(LARGE)


def test_where_tags_are_no_digests_every_part_is_sent_again(
    opened: Callable[[], BucketPlace], between: Proxy, source: Path
) -> None:
    between.faults.append(refusing(PARTS))
    with pytest.raises(RemoteError):
        send(opened(), source)

    def encrypted(request: Request, ask: Callable[[], Answer]) -> Answer | None:
        if request.method != "GET" or "uploadId" not in request.path:
            return None
        answer = ask()
        return answer._replace(body=answer.body.replace(b"<ETag>", b"<ETag>x"))

    between.faults[:] = [encrypted]
    del between.requests[:]
    send(opened(), source)
    assert parts_sent(between) == list(range(1, PARTS + 1)) and opened().digest("objects/a") == digest_of(LARGE)


def test_an_upload_that_the_server_forgot_begins_anew(
    opened: Callable[[], BucketPlace], between: Proxy, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    between.faults.append(refusing(PARTS))
    with pytest.raises(RemoteError):
        send(opened(), source)
    between.faults.clear()
    with monkeypatch.context() as patch:
        place = opened()
        patch.setattr(place.parts(), "_forget", lambda key: None)
        patch.setattr(s3_multipart, "KEPT_S", 0.0)
        place.tidy()
    del between.requests[:]
    send(opened(), source)
    assert parts_sent(between) == list(range(1, PARTS + 1)) and opened().digest("objects/a") == digest_of(LARGE)


def test_what_nobody_went_on_with_for_a_day_is_given_up_at_the_server_too(
    opened: Callable[[], BucketPlace], between: Proxy, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    between.faults.append(refusing(PARTS))
    with pytest.raises(RemoteError):
        send(opened(), source)
    between.faults.clear()
    opened().tidy()
    assert "<Upload>" in uploads_at(opened())
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + s3_multipart.KEPT_S + 1)
    opened().tidy()
    assert (tmp_path / "origin.uploads").read_text() == ""
    monkeypatch.undo()
    assert "<Upload>" not in uploads_at(opened())


def test_a_wrong_file_leaves_no_object_and_no_upload(
    opened: Callable[[], BucketPlace], source: Path, tmp_path: Path
) -> None:
    with pytest.raises(DamagedObject):
        send(opened(), source, digest_of(b"other"))
    assert opened().size("objects/a") is None and "<Upload>" not in uploads_at(opened())
    assert (tmp_path / "origin.uploads").read_text() == ""


def test_a_memory_that_is_nonsense_is_no_memory(
    opened: Callable[[], BucketPlace], between: Proxy, source: Path, tmp_path: Path
) -> None:
    (tmp_path / "origin.uploads").write_bytes(b"\xff\xfe nonsense\nobjects/a x y z\n\n")
    send(opened(), source)
    assert parts_sent(between) == list(range(1, PARTS + 1))


def test_a_server_that_is_busy_is_asked_again_when_it_says(
    opened: Callable[[], BucketPlace], between: Proxy, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    pauses: list[float] = []
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda pause_s: (pauses.append(pause_s), sleep(pause_s)))

    def busy(request: Request, ask: Callable[[], Answer]) -> Answer | None:
        if "partNumber=2&" not in request.path:
            return None
        seen.append(request.path)
        if len(seen) == 1:
            slow = s3_error("SlowDown", 503)
            return slow._replace(headers=(*slow.headers, ("Retry-After", "1")))
        return LOST if len(seen) == 2 else None

    between.faults.append(busy)
    send(opened(), source)
    assert len(seen) == 3 and pauses[0] == 1.0 and len(pauses) == 2 and pauses[1] < 1
    assert opened().digest("objects/a") == digest_of(LARGE)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (s3_error("ExpiredToken", 400), "have expired"),
        (s3_error("RequestTimeTooSkewed"), "its clock is wrong"),
        (s3_error("SignatureDoesNotMatch"), "the secret key does not belong"),
        (s3_error("AuthorizationHeaderMalformed", 400, "wrong; expecting 'eu-west-3'"), "is in eu-west-3, not in"),
        (s3_error("PermanentRedirect", 301), "is not in the region"),
        (s3_error("SlowDown", 503), "is too busy"),
        (Answer(200, b"<html>hello</html>"), "answers is not S3"),
        (Answer(200, b""), "answers is not S3"),
        (LOST, "cannot be reached"),
    ],
    ids=["expired", "skew", "secret", "region", "redirect", "busy", "html", "empty", "closes"],
)
def test_what_goes_wrong_is_told_as_everywhere(
    opened: Callable[[], BucketPlace], between: Proxy, source: Path, answer: Answer, words: str
) -> None:
    between.faults.append(lambda request, ask: answer if request.method == "POST" else None)
    with pytest.raises(RemoteError, match=words) as error:
        send(opened(), source)
    assert error.value.exit_code == 5 and error.value.hint and OWNER.secret not in str(error.value.details)


def test_a_server_that_hangs_in_the_middle_is_given_up(
    opened: Callable[[], BucketPlace], between: Proxy, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert http_requests.SILENCE_S * http_requests.TIMEOUTS < 60
    monkeypatch.setattr(http_requests, "SILENCE_S", 0.3)

    def hang(request: Request, ask: Callable[[], Answer]) -> Answer | None:
        if "partNumber=2&" in request.path:
            time.sleep(1)
        return None

    between.faults.append(hang)
    with pytest.raises(RemoteError, match="does not answer"):
        send(opened(), source)


def test_an_error_that_comes_with_a_200_is_no_success(
    opened: Callable[[], BucketPlace], between: Proxy, source: Path
) -> None:
    def failing(request: Request, ask: Callable[[], Answer]) -> Answer | None:
        failed = s3_error("InternalError", 200)
        return failed if request.method == "POST" and "uploadId" in request.path else None

    between.faults.append(failing)
    with pytest.raises(RemoteError):
        send(opened(), source)
    assert opened().size("objects/a") is None


def test_somebody_who_may_not_write_is_told(s3_server: Seaweed, source: Path, tmp_path: Path) -> None:
    person: Person = NO_WRITE
    place = place_at(s3_server.endpoint, person, f"parts/{tmp_path.name}")
    with pytest.raises(RemoteError, match="may not write") as error:
        send(place, source)
    assert not isinstance(error.value, BadCredentials)


def test_where_our_requests_cannot_be_made_the_library_makes_its_own(
    opened: Callable[[], BucketPlace], between: Proxy, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = opened()

    def unknown(*_: object) -> None:
        raise Unusable("certificate verify failed")

    parts = place.parts()
    assert parts is not None
    monkeypatch.setattr(parts._requests, "ask", unknown)
    assert sum(send(place, source)) == len(LARGE) and place.parts() is None
    assert opened().digest("objects/a") == digest_of(LARGE)


def test_the_keys_of_a_machine_are_left_to_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:9")
    assert open_bucket(Bucket(BUCKET), Access(endpoint="http://127.0.0.1:9")).parts() is None


def test_a_token_is_sent_and_fresh_keys_are_asked_for() -> None:
    seen: list[Request] = []

    def look(request: Request) -> Answer:
        seen.append(request)
        return Answer(200, b"fine")

    fresh = {"access_key_id": "FRESH", "secret_access_key": "s", "token": "session"}
    with answering(look) as endpoint:
        found = Credentials(endpoint, "us-east-1", "", "", provider=lambda: fresh)
        assert Requests(BUCKET, found, lambda: None).ask("PUT", "a key/ä", {"x": "1"}, b"body").body == b"fine"
    headers = {name.lower(): value for name, value in seen[0].headers.items()}
    assert "Credential=FRESH/" in headers["authorization"] and headers["x-amz-security-token"] == "session"
    assert seen[0].path == f"/{BUCKET}/a%20key/%C3%A4?x=1" and seen[0].body == b"body"


def test_a_redirection_is_not_followed_with_what_was_signed_for_another(between: Proxy) -> None:
    seen: list[Request] = []
    with answering(lambda request: seen.append(request) or Answer(200)) as elsewhere:
        away = Answer(307, b"", (("Location", elsewhere),))
        with answering(lambda _: away) as endpoint, pytest.raises(Refused):
            found = Credentials(endpoint, "us-east-1", "", "", key=Key("A", "B"))
            Requests(BUCKET, found, lambda: None).ask("GET", "a", {})
    assert seen == []
