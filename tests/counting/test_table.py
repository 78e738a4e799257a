"""Tables of counts: rows, columns, totals, and what is unknown."""

import math

import msgspec
import numpy as np
import pytest

from energyprobe.counting.columns import COLUMNS
from energyprobe.counting.counts import COUNT_NAMES, UNKNOWN, Counts
from energyprobe.counting.table import count, reading_for
from energyprobe.errors import CountingError
from energyprobe.trace.operations import Dense, Elementwise, Free, NeuronUpdate, Pool, Uncounted
from energyprobe.trace.records import Use

pytestmark = pytest.mark.oldest

UNOBSERVED = Use(activity=None, spiking=False)


def test_counts_of_a_call_are_the_sum_of_its_operations(make_call, make_step, make_trace, graded):
    # An LSTM of 23 units on 7 inputs, 4 gates, over 11 timesteps of 3 samples; its first state is no event.
    executions = 11 * 3
    into = make_step(Dense(inputs=7, units=4 * 23), executions, use=graded(7 * 4 * 23 * executions))
    again = make_step(Dense(inputs=23, units=4 * 23), executions, use=graded(23 * 4 * 23 * (11 - 1) * 3))
    bias = make_step(Elementwise(function="bias", elements=4 * 23), executions)
    update = make_step(NeuronUpdate(neuron="lstm", neurons=23), executions)
    table = count(make_trace(make_call(into, again, bias, update)))
    (row,) = table.rows
    assert row.counts.connections == (7 + 23) * 4 * 23
    assert row.counts.dense_macs == (7 + 23) * 4 * 23 * executions
    assert row.counts.event_macs == row.counts.dense_macs - 23 * 4 * 23 * 3
    assert row.counts.elementwise_ops == 4 * 23 * executions
    assert row.counts.neuron_updates == 23 * executions
    assert row.updates_by_neuron == {"lstm": 23 * executions}
    assert [step.dense_synops for step in row.steps] == [
        7 * 4 * 23 * executions,
        23 * 4 * 23 * executions,
        0,
        0,
    ]


def test_updates_by_kind_of_neuron(make_call, make_step, make_trace):
    steps = [
        make_step(NeuronUpdate(neuron="lif", neurons=7), 11),
        make_step(NeuronUpdate(neuron="adaptive lif", neurons=23), 11),
        make_step(NeuronUpdate(neuron="lif", neurons=5), 11),
    ]
    table = count(make_trace(make_call(*steps), make_call(make_step(Free(reason="none")), path="other")))
    assert table.rows[0].updates_by_neuron == {"lif": (7 + 5) * 11, "adaptive lif": 23 * 11}
    assert table["neuron_updates"] == ((7 + 23 + 5) * 11, 0)
    assert table["neuron"] == ("lif, adaptive lif", None)


def test_uncounted_call_has_no_counts(make_call, make_step, make_trace, graded):
    # What is known of a part does not make the whole known.
    part = make_step(Dense(inputs=7, units=23), use=graded(7 * 23))
    call = make_call(part, fate="uncounted", parameters=7 * 23, parameter_bytes=7 * 23 * 4, bytes_in=28)
    table = count(make_trace(call))
    assert table.rows[0].counts == UNKNOWN
    assert table["lower_bound"] == (True,)
    assert table["fate"] == ("uncounted",)
    for name in COUNT_NAMES:
        assert table[name] == (None,)
        assert np.isnan(table.column(name)).all()
    assert table["parameters"] == (7 * 23,)
    assert table["activation_bytes"] == (28,)


def test_uncounted_operation_in_a_counted_call(make_call, make_step, make_trace, graded):
    dense, raw = make_step(Dense(inputs=7, units=23), use=graded(91)), make_step(Uncounted(reason="raw FFT"))
    table = count(make_trace(make_call(dense, raw, path="a"), make_call(dense, path="b")))
    assert table["lower_bound"] == (True, False)
    assert table["dense_synops"] == (7 * 23, 7 * 23), "what is known is not lost"
    assert table["elementwise_ops"] == (0, 0)
    for name in COUNT_NAMES:
        assert table.total(name) is None, "the sum leaves something out"
    assert table.known_total("event_synops") == 91 + 91
    assert table.total("activation_bytes") == 0, "known all the same"


def test_a_call_of_nothing_but_uncounted_operations_has_no_counts(make_call, make_step, make_trace):
    steps = (make_step(Uncounted(reason=reason)) for reason in ("raw FFT", "raw SVD"))
    table = count(make_trace(make_call(*steps)))
    assert table.rows[0].counts == UNKNOWN
    assert table["lower_bound"] == (True,)


