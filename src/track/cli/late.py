"""Late: the verbs, and what else a command needs to do what it is asked, each loaded when that is asked.

Who completes words, reads a help or mistypes an option waits for none of it. A name here is a module: `late.push.push`
is the verb. Annotations that name something in one are text, as in `"late.push.Pushed"`, and load nothing.
"""

from importlib import import_module
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:  # what a checker of types sees
    from track import project as project
    from track.flows import bring as bring
    from track.flows import choice as choice
    from track.flows import copying as copying
    from track.flows import data_store as data_store
    from track.flows import finding as finding
    from track.flows import findings as findings
    from track.flows import leftovers as leftovers
    from track.flows import lineage_of as lineage_of
    from track.flows import logged as logged
    from track.flows import marking as marking
    from track.flows import named as named
    from track.flows import needed as needed
    from track.flows import passed as passed
    from track.flows import reach as reach
    from track.flows import receive as receive
    from track.flows import remotes as remotes
    from track.flows import routes as routes
    from track.flows import run_consent as run_consent
    from track.flows import run_find as run_find
    from track.flows import run_living as run_living
    from track.flows import run_query as run_query
    from track.flows import run_start as run_start
    from track.flows import running as running
    from track.flows import sampling as sampling
    from track.flows import store_repair as store_repair
    from track.flows import survey as survey
    from track.flows import view as view
    from track.formats import known as known
    from track.history import gitrepo as gitrepo
    from track.history import hooks as hooks
    from track.history import plumbing as plumbing
    from track.runs import command as command
    from track.runs import holder as holder
    from track.store import address as address
    from track.verbs import add as add
    from track.verbs import alerts_add as alerts_add
    from track.verbs import alerts_list as alerts_list
    from track.verbs import alerts_remove as alerts_remove
    from track.verbs import alerts_set as alerts_set
    from track.verbs import alias as alias
    from track.verbs import artifacts_list as artifacts_list
    from track.verbs import artifacts_schema as artifacts_schema
    from track.verbs import artifacts_show as artifacts_show
    from track.verbs import artifacts_values as artifacts_values
    from track.verbs import card as card
    from track.verbs import cat as cat
    from track.verbs import catalog_export as catalog_export
    from track.verbs import checkout as checkout
    from track.verbs import claim as claim
    from track.verbs import clone as clone
    from track.verbs import code as code
    from track.verbs import config as config
    from track.verbs import declare as declare
    from track.verbs import deps as deps
    from track.verbs import diff as diff
    from track.verbs import doctor as doctor
    from track.verbs import du as du
    from track.verbs import env_diff as env_diff
    from track.verbs import env_freeze as env_freeze
    from track.verbs import env_show as env_show
    from track.verbs import events as events
    from track.verbs import export as export
    from track.verbs import fetch as fetch
    from track.verbs import find as find
    from track.verbs import gc as gc
    from track.verbs import gc_remote as gc_remote
    from track.verbs import get as get
    from track.verbs import hooks_install as hooks_install
    from track.verbs import hooks_list as hooks_list
    from track.verbs import hooks_uninstall as hooks_uninstall
    from track.verbs import import_dvc as import_dvc
    from track.verbs import import_dvc_history as import_dvc_history
    from track.verbs import import_lfs as import_lfs
    from track.verbs import import_lfs_history as import_lfs_history
    from track.verbs import init as init
    from track.verbs import label as label
    from track.verbs import lineage as lineage
    from track.verbs import log as log
    from track.verbs import log_event as log_event
    from track.verbs import log_metric as log_metric
    from track.verbs import ls as ls
    from track.verbs import merge as merge
    from track.verbs import metrics_diff as metrics_diff
    from track.verbs import metrics_show as metrics_show
    from track.verbs import migrate as migrate
    from track.verbs import monitor as monitor
    from track.verbs import mv as mv
    from track.verbs import path as path
    from track.verbs import pull as pull
    from track.verbs import purge as purge
    from track.verbs import push as push
    from track.verbs import put as put
    from track.verbs import remote_add as remote_add
    from track.verbs import remote_check as remote_check
    from track.verbs import remote_identity as remote_identity
    from track.verbs import remote_list as remote_list
    from track.verbs import remote_publish as remote_publish
    from track.verbs import remote_recipients as remote_recipients
    from track.verbs import remote_recipients_add as remote_recipients_add
    from track.verbs import remote_remove as remote_remove
    from track.verbs import repair as repair
    from track.verbs import reproduce as reproduce
    from track.verbs import rerun as rerun
    from track.verbs import rerun_stale as rerun_stale
    from track.verbs import restore as restore
    from track.verbs import restore_list as restore_list
    from track.verbs import rm as rm
    from track.verbs import run as run
    from track.verbs import run_artifacts_get as run_artifacts_get
    from track.verbs import run_artifacts_list as run_artifacts_list
    from track.verbs import runs_close as runs_close
    from track.verbs import runs_compare as runs_compare
    from track.verbs import runs_create as runs_create
    from track.verbs import runs_drop as runs_drop
    from track.verbs import runs_keep as runs_keep
    from track.verbs import runs_list as runs_list
    from track.verbs import runs_reap as runs_reap
    from track.verbs import runs_show as runs_show
    from track.verbs import runs_start as runs_start
    from track.verbs import runs_unshare as runs_unshare
    from track.verbs import shrink as shrink
    from track.verbs import stale as stale
    from track.verbs import status as status
    from track.verbs import store_get as store_get
    from track.verbs import store_info as store_info
    from track.verbs import store_list as store_list
    from track.verbs import store_place as store_place
    from track.verbs import tag as tag
    from track.verbs import trust as trust
    from track.verbs import trust_list as trust_list
    from track.verbs import uninit as uninit
    from track.verbs import verify as verify
    from track.verbs import version_download as version_download
    from track.verbs import version_open as version_open
    from track.verbs import whereis as whereis
    from track.verbs import who_uses as who_uses
    from track.verbs import why as why

_ELSEWHERE = {
    "address": "track.store.address",
    "bring": "track.flows.bring",
    "choice": "track.flows.choice",
    "command": "track.runs.command",
    "copying": "track.flows.copying",
    "data_store": "track.flows.data_store",
    "finding": "track.flows.finding",
    "findings": "track.flows.findings",
    "gitrepo": "track.history.gitrepo",
    "holder": "track.runs.holder",
    "hooks": "track.history.hooks",
    "known": "track.formats.known",
    "leftovers": "track.flows.leftovers",
    "lineage_of": "track.flows.lineage_of",
    "logged": "track.flows.logged",
    "marking": "track.flows.marking",
    "named": "track.flows.named",
    "needed": "track.flows.needed",
    "passed": "track.flows.passed",
    "plumbing": "track.history.plumbing",
    "project": "track.project",
    "reach": "track.flows.reach",
    "receive": "track.flows.receive",
    "remotes": "track.flows.remotes",
    "routes": "track.flows.routes",
    "run_consent": "track.flows.run_consent",
    "run_find": "track.flows.run_find",
    "run_living": "track.flows.run_living",
    "run_query": "track.flows.run_query",
    "run_start": "track.flows.run_start",
    "running": "track.flows.running",
    "sampling": "track.flows.sampling",
    "store_repair": "track.flows.store_repair",
    "survey": "track.flows.survey",
    "view": "track.flows.view",
}
"""The modules that are no verb's."""


if not TYPE_CHECKING:  # so that a checker of types knows every name there is

    def __getattr__(name: str) -> ModuleType:
        """The module of that name."""
        if name.startswith("__"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = globals()[name] = import_module(_ELSEWHERE.get(name, f"track.verbs.{name}"))
        return found
