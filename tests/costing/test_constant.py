"""Constant energy per operation: prices worked out by hand, term by term."""

import math

import numpy as np
import pytest

from energyprobe.costing.lookup import device
from energyprobe.costing.scenario import Scenario
from energyprobe.counting.table import count
from energyprobe.errors import CountingError, DeviceError, TraceError
from energyprobe.trace.operations import (
    Dense,
    Elementwise,
    Filter,
    Free,
    Lookup,
    NeuronUpdate,
    Pool,
    Product,
    Uncounted,
)
from energyprobe.trace.records import Use

PJ = 1e-12
UPDATE = NeuronUpdate(neuron="lif", neurons=5)


def pj(*values):
    return pytest.approx([value * PJ for value in values], nan_ok=True)


@pytest.fixture
def snn(make_call, make_trace, graded, spiking, make_activity):
    """7 graded inputs -> Dense 5 -> LIF 5 -> Dense 3, for 11 timesteps of 2 samples, with 13 spikes of 110.

    Per inference: 7*5*11 = 385 graded synops (all inputs non-zero but 4: 385 - 4*5/2 = 375 events),
    5*3*11 = 165 dense and 13*3/2 = 19.5 event synops on spikes, 5*11 = 55 neuron updates, 5*11 biases.
    """
    timing = {"samples": 2, "timesteps": 11}
    bias = (Elementwise(function="bias", elements=5), None)
    fired = make_activity(5 * 11 * 2, 13, spikes=13, neurons=5)
    return make_trace(
        make_call("dense", (Dense(inputs=7, units=5), graded((7 * 11 * 2 - 4) * 5)), bias, **timing),
        make_call("lif", (UPDATE, None), output=fired, output_spiking=True, **timing),
        make_call("readout", (Dense(inputs=5, units=3), spiking(13 * 3)), **timing),
        samples=2,
    )


def test_event_driven_device_of_graded_events(snn, make_device):
    cost = make_device(macs=10, acs=2, neuron_updates=50).cost(snn)
    assert cost.layer == ("dense", "lif", "readout")
    assert cost.call == (0, 0, 0)
    assert cost.kind == ("layer",) * 3
    assert cost.terms["macs"].operations.tolist() == [375, 0, 0]
    assert cost.terms["acs"].operations.tolist() == [0, 0, 19.5]
    assert cost.terms["neuron_updates"].operations.tolist() == [0, 55, 0]
    # 375 * 10, 55 * 50, 19.5 * 2
    assert cost.energy_j == pj(3750, 2750, 39)
    assert cost.total().energy_j == pytest.approx((3750 + 2750 + 39) * PJ)
    assert cost.total().terms["neuron_updates"].energy_j == pytest.approx(2750 * PJ)
    assert not cost.lower_bound


def test_dense_device_pays_every_timestep(snn, make_device):
    cost = make_device(skips="nothing", kind="conventional", macs=10, neuron_updates=50).cost(snn)
    # It multiplies spikes as any other value: (385 + 165) * 10, and 55 * 50.
    assert cost.energy_j == pj(3850, 2750, 1650)
    assert list(cost.terms) == ["macs", "neuron_updates"]
    assert "acs" not in cost.not_modelled
    assert "a dense implementation runs each of 11 timesteps in full, zeros included" in cost.notes


def test_dense_device_says_nothing_of_timesteps_where_there_are_none(make_call, make_trace, graded):
    trace = make_trace(make_call("dense", (Dense(inputs=7, units=5), graded(35))))
    assert not any("timesteps" in note for note in device("cpu").cost(trace).notes)


def test_device_that_skips_zero_weights(make_call, make_trace, graded, spiking, make_device):
    wide = Dense(inputs=7, units=5)
    trace = make_trace(
        make_call("graded", (wide, graded(30, effective=21))),
        make_call("spikes", (wide, spiking(20, effective=12, effective_spikes=12))),
    )
    cost = make_device(skips="zero inputs and weights", macs=10, acs=2).cost(trace)
    assert cost.energy_j == pj(21 * 10, 12 * 2)