@pytest.mark.parametrize("steps", [(), (Free(reason="reshapes"),)])
def test_free_call_is_zero(make_call, make_step, make_trace, steps):
    table = count(make_trace(make_call(*map(make_step, steps), fate="free")))
    assert table.rows[0].counts == Counts()
    assert table["kind"] == ("free",)


def test_totals(make_call, make_step, make_trace, graded):
    big = make_call(make_step(Dense(inputs=2**31, units=2**31), 2, use=graded(2**62 + 1)), path="b")
    known = make_call(make_step(Dense(inputs=7, units=23), 2, use=graded(91)), path="a")
    hidden = make_call(make_step(Dense(inputs=5, units=3), 2, use=UNOBSERVED), path="c")
    table = count(make_trace(known, big, hidden))
    assert len(table) == 3
    assert table["event_synops"] == (91, 2**62 + 1, None)
    assert table.total("event_synops") is None
    assert table.known_total("event_synops") == 91 + 2**62 + 1
    assert table.total("dense_synops") == 2 * (7 * 23 + 2**62 + 5 * 3)
    assert table.known_total("dense_synops") == table.total("dense_synops")


def test_parameters_of_a_shared_layer_count_once(make_call, make_step, make_trace, graded):
    first = make_call(
        make_step(Dense(inputs=7, units=23), use=graded(7 * 23)), path="m/dense", parameters=184, bytes_in=28
    )
    second = msgspec.structs.replace(first, call_index=1)
    other = msgspec.structs.replace(first, path="m/twin", layer="dense")
    table = count(make_trace(first, second, other))
    assert table["call"] == (0, 1, 0)
    assert table.total("parameters") == table.known_total("parameters") == 184 * 2
    assert table.total("dense_synops") == 7 * 23 * 3
    assert table.total("activation_bytes") == 28 * 3


def test_column_for_pricing(make_call, make_step, make_trace, graded):
    known = make_call(make_step(Dense(inputs=7, units=23), use=graded(91)), path="a", dt=0.001)
    hidden = make_call(make_step(Dense(inputs=5, units=3), use=UNOBSERVED), path="b")
    table = count(make_trace(known, hidden))
    column = table.column("event_synops")
    assert column.dtype == np.float64
    assert column[0] == 91 and math.isnan(column[1])
    assert table.column("dt")[0] == 0.001 and math.isnan(table.column("dt")[1])
    for name in ("layer", "out_shape"):
        with pytest.raises(CountingError, match=f"column '{name}' does not hold numbers"):
            table.column(name)


@pytest.mark.parametrize("method", ["__getitem__", "column", "total", "known_total"])
def test_unknown_column(make_call, make_trace, method):
    table = count(make_trace(make_call()))
    with pytest.raises(
        CountingError, match="no column 'event_synop' in a table of counts: did you mean 'event_synops'"
    ):
        getattr(table, method)("event_synop")


@pytest.mark.parametrize("name", ["input_sparsity", "samples", "call", "layer", "timesteps", "out_shape"])
def test_column_without_a_total(make_call, make_trace, name):
    table = count(make_trace(make_call()))
    for method in (table.total, table.known_total):
        with pytest.raises(CountingError, match=f"column '{name}' has no total: add up counts, then divide"):
            method(name)


def test_sparsities_and_rates(make_call, make_step, make_trace, make_activity):
    # 7 inputs and 23 outputs, 11 timesteps of 5 ms, 3 samples.
    read = make_activity(7 * 11 * 3, 33, neurons=7, spikes=66, amplitude=200.0)
    made = make_activity(23 * 11 * 3, 253, neurons=23, spikes=506, fired=bytes([0b10100111, 0, 0b1000000]))
    use = Use(activity=read, spiking=True, fanout_events=33 * 23, fanout_spikes=66 * 23)
    steps = (
        make_step(Dense(inputs=7, units=23), 33, use=use, weights=7 * 23, weight_nonzeros=100),
        make_step(Elementwise(function="bias", elements=23), 33, weights=23, weight_nonzeros=20),
        make_step(NeuronUpdate(neuron="lif", neurons=23), 33, state_bytes=23 * 4),
    )
    call = make_call(
        *steps,
        output=made,
        output_spiking=True,
        samples=3,
        sample_steps=33,
        dt=0.005,
        bytes_in=91,
        bytes_out=37,
    )
    (row,) = zip(*(count(make_trace(call))[name] for name in COLUMNS), strict=True)
    got = dict(zip(COLUMNS, row, strict=True))
    assert got["timesteps"] == 11
    assert got["input_sparsity"] == pytest.approx(1 - 33 / (7 * 11 * 3))
    assert got["output_sparsity"] == pytest.approx(1 - 253 / (23 * 11 * 3))
    assert got["weight_sparsity"] == pytest.approx(1 - (100 + 20) / (7 * 23 + 23))
    assert got["input_firing_rate_hz"] == pytest.approx(66 / (7 * 11 * 3) / 0.005)
    assert got["output_firing_rate_hz"] == pytest.approx(506 / (23 * 11 * 3) / 0.005)
    # Five bits of the first byte and one of the last: 6 of 23 neurons fired.
    assert got["silent_fraction"] == pytest.approx(1 - 6 / 23)
    assert (got["events"], got["spikes"], got["nonfinite"]) == (253, 506, 0)
    assert got["activation_bytes"] == 91 + 37
    assert got["state_bytes"] == 23 * 4
    assert (got["kind"], got["operations"]) == ("dense", "dense, elementwise, neuron_update")


