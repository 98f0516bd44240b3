"""What a history has named, at its tips."""

from pathlib import Path

from support.repositories import commit_all, git
from track.history.naming import repository_at
from track.history.past import named_at
from track.history.plumbing import Git


def test_every_file_of_a_tip_that_may_name_artifacts_is_there_the_first_of_each_too(repo: Path) -> None:
    for path in (".track/artifacts/model.track", "a.track"):
        place = repo / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"{path}\n")
    first = commit_all(repo)
    git("rm", "-q", "-r", ".track", cwd=repo)
    (repo / "a.track").write_text("again\n")
    second = commit_all(repo)
    found = named_at(repository_at(Git(repo), repo / ".git"), [first, second])
    assert sorted((named.path, named.content) for named in found) == [
        (b".track/artifacts/model.track", b".track/artifacts/model.track\n"),
        (b"a.track", b"a.track\n"),
        (b"a.track", b"again\n"),
    ]
