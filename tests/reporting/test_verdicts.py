"""Verdicts: what is said, and that nothing is said where too little is known."""

from __future__ import annotations

import dataclasses
import math

import msgspec
import numpy as np
import pytest

import energyprobe as ep
from energyprobe.reporting.cells import Case, Cell, Interval, around
from energyprobe.reporting.ratio_words import ratio_figure, ratio_words
from energyprobe.reporting.verdicts import Verdict, judge


@pytest.fixture
def cells(counted_ann, counted_snn, cpu) -> dict[str, Cell]:
    """Both networks on the dense processor: 38.2 and 473 uJ, nothing left out."""
    comparison = ep.compare({"cnn": counted_ann, "snn": counted_snn}, cpu)
    return {name: comparison.cell(name, "dense-cpu") for name in ("cnn", "snn")}


def bounded(cell: Cell) -> Cell:
    """The same, with a remark that it costs more than its figure says."""
    remark = ep_remark("something is uncounted")
    return dataclasses.replace(cell, cost=dataclasses.replace(cell.cost, remarks=(remark,)))


def ep_remark(text: str):
    from energyprobe.costing.table import Remark

    return Remark(0, text, True)


def times(cell: Cell, factor: float) -> Cell:
    """The same at another price."""
    cost = cell.cost
    scaled = {name: getattr(cost, name) * factor for name in ("energy_j", "low_j", "high_j")}
    drawn = dataclasses.replace(cell.drawn, energy_j=cell.drawn.energy_j * factor)
    return dataclasses.replace(cell, cost=dataclasses.replace(cost, **scaled), drawn=drawn)


def test_one_costs_more_or_less(cells) -> None:
    assert judge(cells["snn"], cells["cnn"]) == ("more", "", "")
    assert judge(cells["cnn"], cells["snn"]) == ("less", "", "")


def test_a_network_does_not_differ_from_itself(cells) -> None:
    assert judge(cells["snn"], cells["snn"])[0] == "no difference"


def test_a_lower_bound_decides_only_in_its_own_direction(cells) -> None:
    cnn, snn = cells["cnn"], cells["snn"]
    # At least so much, and that is more already.
    assert judge(bounded(snn), cnn) == ("more", "at least", "")
    # The baseline costs at least so much: the other at most such a share of it.
    assert judge(cnn, bounded(snn)) == ("less", "at most", "")
    # What costs less as far as counted may cost more in truth.
    why = "cnn's total is a lower bound (something is uncounted)"
    assert judge(bounded(cnn), snn) == ("unknown", "", why)
    assert judge(snn, bounded(cnn)) == ("unknown", "", why)
    both = "both totals are lower bounds (something is uncounted)"
    assert judge(bounded(snn), bounded(cnn)) == ("unknown", "", both)


def test_what_has_no_price_has_no_verdict(cells) -> None:
    for broken in (times(cells["cnn"], math.nan), times(cells["cnn"], 0.0)):
        outcome, _, why = judge(cells["snn"], broken)
        assert (outcome, why) == ("unknown", "nothing of cnn has a price on it")
        assert judge(broken, cells["snn"])[0] == "unknown"


def test_what_does_not_fit_has_no_verdict(cells) -> None:
    cost = dataclasses.replace(cells["snn"].cost, does_not_fit="does not fit: it needs 9 chips")
    big = dataclasses.replace(cells["snn"], cost=cost)
    assert judge(big, cells["cnn"]) == ("unknown", "", "snn does not fit: it needs 9 chips")
    assert judge(cells["cnn"], big)[0] == "unknown"


def test_a_conventional_network_on_a_chip_of_spikes_has_no_verdict(ann, counted_snn, chip) -> None:
    (verdict,) = ep.compare({"cnn": ann, "snn": counted_snn}, chip).verdicts
    assert verdict.outcome == "unknown" and math.isnan(verdict.ratio.value)
    assert verdict.words == "no verdict: it takes spikes, and cnn is of graded values"


def test_totals_of_other_boundaries_are_not_divided(cells) -> None:
    terms = {
        name: dataclasses.replace(term, boundary="board") for name, term in cells["snn"].cost.terms.items()
    }
    wider = dataclasses.replace(cells["snn"], cost=dataclasses.replace(cells["snn"].cost, terms=terms))
    outcome, _, why = judge(wider, cells["cnn"])
    assert (outcome, why) == ("unknown", "the totals cover different things, board and chip")


def test_pauses_that_cost_more_than_work_decide_nothing(counted_ann, counted_snn) -> None:
    # An A10 that drew more when idle than at work.
    a10 = ep.device("a10")
    static_w = a10.constants.static_w
    idle = msgspec.structs.replace(a10.constants, idle_w=static_w.at(1.15 * static_w.value_si))
    odd = msgspec.structs.replace(a10, constants=idle)
    traces = {"cnn": counted_ann, "snn": counted_snn}
    comparison = ep.compare(traces, odd, inferences_per_second=100)
    (paced,) = comparison.verdicts
    # Nor can anybody read a ratio that was refused from the numbers.
    assert not comparison.ratio("snn", "a10").is_known
    row = comparison.to_dataframe().set_index("model").loc["snn"]
    assert row[["energy_ratio", "low_energy_ratio", "high_energy_ratio", "edp_ratio"]].isna().all()
    assert row[["energy_j", "latency_ratio"]].notna().all()
    assert paced.words == (
        "no verdict: its published idle power is above its static power at work: longer work would cost less"
    )
    assert ep.compare(traces, odd).verdicts[0].outcome == "more"


