"""A bucket that is slow, forgets, lies or knows less than it should; and that nothing of it harms."""

import os
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from support.seaweed import BUCKET, NO_LIST, NO_READ, NO_WRITE, OWNER, Person, Seaweed, place_at
from support.servers import LOST, Answer, Proxy, Request, answering, closed_port, hanging, proxy, s3_error
from track.errors import BadCredentials, DamagedObject, RemoteError, RemoteUnreachable
from track.model.digest import digest_of
from track.store.address import Access, Bucket
from track.store.backends import object_place
from track.store.backends.opening import open_place
from track.store.backends.s3 import BucketPlace, open_bucket
from track.store.backends.s3_failure import Bound

LARGE = os.urandom(object_place.SINGLE_LIMIT + (5 << 20) + 123)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails is asked for again only twice."""
    monkeypatch.setattr(object_place, "ASKING_AGAIN", {"max_retries": 2, "retry_timeout": timedelta(seconds=3)})
    monkeypatch.setattr(object_place, "SENDING_AGAIN", {"max_retries": 2, "retry_timeout": timedelta(seconds=3)})


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    return f"s3/{abs(hash(request.node.nodeid))}"


@pytest.fixture
def between(s3_server: Seaweed) -> Iterator[Proxy]:
    """A proxy before the server."""
    with proxy(s3_server.endpoint) as made:
        yield made


@pytest.fixture
def place(between: Proxy, prefix: str) -> BucketPlace:
    """A place behind the proxy."""
    return place_at(between.endpoint, OWNER, prefix)


def key_of(request: Request) -> str:
    return unquote(urlsplit(request.path).path)


def send(place: BucketPlace, path: Path, content: bytes, key: str = "objects/a", *, replace: bool = False) -> None:
    path.write_bytes(content)
    with place.upload() as upload:
        upload.put_file(key, path, digest_of(content), replace=replace)
        upload.commit()


def test_a_large_object_goes_in_parts_and_comes_in_pieces(place: BucketPlace, between: Proxy, tmp_path: Path) -> None:
    send(place, tmp_path / "large", LARGE)
    assert sum("partNumber" in request.path for request in between.requests) == 5
    del between.requests[:]
    staged = place.get_file("objects/a", tmp_path / "staging", limit=1 << 40)
    assert (staged.digest, staged.size) == (digest_of(LARGE), len(LARGE))
    assert sum("range" in map(str.lower, request.headers) for request in between.requests) == 5
    assert place.digest("objects/a") == digest_of(LARGE)


def test_a_large_object_that_is_there_is_not_sent_again(place: BucketPlace, between: Proxy, tmp_path: Path) -> None:
    send(place, tmp_path / "large", LARGE)
    del between.requests[:]
    send(place, tmp_path / "large", LARGE)
    assert [request.method for request in between.requests] == ["HEAD"]
    send(place, tmp_path / "large", LARGE, replace=True)
    assert "PUT" in [request.method for request in between.requests]


def test_a_large_file_that_is_not_what_it_should_be_leaves_no_object_and_no_parts(
    place: BucketPlace, between: Proxy, tmp_path: Path
) -> None:
    (tmp_path / "large").write_bytes(LARGE)
    with pytest.raises(DamagedObject), place.upload() as upload:
        upload.put_file("objects/a", tmp_path / "large", digest_of(b"other"))
    assert place.size("objects/a") is None
    assert not any("CompleteMultipartUpload" in str(request.body) for request in between.requests)


def test_an_object_that_is_there_is_not_written_again(place: BucketPlace, between: Proxy, tmp_path: Path) -> None:
    send(place, tmp_path / "small", b"content")
    written = place.objects.info(place.path("objects/a"))["created"]
    time.sleep(1.1)
    send(place, tmp_path / "small", b"content")
    assert place.objects.info(place.path("objects/a"))["created"] == written


def test_a_lost_answer_to_a_creation_is_no_conflict(place: BucketPlace, between: Proxy, tmp_path: Path) -> None:
    lost: list[str] = []

    def forget(request: Request, ask: Callable[[], Answer]) -> Answer | None:
        if request.method != "PUT" or key_of(request) in lost:
            return None
        lost.append(key_of(request))
        ask()
        return LOST

    between.faults.append(forget)
    assert place.create("store.toml", b"ours")
    send(place, tmp_path / "small", b"content")
    assert len(lost) == 2 and place.get("objects/a") == b"content"
    assert not place.create("store.toml", b"somebody else's")


def test_a_server_that_knows_no_conditions_is_written_all_the_same(
    place: BucketPlace, between: Proxy, tmp_path: Path
) -> None:

    def unconditional(request: Request, ask: Callable[[], Answer]) -> Answer | None:
        return s3_error("NotImplemented", 501) if "if-none-match" in str(request.headers).lower() else None

    between.faults.append(unconditional)
    send(place, tmp_path / "small", b"content")
    assert place.get("objects/a") == b"content" and not place.creates


def test_a_server_that_is_busy_for_a_moment_is_asked_again(place: BucketPlace, between: Proxy) -> None:
    seen: list[int] = []

    def busy(request: Request, ask: Callable[[], Answer]) -> Answer | None:
        seen.append(1)
        return s3_error("SlowDown", 503) if len(seen) % 2 else None

    between.faults.append(busy)
    place.put("roots/a", b"1")
    assert place.get("roots/a") == b"1" and [one.key for one in place.list("roots/")] == ["roots/a"]


def test_a_server_without_pieces_gives_the_whole(place: BucketPlace, between: Proxy, tmp_path: Path) -> None:
    send(place, tmp_path / "large", LARGE)

    def whole(request: Request, ask: Callable[[], Answer]) -> Answer | None:
        if request.method != "GET" or "range" not in map(str.lower, request.headers):
            return None
        stored = LARGE if "objects" in request.path else b"0123456789"
        return Answer(200, stored, (("Last-Modified", "Mon, 02 Nov 2026 10:00:00 GMT"), ("ETag", '"x"')))

    place.put("packs/a", b"0123456789")
    between.faults.append(whole)
    assert place.get_file("objects/a", tmp_path / "staging", limit=1 << 40).digest == digest_of(LARGE)
    assert place.get_range("packs/a", 2, 3) == b"234"


@pytest.mark.parametrize("what", ["a file", "a piece of a pack"])
def test_a_server_that_gives_no_more_pieces_gives_nothing_twice(
    place: BucketPlace, between: Proxy, tmp_path: Path, what: str
) -> None:
    """As where several answer in turn, and one of them is behind a proxy that cuts nothing."""
    send(place, tmp_path / "large", LARGE)

    def whole(request: Request, ask: Callable[[], Answer]) -> Answer | None:
        wanted = {name.lower(): value for name, value in request.headers.items()}.get("range")
        if request.method != "GET" or wanted is None or wanted.startswith("bytes=0-"):
            return None
        return Answer(200, LARGE, (("Last-Modified", "Mon, 02 Nov 2026 10:00:00 GMT"), ("ETag", '"x"')))

    between.faults.append(whole)
    if what == "a file":
        assert place.get_file("objects/a", tmp_path / "staging", limit=1 << 40).digest == digest_of(LARGE)
        return
    for turn in range(3):
        between.requests.clear()
        assert place.get_range("objects/a", 3 << 20, 2 << 20) == LARGE[3 << 20 : 5 << 20]
        assert len([one for one in between.requests if one.method == "GET"]) == (3, 1, 1)[turn]


def test_a_body_that_breaks_off_is_resumed_or_told(place: BucketPlace, between: Proxy, tmp_path: Path) -> None:
    content = os.urandom(3 << 20)
    place.put("packs/a", content)
    cut: list[int] = []

    def broken(request: Request, ask: Callable[[], Answer]) -> Answer | None:
        if request.method != "GET" or cut:
            return None
        cut.append(1)
        answer = ask()
        return answer._replace(headers=(*answer.headers, ("Content-Length", str(len(content)))), cut=1 << 20)

    between.faults.append(broken)
    staged = place.get_file("packs/a", tmp_path / "staging", limit=1 << 40)
    assert staged.digest == digest_of(content) and cut
    between.faults[:] = [
        lambda request, ask: Answer(200, content, (("Last-Modified", "Mon, 02 Nov 2026 10:00:00 GMT"),), cut=99)
    ]
    with pytest.raises(RemoteError):
        place.get_file("packs/a", tmp_path / "staging", limit=1 << 40)
    assert [path.name for path in (tmp_path / "staging").iterdir()] == [staged.path.name]


def test_flipped_bytes_show_in_the_digest(place: BucketPlace, between: Proxy, tmp_path: Path) -> None:
    place.put("packs/a", b"good bytes")

    def flip(request: Request, ask: Callable[[], Answer]) -> Answer | None:
        return (answer := ask())._replace(body=b"G" + answer.body[1:]) if request.method == "GET" else None

    between.faults.append(flip)
    assert place.get_file("packs/a", tmp_path / "staging", limit=1 << 40).digest != digest_of(b"good bytes")
    assert place.digest("packs/a") != digest_of(b"good bytes")


def test_a_listing_of_many_keys_counts_every_page(place: BucketPlace, s3_server: Seaweed) -> None:
    for number in range(1003):
        place.put(f"packs/{number:04}", b"")
    before = place.requests_count
    assert len(list(place.list("packs/"))) == 1003
    assert place.requests_count - before == 2


def told(endpoint: str, person: Person = OWNER, bucket: str = BUCKET, prefix: str = "told") -> RemoteError:
    """The error of asking for a key."""
    with pytest.raises(RemoteError) as error:
        place_at(endpoint, person, prefix, bucket).get("store.toml")
    assert error.value.exit_code == 5 and error.value.hint
    assert person.secret not in str(error.value.details) + error.value.message + str(error.value.hint)
    return error.value


def test_a_server_that_hangs_is_given_up_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_place, "ANSWER", timedelta(seconds=0.4))
    with hanging() as endpoint:
        error = told(endpoint)
        assert isinstance(error, RemoteUnreachable) and error.message == f"{endpoint} does not answer"
        with pytest.raises(RemoteUnreachable):
            place_at(endpoint, OWNER).put("roots/a", b"1")


def test_the_deadlines_add_up_to_less_than_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    asked = object_place.ASKING_AGAIN["retry_timeout"] + object_place.ANSWER + object_place.CONNECT
    assert asked <= timedelta(seconds=60)


def test_a_server_that_is_not_there_is_named() -> None:
    endpoint = closed_port()
    assert told(endpoint).message == f"{endpoint} cannot be reached"
    assert "no server called" in told("http://nobody.invalid").message


def test_who_was_led_to_amazon_is_told_how_to_name_another_server() -> None:
    """Which server is asked is never committed: a colleague's clone goes to Amazon's until somebody says it there."""
    text = "Error performing GET in 1ms: error sending request: dns error: failed to lookup address information"
    bound = Bound("s3://data/p", "data", "https://s3.eu-west-3.amazonaws.com", "eu-west-3", "key", "the environment")
    elsewhere = "track remote add NAME s3://data/p --endpoint URL"
    for said in (text, s3_error("InvalidAccessKeyId").body.decode()):
        assert elsewhere in (bound.explain(Exception(said), operation="read", key="store.toml").hint or "")
    ours = bound._replace(endpoint="https://minio.example.org")
    assert elsewhere not in (ours.explain(Exception(text), operation="read", key="store.toml").hint or "")


@pytest.mark.parametrize(
    "answer",
    [
        Answer(404, b"<html>not found</html>"),
        Answer(400, b"\xff\xfe"),
        Answer(200, b""),
    ],
    ids=["404", "400", "nothing"],
)
def test_an_endpoint_that_talks_nonsense_is_told(answer: Answer) -> None:
    with answering(lambda _: answer) as endpoint:
        place = place_at(endpoint, OWNER, "told")
        with pytest.raises(RemoteError, match="answers is not S3"):
            list(place.list("index/"))


@pytest.mark.parametrize(
    ("code", "status", "kind", "words"),
    [
        ("InvalidAccessKeyId", 403, BadCredentials, "does not know the access key OWNE…0123 (from the environment)"),
        ("SignatureDoesNotMatch", 403, BadCredentials, "the secret key does not belong to"),
        ("ExpiredToken", 400, BadCredentials, "have expired"),
        ("InvalidToken", 400, BadCredentials, "does not accept the session token"),
        ("RequestTimeTooSkewed", 403, BadCredentials, "its clock is wrong"),
        ("NoSuchBucket", 404, RemoteUnreachable, "there is no bucket `data` at"),
        ("PermanentRedirect", 301, RemoteUnreachable, "is not in the region us-east-1"),
        ("AccessDenied", 403, RemoteError, "may not read at s3://data/told"),
        ("SlowDown", 503, RemoteUnreachable, "is too busy"),
        ("InternalError", 500, RemoteUnreachable, "failed: it answered with 500"),
    ],
)
def test_every_refusal_has_its_own_words(code: str, status: int, kind: type[RemoteError], words: str) -> None:
    with answering(lambda _: s3_error(code, status, "because")) as endpoint:
        error = told(endpoint)
    assert type(error) is kind and words in error.message
    assert status == 301 or f"the server said: {code}: because" in error.details


def test_the_right_region_is_named_when_the_server_says_it() -> None:
    message = "the region 'us-east-1' is wrong; expecting 'eu-west-3'"
    with answering(lambda _: s3_error("AuthorizationHeaderMalformed", 400, message)) as endpoint:
        error = told(endpoint)
    assert "is in eu-west-3, not in the region us-east-1" in error.message
    assert error.hint == "track config remote.NAME.region eu-west-3"


def test_what_a_server_says_is_shown_escaped() -> None:
    with answering(lambda _: s3_error("AccessDenied", 403, "\x1b[31mred\u202e")) as endpoint:
        error = told(endpoint)
    assert "\x1b" not in str(error.details) and "\u202e" not in str(error.details)


def test_the_real_server_refuses_what_it_should(s3_server: Seaweed, prefix: str) -> None:
    owner = place_at(s3_server.endpoint, OWNER, prefix)
    owner.put("store.toml", b"x")
    wrong, unknown = OWNER._replace(secret="wrong"), OWNER._replace(key="NOBODYKEY0123")
    assert "secret key does not belong" in told(s3_server.endpoint, wrong, prefix=prefix).message
    assert "does not know" in told(s3_server.endpoint, unknown, prefix=prefix).message
    assert "there is no bucket `nowhere`" in told(s3_server.endpoint, bucket="nowhere").message
    assert "may not read" in told(s3_server.endpoint, NO_READ, prefix=prefix).message
    with pytest.raises(RemoteError, match="may not list"):
        list(place_at(s3_server.endpoint, NO_LIST, prefix).list("index/"))
    denied = place_at(s3_server.endpoint, NO_WRITE, prefix)
    with pytest.raises(RemoteError, match="may not write"):
        denied.put("roots/a", b"")
    with pytest.raises(RemoteError, match="may not delete"):
        denied.delete("store.toml")


@pytest.mark.parametrize(
    "left_over", [{}, {"AWS_ACCESS_KEY_ID": ""}, {"AWS_SECRET_ACCESS_KEY": ""}, {"AWS_SKIP_SIGNATURE": "true"}], ids=str
)
def test_a_key_of_the_remote_is_not_mixed_with_a_token_of_the_environment(
    left_over: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The client would take both from the environment by itself, and another server too."""
    seen: list[Request] = []

    def look(request: Request) -> Answer:
        seen.append(request)
        return s3_error("AccessDenied")

    (tmp_path / "credentials").write_text("[work]\naws_access_key_id = WORK\naws_secret_access_key = s\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    for name, value in {**OWNER.environment, **left_over, "AWS_SESSION_TOKEN": "secret-token"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", closed_port())
    with answering(look) as endpoint, pytest.raises(RemoteError, match="may not read"):
        open_bucket(Bucket(BUCKET), Access(endpoint=endpoint, profile="work")).get("store.toml")
    headers = {name.lower(): value for name, value in seen[0].headers.items()}
    assert "Credential=WORK/" in headers["authorization"] and "x-amz-security-token" not in headers


