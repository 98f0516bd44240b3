"""Notebooks, executed by the real Jupyter."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def executed(top: Path, cells: Sequence[str]) -> list[dict[str, Any]]:
    """What each cell of a notebook at `top` shows: media type -> content; `said` is what it printed."""
    code = [
        {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": source, "id": f"c{at}"}
        for at, source in enumerate(cells)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    place = top / "tour.ipynb"
    place.write_text(
        json.dumps({"cells": code, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5})
    )
    run = "import sys; from nbclient.cli import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", run, "--inplace", "--allow-errors", "--timeout=240", "--startup_timeout=240"]
    paths = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [*command, str(place)],
        cwd=top,
        env={**os.environ, "PATH": paths, "JUPYTER_PLATFORM_DIRS": "1"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    found: list[dict[str, Any]] = []
    for cell in json.loads(place.read_text())["cells"]:
        data: dict[str, Any] = {}
        for output in cell["outputs"]:
            data |= output.get("data", {})
            if output["output_type"] == "stream":
                data["said"] = "".join([*data.get("said", ""), *output["text"]])
            if output["output_type"] == "error":
                data["error"] = f"{output['ename']}: {output['evalue']}"
        found.append({name: "".join(each) for name, each in data.items()})
    return found
