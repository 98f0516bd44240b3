"""Commits: never heard of bytes."""
