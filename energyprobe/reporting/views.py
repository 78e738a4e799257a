"""Other views of a comparison: the best device for each model, quality beside energy, the usual estimate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from energyprobe.costing.figures import BOUNDARIES
from energyprobe.costing.naive import naive_j
from energyprobe.reporting import units
from energyprobe.reporting.cells import Case, Cell, energy_ratio
from energyprobe.reporting.document import Column, Table
from energyprobe.reporting.ratio_words import ratio_figure, ratio_words

if TYPE_CHECKING:
    from energyprobe.reporting.comparison import Comparison


def best_devices(comparison: Comparison) -> Table | None:
    """The device that each model uses least energy on, among devices whose totals cover as much.

    Parameters
    ----------
    comparison : Comparison
        Of several devices.

    Returns
    -------
    Table or None
        A row for each boundary and batch size where every model has a complete total on some device; None
        where there is no such row, or only one device.
    """
    rows = list(_best(comparison)) if len(comparison.devices) > 1 else []
    if not rows:
        return None
    several = len(comparison.batch_sizes) > 1
    keys = tuple(
        boundary + (f", batch {next(iter(best.values())).case.batch_size}" if several else "")
        for boundary, best in rows
    )
    columns = [Column(name="boundary", header="total covers", cells=keys, text=True)]
    for model in comparison.models:
        cells = [best[model] for _, best in rows]
        columns += [
            Column(
                name=f"{model} device", header=f"{model}\non", cells=tuple(map(_device, cells)), text=True,
                group=model,
            ),
            Column(
                name=f"{model} energy",
                header=f"{model}\nenergy",
                cells=tuple(units.quantity(cell.total.energy_j, "J") for cell in cells),
                values=tuple(cell.total.energy_j for cell in cells),
                group=model,
            ),
        ]  # fmt: skip
    for model in comparison.others:
        ratios = [energy_ratio(best[model], best[comparison.baseline]) for _, best in rows]
        columns.append(
            Column(
                name=f"{model} ratio",
                header=f"{model} /\n{comparison.baseline}",
                cells=tuple(map(ratio_words, ratios)),
                values=tuple(ratio.value for ratio in ratios),
                group="ratio",
            )
        )
    return Table("The best device for each model, where totals cover the same", tuple(columns))


def best_cells(comparison: Comparison, boundary: str, batch_size: int) -> dict[str, Cell]:
    """The cell of least energy of each model, among devices of a boundary; complete totals only.

    Parameters
    ----------
    comparison : Comparison
        The comparison.
    boundary : str
        As of `CostTable.boundary`.
    batch_size : int
        One of the comparison's.

    Returns
    -------
    dict of str to Cell
        By model; models without a complete total there are left out.
    """
    best: dict[str, Cell] = {}
    for model in comparison.models:
        cells = [comparison.cells[Case(model, device, batch_size)] for device in comparison.devices]
        known = [cell for cell in cells if cell.is_complete and cell.cost.boundary == boundary]
        if known:
            best[model] = min(known, key=lambda cell: cell.total.energy_j)
    return best


def quality_table(comparison: Comparison) -> Table | None:
    """Quality beside energy, and which models no other beats in both.

    Parameters
    ----------
    comparison : Comparison
        With the quality of some models.

    Returns
    -------
    Table or None
        A row for each model, at the first batch size; None where no quality is known.
    """
    if not comparison.quality:
        return None
    known = comparison.quality
    metric = next(iter(known.values())).metric
    better = "" if next(iter(known.values())).higher_is_better else "\n(less is better)"
    columns = [
        Column(name="model", header="model", cells=comparison.models, text=True),
        Column(
            name="quality",
            header=metric + better,
            cells=tuple(known[name].words if name in known else units.UNKNOWN for name in comparison.models),
            values=tuple(known[name].value if name in known else None for name in comparison.models),
            group="quality",
        ),
        Column(
            name="interval",
            header="95 %\ninterval",
            cells=tuple(
                known[name].interval_words if name in known else units.UNKNOWN for name in comparison.models
            ),
            group="quality",
        ),
        *(column for device in comparison.devices for column in _beside(comparison, device)),
    ]
    return Table("Quality beside energy, per inference", tuple(columns))


def pareto(comparison: Comparison, device: str, batch_size: int) -> tuple[str, ...]:
    """Models that no other beats in both energy and quality on a device.

    Parameters
    ----------
    comparison : Comparison
        With the quality of the models.
    device : str
        One of its devices.
    batch_size : int
        One of its batch sizes.

    Returns
    -------
    tuple of str
        Names, by energy; of models with a quality and a complete total only.
    """
    cells = {name: comparison.cells[Case(name, device, batch_size)] for name in comparison.quality}
    energies = {name: cell.total.energy_j for name, cell in cells.items() if cell.is_complete}

    def beats(one: str, other: str) -> bool:
        better, worse = comparison.quality[one], comparison.quality[other]
        as_good = better.at_least_as_good_as(worse) and energies[one] <= energies[other]
        return as_good and (better.value != worse.value or energies[one] < energies[other])

    front = [name for name in energies if not any(beats(other, name) for other in energies)]
    return tuple(sorted(front, key=energies.__getitem__))


def naive_table(comparison: Comparison) -> Table | None:
    """The usual estimate (`energyprobe.costing.naive`) beside the full model.

    Parameters
    ----------
    comparison : Comparison
        The comparison.

    Returns
    -------
    Table or None
        A row for each device, batch size and model other than the baseline whose ratio is known; None where
        there is none.
    """
    known = (verdict for verdict in comparison.verdicts if verdict.ratio.is_known)
    rows = [(verdict, ratio) for verdict in known if (ratio := _naive_ratio(comparison, verdict.case)) > 0]
    if not rows:
        return None
    keys = tuple(comparison.label(verdict.case, batch_size=True) for verdict, _ in rows)
    full = [verdict.ratio.value for verdict, _ in rows]
    naive = [ratio for _, ratio in rows]
    off = [ratio / usual for ratio, usual in zip(full, naive, strict=True)]
    return Table(
        f"The usual estimate beside the full model, of {comparison.baseline}'s energy",
        (
            Column(name="device", header="device", cells=keys, text=True),
            Column(
                name="naive",
                header="rate × synops\n× 0.9 pJ",
                cells=tuple(map(ratio_figure, naive)),
                values=tuple(naive),
            ),
            Column(
                name="full",
                header="full\nmodel",
                cells=tuple(ratio_words(verdict.ratio) for verdict, _ in rows),
                values=tuple(full),
            ),
            Column(
                name="off",
                header="full /\nusual",
                cells=tuple(f"{ratio_figure(each)} ×" for each in off),
                values=tuple(off),
            ),
        ),
    )


def _naive_ratio(comparison: Comparison, case: Case) -> float:
    """The usual estimate of a model over that of the baseline; NaN where either is unknown."""
    naive = [
        naive_j(comparison.reports[name, case.batch_size].counts, comparison.scenario(name))
        for name in (case.model, comparison.baseline)
    ]
    return naive[0] / naive[1] if naive[1] > 0 else float("nan")


def _best(comparison: Comparison) -> Iterator[tuple[str, dict[str, Cell]]]:
    for boundary in BOUNDARIES:
        for batch_size in comparison.batch_sizes:
            best = best_cells(comparison, boundary, batch_size)
            if len(best) == len(comparison.models):
                yield boundary, best


def _device(cell: Cell) -> str:
    node = cell.cost.device.process_nm
    return cell.case.device + (f" ({node:g} nm)" if node else "")


def _beside(comparison: Comparison, device: str) -> Iterator[Column]:
    """Energy of each model on a device, whether any other beats it, and energy per right answer."""
    batch_size = comparison.batch_sizes[0]
    cells = [comparison.cells[Case(name, device, batch_size)] for name in comparison.models]
    yield Column(
        name=f"{device} energy",
        header=f"{device}\nenergy",
        cells=tuple(map(_energy, cells)),
        values=tuple(cell.total.energy_j if cell.is_priced else None for cell in cells),
        group=device,
    )
    front = pareto(comparison, device, batch_size)
    yield Column(
        name=f"{device} front",
        header=f"{device}\nunbeaten",
        cells=tuple(_unbeaten(comparison, cell, front) for cell in cells),
        group=device,
    )
    if all(quality.is_accuracy for quality in comparison.quality.values()):
        yield Column(
            name=f"{device} per right answer",
            header=f"{device}\nper right\nanswer",
            cells=tuple(_per_right_answer(comparison, cell) for cell in cells),
            group=device,
        )


def _energy(cell: Cell) -> str:
    if not cell.is_priced or cell.total.does_not_fit:
        return units.UNKNOWN
    return units.quantity(cell.total.energy_j, "J", lower_bound=cell.is_lower_bound)


def _unbeaten(comparison: Comparison, cell: Cell, front: tuple[str, ...]) -> str:
    """Whether no other model beats it in both energy and quality."""
    if cell.case.model not in comparison.quality or not cell.is_complete:
        return units.UNKNOWN
    return "yes" if cell.case.model in front else "no"


def _per_right_answer(comparison: Comparison, cell: Cell) -> str:
    quality = comparison.quality.get(cell.case.model)
    if quality is None or not quality.value or not cell.is_priced or cell.total.does_not_fit:
        return units.UNKNOWN
    return units.quantity(cell.total.energy_j / quality.value, "J", lower_bound=cell.is_lower_bound)
