"""Event-driven chips: energies and times worked out by hand, term by term."""

import math

import numpy as np
import pytest
from msgspec.structs import replace

from energyprobe.costing.loading import parse_device
from energyprobe.costing.lookup import device
from energyprobe.costing.mapping import Capacity, map_network
from energyprobe.costing.scenario import Scenario
from energyprobe.costing.work import work_of
from energyprobe.counting.table import count
from energyprobe.errors import DeviceError
from energyprobe.trace.operations import Dense, Elementwise, Lookup, NeuronUpdate
from energyprobe.trace.padding import conv

PJ = 1e-12
FIGURE = """
[constants.{name}]
value = {value}
{ends}unit = "{unit}"
source = "davies2018"
provenance = "derived"
verified = true
boundary = "chip"
"""
UNITS = {"static_w": "mW", "core_static_w": "mW", "idle_w": "mW", "host_w": "mW"}
UNITS |= dict.fromkeys(("synop_s", "update_s", "barrier_s", "timestep_s"), "ns")
UNITS |= dict.fromkeys(
    ("neurons_per_core", "synapses_per_core", "cores_per_chip", "cores_per_tile", "chips"), "1"
)


@pytest.fixture
def make_chip():
    """A chip from its figures: pJ, mW and ns; a number or (low, value, high)."""

    def make(graded_events=False, head="", extra="", **figures):
        text = (
            'model = "chip"\nname = "chip"\ntitle = "Chip"\nkind = "event-driven"\ndescription = "A chip."\n'
            f'skips = "zero inputs"\ngraded_events = {str(graded_events).lower()}\n{head}\n'
        )
        for name, value in figures.items():
            low, value, high = value if isinstance(value, tuple) else (None, value, None)
            ends = "" if low is None else f"low = {low}\nhigh = {high}\n"
            text += FIGURE.format(name=name, value=value, ends=ends, unit=UNITS.get(name, "pJ"))
        return parse_device(text + extra, "chip.toml")

    return make


@pytest.fixture
def snn(make_call, make_trace, spiking, make_activity):
    """20 spiking inputs -> Dense 300 -> 300 neurons -> Dense 7, for 11 timesteps of 2 samples.

    Per inference: 13 input spikes, 13 * 300 = 3900 synops; 300 * 11 = 3300 updates; 17 spikes of the
    neurons, 17 * 7 = 119 synops.
    """
    timing = {"samples": 2, "timesteps": 11}
    seen = make_activity(20 * 22, 26, spikes=26, samples=2)
    fired = make_activity(300 * 22, 34, spikes=34, samples=2)
    first, second = spiking(26 * 300, activity=seen), spiking(34 * 7, activity=fired)
    calls = [
        make_call("dense", (Dense(inputs=20, units=300), first), inputs=("input:spikes",), **timing),
        make_call(
            "lif",
            (NeuronUpdate(neuron="lif", neurons=300), None),
            inputs=("dense",),
            output=fired,
            output_spiking=True,
            foldable_over_time=False,
            **timing,
        ),
        make_call("readout", (Dense(inputs=300, units=7), second), inputs=("lif",), **timing),
    ]
    return make_trace(*calls, samples=2)


def network_row(cost, name):
    return cost.layer.index(name)


def test_events_neurons_and_spikes(snn, make_chip):
    cost = make_chip(acs=2, neuron_updates=50, spikes=30, messages=5).cost(snn)
    assert cost.layer[:3] == ("dense", "lif", "readout")
    # dense: 3900 synops, 13 messages to its one core; lif: 3300 updates, 17 spikes; readout: 119, 17.
    assert cost.energy_j[:3] == pytest.approx(
        np.array([3900 * 2 + 13 * 5, 3300 * 50 + 17 * 30, 119 * 2 + 17 * 5]) * PJ
    )
    assert cost.kind == ("layer",) * 3 + ("network",) * 5
    assert cost.energy_j[3:].tolist() == [0.0] * 5
    assert cost.not_modelled == ("macs", "static", "idle", "host", "synchronisation", "io")
    assert not cost.lower_bound


