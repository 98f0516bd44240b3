"""The machine and the conda environment of a run, as files tell them. No program is asked: `nvidia-smi` may hang."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from track.model.expressions import expression

_AMD = "0x1002"
_MODEL = expression(r"(?m)^Model:\s*(\S.*?)\s*$")
_DRIVER = expression(r"NVRM version:.*?(\d+\.\d+(?:\.\d+)*)")


class Graphics(NamedTuple):
    """The graphics processors of a machine, such as `2 x NVIDIA A100-SXM4-40GB`, and the version of NVIDIA's driver;
    None where there are none.
    """

    processors: str | None
    driver: str | None


def graphics(root: Path = Path("/")) -> Graphics:
    """The graphics processors that the drivers of NVIDIA and AMD tell of in `proc` and `sys` below a root."""
    found = Counter((*_nvidia(root / "proc/driver/nvidia/gpus"), *_amd(root / "sys/class/drm")))
    told = [name if count == 1 else f"{count} x {name}" for name, count in sorted(found.items())]
    driver = _DRIVER.search(_text(root / "proc/driver/nvidia/version"))
    return Graphics(", ".join(told) or None, driver[1] if driver is not None else None)


def conda_packages(executable: str, variables: Mapping[str, str]) -> tuple[str, ...]:
    """What conda installed for a Python, or else where `CONDA_PREFIX` says, as `name-version-build`, sorted."""
    places = [Path(executable).parent.parent] if executable else []
    places += [Path(variables["CONDA_PREFIX"])] if variables.get("CONDA_PREFIX") else []
    for place in places:
        names = tuple(sorted(path.name[: -len(".json")] for path in _below(place / "conda-meta", "*.json")))
        if names:
            return names
    return ()


def _nvidia(folder: Path) -> Iterator[str]:
    for path in _below(folder, "*/information"):
        if (model := _MODEL.search(_text(path))) is not None:
            yield model[1] if model[1].startswith("NVIDIA") else f"NVIDIA {model[1]}"


def _amd(folder: Path) -> Iterator[str]:
    for path in _below(folder, "card[0-9]*/device/vendor"):
        if _text(path).strip() == _AMD:
            yield f"AMD {_text(path.with_name('product_name')).strip() or _text(path.with_name('device')).strip()}"


def _below(folder: Path, pattern: str) -> list[Path]:
    with suppress(OSError):
        return sorted(folder.glob(pattern))
    return []


def _text(path: Path) -> str:
    with suppress(OSError):
        return path.read_bytes()[:65536].decode("utf-8", "replace")
    return ""
