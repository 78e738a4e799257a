"""What conventional networks would be as spikes: against a simulated network, by hand, and the refusals."""

import math

import numpy as np
import pytest
from msgspec.structs import replace

from energyprobe.costing.lookup import device
from energyprobe.costing.rate_code import convert, first_rows
from energyprobe.costing.scenario import Scenario
from energyprobe.costing.spike_code import Code, scale_of, spike_counts
from energyprobe.errors import ScenarioError
from energyprobe.trace.histograms import MAGNITUDE_EDGES
from energyprobe.trace.operations import Dense, Elementwise, NeuronUpdate, Pool, Product
from energyprobe.trace.records import Activity, Magnitudes, Use

SAMPLES = 40
SIZES = (50, 80, 60, 10)


def magnitudes(values, fanout):
    edges = MAGNITUDE_EDGES.copy()
    edges[0], edges[-1] = 0, np.inf
    return Magnitudes(
        total=float(values.sum()),
        fanout_total=float(values.sum() * fanout),
        maximum=float(values.max(initial=0.0)),
        histogram=tuple(np.histogram(values, edges)[0].tolist()),
    )


def graded_use(values, units):
    """Reading of values of shape (samples, inputs) by a matrix."""
    events = int(np.count_nonzero(values))
    activity = Activity(
        elements=values.size,
        neurons=values.shape[1],
        events=events,
        samples=len(values),
        sum_sq_events_per_sample=None,
        positive=magnitudes(values[values > 0], units),
        negative=magnitudes(-values[values < 0], units),
    )
    return Use(activity=activity, spiking=False, fanout_events=events * units)


@pytest.fixture(scope="module")
def network():
    """Weights, biases and the activations that each of three layers reads."""
    rng = np.random.default_rng(3)
    weights = [
        rng.normal(size=shape) / math.sqrt(shape[0] / 2) for shape in zip(SIZES, SIZES[1:], strict=False)
    ]
    biases = [rng.normal(size=size) * 0.1 for size in SIZES[1:]]
    read = [rng.random((SAMPLES, SIZES[0])) * (rng.random((SAMPLES, SIZES[0])) < 0.7)]
    for weight, bias in zip(weights[:-1], biases, strict=False):
        read.append(np.maximum(0, read[-1] @ weight + bias))
    return weights, biases, read


@pytest.fixture
def trace(network, make_call, make_trace):
    calls, before = [], ("input:x",)
    for index, values in enumerate(network[2]):
        units = SIZES[index + 1]
        steps = [
            (Dense(inputs=SIZES[index], units=units), graded_use(values, units)),
            (Elementwise(function="bias", elements=units), None),
        ]
        calls.append(make_call(f"dense{index}", *steps, samples=SAMPLES, inputs=before))
        calls.append(
            make_call(
                f"relu{index}",
                (Elementwise(function="relu", elements=units), None),
                samples=SAMPLES,
                inputs=(f"dense{index}",),
            )
        )
        before = (f"relu{index}",)
    return make_trace(*calls[:-1], samples=SAMPLES)


def spikes_read(trace, timesteps):
    """Spikes that each layer of weights reads once it is converted."""
    converted = convert(trace, trace.calls, Code(timesteps))
    return [call.steps[0].use.activity.spikes for call in converted.calls if call.path.startswith("dense")]


def simulate(network, timesteps):
    """Spikes that each layer reads: integrate-and-fire, soft reset, half a threshold to start with."""
    weights, biases, read = network
    scales = [scale_of(graded_use(values, 1).activity, 99.9) for values in read]
    potentials = [np.full(values.shape, 0.5) for values in read]
    counts = [0] * len(read)
    for _ in range(timesteps):
        drive = read[0] / scales[0]
        for layer, potential in enumerate(potentials):
            potential += drive
            fired = potential >= 1
            potential -= fired
            counts[layer] += int(fired.sum())
            if layer + 1 < len(read):
                drive = (fired * scales[layer]) @ weights[layer] + biases[layer]
                drive = drive / scales[layer + 1]
    return counts


@pytest.mark.parametrize("timesteps", [16, 32, 64])
def test_spikes_are_those_of_a_simulated_network(network, trace, timesteps):
    simulated = simulate(network, timesteps)
    converted = convert(trace, trace.calls, Code(timesteps))
    predicted = [
        call.steps[0].use.activity.spikes for call in converted.calls if call.path.startswith("dense")
    ]
    assert sum(predicted) == pytest.approx(sum(simulated), rel=0.1)
    for ours, theirs in zip(predicted, simulated, strict=True):
        assert ours == pytest.approx(theirs, rel=0.1)


