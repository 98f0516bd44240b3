"""Run artifacts list: what a run used, made and ran."""

from track.flows.run_find import find_run
from track.flows.run_read import RunArtifact, artifacts_of
from track.project import Project


def run_artifacts_list(project: Project, run: str, category: str | None = None) -> tuple[RunArtifact, ...]:
    """The artifacts of the run called `run`, or those of one category: code, input or output.

    Raises:
        UnknownRun: no run is called so, or several are.
        UsageError: there is no such category.
    """
    return artifacts_of(find_run(project, run), category)
