"""The present: a run while it is alive, and the journal of those that have ended."""