def test_reasons_of_a_lower_bound_are_those_of_the_calls(ann, counted_snn, cpu) -> None:
    (verdict,) = ep.compare({"snn": counted_snn, "cnn": ann}, cpu).verdicts
    assert verdict.words == (
        "no verdict: cnn's total is a lower bound (is uncounted: no rule for FFT); "
        "as far as priced, cnn uses 0.080–0.082 of snn's energy"
    )


def test_no_difference_says_what_both_spend_on(counted_ann, counted_snn) -> None:
    (found,) = ep.compare(
        {"cnn": counted_ann, "snn": counted_snn}, "a100", inferences_per_second=0.01
    ).verdicts
    assert found.outcome == "no difference"
    assert found.reason == "mostly idle power in both (100 % and 100 %)"


def test_two_networks_of_values_are_told_at_once(counted_ann, chip) -> None:
    (found,) = ep.compare({"a": counted_ann, "b": counted_ann}, chip).verdicts
    assert found.words == "no verdict: it takes spikes, and b and a are of graded values"


def verdict(outcome, low, high, bound="", reason="") -> Verdict:
    ratio = Interval((low * high) ** 0.5, low, high)
    return Verdict(Case("snn", "chip", 1), "cnn", outcome, ratio, bound, reason)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (verdict("less", 0.31, 0.62), "snn uses 0.31–0.62 of cnn's energy"),
        (
            verdict("more", 7.1, 12.34, reason="30 timesteps"),
            "snn costs 7.1–12.3 times cnn's energy: 30 timesteps",
        ),
        (verdict("more", 7.1, 12.34, "at least"), "snn costs at least 7.1 times cnn's energy"),
        (verdict("less", 0.31, 0.62, "at most"), "snn uses at most 0.62 of cnn's energy"),
        (
            verdict("no difference", 0.8, 1.3),
            "no difference beyond the interval (snn uses 0.80–1.3 of cnn's energy)",
        ),
        (verdict("unknown", math.nan, math.nan, reason="why"), "no verdict: why"),
        (
            verdict("unknown", 5.2, 6.1, reason="why"),
            "no verdict: why; as far as priced, snn costs 5.2–6.1 times cnn's energy",
        ),
        (
            verdict("unknown", 0.2, 2.0, reason="why"),
            "no verdict: why; as far as priced, snn uses 0.20–2.0 of cnn's energy",
        ),
    ],
)
def test_words(given, words) -> None:
    assert given.words == words


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (0.0, "0"),
        (0.00041, "4.1e-04"),
        (0.0312, "0.031"),
        (0.5, "0.50"),
        (0.9988, "0.999"),
        (0.994, "0.99"),
        (1.0, "1"),
        (1.0003, "1.0003"),
        (1.02, "1.02"),
        (1.26, "1.3"),
        (9.96, "9.96"),
        (27.04, "27.0"),
        (728.4, "728"),
        (12345.0, "12,345"),
        (math.nan, "—"),
    ],
)
def test_a_ratio_never_reads_1_unless_it_is(ratio, words) -> None:
    assert ratio_figure(ratio) == words


def test_ends_that_read_alike_are_one_figure() -> None:
    assert ratio_words(Interval(0.5, 0.499, 0.501)) == "0.50"
    assert ratio_words(Interval(math.nan, math.nan, math.nan)) == "—"


def test_an_interval_of_draws_holds_the_value() -> None:
    draws = np.linspace(1.0, 2.0, 101)
    assert around(1.5, draws) == Interval(1.5, pytest.approx(1.05), pytest.approx(1.95))
    assert around(3.0, draws).high == 3.0
    assert not around(math.nan, draws).is_known


def test_reasons_name_timesteps_and_terms(counted_ann, counted_snn, cpu) -> None:
    (found,) = ep.compare({"cnn": counted_ann, "snn": counted_snn}, cpu).verdicts
    # (231 - 18) k synops of 2 nJ are 425 of the 435 uJ between the two.
    assert found.reason == "snn runs 30 dense timesteps; the difference is synaptic operations (98 %)"


def test_what_binds_is_said_of_the_dearer_model(counted_ann, counted_snn) -> None:
    exact = msgspec.structs.replace(ep.device("cortex-m4"), held_out=None)
    (found,) = ep.compare({"snn": counted_snn, "cnn": counted_ann}, exact, timesteps=1).verdicts
    assert found.reason == "cnn is compute-bound; the difference is running time at static power (100 %)"


def test_where_all_of_the_power_is_static_the_running_time_differs(counted_ann, counted_snn) -> None:
    (found,) = ep.compare({"cnn": counted_ann, "snn": counted_snn}, "cortex-m4").verdicts
    assert found.reason.endswith("; the difference is running time at static power (100 %)")


def test_a_gpu_that_waits_for_launches_is_launch_bound(counted_ann, counted_snn) -> None:
    for verdict in ep.compare({"cnn": counted_ann, "snn": counted_snn}, "a100", batch_sizes=[1, 8]).verdicts:
        assert verdict.outcome == "more"
        assert verdict.reason.startswith(
            "snn runs 30 dense timesteps, launch-bound; the difference is kernels of synaptic operations"
        )
