"""The present: a run while it is alive, and the journal of those that have ended."""

SHARED = "shared"
"""The folder of a clone's state with what others shared, below the names of remotes."""