def test_a_neuron_is_active_where_events_arrive(snn, make_chip):
    cost = make_chip(acs=2, neuron_updates=(40, 60, 80)).cost(snn)
    # 3900 synops for 3300 updates: 1 - exp(-3900 / 3300) of them are active.
    share = 1 - math.exp(-3900 / 3300)
    updates = cost.terms["neuron_updates"]
    assert updates.energy_j[1] == pytest.approx(3300 * (40 + share * 40) * PJ)
    assert updates.low_j[1] == pytest.approx(3300 * 40 * PJ)
    assert updates.high_j[1] == pytest.approx(3300 * 80 * PJ)


def test_messages_go_to_every_core_of_a_layer(snn, make_chip):
    # 300 neurons at 128 a core: 3 cores; 7: one core.
    cost = make_chip(acs=2, messages=5, neurons_per_core=128).cost(snn)
    communication = cost.terms["communication"]
    assert communication.energy_j[:3] == pytest.approx(np.array([13 * 3 * 5, 0, 17 * 1 * 5]) * PJ)
    # At the least, one core of the layer receives each spike.
    assert communication.low_j[:3] * cost.device.held_out.factor == pytest.approx(
        np.array([13 * 5, 0, 17 * 5]) * PJ
    )


def test_cores_by_neurons_and_by_synapses(make_call, make_trace, spiking):
    def mapped(**capacity):
        big = {"neurons_per_core": 1e9, "synapses_per_core": 1e9, "cores_per_chip": 4, "cores_per_tile": 1}
        trace = make_trace(
            make_call("a", (Dense(inputs=20, units=300), spiking(300))),
            make_call("lif", (NeuronUpdate(neuron="lif", neurons=300), None), inputs=("a",)),
            make_call("b", (Dense(inputs=300, units=7), spiking(7)), inputs=("lif",)),
        )
        steps = [call.steps[0] for call in trace.calls]
        weights = (6000, 0, 2100)
        calls = [
            replace(call, steps=(replace(step, weights=each),))
            for call, step, each in zip(trace.calls, steps, weights, strict=True)
        ]
        return map_network(work_of(count(replace(trace, calls=tuple(calls)))), Capacity(**big | capacity))

    assert mapped().cores.tolist() == [1, 0, 1]
    assert mapped(neurons_per_core=128).cores.tolist() == [3, 0, 1]
    # 6000 and 2100 weights at 1000 a core.
    assert mapped(synapses_per_core=1000).cores.tolist() == [6, 0, 3]
    assert mapped(synapses_per_core=1000).chips == 3
    assert mapped().depth == 2
    assert mapped().stage == (0, 0, 2)


def test_a_table_takes_no_synapses(make_call, make_trace):
    call = make_call("embedding", (Lookup(rows=1000, width=3, lookups=2), None))
    table = replace(call, steps=(replace(call.steps[0], weights=3000),))
    capacity = Capacity(neurons_per_core=10, synapses_per_core=100, cores_per_chip=5, cores_per_tile=1)
    mapped = map_network(work_of(count(make_trace(table))), capacity)
    assert (mapped.cores.tolist(), mapped.chips) == ([0], 1)


def test_hops_are_the_mean_distance_between_tiles(make_call, make_trace, spiking):
    # Two layers of 2 cores, one a tile, on a mesh of 2 x 2: the second lies a row below the first.
    # Distances from (0,0), (1,0) to (0,1), (1,1): 1, 2, 2, 1. From the first tile to the first layer: 0, 1.
    trace = make_trace(
        make_call("a", (Dense(inputs=3, units=20), spiking(20))),
        make_call("b", (Dense(inputs=20, units=20), spiking(20)), inputs=("a",)),
    )
    capacity = Capacity(neurons_per_core=10, synapses_per_core=1e9, cores_per_chip=99, cores_per_tile=1)
    assert map_network(work_of(count(trace)), capacity).hops.tolist() == [0.5, 1.5]


