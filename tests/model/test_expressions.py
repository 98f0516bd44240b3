"""Expressions are compiled when they are first used, and then once."""

import re

import pytest

from track.model.expressions import expression


def test_an_expression_is_what_compiling_gives() -> None:
    found = expression(r"(\w+)=(\d+)", re.IGNORECASE)
    match = found.fullmatch("A=1")
    assert match is not None and match.groups() == ("A", "1")
    assert (found.pattern, found.flags) == (re.compile(r"(\w+)=(\d+)", re.IGNORECASE).pattern, re.I | re.U)
    assert expression(rb"a+").sub(b"-", b"baab") == b"b-b"


def test_an_expression_is_compiled_when_it_is_first_used_and_then_once(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []
    really = re.compile
    monkeypatch.setattr(re, "compile", lambda text, flags: (compiled.append(text), really(text, flags))[1])
    found = expression("a")
    assert compiled == []
    assert [found.fullmatch("a") is not None for _ in range(3)] == [True] * 3
    assert compiled == ["a"]


def test_a_wrong_expression_is_told_when_it_is_used() -> None:
    wrong = expression("(")
    with pytest.raises(re.error):
        wrong.search("x")