def test_spikes_of_single_values():
    # T = 10, lambda = 2: 0.3 -> floor(1.5 + 0.5) = 2, 2 -> 10, 9 -> 10; 0.05 -> 0.
    values = np.array([0.3, 2.0, 9.0, 0.05])
    assert spike_counts(magnitudes(values, 1), scale=2.0, timesteps=10) == 2 + 10 + 10 + 0


def test_the_scale_is_a_percentile_of_all_values():
    values = np.zeros((1, 1000))
    values[0, :20] = 1.0
    values[0, 0] = 16.0
    activity = graded_use(values, 1).activity
    # One of a thousand is larger than the 99.9th percentile; bins are an eighth of an octave wide.
    assert 1.0 <= scale_of(activity, 99.9) <= 2 ** (1 / 8)
    assert scale_of(activity, 100) == 16.0
    assert scale_of(activity, 90) == 0.0


def test_price_term_by_term(trace):
    timesteps = 16
    cost = device("loihi-constant").cost(trace, Scenario(converted_timesteps=timesteps))
    spikes = [each / SAMPLES for each in spikes_read(trace, timesteps)]
    assert cost.layer == ("dense0", "relu0", "dense1", "relu1", "dense2")
    for layer, (units, each) in enumerate(zip(SIZES[1:], spikes, strict=True)):
        # An accumulate for each spike and unit, one for each bias and timestep; an update for each neuron.
        acs = each * units + units * timesteps
        assert cost.terms["acs"].operations[2 * layer] == pytest.approx(acs, rel=1e-3)
        assert cost.terms["neuron_updates"].operations[2 * layer] == units * timesteps
    assert cost.scenario.converted_timesteps == timesteps
    assert cost.notes[0].startswith("WHAT IF: rate-coded over 16 timesteps; its accuracy is not that of")
    assert not cost.lower_bound


def test_other_scales_widen_the_interval(trace):
    chip = device("loihi-constant")
    cost = chip.cost(trace, Scenario(converted_timesteps=16))
    acs = cost.terms["acs"]
    # The second layer reads values without an upper bound.
    assert acs.low_j[2] < 0.99 * acs.energy_j[2]
    # 35.5 instead of 23.6 pJ, and more spikes.
    assert acs.high_j[2] > 1.01 * acs.energy_j[2] * 35.5 / 23.6
    total = cost.total()
    assert total.low_j < total.energy_j < total.high_j


def test_other_scales_widen_the_interval_of_latency(trace):
    def interval(**scales):
        scenario = Scenario(converted_timesteps=16, max_activations=scales)
        total = device("loihi").cost(trace, scenario).total()
        return total.high_latency_s / total.low_latency_s

    # Hardly any spikes reach the first layer: the second one, whose scale is given or not, takes longest.
    assert interval(dense0=1e6) > interval(dense0=1e6, dense1=2.0, dense2=2.0) > 1


def test_more_timesteps_cost_more(trace):
    prices = [
        device("loihi").cost(trace, Scenario(converted_timesteps=steps)).total().energy_j
        for steps in (8, 16, 64)
    ]
    assert prices == sorted(prices)
    assert prices[2] > 3 * prices[1]


def test_latency_is_timesteps_and_depth(trace):
    cost = device("truenorth").cost(trace, Scenario(converted_timesteps=20))
    assert cost.total().latency_s == pytest.approx((20 + 3 - 1) * 1e-3)


def test_a_device_of_values_runs_it_as_it_is(trace):
    scenario = Scenario(converted_timesteps=16)
    for name in ("cpu", "seneca"):
        cost = device(name).cost(trace, scenario)
        assert cost.total().energy_j == device(name).cost(trace).total().energy_j
        assert cost.notes[0].startswith("not converted to spikes: the device takes graded values")


def test_what_cannot_be_converted_is_listed(make_call, make_trace, network, graded):
    values = network[2][0]
    dense = (Dense(inputs=50, units=4), graded_use(values, 4))
    trace = make_trace(
        make_call("dense", dense, samples=SAMPLES),
        make_call("softmax", (Elementwise(function="softmax", elements=4), None), samples=SAMPLES),
        make_call("pool", (Pool(method="max", taps=4, outputs=2), None), samples=SAMPLES),
        make_call("scores", (Product(rows=2, shared=2, columns=2), graded(8)), samples=SAMPLES),
        samples=SAMPLES,
    )
    cost = device("loihi-constant").cost(trace, Scenario(converted_timesteps=16))
    assert [reason.partition(": ")[2] for reason in cost.reasons] == [
        "softmax cannot be converted to spikes",
        "max pooling cannot be converted to spikes",
        "product cannot be converted to spikes",
    ]
    assert np.isnan(cost.energy_j[1:]).all()