def test_convolutions_store_their_kernel_once(make_call, make_trace, spiking):
    convolution = conv((8, 8), channels=3, filters=5, kernel=(3, 3), padding="same")
    trace = make_trace(make_call("conv", (convolution, spiking(45))))
    capacity = Capacity(neurons_per_core=100, synapses_per_core=1e9, cores_per_chip=2, cores_per_tile=1)
    mapped = map_network(work_of(count(trace)), capacity)
    # 8 * 8 * 5 = 320 neurons.
    assert (mapped.cores.tolist(), mapped.chips) == ([4], 2)


def test_time_is_that_of_the_longest_stage(snn, make_chip):
    chip = make_chip(acs=2, static_w=3, synop_s=4, update_s=6, barrier_s=100, neurons_per_core=128)
    cost = chip.cost(snn)
    # First stage, 3 cores: (3900 * 4 + 3300 * 6) ns / 11 steps / 3 cores; second: 119 * 4 / 11.
    stage_s = (3900 * 4 + 3300 * 6) / 11 / 3 * 1e-9
    busy_s = 11 * (stage_s + 100e-9)
    assert cost.time_per_inference_s == pytest.approx(busy_s)
    assert cost.energy_j[network_row(cost, "static power")] == pytest.approx(3e-3 * busy_s)
    # Two stages: the result comes one timestep later.
    assert cost.total().latency_s == pytest.approx(busy_s + stage_s + 100e-9)
    assert cost.latency_s[0] == pytest.approx(11 * stage_s)


def test_intervals_of_times_are_intervals_of_static_energy(snn, make_chip):
    chip = make_chip(acs=2, static_w=(1, 2, 2), synop_s=(3, 4, 5), barrier_s=(100, 100, 300))
    static = chip.cost(snn).terms["static"].total()
    # 3900 synops of the first stage, and 11 barriers; 1 to 2 mW.
    assert static.energy_j == pytest.approx(2e-3 * (3900 * 4 + 1100) * 1e-9)
    assert static.low_j == pytest.approx(1e-3 * (3900 * 3 + 1100) * 1e-9)
    assert static.high_j == pytest.approx(2e-3 * (3900 * 5 + 3300) * 1e-9)


def test_intervals_of_times_are_intervals_of_latency(snn, make_chip):
    chip = make_chip(acs=2, static_w=2, synop_s=(3, 4, 5), barrier_s=(90, 100, 300))
    total = chip.cost(snn).total()
    # 11 timesteps and one more for the second stage, each of 3900 synops / 11 and a barrier.
    assert total.latency_s == pytest.approx(12 * (3900 * 4 / 11 + 100) * 1e-9)
    assert total.low_latency_s == pytest.approx(12 * (3900 * 3 / 11 + 90) * 1e-9)
    assert total.high_latency_s == pytest.approx(12 * (3900 * 5 / 11 + 300) * 1e-9)


def test_notes_say_of_what_the_latency_is(snn, make_chip):
    chip = make_chip(acs=2, static_w=3, synop_s=4)
    beyond = "and one more for each stage after the first: 1"
    assert f"latency: 11 timesteps, {beyond}" in chip.cost(snn).notes
    assert f"latency: 1 timestep, {beyond}" in chip.cost(snn, Scenario(timesteps=1)).notes
    assert f"latency: 1 timestep, {beyond}" in chip.cost(snn, Scenario(streaming=True, timestep_s=1e-3)).notes


def test_a_batch_runs_sample_by_sample(snn, make_chip):
    chip = make_chip(acs=2, static_w=3, synop_s=4)
    one, many = chip.cost(snn), chip.cost(snn, Scenario(batch_size=8))
    assert many.total().energy_j == one.total().energy_j
    assert many.time_per_inference_s == one.time_per_inference_s
    assert many.total().latency_s > 7 * one.total().latency_s


def test_a_clock_that_cannot_be_met_is_stretched(snn, make_chip):
    fast = make_chip(acs=2, static_w=3, synop_s=4, timestep_s=1)
    assert fast.cost(snn).time_per_inference_s == pytest.approx(3900 * 4e-9)
    slow = fast.cost(snn, Scenario(timestep_s=1e-3))
    assert slow.time_per_inference_s == pytest.approx(11e-3)