def test_what_does_not_apply_is_unknown(make_call, make_step, make_trace, make_activity, graded):
    pool = make_call(make_step(Pool(method="max", taps=12, outputs=3)), path="pool")
    empty = make_activity(0, 0, neurons=0, spikes=0, fired=b"")
    nothing = make_call(path="nothing", output=empty, output_spiking=True, dt=0.001)
    table = count(make_trace(pool, nothing))
    for name in (
        "input_sparsity",
        "output_sparsity",
        "weight_sparsity",
        "input_firing_rate_hz",
        "output_firing_rate_hz",
        "silent_fraction",
    ):
        assert table[name] == (None, None), name
    assert table["events"] == (None, 0)


@pytest.mark.parametrize(
    "output_spiking, spikes, dt, expected",
    [(True, 5, 0.5, 5 / (10 * 0.5)), (False, 5, 0.5, None), (True, None, 0.5, None), (True, 5, None, None)],
)
def test_rate_needs_spikes_and_dt(make_call, make_trace, make_activity, output_spiking, spikes, dt, expected):
    output = make_activity(10, 4, spikes=spikes)
    table = count(make_trace(make_call(output=output, output_spiking=output_spiking, dt=dt)))
    assert table["output_firing_rate_hz"] == (expected,)


def test_weights_of_unknown_zeros(make_call, make_step, make_trace):
    steps = (
        make_step(Elementwise(function="bias", elements=7), weights=7, weight_nonzeros=7),
        make_step(Elementwise(function="scale", elements=7), weights=7, weight_nonzeros=None),
    )
    assert count(make_trace(make_call(*steps)))["weight_sparsity"] == (None,)
    assert count(make_trace(make_call(steps[0])))["weight_sparsity"] == (0.0,)


def test_readings(make_call, make_trace):
    literal = make_call(path="passthrough")
    folded = make_call(path="composed", reading="folded")
    both = make_trace(literal, folded)
    assert count(both)["path"] == ("passthrough",)
    assert count(both, reading="folded")["path"] == ("composed",)
    assert count(both, "folded").reading == "folded"
    with pytest.raises(CountingError, match="unknown reading 'fold': known are literal, folded"):
        count(both, reading="fold")
    with pytest.raises(CountingError, match="was not recorded in the reading 'folded', but: literal"):
        count(make_trace(literal), reading="folded")


def test_no_trace_and_empty_trace(make_trace):
    with pytest.raises(CountingError, match=r"expected a Trace \(probe.trace, or ep.load_.+\), got str"):
        count("run.json")
    with pytest.raises(CountingError, match="the trace of 'net' holds no layer calls: there is"):
        count(make_trace())


def test_errors_name_the_call(make_call, make_step, make_trace):
    second = make_call(make_step(Dense(inputs=7, units=23)), path="m/dense", call_index=1, type="Dense")
    with pytest.raises(CountingError, match=r"^m/dense#1 \(Dense\): Dense does not say what it read"):
        count(make_trace(second))


def test_the_reading_to_count_is_the_wanted_one_where_there_is_a_choice(make_call, make_trace):
    literal, folded = make_call(path="routed"), make_call(path="composed", reading="folded")
    assert reading_for(make_trace(literal, folded), "folded") == "folded"
    assert reading_for(make_trace(literal, folded), "literal") == "literal"
    assert reading_for(make_trace(literal), "folded") == "literal"
    assert reading_for(make_trace(folded), "literal") == "folded"
    with pytest.raises(CountingError, match=r"^expected a Trace .*, got dict$"):
        reading_for({}, "folded")
