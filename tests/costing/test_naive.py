"""The usual estimate: rate x synops x the energy of an addition."""

from __future__ import annotations

import math

import pytest

from energyprobe.costing.naive import naive_j
from energyprobe.costing.scenario import Scenario
from energyprobe.counting.table import count
from energyprobe.trace.activity import Activity
from energyprobe.trace.operations import Dense, NeuronUpdate


def test_by_hand(make_call, make_trace, spiking, graded) -> None:
    # 7 samples of 5 timesteps: 90 inputs to 11 units, of which values come first, then 0.04 spikes a neuron.
    elements = 7 * 5 * 90
    shown = Activity(elements=elements, events=elements, samples=7, sum_sq_events_per_sample=None)
    fired = Activity(elements=elements, events=100, spikes=126, samples=7, sum_sq_events_per_sample=None)
    layer = Dense(inputs=90, units=11)
    counts = count(
        make_trace(
            make_call("a", (layer, graded(elements * 11, activity=shown)), samples=7, timesteps=5),
            make_call("n", (NeuronUpdate(neuron="lif", neurons=11), None), samples=7, timesteps=5),
            make_call("b", (layer, spiking(1100, 1386, activity=fired)), samples=7, timesteps=5),
            samples=7,
        )
    )
    dense = 5 * 90 * 11
    expected = dense * 4.6e-12 + dense * (126 / elements) * 0.9e-12
    assert naive_j(counts, Scenario()) == pytest.approx(expected)
    # Twice the timesteps, twice the estimate.
    assert naive_j(counts, Scenario(timesteps=10)) == pytest.approx(2 * expected)


def test_a_rate_that_was_not_recorded_is_not_0(make_call, make_trace, spiking) -> None:
    counts = count(make_trace(make_call("a", (Dense(inputs=3, units=2), spiking(4)))))
    assert math.isnan(naive_j(counts, Scenario()))
