"""Break-evens and sensitivities, by hand."""

from __future__ import annotations

import math

import pytest

import energyprobe as ep
from energyprobe.costing.device import Device
from energyprobe.costing.loading import parse_device
from energyprobe.reporting.breakeven_table import breakeven_table
from energyprobe.reporting.breakevens import Breakeven
from energyprobe.reporting.cells import Case
from energyprobe.reporting.comparison import Comparison
from energyprobe.reporting.sensitivity import sensitivities, sensitivity_table
from energyprobe.trace.activity import Activity
from energyprobe.trace.operations import Dense, NeuronUpdate
from energyprobe.trace.records import LayerCall, Step, Trace, Use

ACCELERATOR = """
model = "constant"
name = "accelerator"
title = "Accelerator"
kind = "arithmetic"
skips = "zero inputs"
graded_events = true
description = "An accelerator of the tests."
[sources.lovelace]
type = "article"
authors = ["Lovelace, Ada"]
title = "On Chips"
year = 2020
doi = "10.1000/chips"
"""

FIGURE = """
[constants.{term}]
value = {value}
{ends}
unit = "pJ"
source = "lovelace"
provenance = "primary"
verified = true
boundary = "core"
"""


def accelerator(**pj: float | tuple[float, float, float]) -> Device:
    text = ACCELERATOR
    for term, given in pj.items():
        low, value, high = given if isinstance(given, tuple) else (None, given, None)
        ends = "" if low is None else f"low = {low}\nhigh = {high}"
        text += FIGURE.format(term=term, value=value, ends=ends)
    return parse_device(text, "accelerator.toml")


def network(name: str, *, timesteps: int, events: int, spiking: bool, updates: int = 0) -> Trace:
    """10 samples: 100 inputs to 20 units, so many events a sample in all, and neurons that read them."""
    elements = 10 * timesteps * 100
    seen = Activity(
        elements=elements,
        events=10 * events,
        spikes=10 * events if spiking else None,
        samples=10,
        sum_sq_events_per_sample=10 * events**2,
    )
    synops = 10 * events * 20
    use = Use(
        activity=seen,
        spiking=spiking,
        fanout_events=synops,
        fanout_spikes=synops if spiking else None,
        effective_events=synops,
        effective_spikes=synops if spiking else None,
    )
    runs = {"executions": 10 * timesteps, "dtype": "float32"}
    steps = [Step(operation=Dense(inputs=100, units=20), use=use, weights=2000, **runs)]
    if updates:
        steps.append(Step(operation=NeuronUpdate(neuron="lif", neurons=updates), **runs))
    call = LayerCall(
        layer="dense",
        path="dense",
        type="Dense",
        call_index=0,
        fate="counted",
        steps=tuple(steps),
        samples=10,
        sample_steps=10 * timesteps,
        foldable_over_time=not updates,
    )
    return Trace(model=name, fingerprint=name, samples=10, calls=(call,))


@pytest.fixture
def comparison() -> Comparison:
    """A network of 80 values, 1600 MACs of 4 pJ, and one of 8 timesteps, 40 spikes in all, 5 updates each."""
    cnn = network("cnn", timesteps=1, events=80, spiking=False)
    snn = network("snn", timesteps=8, events=40, spiking=True, updates=5)
    return ep.compare({"cnn": cnn, "snn": snn}, accelerator(macs=4, acs=1, neuron_updates=(10, 20, 40)))


def found(comparison: Comparison, device: str) -> dict[str, Breakeven]:
    return {each.quantity: each for each in comparison.breakevens[Case("snn", device, 1)]}


def test_the_model_by_hand(comparison: Comparison) -> None:
    # 1600 * 4 pJ against 800 * 1 pJ + 40 * 20 pJ
    assert comparison.cell("cnn", "accelerator").energy_j.value == pytest.approx(6400e-12)
    assert comparison.cell("snn", "accelerator").energy_j.value == pytest.approx(1600e-12)


def test_firing_rate(comparison: Comparison) -> None:
    # 800 f + 800 = 0.99 * 6400 pJ where f = 6.92; now 40 spikes of 800 neurons and timesteps.
    rate = found(comparison, "accelerator")["firing rate"]
    assert (rate.of, rate.now, rate.now_words) == ("snn", 0.05, "0.050")
    assert rate.below and rate.at == pytest.approx(0.05 * (0.99 * 6400 - 800) / 800, rel=0.002)
    # With updates of 40 and of 10 pJ: 800 f + 1600 and 800 f + 400.
    assert rate.low == pytest.approx(0.05 * (0.99 * 6400 - 1600) / 800, rel=0.01)
    assert rate.high == pytest.approx(0.05 * (0.99 * 6400 - 400) / 800, rel=0.01)
    assert (rate.words, rate.range_words) == ("below 0.35", "0.30–0.37")


def test_timesteps(comparison: Comparison) -> None:
    # 200 pJ a timestep: 31 timesteps are 6200 pJ, less than 6336; 32 are not.
    # With updates of 40 and of 10 pJ 300 and 150 pJ a timestep: 21 and 42 are less, 22 and 43 are not.
    steps = found(comparison, "accelerator")["timesteps"]
    assert (steps.at, steps.low, steps.high, steps.below) == (32, 22, 43, True)
    assert (steps.words, steps.range_words, steps.of, steps.now) == ("below 32", "22–43", "snn", 8)


