"""Small networks that other tools are known to miscount; what they say stands in the comments.

Facts are made as a recorder makes them: events of a tensor times the fan-out map of the operation.
"""

import numpy as np
import pytest

from energyprobe.counting.table import count
from energyprobe.trace.geometry import effective_fanout, fanout
from energyprobe.trace.operations import Dense, Elementwise, NeuronUpdate, Pool, Product
from energyprobe.trace.padding import conv, conv_transpose
from energyprobe.trace.records import Activity, Use

pytestmark = pytest.mark.oldest


def read(operation, tensor, spiking, mask=None):
    """Use of a tensor ``(samples, *elements of one application)``; spikes are its values."""
    tensor = np.asarray(tensor)
    leaving = fanout(operation).astype(object)
    nonzero = leaving if mask is None else effective_fanout(operation, mask).astype(object)
    events, spikes = tensor != 0, np.abs(tensor).astype(int)
    return Use(
        activity=Activity(
            elements=tensor.size,
            events=int(events.sum()),
            samples=len(tensor),
            sum_sq_events_per_sample=sum(int(sample.sum()) ** 2 for sample in events),
        ),
        spiking=spiking,
        fanout_events=int((events * leaving).sum()),
        fanout_spikes=int((spikes * leaving).sum()) if spiking else None,
        effective_events=int((events * nonzero).sum()),
        effective_spikes=int((spikes * nonzero).sum()) if spiking else None,
    )


@pytest.fixture
def counted(make_call, make_step, make_trace):
    """Counts of one operation that reads one tensor."""

    def count_one(operation, tensor, spiking, mask=None):
        step = make_step(operation, len(tensor), use=read(operation, tensor, spiking, mask))
        return count(make_trace(make_call(step))).rows[0].counts

    return count_one


def one_spike(shape, *at):
    tensor = np.zeros((1, *shape, 1))
    tensor[(0, *at, 0)] = 1
    return tensor


# keras_spiking: 9 wherever the spike is; syops-counter, snn_toolbox and norse: 9 at the corner.
@pytest.mark.parametrize("at, synops", [((0, 0), 2 * 2), ((0, 2), 2 * 3), ((1, 2), 3 * 3)])
def test_spike_at_the_border_of_a_same_convolution(counted, at, synops):
    operation = conv((4, 4), channels=1, filters=1, kernel=(3, 3), padding="same")
    assert counted(operation, one_spike((4, 4), *at), spiking=True).event_acs == synops


# keras_spiking and syops-counter: 2.25; Qualia: 4; norse: 9.
@pytest.mark.parametrize("at, synops", [((3, 3), 1), ((2, 2), 2 * 2), ((2, 3), 2 * 1)])
def test_spike_into_a_strided_convolution(counted, at, synops):
    operation = conv((4, 4), channels=1, filters=1, kernel=(3, 3), strides=(2, 2), padding="same")
    assert counted(operation, one_spike((4, 4), *at), spiking=True).event_acs == synops


def test_all_ones_do_not_count_padding(counted):
    # keras_spiking: (4 * 3)**2 = 144, 44 % too many.
    operation = conv((4, 4), channels=1, filters=1, kernel=(3, 3), padding="same")
    counts = counted(operation, np.ones((1, 4, 4, 1)), spiking=True)
    assert counts.event_synops == counts.dense_synops == (4 * 3 - 2) ** 2


