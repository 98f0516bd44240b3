"""The machine of a run: graphics processors and conda packages as files tell them, and no program is started."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all
from support.trees import write_tree
from track.project import Project
from track.runs.machine import conda_packages, graphics
from track.verbs.run import Asked, Ran, run

NVIDIA = b"""Model: \t\t NVIDIA A100-SXM4-40GB
IRQ:   \t\t 60
GPU UUID: \t GPU-8d2a3b4c-0000-1111-2222-333344445555
Video BIOS: \t 92.00.45.00.03
Bus Type: \t PCIe
"""
VERSION = b"""NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023
GCC version:  gcc version 12.2.0 (Debian 12.2.0-14)
"""
META = "numpy-1.26.4-py311h64a7726_0", "openssl-3.2.1-hd590300_0", "ca-certificates-2024.2.2-hbcca054_0"


@pytest.fixture
def here(repo: Path) -> Path:
    track("init", cwd=repo).ok()
    commit_all(repo, "init")
    return repo


def done(here: Path, *words: str) -> Ran:
    with Project.open(here) as project:
        return run(project, words, None, Asked(), echo=lambda number, block: None)


def conda_prefix(place: Path) -> Path:
    """A prefix with a Python of its own, as conda leaves one: a file for each package, and its history.

    conda itself is no package of an index that is asked here; the names and the content are as conda 24.1 writes them.
    """
    for name in META:
        package, version, build = name.rsplit("-", 2)
        facts = {"name": package, "version": version, "build": build, "build_number": 0, "channel": "conda-forge"}
        write_tree(place, {f"conda-meta/{name}.json": json.dumps(facts).encode()})
    write_tree(place, {"conda-meta/history": b"==> 2024-03-01 10:00:00 <==\n", "bin/keep": b""})
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    return place


def test_graphics_processors_are_told_as_their_drivers_tell_them(tmp_path: Path) -> None:
    assert graphics(tmp_path) == (None, None)
    write_tree(tmp_path, {
        "proc/driver/nvidia/version": VERSION,
        "proc/driver/nvidia/gpus/0000:07:00.0/information": NVIDIA,
        "proc/driver/nvidia/gpus/0000:0f:00.0/information": NVIDIA,
        "proc/driver/nvidia/gpus/0000:b7:00.0/information": b"Model: \t\t Tesla V100\n",
        "sys/class/drm/card0/device/vendor": b"0x1234\n",
        "sys/class/drm/card1/device/vendor": b"0x1002\n",
        "sys/class/drm/card1/device/product_name": b"Instinct MI210\n",
    })  # fmt: skip
    assert graphics(tmp_path) == ("AMD Instinct MI210, 2 x NVIDIA A100-SXM4-40GB, NVIDIA Tesla V100", "535.104.05")
    write_tree(
        tmp_path, {"proc/driver/nvidia/gpus/0000:0f:00.0/information": b"\xff\0", "proc/driver/nvidia/version": b""}
    )
    assert graphics(tmp_path) == ("AMD Instinct MI210, NVIDIA A100-SXM4-40GB, NVIDIA Tesla V100", None)


@pytest.mark.parametrize("script", ["sleep 1000", "exit 9", "kill -9 $$"], ids=["hangs", "fails", "dies"])
def test_a_program_that_tells_of_processors_is_not_asked(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    write_tree(tmp_path, {"bin/nvidia-smi": f"#!/bin/sh\necho >> {tmp_path}/asked\n{script}\n".encode()})
    (tmp_path / "bin/nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    assert done(here, sys.executable, "-c", "").code == 0 and not (tmp_path / "asked").exists()


def test_what_conda_installed_is_kept_shown_and_compared_and_is_no_requirement(here: Path, tmp_path: Path) -> None:
    place = conda_prefix(tmp_path / "env")
    first = done(here, str(place / "bin/python"), "-c", "").record
    shown = track("env", "show", first.id, cwd=here).ok().out
    assert "conda:openssl" in shown and "3.2.1=hd590300_0" in shown
    assert track("env", "show", first.id, "conda:numpy", cwd=here).ok().out.split() == [
        "conda:numpy",
        "1.26.4=py311h64a7726_0",
    ]
    (place / f"conda-meta/{META[1]}.json").rename(place / "conda-meta/openssl-3.3.0-h0_0.json")
    here_now = track("env", "diff", first.id, cwd=here).ok().out
    assert here_now == "- conda:openssl 3.2.1=hd590300_0\n+ conda:openssl 3.3.0=h0_0\n"
    second = done(here, str(place / "bin/python"), "-c", "").record
    assert track("env", "diff", first.id, second.id, cwd=here).ok().out == here_now
    frozen = track("env", "freeze", first.id, cwd=here)
    assert "conda" not in frozen.out


def test_where_conda_is_active_its_packages_are_those_of_any_program(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONDA_PREFIX", str(conda_prefix(tmp_path / "env")))
    monkeypatch.setenv("CONDA_DEFAULT_ENV", "science")
    record = done(here, "true").record
    with Project.open(here) as project:
        listed = next(digest for digest, _, _ in record.named() if str(digest) == record.environment["conda_packages"])
        assert project.store.read(listed).decode().split() == sorted(META)
    assert record.environment["conda"] == "science"


def test_a_folder_of_conda_that_is_none_is_nothing(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a/bin/python": b"", "b/conda-meta": b"a file", "c/conda-meta/history": b""})
    for name in "abc":
        assert conda_packages(str(tmp_path / name / "bin/python"), {"CONDA_PREFIX": str(tmp_path / "none")}) == ()
    assert conda_packages("", {}) == ()