def test_an_average_is_a_layer_of_synapses(make_call, make_trace):
    values = np.ones((1, 6))
    first = (Dense(inputs=6, units=8), graded_use(np.ones((1, 6)), 8))
    trace = make_trace(
        make_call("first", first),
        make_call("mean", (Pool(method="average", taps=24, outputs=6), None), inputs=("first",)),
        make_call("second", (Dense(inputs=6, units=3), graded_use(values, 3)), inputs=("mean",)),
    )
    converted = convert(trace, trace.calls, Code(10, 100)).calls
    # The second layer reads 6 * 10 spikes, each the mean of 4: the average reads 240, and so sends the first.
    assert converted[2].steps[0].use.activity.spikes == 60
    assert converted[1].steps[0].use.fanout_spikes == 240
    assert converted[0].output.spikes == 240


def test_what_the_last_layer_sends_is_not_known(trace):
    converted = convert(trace, trace.calls, Code(16)).calls
    assert [call.output is None for call in converted] == [False, False, False, False, True]
    first, _, second, _, last = converted
    assert first.output.spikes == second.steps[0].use.activity.spikes > 0
    assert second.output.spikes == last.steps[0].use.activity.spikes > 0
    # Where spikes have a price of their own, that leaves a lower bound; elsewhere it does not matter.
    cost = device("loihi-sanafe").cost(trace, Scenario(converted_timesteps=16))
    assert np.isnan(cost.terms["spikes"].energy_j).tolist()[:5] == [False, False, False, False, True]
    assert cost.reasons == ("how many spikes dense2 sends is not known",)
    assert not device("loihi").cost(trace, Scenario(converted_timesteps=16)).lower_bound


def test_an_average_at_the_end_reads_unknown_spikes(make_call, make_trace):
    trace = make_trace(
        make_call("first", (Dense(inputs=6, units=8), graded_use(np.ones((1, 6)), 8))),
        make_call("mean", (Pool(method="average", taps=8, outputs=2), None), inputs=("first",)),
    )
    first, mean = convert(trace, trace.calls, Code(10, 100)).calls
    assert first.output is None and mean.output is None
    assert (mean.steps[0].use.activity, mean.steps[0].use.fanout_spikes) == (None, None)
    cost = device("loihi-constant").cost(trace, Scenario(converted_timesteps=10))
    (reason,) = cost.reasons
    assert reason.startswith("the synaptic operations of mean that ")
    assert math.isnan(cost.energy_j[1])


def test_a_last_layer_beside_one_that_is_read_on(make_call, make_trace):
    # Whichever of the two readers comes first, the one with weights says what the first layer sends.
    first = make_call("first", (Dense(inputs=6, units=5), graded_use(np.ones((1, 6)), 5)))
    shown = make_call("shown", (Elementwise(function="relu", elements=5), None), inputs=("first",))
    read = make_call("read", (Dense(inputs=5, units=3), graded_use(np.ones((1, 5)), 3)), inputs=("first",))
    for rest in ((shown, read), (read, shown)):
        trace = make_trace(first, *rest)
        assert convert(trace, trace.calls, Code(10, 100)).calls[0].output.spikes == 50


def test_negative_values_need_signs(make_call, make_trace):
    values = np.array([[-1.0, 1.0, 0.0]])
    trace = make_trace(make_call("dense", (Dense(inputs=3, units=5), graded_use(values, 5))))
    cost = device("loihi-constant").cost(trace, Scenario(converted_timesteps=7))
    assert cost.terms["acs"].operations.tolist() == [2 * 7 * 5]
    assert any(note.startswith("some layers read negative values: signed spikes") for note in cost.notes)


def loihi(trace, **fields):
    return device("loihi-constant").cost(trace, Scenario(converted_timesteps=16, **fields))


def test_the_first_layer_is_the_one_behind_the_input(trace, make_call, make_trace):
    assert first_rows(trace.calls) == [0]
    other = replace(trace.calls[0], path="other", inputs=("input:y",))
    assert first_rows((*trace.calls, other)) == [0, len(trace.calls)]


def test_a_first_layer_that_multiplies_values(trace):
    direct, rate = loihi(trace, first_layer="direct"), loihi(trace)
    # A chip of spikes has no price for it; its neurons and its biases have one.
    assert direct.reasons == ("dense0 reads graded values; Intel Loihi (constant energy) takes spikes",)
    synops = direct.terms["acs"].operations
    assert synops[0] == pytest.approx(80 * 16)
    assert rate.terms["acs"].operations[0] > synops[0]
    assert direct.terms["neuron_updates"].operations[0] == rate.terms["neuron_updates"].operations[0]
    # All other layers read what they read before.
    assert synops[1:].tolist() == rate.terms["acs"].operations[1:].tolist()
    assert (
        "the first layer (dense0) multiplies the values of the input in every timestep (direct coding)"
        in direct.notes
    )
    # T times the multiply-accumulates of the recording: all of them, and those of the values that are not 0.
    step = convert(trace, trace.calls, Code(16, first_layer="direct")).calls[0].steps[0]
    assert step.executions == 16 * SAMPLES
    assert step.use.fanout_events == 16 * trace.calls[0].steps[0].use.fanout_events
    assert not step.use.spiking


