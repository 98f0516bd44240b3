"""Passing: what is said of remotes that were passed over while another one gave what was needed."""

from collections.abc import Sequence

from track.cli import late
from track.cli.session import hint, warn
from track.model.names import display


def show_passed(passed: "Sequence[late.passed.Passed]") -> None:
    """Say which remotes were passed over, and why."""
    for one in passed:
        warn(f"`{display(one.name)}` ({display(one.url)}) was passed over: {display(one.why)}")
        for line in (one.hint or "").splitlines():
            hint(display(line))


def documents_of(passed: "Sequence[late.passed.Passed]") -> list[dict[str, str]]:
    """The same for a JSON document."""
    return [{"name": display(one.name), "url": display(one.url), "why": display(one.why)} for one in passed]
