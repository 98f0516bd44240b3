"""Later: the verbs and what belongs to them, each loaded when a method first needs it.

A program that opens one file pays for what reads one file, and not for what clones, pushes and runs. What has a page in
a notebook learns it then.
"""

from importlib import import_module
from typing import Any

from track.api import notebook

TYPE_CHECKING = False
if TYPE_CHECKING:  # what a checker of types sees
    from track.api.version_page import page_of as page_of
    from track.flows.run_start import Wishes as Wishes
    from track.flows.running import Asked as Asked
    from track.verbs.add import Marks as Marks
    from track.verbs.add import add as add
    from track.verbs.checkout import checkout as checkout
    from track.verbs.clone import clone as clone
    from track.verbs.deps import deps as deps
    from track.verbs.diff import diff as diff
    from track.verbs.find import find as find
    from track.verbs.init import init as init
    from track.verbs.lineage import lineage as lineage
    from track.verbs.log import log as log
    from track.verbs.ls import ls as ls
    from track.verbs.pull import pull as pull
    from track.verbs.push import push as push
    from track.verbs.put import Content as Content
    from track.verbs.put import Remarks as Remarks
    from track.verbs.put import put as put
    from track.verbs.rm import rm as rm
    from track.verbs.run import run as run
    from track.verbs.runs_list import runs_list as runs_list
    from track.verbs.status import status as status
    from track.verbs.version_download import version_download as version_download
    from track.verbs.version_load import version_load as version_load
    from track.verbs.version_path import version_path as version_path
    from track.verbs.version_used_by import version_used_by as version_used_by
    from track.verbs.why import why as why

_ELSEWHERE = {
    "Asked": "track.flows.running",
    "Content": "track.verbs.put",
    "Marks": "track.verbs.add",
    "Remarks": "track.verbs.put",
    "Wishes": "track.flows.run_start",
    "page_of": "track.api.version_page",
}
"""What is not in a module of its own name."""


def __getattr__(name: str) -> Any:
    """A verb, or what it is asked with, by its name."""
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(_ELSEWHERE.get(name, f"track.verbs.{name}")), name)
    globals()[name] = found
    notebook.teach()
    return found
