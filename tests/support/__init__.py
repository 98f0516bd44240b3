"""Builders that tests share; `from support.repositories import new_repository`."""
