"""What the pages about each kind of place tell people to type works, from nothing, at a real server."""

from pathlib import Path

import pytest

from support.azurite import CONTAINER, Azure
from support.gcs import BUCKET, Gcs
from support.pages import blocks, follow, ignore_programs, typed
from support.repositories import new_repository
from support.trees import read_tree
from support.webservers import PERSON, Web


def test_azure_from_nothing_to_git_push(tmp_path: Path, azure_server: Azure) -> None:
    replaced = {
        "az://our-data/project": f"az://{CONTAINER}/pages/{tmp_path.parent.name}-{tmp_path.name}",
        "http://127.0.0.1:10000/devstoreaccount1": azure_server.endpoint,
    }
    person = {**azure_server.environment, "AZURE_STORAGE_ENDPOINT": azure_server.endpoint}
    follow("azure.md", tmp_path, person, replaced)


def test_google_from_nothing_to_git_push(tmp_path: Path, gs_server: Gcs) -> None:
    replaced = {
        "gs://our-data/project": f"gs://{BUCKET}/pages/{tmp_path.parent.name}-{tmp_path.name}",
        "http://127.0.0.1:4443": gs_server.endpoint,
    }
    follow("gcs.md", tmp_path, gs_server.environment, replaced)


@pytest.mark.parametrize("kind", ["nginx_server", "rclone_server"])
def test_webdav_from_nothing_to_git_push(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    server: Web = request.getfixturevalue(kind)
    place = f"webdav://{server.host}/dav/pages/{tmp_path.parent.name}-{tmp_path.name}"
    replaced = {
        "webdavs://cloud.example.org/remote.php/dav/files/ada/project": place,
        "cd project": "cd origin",
    }
    follow("webdav.md", tmp_path, PERSON, replaced)


def test_what_is_published_is_read_through_a_web_server(tmp_path: Path, nginx_server: Web) -> None:
    name = f"{tmp_path.parent.name}-{tmp_path.name}"
    repo = new_repository(tmp_path / "repo")
    ignore_programs(repo)
    (repo / "data").mkdir()
    (repo / "data" / "a.csv").write_text("id,name\n1,one\n")
    (repo / "large.bin").write_bytes(bytes(range(256)) * 20_000)
    folder = nginx_server.folder / "web" / name
    setup = f"track init && track add data large.bin && track remote add origin {folder} && git commit -qm first"
    assert (done := typed(f"{setup} && track push", cwd=repo, env={})).returncode == 0, done.stderr
    for block in blocks("http.md", {"https://data.example.org/project": f"{nginx_server.endpoint}/web/{name}"}):
        done = typed(block, cwd=repo, env={})
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
    reader = tmp_path / "reader"
    reader.mkdir()
    script = f"track clone --no-data {repo} copy && cd copy && track trust --yes mirror && track pull --from mirror"
    assert (done := typed(script, cwd=reader, env={})).returncode == 0, done.stderr
    for path in ("data", "large.bin"):
        assert read_tree(reader / "copy" / path) == read_tree(repo / path)
    more = "echo 2,two >> data/a.csv && track add data && git commit -qam second && track push origin"
    assert (done := typed(more, cwd=repo, env={})).returncode == 0, done.stderr
    again = "git pull -q && track pull --from mirror"
    assert (done := typed(again, cwd=reader / "copy", env={})).returncode == 0, done.stderr
    assert read_tree(reader / "copy" / "data") == read_tree(repo / "data"), "a push makes the list anew"
    done = typed("track push mirror", cwd=repo, env={})
    assert done.returncode == 5 and "is only read: nothing is sent to it" in done.stderr
    assert "track push origin" in done.stderr
