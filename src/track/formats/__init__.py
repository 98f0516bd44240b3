"""Meaning: what a file is, read from its name or its bytes."""
