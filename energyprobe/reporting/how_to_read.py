"""How the figures of a comparison are to be read: what is drawn, and what marks mean."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from energyprobe.reporting import units
from energyprobe.reporting.lacks import PRICED_PART
from energyprobe.reporting.ratio_words import ratio_words
from energyprobe.reporting.remarks import LOWER_BOUND_MEANS

if TYPE_CHECKING:
    from energyprobe.reporting.comparison import Comparison


def how_to_read(comparison: Comparison) -> Iterator[str]:
    """What a reader must know of ranges, ratios and marks: sentences without full stop."""
    yield (
        "ranges of energies have every constant at its cheap and its dear end; those of latencies, products "
        f"and ratios are 5–95 % of {comparison.draws} joint draws (seed {comparison.seed}), in which both "
        "models have the same constants"
    )
    yield (
        "a constant is drawn with its value as the median and its range as 5–95 %; the error of a device "
        "model on held-out measurements is drawn for each model apart"
    )
    yield (
        "the sampling error (1.96 standard errors of the recorded activity, all layers together) is drawn "
        "for each model apart, too"
    )
    if any("–" not in ratio_words(each.ratio) for each in comparison.verdicts if each.ratio.is_known):
        yield (
            "a ratio of one figure: what is uncertain of both models cancels, which does not make the device "
            "model exact"
        )
    if any(each.words != units.UNKNOWN for found in comparison.breakevens.values() for each in found):
        yield (
            "where a model uses less: by 1 % at least, one thing changed at a time; ranges are of the same "
            "draws, with never or always for an end among draws in which it uses less nowhere or everywhere; "
            "what cannot change, or is not known, is left out"
        )
    if without := _without_range_of_latency(comparison):
        yield (
            f"{', '.join(without)}: no range of the latency is known, and that of energy × latency is of the "
            "energy alone"
        )
    if comparison.quality:
        yield "unbeaten: no other model has both a better quality and a lower energy, as measured and priced"
    yield f"{units.UNKNOWN}: not priced, not known, or not to be divided"
    bounded = {
        case.device for case, cell in comparison.cells.items() if cell.is_lower_bound and cell.is_priced
    }
    if bounded:
        yield LOWER_BOUND_MEANS
        yield f"{PRICED_PART}: of what is priced; one total, or both, is a lower bound"
        left = [device for device in comparison.devices if device in bounded]
        yield f"lower bounds are left out among the best devices: {', '.join(left)}"


def _without_range_of_latency(comparison: Comparison) -> list[str]:
    """Devices whose latencies are figures, and whose energies are intervals."""
    cells = {
        case.device
        for case, cell in comparison.cells.items()
        if cell.latency_s.low == cell.latency_s.high and cell.edp_js.low < cell.edp_js.high
    }
    return [device for device in comparison.devices if device in cells]