def test_what_changes_nothing(comparison: Comparison) -> None:
    both = found(comparison, "accelerator")
    for each in (both["batch size"], both["inferences per second"]):
        assert (each.words, each.range_words, each.of) == ("always less", "always", "")
        assert math.isnan(each.at) and math.isnan(each.low) and math.isnan(each.high) and each.below is None
    assert both["batch size"].now_words == "1" and both["inferences per second"].now_words == "back to back"


def test_ends_among_draws_without_a_breakeven() -> None:
    # 1600 MACs of 0.4 pJ are 640 pJ: updates alone are 800, and 4 timesteps 800, 3 of them 600.
    cnn = network("cnn", timesteps=1, events=80, spiking=False)
    snn = network("snn", timesteps=8, events=40, spiking=True, updates=5)
    device = accelerator(macs=(0.4, 4, 4), acs=1, neuron_updates=20)
    both = found(ep.compare({"cnn": cnn, "snn": snn}, device), "accelerator")
    rate, steps, size = both["firing rate"], both["timesteps"], both["batch size"]
    assert (rate.words, rate.range_words, rate.low) == ("below 0.35", "never–0.35", 0.0)
    assert rate.high == pytest.approx(rate.at)
    assert (steps.words, steps.range_words, steps.low, steps.high) == ("below 32", "4–32", 4, 32)
    assert (size.words, size.range_words, size.below) == ("always less", "never–always", None)


def test_a_breakeven_in_some_draws_only() -> None:
    # 800 f + 800 pJ are never less than 800 pJ; with updates of 5 pJ 800 f + 200 are, below f = 0.74.
    cnn = network("cnn", timesteps=1, events=80, spiking=False)
    snn = network("snn", timesteps=8, events=40, spiking=True, updates=5)
    device = accelerator(macs=0.5, acs=1, neuron_updates=(5, 20, 20))
    rate = found(ep.compare({"cnn": cnn, "snn": snn}, device), "accelerator")["firing rate"]
    assert (rate.words, rate.range_words) == ("never less", "never–below 0.037")
    assert math.isnan(rate.at) and rate.below and rate.low == 0
    assert rate.high == pytest.approx(0.05 * (0.99 * 800 - 200) / 800, rel=0.02)


def test_of_a_model_above_whose_rate_the_other_uses_less() -> None:
    # 6400 = 0.99 (800 f + 40 u); the less the updates cost the higher.
    cnn = network("cnn", timesteps=1, events=80, spiking=False)
    snn = network("snn", timesteps=8, events=40, spiking=True, updates=5)
    compared = ep.compare({"snn": snn, "cnn": cnn}, accelerator(macs=4, acs=1, neuron_updates=(10, 20, 200)))
    rate = compared.breakevens[Case("cnn", "accelerator", 1)][0]
    assert not rate.below and rate.of == "snn"
    # Of updates of 200 pJ, which alone are 8000 pJ, the other always uses less.
    assert (rate.words, rate.range_words, rate.low) == ("above 0.35", "always–0.38", 0.0)
    assert rate.high == pytest.approx(0.05 * (6400 / 0.99 - 400) / 800, rel=0.01)


@pytest.mark.parametrize("device", ["loihi", "odin"])
def test_an_interval_is_where_that_of_the_ratio_passes(device: str) -> None:
    cnn = network("cnn", timesteps=8, events=320, spiking=True, updates=5)
    snn = network("snn", timesteps=8, events=40, spiking=True, updates=5)
    compared = ep.compare({"a": cnn, "b": snn}, device, draws=40)
    rate = compared.breakevens[Case("b", device, 1)][0]
    assert 0 < rate.low < rate.at < rate.high
    for at, end in ((rate.low, "high"), (rate.high, "low")):
        # Every draw priced with the network that fires so much.
        changed = network("snn", timesteps=8, events=round(40 * at / rate.now), spiking=True, updates=5)
        ratio = ep.compare({"a": cnn, "b": changed}, device, draws=40).ratio("b", device)
        assert getattr(ratio, end) == pytest.approx(0.99, rel=0.03)


def test_a_baseline_of_spikes_is_scaled_where_the_model_has_none() -> None:
    cnn = network("cnn", timesteps=1, events=80, spiking=False)
    snn = network("snn", timesteps=8, events=40, spiking=True, updates=5)
    compared = ep.compare({"snn": snn, "cnn": cnn}, accelerator(macs=4, acs=1, neuron_updates=20))
    rate = compared.breakevens[Case("cnn", "accelerator", 1)][0]
    # 6400 = 0.99 (800 f + 800)
    assert not rate.below and rate.at == pytest.approx(0.05 * (6400 / 0.99 - 800) / 800, rel=0.002)
    assert (rate.words, rate.of, rate.now) == ("above 0.35", "snn", 0.05)