def test_several_spikes_in_an_event(make_call, make_trace, spiking, make_device):
    # 4 events of 6 spikes in all, each to 5 units.
    use = spiking(4 * 5, spikes=6 * 5, effective=3 * 5, effective_spikes=5 * 5)
    trace = make_trace(make_call("dense", (Dense(inputs=7, units=5), use)))
    # One spike an event: k accumulates for k spikes.
    binary = make_device(graded_events=False, acs=2)
    assert binary.cost(trace).energy_j == pj(30 * 2)
    skipping = make_device(skips="zero inputs and weights", graded_events=False, acs=2)
    assert skipping.cost(trace).energy_j == pj(25 * 2)
    # Graded events: one multiplication for each.
    assert make_device(macs=10, acs=2).cost(trace).energy_j == pj(20 * 10)
    # A dense device runs each synapse once.
    assert make_device(skips="nothing", graded_events=False, acs=2).cost(trace).energy_j == pj(35 * 2)


def test_single_spikes_are_accumulates_on_graded_events_too(make_call, make_trace, spiking, make_device):
    trace = make_trace(make_call("dense", (Dense(inputs=7, units=5), spiking(4 * 5))))
    assert make_device(macs=10, acs=2).cost(trace).energy_j == pj(20 * 2)
    assert make_device(macs=10).cost(trace).energy_j == pj(20 * 10)


@pytest.mark.parametrize("events", [30, None])
def test_graded_values_are_not_priced_on_a_device_of_spikes(make_call, make_trace, graded, spiking, events):
    trace = make_trace(
        make_call(
            "conv1",
            (Dense(inputs=7, units=5), graded(events)),
            (Elementwise(function="bias", elements=5), None),
        ),
        make_call("dense", (Dense(inputs=5, units=3), spiking(6))),
    )
    cost = device("loihi-constant").cost(trace)
    assert cost.energy_j == pj(math.nan, 6 * 23.6)
    assert cost.lower_bound
    assert cost.lower_bounds.tolist() == [True, False]
    expected = ["conv1 reads graded values; Intel Loihi (constant energy) takes spikes"]
    if events is None:
        expected.append(
            "the synaptic operations of conv1 that Intel Loihi (constant energy) pays for were not recorded"
        )
    assert list(cost.reasons) == expected
    total = cost.total()
    assert total.lower_bound
    assert total.energy_j == pytest.approx(6 * 23.6 * PJ)
    # The biases of spiking layers are in their neurons.
    assert cost.left_out == ({} if events is None else {"macs": 30})


def test_a_call_that_reads_both_is_priced_in_part(make_call, make_trace, graded, spiking, make_device):
    steps = (Dense(inputs=7, units=5), spiking(15)), (Dense(inputs=5, units=5), graded(25))
    cost = make_device(graded_events=False, acs=2).cost(make_trace(make_call("recurrent", *steps)))
    assert cost.energy_j == pj(15 * 2)
    assert cost.left_out["macs"] == 25
    assert cost.reasons == ("recurrent reads graded values; Chip takes spikes",)


