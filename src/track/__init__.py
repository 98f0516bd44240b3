"""Data versioning that lives in Git."""
