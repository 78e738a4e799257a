"""Fit the constants of the GPU kernel models to measured kernels, and write them into the catalog.

Run it as ``python benchmarks/fit_gpu_kernels.py CSV [FOLDER]``; the file's columns are those of
`gpu_kernel_rows`. Without FOLDER, the fits of the installed catalog are replaced. Intervals of predictions
come from rows that a fit has not seen; the generic chip's, from GPUs that it has not seen.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from gpu_kernel_fits import Constants, fit_cell, fit_shared, held_out, taken_over
from gpu_kernel_power import fit_power, power_cells
from gpu_kernel_rows import Cell, cells, read

from energyprobe.costing import kernels
from energyprobe.costing.figures import per_base_unit
from energyprobe.costing.kernels.fits import GENERIC, POWER_UNITS
from energyprobe.costing.kernels.fitting import OPEN
from energyprobe.costing.kernels.parts import Array

ONE_GPU = 1.5
"""Factor that widens the interval of a fit of one GPU where it stands for others."""

FOLDER = Path(kernels.__file__).parents[1] / "catalog" / "kernels" / "fits"
HEAD = "# Written by benchmarks/fit_gpu_kernels.py; fitted to measured kernels of the sources named.\n"


def number(value: float) -> str:
    return f"{value:.4g}" if "e" in f"{value:.4g}" or "." in f"{value:.4g}" else f"{value:.4g}.0"


def figure(value: float, ends: tuple[float, float], unit: str, source: str, boundary: str = "chip") -> str:
    scale = per_base_unit(unit)
    low, high = (number(end * scale) for end in ends)
    value_text = number(value * scale)
    low, high = min((low, value_text), key=float), max((high, value_text), key=float)
    left_open = ends[1] >= 0.99 * OPEN * value
    note = ', note = "left open by the data: start value"' if left_open else ""
    return (
        f'{{ value = {value_text}, unit = "{unit}", low = {low}, high = {high}, source = "{source}", '
        f'provenance = "derived", verified = {str(not left_open).lower()}, boundary = "{boundary}"{note} }}'
    )


def ratios(measured: Array, predicted: Array, widen: float = 1.0) -> tuple[float, float]:
    low, high = np.quantile(measured / predicted, (0.05, 0.95))
    return min(float(low), 1.0) / widen, max(float(high), 1.0) * widen


def entry(
    gpu: str,
    members: Sequence[Cell],
    constants: Constants,
    ends: dict[str, tuple[float, float]],
    spread: tuple[float, float],
) -> str:
    first = members[0]
    lines = [
        "[[fit]]",
        f'gpu = "{gpu}"',
        f'kernel = "{first.kernel}"',
        f'dtype = "{first.dtype}"',
        f'structure = "{first.structure}"',
        f'regime = "{first.regime}"',
        f"rows = {sum(len(each) for each in members)}",
        f"shapes = {sum(len(set(each.weights)) for each in members)}",
        f"low_ratio = {number(spread[0])}",
        f"high_ratio = {number(spread[1])}",
        "",
        "[fit.ranges]",
    ]
    for name in ("m", "k", "n", "density"):
        values = np.concatenate([getattr(each.problem, name) for each in members])
        lines.append(f"{name} = [{number(values.min())}, {number(values.max())}]")
    lines += ["", "[fit.constants]"]
    for name, value in constants.items():
        unit, source = first.kind.constants[name].unit, first.source
        if first.base is not None and name in taken_over(first)[0]:
            source = first.base.source
        lines.append(f"{name} = {figure(value, ends[name], unit, source)}")
    return "\n".join(lines) + "\n"


def own_entries(cell: Cell) -> str:
    """Constants of a cell. Rows of its base, whose constants it has, count as its own; of both the worse
    ratios hold."""
    members = [each for each in (cell, cell.base) if each is not None]
    constants, ends = fit_cell(cell)
    lows, highs = zip(*(ratios(each.time_s, held_out(each)[0]) for each in members), strict=True)
    return entry(cell.chip.fitted_as, members, constants, ends, (min(lows), max(highs)))


def generic_entry(members: Sequence[Cell]) -> str:
    """Shared constants; their interval spans the GPUs' own constants, that of times the GPUs left out."""
    own = [fit_cell(each)[0] for each in members]
    if len(members) == 1:
        predicted, _ = held_out(members[0])
        constants = own[0]
        spread = ratios(members[0].time_s, predicted, ONE_GPU)
    else:
        constants = fit_shared(members)
        left = [(each, fit_shared([other for other in members if other is not each])) for each in members]
        measured = np.concatenate([each.time_s for each, _ in left])
        spread = ratios(measured, np.concatenate([each.seconds(found) for each, found in left]))
    ends = {name: (min(each[name] for each in own), max(each[name] for each in own)) for name in constants}
    return entry(GENERIC, members, constants, ends, spread)


def power_entry(gpu: str, members: Sequence[Cell], widen: float = 1.0) -> str:
    constants, ends, predicted = fit_power(members)
    spread = ratios(np.concatenate([each.power_w for each in members]), predicted, widen)
    lines = [
        "[power]",
        f'gpu = "{gpu}"',
        f"rows = {len(predicted)}",
        f"low_ratio = {number(spread[0])}",
        f"high_ratio = {number(spread[1])}",
        "",
        "[power.constants]",
    ]
    for name, value in constants.items():
        lines.append(f"{name} = {figure(value, ends[name], POWER_UNITS[name], members[0].source, 'board')}")
    return "\n".join(lines) + "\n"


def main(path: str, folder: Path = FOLDER) -> int:
    everything = cells(read(path))
    by_gpu: dict[str, list[str]] = defaultdict(list)
    for cell in everything:
        by_gpu[cell.chip.fitted_as].append(own_entries(cell))
        print(f"fitted {cell.name}: {len(cell)} rows", flush=True)
    for gpu, members in power_cells(everything).items():
        by_gpu[gpu].insert(0, power_entry(gpu, members))
    kinds: dict[tuple[str, str, str], list[Cell]] = defaultdict(list)
    for cell in everything:
        if cell.base is None:  # a launch measured on one host is no other's
            kinds[cell.kernel, cell.dtype, cell.structure].append(cell)
    by_gpu[GENERIC] = [generic_entry(members) for members in kinds.values()]
    with_power = [cell for members in power_cells(everything).values() for cell in members]
    by_gpu[GENERIC].insert(0, power_entry(GENERIC, with_power, ONE_GPU))
    for gpu, texts in by_gpu.items():
        (folder / f"{gpu}.toml").write_text("\n".join([HEAD, *texts]), encoding="utf-8")
        print(f"wrote {folder / gpu}.toml: {len(texts)} entries")
    return 0


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], *map(Path, sys.argv[2:])))
