"""Bytes: never heard of commits."""
