"""Encrypted remotes at servers that are not S3: what depends on how a server keeps keys, ranges, lists and files.

The whole suite runs on an encrypted folder and an encrypted bucket of S3; here are the tests that matter elsewhere.
"""

from pathlib import Path

import pytest

from contract.test_place import (  # noqa: F401  # they are run here, with the places below
    test_a_listing_has_the_keys_below_a_prefix_and_their_sizes,
    test_a_range_is_a_piece_and_ends_where_the_bytes_end,
    test_creating_does_not_replace,
    test_what_is_deleted_is_gone,
    test_what_is_put_is_got,
)
from contract.test_remote import (  # noqa: F401
    test_a_damaged_pack_still_gives_its_other_objects,
    test_a_hostile_listing_is_ignored,
    test_a_push_sends_only_what_the_remote_lacks,
    test_what_is_missing_is_said_and_a_push_brings_it_back,
    test_what_one_clone_sent_another_fetches_byte_for_byte,
)
from support.remotes import SERVERS, new_place
from track.store.place import Place


@pytest.fixture(params=["azure", "gs", "ssh", "webdav"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty place of each kind, whose files are sealed."""
    server = request.getfixturevalue(SERVERS[request.param])
    return new_place(f"sealed-{request.param}", tmp_path / "place", server)