def test_paced_idle_power(snn, make_chip):
    chip = make_chip(acs=2, static_w=3, idle_w=0.5, timestep_s=1000)
    # 11 us of 100 us busy.
    cost = chip.cost(snn, Scenario(inferences_per_second=10_000))
    assert cost.energy_j[network_row(cost, "static power")] == pytest.approx(3e-3 * 11e-6)
    assert cost.energy_j[network_row(cost, "idle power")] == pytest.approx(0.5e-3 * 89e-6)
    assert cost.time_per_inference_s == pytest.approx(100e-6)
    hasty = chip.cost(snn, Scenario(inferences_per_second=1e6))
    assert hasty.time_per_inference_s == pytest.approx(11e-6)
    assert "it cannot keep up with so many inferences per second, and runs back to back" in hasty.notes


def test_the_shorter_it_is_busy_the_longer_it_is_idle(snn, make_chip):
    cost = make_chip(acs=2, idle_w=0.5, synop_s=(2, 4, 9)).cost(snn, Scenario(inferences_per_second=10_000))
    idle = cost.terms["idle"].total()
    # 3900 synops of 100 us, at 2, 4 and 9 ns: low is the shortest pause.
    pauses = [0.5e-3 * (100e-6 - 3900 * each * 1e-9) for each in (9, 4, 2)]
    assert [idle.low_j, idle.energy_j, idle.high_j] == pytest.approx(pauses)


def test_idle_power_that_is_not_published(snn, make_chip):
    paced = Scenario(inferences_per_second=10)
    chip = make_chip(acs=2, neuron_updates=1, host_w=3, timestep_s=1000)
    cost = chip.cost(snn, paced)
    assert "idle" in cost.not_modelled
    assert cost.total().lower_bound
    assert cost.reasons == ("no idle power is published: what it draws between inferences is not modelled",)
    assert cost.lower_bounds.nonzero()[0].tolist() == [network_row(cost, "idle power")]
    # Back to back, by choice or because it cannot keep up, there are no pauses.
    assert not chip.cost(snn).lower_bound
    assert not chip.cost(snn, Scenario(inferences_per_second=1e6)).lower_bound
    # Of an unknown length they are none the cheaper.
    assert make_chip(acs=2, neuron_updates=1).cost(snn, paced).lower_bound


def test_static_power_goes_on_in_pauses(snn, make_chip):
    cost = make_chip(acs=2, neuron_updates=1, static_w=3, timestep_s=1000).cost(
        snn, Scenario(inferences_per_second=10)
    )
    # 0.1 s, of which 11 us are busy.
    assert cost.energy_j[network_row(cost, "static power")] == pytest.approx(3e-3 * 0.1)
    assert "no idle power is published: static power is charged between inferences, too" in cost.notes
    assert "idle" not in cost.not_modelled
    assert not cost.lower_bound


def test_static_power_of_whole_chips(snn, make_chip):
    chip = make_chip(acs=2, static_w=3, timestep_s=1000, neurons_per_core=100, cores_per_chip=2)
    cost = chip.cost(snn)
    # 3 + 1 cores on 2 chips.
    assert cost.energy_j[network_row(cost, "static power")] == pytest.approx(2 * 3e-3 * 11e-6)


def test_no_times(snn, make_chip):
    cost = make_chip(acs=2, static_w=3).cost(snn)
    assert math.isnan(cost.total().latency_s)
    assert "static" in cost.not_modelled
    assert cost.energy_j[network_row(cost, "static power")] == 0
    assert "no times are known: static energy is not modelled, unless timestep_s is given" in cost.notes


def test_a_chip_of_which_only_the_power_is_known(snn, make_chip):
    chip = make_chip(static_w=3)
    unknown = chip.cost(snn)
    assert np.isnan(unknown.energy_j).all()
    assert math.isnan(unknown.total().energy_j)
    assert unknown.terms == {}
    real = chip.cost(snn, Scenario(timestep_s=1e-3)).total()
    assert real.energy_j == pytest.approx(3e-3 * 11e-3)


