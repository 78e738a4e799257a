"""The fitted kernels of the catalog, read from TOML."""

from __future__ import annotations

import functools
from typing import Any

from energyprobe.costing.figures import Figure
from energyprobe.costing.kernels.fits import Fit, PowerFit
from energyprobe.costing.schema import CATALOG, convert, convert_each, tomllib

FOLDER = CATALOG / "kernels"
"""Folder with ``fits/`` and ``launch.toml``."""


@functools.cache
def fits() -> tuple[Fit, ...]:
    """All fitted kernels."""
    return tuple(convert(each, Fit, name) for name, raw in _files() for each in raw.get("fit", []))


@functools.cache
def power_fits() -> tuple[PowerFit, ...]:
    """All fitted power constants."""
    return tuple(convert(raw["power"], PowerFit, name) for name, raw in _files() if "power" in raw)


@functools.cache
def launches() -> dict[str, Figure]:
    """Time that a launch takes, by how kernels are launched."""
    raw = tomllib.loads((FOLDER / "launch.toml").read_text(encoding="utf-8"))
    return convert_each(raw, Figure, "launch")


def _files() -> list[tuple[str, dict[str, Any]]]:
    paths = sorted((FOLDER / "fits").iterdir(), key=lambda path: path.name)
    return [
        (f"fits/{path.name}", tomllib.loads(path.read_text(encoding="utf-8")))
        for path in paths
        if path.name.endswith(".toml")
    ]
