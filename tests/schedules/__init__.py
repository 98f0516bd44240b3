"""Schedules by the thousand: clients push, pull, forget and collect at one remote, and nothing needed is lost."""
