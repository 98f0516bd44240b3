"""Nodes: new manifest nodes are in the store before anything names them, and no collection takes them until then."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress

from track.errors import StoreUnwritable
from track.model.digest import Digest
from track.project import Project


@contextmanager
def saved(project: Project, nodes: Mapping[Digest, bytes]) -> Iterator[None]:
    """Nodes by digest are in the store, and stay there until something names them, at the end of the block.

    Raises:
        Locked: a collection holds the store for longer than its timeout.
        DiskFull, StoreUnwritable: they could not be written; the block was not entered.
    """
    if not nodes:
        yield
        return
    with project.store.writer() as writer:
        for digest, node in nodes.items():
            writer.add_known(digest, node)
        writer.commit()
        yield


@contextmanager
def saved_if_possible(project: Project, nodes: Mapping[Digest, bytes]) -> Iterator[None]:
    """As `saved`; where nobody may write into the store, the block is entered without them."""
    with ExitStack() as stack:
        with suppress(StoreUnwritable):
            stack.enter_context(saved(project, nodes))
        yield
