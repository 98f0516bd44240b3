"""What the pages about buckets and CI tell people to type works, from nothing, at a real server."""

from pathlib import Path

import pytest

from support.pages import blocks, follow, ignore_programs, typed
from support.repositories import commit_all, new_repository
from support.seaweed import BUCKET, NO_WRITE, OWNER, Seaweed
from support.servers import closed_port
from support.trees import read_tree


def test_from_nothing_to_git_push_as_the_page_tells(
    tmp_path: Path, s3_server: Seaweed, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    (home / ".aws").mkdir(parents=True)
    (home / ".aws" / "credentials").write_text(
        f"[work]\naws_access_key_id = {OWNER.key}\naws_secret_access_key = {OWNER.secret}\n"
    )
    monkeypatch.setenv("HOME", str(home))
    replaced = {
        "s3://our-data/project": f"s3://{BUCKET}/pages/{tmp_path.parent.name}-{tmp_path.name}",
        "https://minio.example.org": s3_server.endpoint,
    }
    follow("s3.md", tmp_path, {**OWNER.environment, "AWS_ENDPOINT_URL": s3_server.endpoint}, replaced)


def test_a_job_with_read_only_credentials_pulls_and_the_next_one_needs_no_network(
    tmp_path: Path, s3_server: Seaweed
) -> None:
    ada = {**OWNER.environment, "AWS_ENDPOINT_URL": s3_server.endpoint}
    repo = new_repository(tmp_path / "project.git")
    (repo / "data").mkdir()
    for number in range(50):
        (repo / "data" / f"{number}.txt").write_text(f"file {number}\n" * 100)
    url = f"s3://{BUCKET}/ci/{tmp_path.parent.name}-{tmp_path.name}"
    setup = f"track init\ntrack remote add origin {url}\ntrack add data\ngit commit --quiet -m data\ntrack push"
    ignore_programs(repo)
    assert (done := typed(setup, cwd=repo, env=ada)).returncode == 0, done.stderr
    commit_all(repo, "all")
    (script,) = blocks("ci.md", {"https://example.org/team/project.git": f"file://{repo} project"})
    home = tmp_path / "home"
    home.mkdir()
    job = {**NO_WRITE.environment, "AWS_ENDPOINT_URL": s3_server.endpoint, "HOME": str(home)}
    for name, endpoint in (("first", s3_server.endpoint), ("second", closed_port())):
        folder = tmp_path / name
        folder.mkdir()
        done = typed(script, cwd=folder, env={**job, "AWS_ENDPOINT_URL": endpoint})
        assert done.returncode == 0, f"the {name} job: {done.stdout}{done.stderr}"
        assert read_tree(folder / "project" / "data") == read_tree(repo / "data")
    assert (home / "track-store" / "store.toml").is_file()
    (folder / "project" / "data" / "new.txt").write_text("new")
    push = "cd project\ntrack add data\ntrack trust --yes\ntrack push"
    done = typed(push, cwd=folder, env={**job, "TRACK_STORE_PATH": str(home / "track-store")})
    assert done.returncode == 5 and "may not write" in done.stderr and "s3:PutObject" in done.stderr
