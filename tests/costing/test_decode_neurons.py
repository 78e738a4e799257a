"""Decode neurons between ensembles on chips of spikes, worked out by hand."""

import math

import numpy as np
import pytest

from energyprobe.costing.chip import EventDrivenChip
from energyprobe.costing.chip_figures import Constants
from energyprobe.costing.figures import Figure
from energyprobe.costing.loading import shared_sources
from energyprobe.costing.lookup import catalog, device
from energyprobe.costing.scenario import Scenario
from energyprobe.trace.operations import Decode, Dense, Encode, NeuronUpdate

PJ = 1e-12
LOIHI = {"loihi", "loihi-sanafe"}
TIMING = {"samples": 2, "timesteps": 100, "dt": 0.001}
FOLDED = {**TIMING, "reading": "folded"}


def figure(value, unit="pJ", low=None, high=None):
    return Figure(
        value=value,
        unit=unit,
        low=low,
        high=high,
        source="davies2018",
        provenance="derived",
        verified=True,
        boundary="core",
    )


def chip(**constants):
    decoding = {"decode_neurons": figure(20, "1"), "decode_spikes": figure(800, "Hz", 700, 1200)}
    return EventDrivenChip(
        name="chip",
        title="Chip",
        kind="event-driven",
        skips="zero inputs",
        graded_events=False,
        description="A chip.",
        constants=Constants(**decoding | constants),
        sources=shared_sources(),
    )


@pytest.fixture
def channel(make_call, make_trace, spiking, graded, make_activity):
    """A stimulus -> 50 neurons -> 3 decoded dimensions -> 40 neurons, for 100 timesteps of 2 samples.

    Per inference 620 spikes of the 50 neurons, and none of the 40.
    """
    fired, silent = make_activity(50 * 200, 1240, spikes=1240), make_activity(40 * 200, 0, spikes=0)

    def make(*more, inputs=("a -> b",), observed=True):
        use = spiking(1240 * 3, activity=fired) if observed else spiking(None, activity=None)
        a = make_call(
            "a",
            (Encode(dimensions=1, neurons=50), graded(200 * 50)),
            (NeuronUpdate(neuron="lif", neurons=50), None),
            inputs=("input:stimulus",),
            output=fired,
            output_spiking=True,
            **FOLDED,
        )
        decoders = make_call("a -> b", (Decode(neurons=50, dimensions=3), use), inputs=("a",), **FOLDED)
        b = make_call(
            "b",
            (Encode(dimensions=3, neurons=40), graded(200 * 3 * 40)),
            (NeuronUpdate(neuron="lif", neurons=40), None),
            inputs=inputs,
            output=silent,
            output_spiking=True,
            **FOLDED,
        )
        return make_trace(a, decoders, *more, b, samples=2)

    return make


# Per inference: 800 spikes/(s dimension) * 3 dimensions * 0.1 s, and the same with 700 and 1200.
SPIKES = np.array([240, 210, 360])


def ends(term, row):
    return np.array([term.energy_j[row], term.low_j[row], term.high_j[row]])


def test_synops_updates_spikes_and_messages(channel):
    constants = {
        "acs": figure(2),
        "neuron_updates": figure(60, low=40, high=80),
        "spikes": figure(30),
        "messages": figure(5),
    }
    cost = chip(**constants).cost(channel())
    assert cost.layer[:3] == ("a", "a -> b", "b")
    term = cost.terms["decode_neurons"]
    # The connection: 620 spikes to 20 * 3 neurons, 60 * 100 updates, a message of each of the 620 spikes;
    # 620 * 60 events for 6000 updates: 1 - exp(-6.2) of these are active. The spikes that its neurons send.
    updates = 6000 * np.array([40 + (1 - math.exp(-6.2)) * 40, 40, 80])
    assert ends(term, 1) == pytest.approx((620 * 60 * 2 + 620 * 5 + updates + SPIKES * 30) * PJ)
    # The ensemble: each spike of decode neurons to 40 neurons, in one message.
    assert ends(term, 2) == pytest.approx((SPIKES * 40 * 2 + SPIKES * 5) * PJ)
    assert term.energy_j[0] == 0
    assert set(term.sources) == {"davies2018"}
    # Decoders, encoders and graded messages are charged nowhere else; 240 * 40 events reach 4000 updates.
    assert cost.terms["acs"].energy_j[:3].tolist() == [0, 0, 0]
    assert cost.terms["communication"].energy_j[:3].tolist() == [0, 0, 0]
    active = 1 - math.exp(-240 * 40 / 4000)
    assert cost.terms["neuron_updates"].energy_j[2] == pytest.approx(4000 * (40 + active * 40) * PJ)
    # Only what reads the stimulus is still a reader of values.
    assert cost.reasons == ("a reads graded values; Chip takes spikes",)


