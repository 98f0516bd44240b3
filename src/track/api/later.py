"""Later: the verbs and what belongs to them, each loaded when a method first needs it.

A program that opens one file pays for what reads one file, and not for what clones, pushes and runs. What has a page in
a notebook learns it then. What annotations name is here too: `typing.get_type_hints` finds it, and only that loads it.
"""

from typing import Any

from track import forks
from track.api import notebook
from track.model.loading import load

TYPE_CHECKING = False
if TYPE_CHECKING:  # what a checker of types sees
    from track.api.found import Found as Found
    from track.api.version_page import page_of as page_of
    from track.flows.lineage_of import Traced as Traced
    from track.flows.run_commit import committing as committing
    from track.flows.run_describing import check_tags as check_tags
    from track.flows.run_describing import plain_facts as plain_facts
    from track.flows.run_start import RUN_ID as RUN_ID
    from track.flows.run_start import Wishes as Wishes
    from track.flows.running import Asked as Asked
    from track.flows.running import Ran as Ran
    from track.model.lineage import Node as Node
    from track.model.record import Record as Record
    from track.verbs.add import Added as Added
    from track.verbs.add import Marks as Marks
    from track.verbs.add import add as add
    from track.verbs.checkout import CheckedOut as CheckedOut
    from track.verbs.checkout import checkout as checkout
    from track.verbs.clone import clone as clone
    from track.verbs.deps import deps as deps
    from track.verbs.diff import Diff as Diff
    from track.verbs.diff import diff as diff
    from track.verbs.find import find as find
    from track.verbs.init import init as init
    from track.verbs.lineage import lineage as lineage
    from track.verbs.log import Logged as Logged
    from track.verbs.log import log as log
    from track.verbs.ls import ls as ls
    from track.verbs.path import path as path
    from track.verbs.pull import Pulled as Pulled
    from track.verbs.pull import pull as pull
    from track.verbs.push import Pushed as Pushed
    from track.verbs.push import push as push
    from track.verbs.put import Content as Content
    from track.verbs.put import Put as Put
    from track.verbs.put import Remarks as Remarks
    from track.verbs.put import put as put
    from track.verbs.rm import rm as rm
    from track.verbs.run import run as run
    from track.verbs.runs_list import Listed as Listed
    from track.verbs.runs_list import runs_list as runs_list
    from track.verbs.stale import Staleness as Staleness
    from track.verbs.stale import stale as stale
    from track.verbs.status import Status as Status
    from track.verbs.status import status as status
    from track.verbs.version_download import Downloaded as Downloaded
    from track.verbs.version_download import version_download as version_download
    from track.verbs.version_load import version_load as version_load
    from track.verbs.version_path import version_path as version_path
    from track.verbs.version_used_by import version_used_by as version_used_by
    from track.verbs.who_uses import Users as Users
    from track.verbs.who_uses import who_uses as who_uses
    from track.verbs.why import why as why

_ELSEWHERE = {
    "Added": "track.verbs.add",
    "Asked": "track.flows.running",
    "CheckedOut": "track.verbs.checkout",
    "Content": "track.verbs.put",
    "Diff": "track.verbs.diff",
    "Downloaded": "track.verbs.version_download",
    "Found": "track.api.found",
    "Listed": "track.verbs.runs_list",
    "Logged": "track.verbs.log",
    "Marks": "track.verbs.add",
    "Node": "track.model.lineage",
    "Pulled": "track.verbs.pull",
    "Pushed": "track.verbs.push",
    "Put": "track.verbs.put",
    "RUN_ID": "track.flows.run_start",
    "Ran": "track.flows.running",
    "Record": "track.model.record",
    "Remarks": "track.verbs.put",
    "Staleness": "track.verbs.stale",
    "Status": "track.verbs.status",
    "Traced": "track.flows.lineage_of",
    "Users": "track.verbs.who_uses",
    "Wishes": "track.flows.run_start",
    "check_tags": "track.flows.run_describing",
    "committing": "track.flows.run_commit",
    "page_of": "track.api.version_page",
    "plain_facts": "track.flows.run_describing",
}
"""What is not in a module of its own name."""

if not TYPE_CHECKING:  # so that a checker of types knows every name there is

    def __getattr__(name: str) -> Any:
        """A verb, or what it is asked with, by its name."""
        verb = None if name.startswith("__") else f"track.verbs.{name}"
        with forks.inside():  # a child that is forked meanwhile would wait for the lock of the module for ever
            found = load(globals(), name, _ELSEWHERE.get(name, verb))
            notebook.teach()
        return found
