"""Why one model costs more than another on a device: the terms, and what the time is spent on."""

from __future__ import annotations

from collections.abc import Iterator

from energyprobe.costing.scenario import Scenario
from energyprobe.costing.table import TotalCost
from energyprobe.costing.titles import term_title
from energyprobe.counting.table import CountTable
from energyprobe.reporting import units
from energyprobe.reporting.cells import Cell
from energyprobe.reporting.listing import enumerated
from energyprobe.reporting.running import timesteps_of

SYNAPTIC = ("macs", "acs")
"""Terms that stand for one thing: what is a multiplication in one network is an accumulate in another."""

WHAT_DIFFERS = {**dict.fromkeys(SYNAPTIC, "synaptic operations"), "static": "running time at static power"}
"""What a difference in a term is, where its title does not say so."""

NAMED = 0.2
"""Share of the difference from which on a term is named."""

BOUND = 0.5
"""Share of the latency from which on a network is bound by what takes it."""

SPENT_ON: dict[str, tuple[str, ...]] = {
    "launch-bound": ("call_s", "run_s"),
    "memory-bound": ("memory_s", "cache_s", "weights_s", "activations_s"),
    "compute-bound": ("conv_s", "pointwise_s", "depthwise_s", "dense_s", "synop_s", "update_s"),
    "bound by the end of timesteps": ("barrier_s", "timestep_s"),
}
"""What times of a device a network may be bound by."""


def reason(cell: Cell, baseline: Cell) -> str:
    """Say what makes the difference: what the dearer model does more often, and the terms that differ.

    Parameters
    ----------
    cell, baseline : Cell
        Two models on one device at one batch size.

    Returns
    -------
    str
        ``"snn runs 30 dense timesteps, launch-bound; the difference is memory traffic (93 %)"``.
    """
    pair = sorted((cell, baseline), key=lambda each: -each.total.energy_j)
    facts = ", ".join(_facts(*pair))
    terms = _terms(cell.total, baseline.total)
    parts = [f"{name} ({round(100 * share)} %)" for name, share in terms]
    difference = f"the difference is {enumerated(parts)}" if parts else ""
    return "; ".join(filter(None, (facts, difference)))


def common(cell: Cell, baseline: Cell) -> str:
    """Say what both models spend most on, where they do not differ.

    Parameters
    ----------
    cell, baseline : Cell
        Two models on one device at one batch size.

    Returns
    -------
    str
        ``"mostly idle power in both (98 % and 97 %)"``; empty where no term is more than half of both.
    """
    shares = {
        name: [_share(each.total, name) for each in (cell, baseline)]
        for name in cell.total.terms
        if name in baseline.total.terms
    }
    most = max(shares, key=lambda name: min(shares[name]), default="")
    if not most or min(shares[most]) < BOUND:
        return ""
    told = " and ".join(f"{round(100 * share)} %" for share in shares[most])
    return f"mostly {term_title(most)} in both ({told})"


def _share(total: TotalCost, term: str) -> float:
    return total.terms[term].energy_j / total.energy_j


def _facts(dearer: Cell, other: Cell) -> Iterator[str]:
    """What the model that costs more does more often, and what its time is spent on."""
    device, scenario = dearer.cost.device, dearer.cost.scenario
    steps = steps_of(dearer.counts, scenario)
    bound = bound_by(dearer)
    if steps > steps_of(other.counts, other.cost.scenario):
        dense = "dense " if device.skips == "nothing" else ""
        yield f"{dearer.case.model} runs {units.count(steps)} {dense}timesteps"
        if bound:
            yield bound
    elif bound:
        yield f"{dearer.case.model} is {bound}"


def steps_of(counts: CountTable, scenario: Scenario) -> float:
    """Timesteps of an inference in a scenario."""
    recorded = timesteps_of(counts)
    return (scenario.timesteps or scenario.new_samples_per_inference or recorded) if recorded > 1 else 1


def bound_by(cell: Cell) -> str:
    """What takes more than half of the latency, in words.

    Parameters
    ----------
    cell : Cell
        A model on a device.

    Returns
    -------
    str
        A key of `SPENT_ON`, or what binds the kernels of a GPU; empty where nothing takes so much, or no
        times are known.
    """
    device, latency_s = cell.cost.device, cell.total.latency_s
    if not latency_s > 0:
        return ""
    if cell.cost.kernels is not None:
        return cell.cost.kernels.bound_by
    for words, figures in SPENT_ON.items():
        gone = {name: 0.0 for name in device.figures if name.rpartition(".")[2] in figures}
        if gone:
            without = device.at(gone).cost(cell.counts, cell.cost.scenario).total()
            if latency_s - without.latency_s > BOUND * latency_s:
                return words
    return ""


def _terms(total: TotalCost, baseline: TotalCost) -> list[tuple[str, float]]:
    """The terms that differ most, each with its share of the whole difference in that direction."""
    differences: dict[str, float] = {}
    for each, sign in ((total, 1), (baseline, -1)):
        for name, term in each.terms.items():
            key = WHAT_DIFFERS.get(name) or term_title(name)
            differences[key] = differences.get(key, 0.0) + sign * term.energy_j
    direction = 1 if sum(differences.values()) > 0 else -1
    along = {name: each * direction for name, each in differences.items() if each * direction > 0}
    whole = sum(along.values())
    shares = sorted(((name, each / whole) for name, each in along.items()), key=lambda pair: -pair[1])
    return [pair for pair in shares if pair[1] >= NAMED]