def test_the_estimate_is_said(channel):
    (note,) = (note for note in chip(acs=figure(2)).cost(channel()).notes if "decode" in note)
    assert note == (
        "decoded connections between ensembles run through decode neurons, 20 for each dimension. The "
        "recording has none: what they cost is an estimate, 800 spikes per second and dimension (low 700 for "
        "the value 0, high 1200 for values of the size of the radius)"
    )


def test_timesteps_of_the_scenario(channel):
    device_ = chip(acs=figure(2))
    once, twice = device_.cost(channel()), device_.cost(channel(), Scenario(timesteps=200))
    assert twice.terms["decode_neurons"].energy_j == pytest.approx(2 * once.terms["decode_neurons"].energy_j)


def test_their_place_and_their_time(channel):
    constants = {"acs": figure(2), "neurons_per_core": figure(30, "1"), "synop_s": figure(4, "ns")}
    cost = chip(**constants).cost(channel())
    # 50 and 40 neurons on 2 cores each, and 60 decode neurons on 2.
    assert cost.notes[1] == "mapped to 6 cores on 1 chip, each layer to its own"
    # The longest stage: 620 * 60 synops on 2 cores.
    assert cost.time_per_inference_s == pytest.approx(620 * 60 * 4e-9 / 2)
    # 50 * 3 decoders stand for 50 * 60 weights, 3 * 40 encoders for 2 * 3 * 40.
    from msgspec.structs import replace

    trace = channel()
    calls = [
        replace(call, steps=(replace(call.steps[0], weights=weights), *call.steps[1:]))
        for call, weights in zip(trace.calls, (50, 150, 120), strict=True)
    ]
    cores = chip(acs=figure(2), synapses_per_core=figure(100, "1")).cost(replace(trace, calls=tuple(calls)))
    assert cores.notes[1] == "mapped to 34 cores on 1 chip, each layer to its own"


def test_an_ensemble_that_also_reads_values_says_so(channel, make_call, graded, spiking):
    value = make_call("node -> b", (Dense(inputs=2, units=3), graded(400 * 3)), inputs=("input:x",), **FOLDED)
    mixed = chip(acs=figure(2)).cost(channel(value, inputs=("a -> b", "node -> b")))
    assert "b reads graded values; Chip takes spikes" in mixed.reasons
    # What reaches the neurons of the ensemble past its encoders is no such value.
    full = make_call(
        "a.neurons -> b", (Dense(inputs=50, units=40), spiking(1240 * 40)), inputs=("a",), **FOLDED
    )
    direct = chip(acs=figure(2)).cost(channel(full, inputs=("a -> b", "a.neurons -> b")))
    graded = [reason for reason in direct.reasons if "graded" in reason]
    assert graded == ["a reads graded values; Chip takes spikes"]
    for cost in (mixed, direct):
        assert ends(cost.terms["decode_neurons"], 3) == pytest.approx(SPIKES * 40 * 2 * PJ)


def test_spikes_that_were_not_observed(channel):
    cost = chip(acs=figure(2)).cost(channel(observed=False))
    assert "decode_neurons" not in cost.terms
    assert "the synaptic operations of a -> b that Chip pays for were not recorded" in cost.reasons


def test_only_where_something_is_decoded_for_an_ensemble(make_call, make_trace, spiking, channel):
    probe = make_call("probe", (Decode(neurons=50, dimensions=3), spiking(1240 * 3)), **FOLDED)
    for name in LOIHI:
        cost = device(name).cost(make_trace(probe, samples=2))
        assert "decode_neurons" not in cost.terms
        assert "decode_neurons" not in cost.not_modelled
        assert not any("decode neurons" in note for note in cost.notes)
    cost = device("truenorth").cost(channel())
    assert "decode_neurons" not in cost.terms
    assert "decode_neurons" not in cost.not_modelled
    # Without decode neurons, decoders have their accumulates, and encoders read values.
    assert cost.terms["acs"].operations[1] == 620 * 3
    assert "b reads graded values; IBM TrueNorth takes spikes" in cost.reasons


def test_the_figures_of_loihi():
    assert {each.name for each in catalog().values() if "decode_neurons" in each.figures} == LOIHI
    # Preset10DecodeNeurons: evenly spaced intercepts and maximum rates; rectified linear neurons, for either
    # sign: rate(x) = max_rate * (x - intercept) / (1 - intercept).
    intercepts, max_rates = np.linspace(-1.171, 0.484, 10), np.linspace(171.186, 74.62, 10)

    def rate(x):
        return sum(
            (max_rates * np.maximum(each - intercepts, 0) / (1 - intercepts)).sum() for each in (x, -x)
        )

    for name in LOIHI:
        spikes = device(name).figures["decode_spikes"]
        assert (spikes.low, spikes.value, spikes.high) == tuple(round(rate(x)) for x in (0, 0.5, 1))
        assert device(name).figures["decode_neurons"].value == 2 * len(intercepts)