@pytest.mark.parametrize(
    ("one", "other", "runs"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_product_on_a_device_of_spikes(make_call, make_trace, spiking, make_device, one, other, runs):
    use = spiking(12, other_spiking=other, **{"spiking": one})
    trace = make_trace(make_call("attention", (Product(rows=3, shared=5, columns=7), use)))
    cost = make_device(graded_events=False, acs=2).cost(trace)
    assert cost.energy_j == pj(24 if runs else math.nan)
    assert cost.lower_bound == (not runs)


def test_several_spikes_need_more_timesteps(make_call, make_trace, spiking, make_activity, make_device):
    several = make_activity(5 * 11, 4, spikes=9)
    wide = Dense(inputs=5, units=3)
    trace = make_trace(
        make_call(
            "encoder", (wide, spiking(12, spikes=27, activity=several)), inputs=("input:x",), timesteps=11
        ),
        make_call("lif", (UPDATE, None), output=several, output_spiking=True, timesteps=11),
        make_call("flat", (Free(reason="reshapes"), None), output=several, output_spiking=True, fate="free"),
        make_call("readout", (wide, spiking(12, spikes=27, activity=several)), inputs=("lif",), timesteps=11),
    )
    cost = make_device(graded_events=False, acs=2, neuron_updates=50).cost(trace)
    marks = {remark.row: remark.text for remark in cost.remarks}
    assert marks == {
        0: "encoder has several spikes in a timestep; Chip sends one: needs more timesteps",
        1: "lif has several spikes in a timestep; Chip sends one: needs more timesteps",
    }
    assert not cost.lower_bound
    assert not cost.lower_bounds.any()
    assert cost.reasons == ()
    assert make_device(macs=10, acs=2, neuron_updates=50).cost(trace).remarks == ()


def test_loihi_interval_from_inactive_to_active(make_call, make_trace, spiking):
    trace = make_trace(
        make_call("dense", (Dense(inputs=7, units=5), spiking(20))),
        make_call("lif", (UPDATE, None), timesteps=11),
    )
    cost = device("loihi-constant").cost(trace)
    assert cost.low_j == pj(20 * 23.6, 55 * 52)
    assert cost.energy_j == pj(20 * 23.6, 55 * 81)
    assert cost.high_j == pj(20 * 35.5, 55 * 81)
    total = cost.total()
    assert total.low_j == pytest.approx((20 * 23.6 + 55 * 52) * PJ)
    assert total.high_j == pytest.approx((20 * 35.5 + 55 * 81) * PJ)
    assert cost.terms["acs"].sources == ("davies2018", "sanafe2025")


def test_every_constant_at_its_ends(snn, make_device):
    chip = make_device(macs=(9, 10, 14), acs=2, neuron_updates=(30, 50, 60), elementwise=(1, 2, 4))
    cost = chip.cost(snn)
    # Biases: 5 * 11 = 55.
    assert cost.low_j == pj(375 * 9 + 55 * 1, 55 * 30, 39)
    assert cost.energy_j == pj(375 * 10 + 55 * 2, 55 * 50, 39)
    assert cost.high_j == pj(375 * 14 + 55 * 4, 55 * 60, 39)
    assert "no range is published, low and high hold the value: accumulates" in cost.notes


def test_kinds_of_neurons_priced_apart(make_call, make_trace, make_device):
    lstm, gru = NeuronUpdate(neuron="lstm", neurons=3), NeuronUpdate(neuron="gru", neurons=2)
    trace = make_trace(
        make_call("a", (UPDATE, None), (lstm, None), timesteps=11), make_call("b", (gru, None), timesteps=11)
    )
    chip = make_device(macs=10, neuron_updates=50, kind_lstm=(600, 700, 800))
    # 5 LIF and 3 LSTM neurons in 11 timesteps; 2 GRU neurons at the common figure.
    assert chip.cost(trace).energy_j == pj(55 * 50 + 33 * 700, 22 * 50)
    assert chip.cost(trace).high_j == pj(55 * 50 + 33 * 800, 22 * 50)
    without = make_device(macs=10, kind_lstm=700).cost(trace)
    assert without.energy_j == pj(33 * 700, math.nan)
    assert without.left_out == {"neuron_updates": 55 + 22}
    assert without.reasons == ("a has neuron updates without a price", "b has neuron updates without a price")
    assert without.notes[1].endswith("multiply-accumulates, neuron updates (lstm)")


@pytest.mark.parametrize(
    "operation",
    [
        UPDATE,
        Pool(method="max", taps=12, outputs=3),
        Filter(function="lowpass", elements=4),
        Lookup(rows=9, width=2, lookups=3),
    ],
)
def test_work_without_a_figure_is_not_zero(make_call, make_trace, make_device, operation):
    trace = make_trace(make_call("layer", (operation, None)), make_call("flat", fate="free"))
    cost = make_device(macs=10).cost(trace)
    assert cost.energy_j == pj(math.nan, 0)
    assert cost.low_j == pj(math.nan, 0)
    assert cost.terms["macs"].energy_j == pj(0, 0)


def test_terms_that_are_not_modelled_are_listed(snn, make_device):
    cost = make_device(macs=10, acs=2).cost(snn)
    assert cost.not_modelled == (
        "neuron_updates",
        "elementwise",
        "memory",
        "communication",
        "synchronisation",
        "static",
        "idle",
        "host",
        "io",
    )
    assert cost.left_out == {"neuron_updates": 55, "elementwise": 55}
    assert cost.total().not_modelled == cost.not_modelled
    assert set(cost.terms) == {"macs", "acs"}
    # What is done and has no price makes the total a lower bound; what no operation stands for does not.
    assert cost.reasons == (
        "dense has elementwise operations without a price",
        "lif has neuron updates without a price",
    )
    assert cost.lower_bounds.tolist() == [True, True, False]
    # Biases are in the neurons of a chip that has a price for them.
    loihi = device("loihi-constant").cost(snn)
    assert loihi.not_modelled[:2] == ("macs", "memory")
    assert loihi.reasons == ("dense reads graded values; Intel Loihi (constant energy) takes spikes",)


def test_a_silent_layer_is_priced_and_free(make_call, make_trace, spiking, make_device):
    steps = (Dense(inputs=7, units=5), spiking(0)), (Elementwise(function="bias", elements=5), None)
    chip = make_device(macs=10, acs=2, neuron_updates=50)
    assert chip.cost(make_trace(make_call("silent", *steps))).energy_j == pj(0)


def test_uncounted_call(make_call, make_trace, graded, make_device):
    known = (Dense(inputs=7, units=5), graded(35))
    trace = make_trace(
        make_call("fft", (Uncounted(reason="no rule for ops.fft"), None), fate="uncounted"),
        make_call("odd", known, fate="uncounted", call_index=1),
        make_call("dense", known),
    )
    cost = make_device(macs=10).cost(trace)
    assert cost.energy_j == pj(math.nan, math.nan, 350)
    assert cost.terms["macs"].operations.tolist()[2] == 35
    assert np.isnan(cost.terms["macs"].energy_j[:2]).all()
    assert cost.reasons == ("fft is uncounted: no rule for ops.fft", "odd#1 is uncounted")
    assert cost.total().energy_j == pytest.approx(350 * PJ)
    assert cost.total().lower_bound


def test_uncounted_operation_of_a_counted_call(make_call, make_trace, graded, make_device):
    steps = (Dense(inputs=7, units=5), graded(35)), (Uncounted(reason="raw FFT"), None)
    cost = make_device(macs=10).cost(make_trace(make_call("mixed", *steps)))
    assert cost.energy_j == pj(350)
    assert cost.reasons == ("mixed is uncounted in part: raw FFT",)


def test_input_that_was_not_observed(make_call, make_trace, graded, spiking, make_device):
    wide = Dense(inputs=7, units=5)
    trace = make_trace(
        make_call("graded", (wide, graded(None))),
        make_call("spikes", (wide, spiking(None))),
        make_call("seen", (wide, graded(30))),
    )
    cost = make_device(macs=10, acs=2).cost(trace)
    assert cost.energy_j == pj(math.nan, math.nan, 300)
    assert cost.reasons == (
        "the synaptic operations of graded that Chip pays for were not recorded",
        "the synaptic operations of spikes that Chip pays for were not recorded",
    )
    # A dense device pays them whether they were observed or not.
    dense = make_device(skips="nothing", macs=10).cost(trace)
    assert dense.energy_j == pj(350, 350, 350)
    assert not dense.lower_bound


def test_spikes_of_which_only_the_events_are_known(make_call, make_trace, make_device):
    use = Use(activity=None, spiking=True, fanout_events=20)
    trace = make_trace(make_call("dense", (Dense(inputs=7, units=5), use)))
    cost = make_device(graded_events=False, acs=2).cost(trace)
    assert cost.energy_j == pj(math.nan)
    assert cost.reasons == ("the synaptic operations of dense that Chip pays for were not recorded",)


def test_a_call_observed_in_part(make_call, make_trace, graded, make_device):
    steps = (Dense(inputs=7, units=5), graded(30)), (Dense(inputs=5, units=5), graded(None))
    cost = make_device(macs=10).cost(make_trace(make_call("recurrent", *steps)))
    assert cost.energy_j == pj(300)
    assert cost.terms["macs"].operations.tolist() == [30]
    assert cost.reasons == ("the synaptic operations of recurrent that Chip pays for were not recorded",)


def test_nothing_known_at_all(make_call, make_trace, make_device):
    trace = make_trace(make_call("fft", (Uncounted(reason="none"), None), fate="uncounted"))
    total = make_device(macs=10).cost(trace).total()
    assert math.isnan(total.energy_j)
    assert math.isnan(total.low_j)
    assert total.lower_bound


def test_no_latency_without_times(snn):
    cost = device("loihi-constant").cost(snn)
    assert np.isnan(cost.latency_s).all()
    assert math.isnan(cost.total().latency_s)


def test_batch_size_changes_nothing_and_the_report_says_so(snn, make_device):
    chip = make_device(macs=10, acs=2)
    single, batch = chip.cost(snn), chip.cost(snn, Scenario(batch_size=64))
    assert batch.energy_j.tolist()[::2] == single.energy_j.tolist()[::2]
    assert batch.scenario.batch_size == 64
    assert (
        batch.notes[0]
        == "constant energy per operation: the batch size does not change the energy of an inference"
    )


def test_counts_are_priced_like_their_trace(snn, make_device):
    chip = make_device(macs=10, acs=2, neuron_updates=50)
    assert chip.cost(count(snn)).energy_j.tolist() == chip.cost(snn).energy_j.tolist()


@pytest.mark.parametrize("name", ["cpu", "loihi", "loihi-constant", "45nm-int8"])
def test_columns_sum_to_totals(snn, name):
    cost = device(name).cost(snn)
    total = cost.total()
    for column in ("energy_j", "low_j", "high_j"):
        by_rows = np.nansum(getattr(cost, column))
        by_terms = sum(getattr(term, column) for term in total.terms.values())
        assert getattr(total, column) == pytest.approx(by_rows) == pytest.approx(by_terms)
        assert getattr(total, column) > 0


def test_no_samples(make_call, make_trace, graded, make_device):
    trace = make_trace(make_call("dense", (Dense(inputs=7, units=5), graded(0)), samples=0), samples=0)
    with pytest.raises(TraceError, match="the trace of 'net' holds no samples: no inference can be priced"):
        make_device(macs=10).cost(trace)


def test_not_a_trace(make_device):
    with pytest.raises(CountingError, match="expected a Trace"):
        make_device(macs=10).cost("run.json")


def test_a_device_of_graded_events_needs_macs(make_device):
    with pytest.raises(
        DeviceError,
        match=r"constants\.macs: missing, a device with graded_events = true needs the energy of its mult",
    ):
        make_device(acs=2)


def test_a_device_of_spikes_needs_acs(make_device):
    with pytest.raises(
        DeviceError,
        match=r"constants\.acs: missing, a device with graded_events = false needs the energy of its acc",
    ):
        make_device(graded_events=False, neuron_updates=2)


def test_a_device_of_spikes_multiplies_nothing(make_device):
    with pytest.raises(
        DeviceError, match=r"constants\.macs: a device with graded_events = false does no mult"
    ):
        make_device(graded_events=False, acs=2, macs=10)
