"""What stands in for `inspect` while the command line's library is loaded behaves as that."""

import inspect
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from track.cli import lean

ASKED = """
import sys
from track.cli import lean
lean.load()
assert "inspect" not in sys.modules
import click, dataclasses
assert type(click.core.inspect).__name__ == "_Inspect"
{}
import inspect
assert inspect.__file__ and sys.modules["inspect"] is inspect
"""


def fresh(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", ASKED.format(code)], capture_output=True, text=True)


@given(st.text(st.sampled_from("ab \t\n\r\x0b\x0c\x1c\xa0\u2003")))
def test_texts_are_cleaned_as_by_inspect(text: str) -> None:
    assert lean._Inspect("inspect").cleandoc(text) == inspect.cleandoc(text)


def test_what_click_and_dataclasses_ask_of_it_is_there() -> None:
    done = fresh(
        "assert click.Option(['--a'], default=lambda: 1, show_default=True, help=' b\\n   c').help == 'b\\nc'\n"
        "assert 'sys' not in click.style('a')\n"
        "def pages():\n    yield 'a'\n"
        "assert click.core.inspect.isgeneratorfunction(pages)\n"
        "made = dataclasses.make_dataclass('A', ['x'])\n"
        "assert made.__doc__.startswith('A(x')\n"
    )
    assert done.returncode == 0, done.stderr


def test_what_nothing_has_is_an_error_as_of_any_module() -> None:
    done = fresh("assert not hasattr(click.core.inspect, '__path__') and not hasattr(click.core.inspect, 'nothing')")
    assert done.returncode == 0, done.stderr


def test_where_inspect_is_loaded_already_nothing_stands_in_for_it() -> None:
    code = "import inspect\nfrom track.cli import lean\nlean.load()\nimport click\nassert click.core.inspect is inspect"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
