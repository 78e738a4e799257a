"""A spiking network as a conventional one of as many bits, by hand."""

from __future__ import annotations

import msgspec
import pytest

from energyprobe.costing.quantised import bits_of, quantised_trace
from energyprobe.counting.table import count
from energyprobe.errors import ScenarioError
from energyprobe.trace.activity import Activity
from energyprobe.trace.operations import Dense, Elementwise, NeuronUpdate


@pytest.fixture
def snn(make_call, make_trace, graded, spiking):
    """7 samples of 12 timesteps: 90 values to 40 units, 40 neurons of 0.1 spikes a timestep, to 10 units."""
    shown = Activity(elements=7 * 12 * 90, events=7 * 12 * 45, samples=7, sum_sq_events_per_sample=None)
    fired = Activity(
        elements=7 * 12 * 40, events=336, spikes=336, samples=7, sum_sq_events_per_sample=1, amplitude=1.0
    )
    timed = {"samples": 7, "timesteps": 12}
    return make_trace(
        make_call(
            "a",
            (Dense(inputs=90, units=40), graded(7 * 12 * 45 * 40, activity=shown)),
            out_shape=(12, 40),
            bytes_out=7 * 12 * 40 * 4,
            **timed,
        ),
        make_call(
            "n",
            (NeuronUpdate(neuron="lif", neurons=40), None),
            output=fired,
            output_spiking=True,
            foldable_over_time=False,
            **timed,
        ),
        make_call("b", (Dense(inputs=40, units=10), spiking(3360, activity=fired)), **timed),
        samples=7,
    )


def test_layers_run_once(snn) -> None:
    counts = count(quantised_trace(snn))
    assert counts["dense_synops"] == (7 * 90 * 40, 0, 7 * 40 * 10)
    assert counts["dense_macs"] == counts["dense_synops"]
    assert counts.total("neuron_updates") == 0 and counts["elementwise_ops"] == (0, 7 * 40, 0)
    assert counts["timesteps"] == (1, 1, 1)
    first = quantised_trace(snn).calls[0]
    assert (first.out_shape, first.bytes_out) == ((40,), 7 * 40 * 4)


def test_an_activation_is_zero_where_no_spike_is_likely(snn) -> None:
    counts = count(quantised_trace(snn))
    # Half of the values were there in every timestep; of the neurons 1 - 0.9^12 fire at least once.
    assert counts["event_synops"][0] == 7 * 45 * 40
    active = round(7 * 40 * (1 - 0.9**12))
    assert counts["event_synops"][2] == active * 10
    assert counts["event_acs"][2] == 0
    operation = quantised_trace(snn).calls[1].steps[0].operation
    assert operation == Elementwise(function="quantised activation", elements=40)


def test_bits_are_those_of_the_timesteps(snn) -> None:
    # 13 values take 4 bits.
    assert bits_of(snn) == 4
    matched = quantised_trace(snn)
    assert matched.model == "net, 4 bits" and matched.fingerprint != snn.fingerprint
    assert matched.notes[-1].startswith(
        "not recorded: the layers of net, run once with activations of 4 bits"
    )


def test_a_network_without_spikes_is_refused(snn) -> None:
    for calls in (snn.calls[:1], ()):
        with pytest.raises(ScenarioError) as caught:
            quantised_trace(msgspec.structs.replace(snn, calls=calls))
        assert str(caught.value) == "bit_matched: 'net' has no spikes over timesteps to be matched"
