"""What outside of the configuration decides where an address leads: another fact is another place."""

from pathlib import Path

import pytest

from track.store.address import Access, parse_address
from track.store.backends.leading import led_by

ONE, TWO = "http://one.example:9000", "http://two.example:9000"
STRING = "DefaultEndpointsProtocol=https;AccountName={};AccountKey=c2VjcmV0;EndpointSuffix=core.windows.net"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def led(url: str, base: Path, environ: dict[str, str], access: Access | None = None) -> str:
    return led_by(parse_address(url, base=base), access or Access(), {"HOME": str(base), **environ})


@pytest.mark.parametrize(
    ("url", "first", "second"),
    [
        ("s3://data/p", {"AWS_ENDPOINT_URL": ONE}, {"AWS_ENDPOINT_URL": TWO}),
        ("s3://data/p", {"AWS_ENDPOINT_URL": ONE}, {"AWS_ENDPOINT_URL": ONE, "AWS_ENDPOINT_URL_S3": TWO}),
        ("s3://data/p", {}, {"AWS_ENDPOINT_URL": ONE}),
        ("gs://data/p", {"STORAGE_EMULATOR_HOST": ONE}, {"STORAGE_EMULATOR_HOST": TWO}),
        ("az://data/p", {"AZURE_STORAGE_ACCOUNT": "one"}, {"AZURE_STORAGE_ACCOUNT": "two"}),
        ("az://data/p", {"AZURE_STORAGE_ENDPOINT": ONE}, {"AZURE_STORAGE_ENDPOINT": TWO}),
        (
            "az://data/p",
            {"AZURE_STORAGE_CONNECTION_STRING": STRING.format("one")},
            {"AZURE_STORAGE_CONNECTION_STRING": STRING.format("two")},
        ),
    ],
)
def test_a_variable_with_another_server_is_another_place(
    url: str, first: dict[str, str], second: dict[str, str], tmp_path: Path
) -> None:
    assert led(url, tmp_path, first) != led(url, tmp_path, second)
    assert led(url, tmp_path, first) == led(url, tmp_path, {**first, "AWS_ACCESS_KEY_ID": "other", "LANG": "C"})


@pytest.mark.parametrize("url", ["s3://data/p", "gs://data/p"])
def test_the_file_beside_the_project_counts_as_the_environment_does(url: str, tmp_path: Path) -> None:
    name = "AWS_ENDPOINT_URL" if url.startswith("s3") else "STORAGE_EMULATOR_HOST"
    dotenv = tmp_path / ".env"
    dotenv.write_text(f"{name}={ONE}\n")
    assert led(url, tmp_path, {}, Access(dotenv=dotenv)) == ONE
    assert led(url, tmp_path, {name: TWO}, Access(dotenv=dotenv)) == TWO


def test_a_profile_may_name_a_server(tmp_path: Path) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/config").write_text(f"[default]\nregion = x\n[profile work]\nendpoint_url = {ONE}\n")
    assert led("s3://data/p", tmp_path, {}) == ""
    assert led("s3://data/p", tmp_path, {"AWS_PROFILE": "work"}) == ONE
    assert led("s3://data/p", tmp_path, {}, Access(profile="work")) == ONE
    assert led("s3://data/p", tmp_path, {}, Access(profile="gone")) == "unreadable"


def test_the_configuration_of_ssh_says_which_server_a_name_means(tmp_path: Path) -> None:
    assert led("ssh://lab/data", tmp_path, {}) == ""
    (tmp_path / ".ssh").mkdir()
    file = tmp_path / ".ssh/config"
    file.write_text("Host lab\n  HostName one.example\n")
    first = led("ssh://lab/data", tmp_path, {})
    file.write_text("# the lab\nHost lab\n  HostName one.example\n  Compression yes\n")
    assert first and led("ssh://lab/data", tmp_path, {}) == first
    file.write_text("Host lab\n  HostName=two.example\n")
    assert led("ssh://lab/data", tmp_path, {}) != first


def test_what_the_configuration_of_ssh_includes_counts_too(tmp_path: Path) -> None:
    folder = tmp_path / ".ssh"
    (folder / "config.d").mkdir(parents=True)
    (folder / "config").write_text(f'Include config.d/*.conf "{tmp_path}/more of it" ~/other\nInclude config\n')
    seen = {led("ssh://lab/data", tmp_path, {})}
    places = (folder / "config.d/lab.conf", tmp_path / "more of it", tmp_path / "other")
    for number, file in enumerate(places):
        file.write_text(f"Host lab\n  HostName host{number}.example\n")
        seen.add(led("ssh://lab/data", tmp_path, {}))
    assert len(seen) == 4
    (folder / "config.d/unread").write_text("Host lab\n  HostName elsewhere.example\n")
    assert led("ssh://lab/data", tmp_path, {}) in seen
    (folder / "config").write_text('Include "not closed\n')
    assert led("ssh://lab/data", tmp_path, {}) not in seen


@pytest.mark.parametrize("url", ["data", "webdav://host/data", "https://host/data"])
def test_other_addresses_say_it_themselves(url: str, tmp_path: Path) -> None:
    assert led(url, tmp_path, {"AWS_ENDPOINT_URL": ONE}) == ""


def test_no_secret_is_in_what_is_noted(tmp_path: Path) -> None:
    environ = {"AZURE_STORAGE_CONNECTION_STRING": STRING.format("one")}
    assert "c2VjcmV0" not in led("az://data/p", tmp_path, environ)