def test_a_batch_size_pays_for_launches() -> None:
    # On the A100 the launches of 8 timesteps are shared by a batch; one network costs more at any.
    cnn = network("cnn", timesteps=1, events=80, spiking=False)
    snn = network("snn", timesteps=8, events=40, spiking=True)
    both = {
        each.quantity: each
        for each in ep.compare({"cnn": cnn, "snn": snn}, "h100").breakevens[Case("snn", "h100", 1)]
    }
    assert both["timesteps"].words == "never less"
    assert both["batch size"].words == "never less"


def test_nothing_is_said_where_energies_cannot_be_divided(counted_ann, counted_snn, chip) -> None:
    compared = ep.compare({"cnn": counted_ann, "snn": counted_snn}, chip)
    assert compared.breakevens[Case("snn", "spike-chip", 1)] == ()
    assert sensitivities(compared, Case("snn", "spike-chip", 1)) == ()
    assert breakeven_table(compared) is None and sensitivity_table(compared) is None


def test_the_table_says_whose_energy(comparison: Comparison) -> None:
    table = breakeven_table(comparison)
    assert table is not None
    assert table.title == "Where snn uses less energy than cnn, all else as it is"
    assert [column.heading for column in table.columns][:2] == ["device: what changes", "snn uses less"]
    assert list(zip(*(column.cells for column in table.columns), strict=True)) == [
        ("accelerator: spikes per neuron and timestep of snn", "below 0.35", "0.30–0.37", "0.050"),
        ("accelerator: timesteps of snn", "below 32", "22–43", "8"),
        ("accelerator: batch size, inferences per second", "always", "always", ""),
    ]


def test_of_several_models_each_row_names_its_own() -> None:
    cnn = network("cnn", timesteps=1, events=80, spiking=False)
    snn = network("snn", timesteps=8, events=40, spiking=True, updates=5)
    traces = {"snn": snn, "cnn": cnn, "again": snn}
    table = breakeven_table(ep.compare(traces, accelerator(macs=4, acs=1, neuron_updates=20)))
    assert table is not None and table.columns[1].heading == "a model uses less"
    assert table.columns[0].cells[:3] == (
        "cnn on accelerator: spikes per neuron and timestep of snn",
        "cnn on accelerator: batch size, inferences per second",
        "again on accelerator: spikes per neuron and timestep",
    )


def test_the_dataframe_and_the_json_hold_them(comparison: Comparison) -> None:
    frame = comparison.breakevens_to_dataframe()
    assert list(frame["quantity"]) == ["firing rate", "timesteps", "batch size", "inferences per second"]
    assert set(frame["device"]) == {"accelerator"} and set(frame["model"]) == {"snn"}
    steps = frame.set_index("quantity").loc["timesteps"]
    assert (steps["low"], steps["at"], steps["high"], steps["now"]) == (22, 32, 43, 8)
    assert [row["at"] for row in comparison.data["breakevens"]][1:] == [32, None, None]


def test_sensitivity_by_hand(comparison: Comparison) -> None:
    (each,) = sensitivities(comparison, Case("snn", "accelerator", 1))
    # 800 + 40 * 10 and 800 + 40 * 40 of 6400 pJ
    assert (each.constant, each.title, each.range) == ("neuron_updates", "neuron updates", "10–40 pJ")
    assert (each.at_low, each.at_high) == pytest.approx((1200 / 6400, 2400 / 6400))
    assert each.effect == pytest.approx(2.0) and not each.turns_the_verdict


def test_a_constant_of_both_moves_nothing() -> None:
    cnn = network("cnn", timesteps=1, events=80, spiking=True)
    snn = network("snn", timesteps=8, events=40, spiking=True)
    compared = ep.compare({"cnn": cnn, "snn": snn}, accelerator(macs=4, acs=(1, 2, 8)))
    assert sensitivities(compared, Case("snn", "accelerator", 1)) == ()


def test_a_constant_may_turn_the_verdict() -> None:
    cnn = network("cnn", timesteps=1, events=80, spiking=False)
    snn = network("snn", timesteps=8, events=40, spiking=True, updates=5)
    device = accelerator(macs=(0.5, 4, 4), acs=1, neuron_updates=20)
    (each,) = sensitivities(ep.compare({"cnn": cnn, "snn": snn}, device), Case("snn", "accelerator", 1))
    # 1600 of 800 and of 6400 pJ
    assert (each.at_low, each.at_high) == pytest.approx((2.0, 0.25)) and each.turns_the_verdict


def test_a_verdict_that_a_constant_may_turn_is_none() -> None:
    cnn = network("cnn", timesteps=1, events=80, spiking=False)
    snn = network("snn", timesteps=8, events=40, spiking=True, updates=5)
    device = accelerator(macs=(0.5, 4, 4), acs=1, neuron_updates=20)
    (verdict,) = ep.compare({"cnn": cnn, "snn": snn}, device).verdicts
    assert verdict.outcome == "no difference"
    assert (verdict.ratio.low, verdict.ratio.value) == pytest.approx((0.25, 0.25))
    assert verdict.ratio.high == pytest.approx(2.0, rel=0.03)