def test_a_network_that_does_not_fit(snn, make_chip):
    cost = make_chip(acs=2, neurons_per_core=100, cores_per_chip=1, chips=2).cost(snn)
    assert cost.does_not_fit == "does not fit: it needs 4 chips, and 2 work together"
    assert cost.total().does_not_fit == cost.does_not_fit == cost.notes[0]
    assert make_chip(acs=2, neurons_per_core=100, cores_per_chip=2, chips=2).cost(snn).does_not_fit == ""


def test_boundary_leaves_out_the_host(snn, make_chip):
    chip = make_chip(acs=2, host_w=7, timestep_s=1000)
    core = chip.cost(snn, Scenario(boundary="core"))
    assert core.energy_j[network_row(core, "host")] == 0
    assert (
        core.notes[-1]
        == "covers more than the core, and cannot be taken apart: accumulates, host, length of a timestep"
    )
    chips = chip.cost(snn, Scenario(boundary="chip"))
    assert chips.energy_j[network_row(chips, "host")] == pytest.approx(7e-3 * 11e-6)
    assert (
        chip.cost(snn, Scenario(boundary="board")).notes[-1] == "no figure covers the whole board, only: chip"
    )


def test_a_data_type_that_changes_nothing(snn, make_chip):
    notes = make_chip(acs=2).cost(snn, Scenario(dtype="int8")).notes
    assert "its figures are for no stated data type: int8 changes nothing" in notes


def test_the_error_of_held_out_measurements_widens_every_price(snn, make_chip):
    held = "\n[held_out]\nfactor = 2\nmeasurements = 9\nnote = 'mine'\n"
    cost = make_chip(acs=2, extra=held).cost(snn)
    assert cost.energy_j[0] == pytest.approx(3900 * 2 * PJ)
    assert (cost.low_j[0], cost.high_j[0]) == pytest.approx((3900 * PJ, 3900 * 4 * PJ))


def test_columns_sum_to_totals(snn):
    for name in ("loihi", "loihi-sanafe", "truenorth", "odin", "seneca"):
        cost = device(name).cost(snn, Scenario(inferences_per_second=3))
        total = cost.total()
        for column in ("energy_j", "low_j", "high_j"):
            by_terms = sum(getattr(term, column) for term in total.terms.values())
            assert (
                getattr(total, column)
                == pytest.approx(np.nansum(getattr(cost, column)))
                == pytest.approx(by_terms)
            )
        assert total.low_j <= total.energy_j <= total.high_j


def test_graded_values_on_a_chip_of_spikes(make_call, make_trace, graded, make_chip):
    bias = (Elementwise(function="bias", elements=5), None)
    trace = make_trace(make_call("dense", (Dense(inputs=7, units=5), graded(35)), bias))
    cost = make_chip(acs=2).cost(trace)
    assert math.isnan(cost.energy_j[0])
    assert cost.reasons == ("dense reads graded values; Chip takes spikes",)
    assert make_chip(graded_events=True, macs=4).cost(trace).energy_j[0] == pytest.approx(35 * 4 * PJ)


def test_a_conventional_network_cannot_run_on_a_chip_of_spikes(
    make_call, make_trace, graded, spiking, make_chip
):
    first = make_call("first", (Dense(inputs=7, units=5), graded(35)))
    second = make_call("second", (Dense(inputs=5, units=3), graded(15)), inputs=("first",))
    chip = make_chip(acs=2, static_w=3, host_w=1, timestep_s=1000)
    cost = chip.cost(make_trace(first, second))
    assert np.isnan(cost.energy_j).all()
    total = cost.total()
    assert math.isnan(total.energy_j)
    assert math.isnan(total.latency_s)
    assert math.isnan(total.time_per_inference_s)
    assert cost.notes[0].startswith("a network of graded values cannot run on it as it is")
    # One whose first layer alone reads values runs, but for that layer.
    spikes = make_call("second", (Dense(inputs=5, units=3), spiking(15)), inputs=("first",))
    mixed = chip.cost(make_trace(first, spikes))
    assert mixed.energy_j[network_row(mixed, "static power")] == pytest.approx(3e-3 * 1e-6)
    assert mixed.lower_bound