def test_groups(counted):
    # qkeras: 73,728; keras-flops: 0.
    operation = conv((10, 10), channels=16, filters=8, kernel=(3, 3), groups=4)
    counts = counted(operation, np.ones((1, 10, 10, 16)), spiking=False)
    assert counts.event_macs == counts.dense_macs == 8 * 8 * 9 * 16 * (8 // 4) == 18_432


def test_depthwise_multiplier(counted):
    # qkeras: 9,216.
    operation = conv((10, 10), channels=16, filters=16 * 2, kernel=(3, 3), groups=16)
    assert counted(operation, np.ones((1, 10, 10, 16)), spiking=False).dense_macs == 8 * 8 * 9 * 16 * 2


def test_transposed_convolution(counted):
    # keras_spiking: 147,456; qkeras: 294,912; syops-counter and torchinfo: stride**2 too many.
    operation = conv_transpose((8, 8), channels=16, filters=8, kernel=(3, 3), strides=(2, 2))
    assert counted(operation, np.ones((1, 8, 8, 16)), spiking=False).dense_macs == 8 * 8 * 9 * 16 * 8


def test_shared_layer_has_no_cross_terms(make_call, make_step, make_trace):
    # keras_spiking multiplies the sum of connections by the sum of rates: 40.
    operation = Dense(inputs=10, units=10)
    identity = np.eye(10, dtype=bool)
    tensor = np.ones((1, 10))
    calls = [
        make_call(make_step(operation, use=read(operation, tensor, True, identity)), call_index=index)
        for index in (0, 1)
    ]
    table = count(make_trace(*calls))
    assert table.total("effective_synops") == 2 * 10
    assert table.total("event_synops") == 2 * 10 * 10


def test_graded_values_are_no_rates(counted):
    # keras_spiking reads the mean 0.497 of an image as 0.497 Hz: 49.9 of 100,352 synops.
    image = np.random.default_rng(5).uniform(0.001, 1, (1, 784))
    counts = counted(Dense(inputs=784, units=128), image, spiking=False)
    assert (counts.event_macs, counts.event_acs) == (784 * 128, 0)


def test_time_axis_is_space_only_where_it_is_not_time(make_call, make_step, make_trace, graded):
    # Dense(4) on (20, 16): 1280 connections. Through TimeDistributed: 64, in each of 20 timesteps.
    space = make_step(Dense(inputs=16, units=4, positions=20), 1, use=graded(1280))
    time = make_step(Dense(inputs=16, units=4), 20, use=graded(1280))
    calls = make_call(space, path="space"), make_call(time, path="time", sample_steps=20)
    table = count(make_trace(*calls))
    assert table["connections"] == (20 * 16 * 4, 16 * 4)
    assert table["dense_synops"] == (1280, 1280)
    assert table["timesteps"] == (1, 20)


def test_timesteps_of_several_samples(make_call, make_step, make_trace, graded):
    # syops-counter takes the first axis of (timesteps 4, samples 2) for the batch: 70 a sample.
    step = make_step(Dense(inputs=7, units=5), 4 * 2, use=graded(7 * 5 * 4 * 2))
    table = count(make_trace(make_call(step, samples=2, sample_steps=8)))
    assert (table["samples"], table["timesteps"]) == ((2,), (4,))
    assert table.total("dense_synops") // 2 == 140


# spikingjelly: any value other than 0 and 1 makes the whole call 100,000 MACs.
@pytest.mark.parametrize("odd, spikes", [(1, 10), (2, 11), (-1, 10)])
def test_spikes_are_declared_not_guessed(counted, odd, spikes):
    tensor = np.zeros((1, 1000))
    tensor[0, 3:13] = 1
    tensor[0, 5] = odd
    counts = counted(Dense(inputs=1000, units=100), tensor, spiking=True)
    assert (counts.event_acs, counts.event_macs) == (10 * 100, 0)
    assert counts.spike_synops == spikes * 100


def test_sparse_graded_input_is_sparse(counted):
    # spikingjelly: 100,000 MACs.
    tensor = np.zeros((1, 1000))
    tensor[0, 3:13] = 0.3
    counts = counted(Dense(inputs=1000, units=100), tensor, spiking=False)
    assert (counts.event_macs, counts.dense_macs) == (10 * 100, 1000 * 100)


# spikingjelly, syops-counter and NeuroBench take such a conventional input for spikes.
@pytest.mark.parametrize("value", [0.0, 0.25, 1.0])
def test_two_valued_graded_input_stays_graded(counted, value):
    counts = counted(Dense(inputs=16, units=5), np.full((1, 16), value), spiking=False)
    assert (counts.dense_macs, counts.dense_acs) == (16 * 5, 0)
    assert (counts.event_macs, counts.event_acs) == (16 * 5 if value else 0, 0)


@pytest.mark.parametrize("tensor, synops", [([1, -1] + [0] * 6, 2 * 4), ([0.25] * 8, 8 * 4)])
def test_events_do_not_cancel_nor_add_up_to_values(counted, tensor, synops):
    # sinabs: 0, and 8.
    assert counted(Dense(inputs=8, units=4), [tensor], spiking=False).event_synops == synops


def test_zero_initial_state_is_dense_work_without_events(make_call, make_step, make_trace):
    # LSTMCell(8 -> 4) from zero: spikingjelly says 128 MACs, for it takes the state for spikes.
    operation = Dense(inputs=4, units=4 * 4)
    inputs = make_step(
        Dense(inputs=8, units=4 * 4), use=read(Dense(inputs=8, units=4 * 4), np.ones((1, 8)), False)
    )
    state = make_step(operation, use=read(operation, np.zeros((1, 4)), False))
    counts = count(make_trace(make_call(inputs, state))).rows[0].counts
    assert counts.dense_macs == 4 * (8 + 4) * 4 == 192
    assert (counts.event_macs, counts.dense_acs) == (4 * 8 * 4, 0)


def test_lstm_runs_in_every_timestep(make_call, make_step, make_trace, graded):
    # keras_spiking, torch counters: 0; keras-flops: one timestep.
    timesteps, units = 50, 64
    steps = [make_step(Dense(inputs=64, units=4 * units), timesteps, use=graded(0)) for _ in ("x", "h")]
    table = count(make_trace(make_call(*steps, sample_steps=timesteps)))
    assert table.total("dense_macs") == 4 * (64 + 64) * 64 * 50 == 1_638_400


def test_attention_has_products(make_call, make_step, make_trace, graded):
    # MultiHeadAttention(8, 2 heads) on 5 tokens: torchinfo 0, spikingjelly 0 in its fast path.
    tokens, width, heads = 5, 8, 2
    projections = [
        make_step(Dense(inputs=width, units=width, positions=tokens), use=graded(0)) for _ in "qkvo"
    ]
    size = width // heads
    scores = make_step(Product(rows=tokens, shared=size, columns=tokens, copies=heads), use=graded(0))
    values = make_step(Product(rows=tokens, shared=tokens, columns=size, copies=heads), use=graded(0))
    table = count(make_trace(make_call(*projections, scores, values)))
    assert table.total("dense_macs") == 4 * 5 * 8 * 8 + 2 * 5 * 4 * 5 + 2 * 5 * 5 * 4 == 1680


def test_bias_does_not_depend_on_activity(make_call, make_step, make_trace):
    # syops-counter: multiplied by the firing rate, once per batch; snntorch: by the whole kernel.
    operation = Dense(inputs=8, units=10)
    steps = (
        make_step(operation, 3, use=read(operation, np.zeros((3, 8)), True)),
        make_step(Elementwise(function="bias", elements=10), 3),
    )
    counts = count(make_trace(make_call(*steps, samples=3))).rows[0].counts
    assert (counts.event_synops, counts.elementwise_ops) == (0, 3 * 10)


def test_pooling_counts_every_tap(make_call, make_step, make_trace):
    # qkeras: 64 (channels * window); SNN4Space takes one axis of 7 x 7.
    average = make_step(Pool(method="average", taps=16 * 16 * 16 * 2 * 2, outputs=16 * 16 * 16))
    everywhere = make_step(Pool(method="average", taps=7 * 7 * 23, outputs=23))
    table = count(make_trace(make_call(average, path="a"), make_call(everywhere, path="b")))
    assert table["elementwise_ops"] == (32 * 32 * 16, 7 * 7 * 23)
    assert table["dense_synops"] == (0, 0)


def test_float32_would_lose_synops(make_call, make_step, make_trace):
    # NeuroBench adds up in float32: 4,040,257,536.
    exact = 4_040_257_602
    use = Use(activity=None, spiking=False, fanout_events=exact, effective_events=exact)
    table = count(make_trace(make_call(make_step(Dense(inputs=65_537, units=65_537), use=use))))
    assert table.total("event_macs") == exact
    assert int(np.float32(exact)) == 4_040_257_536


def test_activations_without_state_are_no_neuron_updates(make_call, make_step, make_trace):
    # keras_spiking charges an update to both.
    relu = make_call(make_step(Elementwise(function="relu", elements=23)), path="relu")
    spiking = make_call(make_step(NeuronUpdate(neuron="integrate-and-fire", neurons=23), 11), path="spikes")
    table = count(make_trace(relu, spiking))
    assert table["neuron_updates"] == (0, 23 * 11)
    assert table["elementwise_ops"] == (23, 0)


def test_layer_that_nothing_counts_is_seen(make_call, make_trace):
    # keras_spiking, NeuroBench, spikingjelly: 0.
    table = count(make_trace(make_call(path="fft", fate="uncounted", parameters=41)))
    assert table["fate"] == ("uncounted",)
    assert table.total("dense_synops") is None
    assert table.total("parameters") == 41