def test_an_instance_role_is_asked_for_when_nothing_else_says_who_we_are(monkeypatch: pytest.MonkeyPatch) -> None:
    role = (
        b'{"Code":"Success","AccessKeyId":"ROLEKEY","SecretAccessKey":"role-secret","Token":"role-token",'
        b'"Expiration":"2036-01-01T00:00:00Z","LastUpdated":"2026-01-01T00:00:00Z","Type":"AWS-HMAC"}'
    )
    answers = {"/latest/api/token": b"t", "/latest/meta-data/iam/security-credentials/": b"reader"}
    seen: list[Request] = []

    def bucket(request: Request) -> Answer:
        seen.append(request)
        return s3_error("AccessDenied")

    with answering(lambda request: Answer(200, answers.get(request.path, role))) as metadata, answering(bucket) as end:
        monkeypatch.setenv("AWS_METADATA_ENDPOINT", metadata)
        with pytest.raises(RemoteError, match="the role of this machine may not read"):
            open_bucket(Bucket(BUCKET), Access(endpoint=end)).get("store.toml")
    assert "Credential=ROLEKEY/" in str(seen[0].headers)


def test_a_machine_without_a_role_has_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", closed_port())
    denied = s3_error("AccessDenied")
    with answering(lambda _: denied) as endpoint, pytest.raises(BadCredentials, match="no credentials"):
        open_bucket(Bucket(BUCKET), Access(endpoint=endpoint)).get("store.toml")


@pytest.mark.parametrize("region", ["evil.example.com/", "a b", "eu-west-1.evil", "", "@evil"])
def test_a_region_cannot_become_another_host(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is part of the name of Amazon's server, and a stranger's configuration may hold it."""
    for name, value in OWNER.environment.items():
        monkeypatch.setenv(name, value)
    if not region:
        assert open_bucket(Bucket(BUCKET), Access(region=region)).bound.region == "us-east-1"
        return
    with pytest.raises(RemoteError, match="is no region"):
        open_bucket(Bucket(BUCKET), Access(region=region))


@pytest.mark.parametrize("endpoint", ["ftp://host", "host:9000", "file:///etc/passwd"])
def test_an_endpoint_that_is_no_server_is_refused(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in OWNER.environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(RemoteError, match="no address of a server"):
        open_bucket(Bucket(BUCKET), Access(endpoint=endpoint))


def test_without_the_library_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named 'obstore' (for {name})", name="obstore")

    monkeypatch.setattr("track.store.backends.opening.import_module", missing)
    with pytest.raises(RemoteError) as error:
        open_place(Bucket(BUCKET), Access())
    assert error.value.hint == "pip install 'track-data[s3]'"