def test_a_first_layer_that_runs_elsewhere(trace):
    cost = loihi(trace, first_layer="off chip")
    assert cost.reasons == ("dense0 is uncounted in part: runs off chip, where it has no price",)
    assert math.isnan(cost.energy_j[0])
    assert cost.energy_j[1:].tolist() == loihi(trace).energy_j[1:].tolist()
    assert "the first layer (dense0) runs off chip, and is not priced" in cost.notes


def test_the_value_of_a_full_rate_can_be_given(trace):
    activity = trace.calls[2].steps[0].use.activity
    scale = 2 * scale_of(activity, 100)
    given = loihi(trace, max_activations={"dense1": scale})
    spikes = spike_counts(activity.positive, scale, 16)
    assert given.terms["acs"].operations[2] == pytest.approx((spikes * 60 + 60 * 16 * SAMPLES) / SAMPLES)
    assert any(note.endswith(f"; given: dense1 {scale:g}") for note in given.notes)
    # Then no other scale widens the interval of the layer: only the figures of its synops and updates do.
    low, high = (given.terms["acs"].low_j[2], given.terms["acs"].high_j[2])
    assert high / low == pytest.approx(35.5 / 23.6)


def test_a_scale_of_no_layer(trace):
    with pytest.raises(ScenarioError) as caught:
        loihi(trace, max_activations={"dens1": 1.0})
    assert str(caught.value) == (
        "max_activations: 'net' has no layer of weights 'dens1', "
        "did you mean 'dense1' or 'dense2' or 'dense0'?"
    )


def test_choices_of_a_conversion_without_one():
    for fields in ({"first_layer": "direct"}, {"max_activations": {"dense1": 1.0}}):
        with pytest.raises(ScenarioError, match="are for converted_timesteps: give them, too"):
            Scenario(**fields)
    with pytest.raises(ScenarioError, match=r"max_activations\['a'\] must be a finite number"):
        Scenario(converted_timesteps=8, max_activations={"a": -1})
    with pytest.raises(ScenarioError, match="no first_layer 'rates': did you mean 'rate'"):
        Scenario(converted_timesteps=8, first_layer="rates")


def test_an_addition_is_a_layer_of_identity_synapses(network, make_call, make_trace):
    # Two matrices that read the same values meet in an addition, which a third one reads.
    inputs, hidden = network[2][0], network[2][1]
    first = graded_use(inputs, 80)
    calls = [
        make_call(name, (Dense(inputs=50, units=80), first), samples=SAMPLES, inputs=("input:x",))
        for name in ("left", "right")
    ]
    merge = (Elementwise(function="add", elements=80), None)
    calls.append(make_call("add", merge, samples=SAMPLES, inputs=("left", "right")))
    last = (Dense(inputs=80, units=60), graded_use(hidden, 60))
    calls.append(make_call("dense", last, samples=SAMPLES, inputs=("add",)))
    converted = convert(make_trace(*calls, samples=SAMPLES), tuple(calls), Code(16)).calls
    synapses, neurons = converted[2].steps
    read = converted[3].steps[0].use.activity.spikes
    # Either side is taken to send as many spikes as the sum does; each is one accumulate.
    assert synapses.use.fanout_spikes == 2 * read
    assert synapses.operation.entries == 160
    assert (neurons.operation.neurons, neurons.executions) == (80, 16 * SAMPLES)


def test_sizes_that_were_not_recorded(trace):
    call = trace.calls[0]
    bare = replace(call.steps[0].use.activity, positive=None)
    step = replace(call.steps[0], use=replace(call.steps[0].use, activity=bare))
    without = replace(trace, calls=(replace(call, steps=(step,)),))
    with pytest.raises(
        ScenarioError, match=r'dense0 reads were not recorded: record with KerasProbe\(detail="values"\)'
    ):
        device("loihi").cost(without, Scenario(converted_timesteps=16))


def test_a_network_with_timesteps(make_call, make_trace):
    trace = make_trace(make_call("lif", (NeuronUpdate(neuron="lif", neurons=3), None), timesteps=5))
    with pytest.raises(ScenarioError) as caught:
        device("loihi").cost(trace, Scenario(converted_timesteps=16))
    assert str(caught.value) == (
        "converted_timesteps: 'net' has timesteps already; convert networks without any "
        "(ep.compare takes a scenario for each model: scenario={name: ep.Scenario(…)})"
    )