def test_a_conventional_network_has_no_price_from_its_messages_or_gates(
    make_call, make_trace, graded, make_activity
):
    seen = make_activity(40, 30)
    read, timing = graded(150, activity=seen), {"timesteps": 5, "output": seen}
    gates = (NeuronUpdate(neuron="lstm", neurons=20), None)
    trace = make_trace(
        make_call("conv1", (Dense(inputs=8, units=5), read), **timing),
        make_call("conv2", (Dense(inputs=8, units=5), read), inputs=("conv1",), **timing),
        make_call("lstm", (Dense(inputs=8, units=5), read), gates, inputs=("conv2",), **timing),
    )
    for name in ("loihi", "loihi-sanafe"):
        cost = device(name).cost(trace)
        assert np.isnan(cost.energy_j).all()
        assert cost.terms == {}
    # On a chip of graded events each of the 30 is a message.
    proxy = device("loihi2-proxy").cost(trace)
    communication = proxy.terms["communication"]
    assert communication.low_j[0] == pytest.approx(30 * 1.7 * PJ)


def test_graded_events_are_no_messages_to_a_chip_of_spikes(
    make_call, make_trace, graded, spiking, make_activity, make_chip
):
    seen, fired = make_activity(40, 30), make_activity(25, 9, spikes=9)
    lif = {"output": fired, "output_spiking": True, "timesteps": 5}
    trace = make_trace(
        make_call("conv1", (Dense(inputs=8, units=5), graded(150, activity=seen)), timesteps=5),
        make_call("lif", (NeuronUpdate(neuron="lif", neurons=5), None), inputs=("conv1",), **lif),
        make_call("conv2", (Dense(inputs=5, units=3), spiking(27, activity=fired)), timesteps=5),
    )
    cost = make_chip(acs=2, messages=7, neuron_updates=50).cost(trace)
    # lif: 5 neurons in 5 timesteps; conv2: 9 spikes to 3 units, and 9 messages.
    assert math.isnan(cost.energy_j[0])
    assert cost.energy_j[1:3] == pytest.approx(np.array([25 * 50, 27 * 2 + 9 * 7]) * PJ)
    assert cost.reasons == ("conv1 reads graded values; Chip takes spikes",)
    values = make_chip(graded_events=True, macs=4, acs=2, messages=7).cost(trace)
    assert values.energy_j[0] == pytest.approx((150 * 4 + 30 * 7) * PJ)


def test_gates_of_values_in_a_network_of_spikes(make_call, make_trace, graded, spiking, make_chip):
    gates = (NeuronUpdate(neuron="lstm", neurons=5), None)
    trace = make_trace(
        make_call("dense", (Dense(inputs=8, units=5), spiking(35))),
        make_call("lstm", (Dense(inputs=5, units=20), graded(90)), gates, inputs=("dense",)),
    )
    cost = make_chip(acs=2, neuron_updates=50).cost(trace)
    assert cost.energy_j[0] == pytest.approx(35 * 2 * PJ)
    assert math.isnan(cost.energy_j[1])
    assert cost.reasons == ("lstm reads graded values; Chip takes spikes",)


def test_an_average_and_static_power_would_count_twice(make_chip):
    with pytest.raises(DeviceError, match=r"chip.toml, line \d+: constants.acs.basis: an average over an"):
        text = FIGURE.format(name="acs", value=26, ends="", unit="pJ") + 'basis = "average"\n'
        make_chip(static_w=3, extra=text)


def test_a_unit_of_something_else(make_chip):
    with pytest.raises(DeviceError, match="'pJ' is a unit of energy, expected one of power: W, mW, uW"):
        make_chip(extra=FIGURE.format(name="static_w", value=3, ends="", unit="pJ"))


def test_a_held_out_factor_below_one(make_chip):
    with pytest.raises(
        DeviceError, match=r"held_out.factor: expected a finite number of at least 1, got 0.5"
    ):
        make_chip(acs=2, extra="\n[held_out]\nfactor = 0.5\nmeasurements = 9\nnote = ''\n")


def test_a_chip_without_figures(make_chip):
    with pytest.raises(DeviceError, match="constants: expected at least one figure"):
        make_chip()
