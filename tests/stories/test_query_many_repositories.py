"""The page on querying many repositories: what it types makes them, and its queries give what it shows."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.stories import new_session

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "query-many-repositories.md"
SHOWN = re.compile(r"```python\n(.*?)```\n\n```text\n(.*?)```", re.DOTALL)


def test_the_queries_of_the_page_give_what_it_shows(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    text = PAGE.read_text(encoding="utf-8")
    session = new_session(tmp_path)
    typed = text.split("```sh\n")[2].split("```")[0]
    done = subprocess.run(
        ["bash", "-e", "-c", typed], cwd=session.folder, env=session.environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")

    def now(block: re.Match[str]) -> str:
        done = subprocess.run(
            [sys.executable, "-c", block[1]],
            cwd=session.folder,
            env=session.environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return f"```python\n{block[1]}```\n\n```text\n{done.stdout.rstrip()}\n```"

    assert len(SHOWN.findall(text)) == text.count("```python\n") == 3
    told = SHOWN.sub(now, text)
    if request.config.getoption("--pin"):
        PAGE.write_text(told, encoding="utf-8")
    assert told == PAGE.read_text(encoding="utf-8")
