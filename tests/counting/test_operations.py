"""Counts of each kind of operation, by hand."""

from dataclasses import asdict
from typing import get_args

import pytest

from energyprobe.counting.counts import COUNT_NAMES, UNKNOWN, Counts
from energyprobe.counting.operations import COUNTED_BY, count_step
from energyprobe.errors import CountingError
from energyprobe.trace.operations import (
    AnyOperation,
    Decode,
    Dense,
    Elementwise,
    Encode,
    Filter,
    Free,
    Learning,
    Lookup,
    NeuronUpdate,
    Operation,
    Pool,
    Product,
    Sparse,
    Uncounted,
)
from energyprobe.trace.padding import conv, conv_transpose
from energyprobe.trace.records import Activity, Step, Use

pytestmark = pytest.mark.oldest

EXECUTIONS = 13


def activity(**facts):
    return Activity(**{"elements": 1, "events": 0, "samples": 1, "sum_sq_events_per_sample": 0} | facts)


def step(operation, use=None):
    return Step(operation=operation, executions=EXECUTIONS, dtype="float32", use=use)


def known(counts):
    """Counts other than 0."""
    return {name: value for name, value in asdict(counts).items() if value != 0}


GRADED = Use(activity=activity(), spiking=False, fanout_events=91, effective_events=37)
SPIKES = Use(
    activity=activity(),
    spiking=True,
    fanout_events=91,
    fanout_spikes=111,
    effective_events=37,
    effective_spikes=41,
)
UNOBSERVED = Use(activity=None, spiking=False)

# Connections of one application.
SYNAPTIC = [
    (Dense(inputs=7, units=23), 7 * 23),
    (Dense(inputs=7, units=23, positions=5), 5 * 7 * 23),
    (conv((5,), channels=3, filters=7, kernel=(3,)), 3 * 3 * 3 * 7),  # 3 outputs, 3 taps
    (conv_transpose((5,), channels=3, filters=7, kernel=(3,), strides=(2,)), 5 * 3 * 3 * 7),
    (Sparse(inputs=91, units=23, entries=41), 41),
    (Decode(neurons=91, dimensions=3), 91 * 3),
    (Encode(dimensions=3, neurons=91), 3 * 91),
]


@pytest.mark.parametrize("operation, connections", SYNAPTIC)
def test_graded_inputs_make_macs(operation, connections):
    dense = connections * EXECUTIONS
    assert known(count_step(step(operation, GRADED))) == {
        "connections": connections,
        "dense_synops": dense,
        "event_synops": 91,
        "effective_synops": 37,
        # A graded input has one event, not spikes.
        "spike_synops": 91,
        "effective_spike_synops": 37,
        "dense_macs": dense,
        "event_macs": 91,
        "effective_macs": 37,
    }


@pytest.mark.parametrize("operation, connections", SYNAPTIC)
def test_spikes_make_acs(operation, connections):
    dense = connections * EXECUTIONS
    assert known(count_step(step(operation, SPIKES))) == {
        "connections": connections,
        "dense_synops": dense,
        "event_synops": 91,
        "effective_synops": 37,
        "spike_synops": 111,
        "effective_spike_synops": 41,
        "dense_acs": dense,
        "event_acs": 91,
        "effective_acs": 37,
    }


@pytest.mark.parametrize("spiking", [False, True])
@pytest.mark.parametrize("operation, connections", SYNAPTIC)
def test_unobserved_is_not_zero(operation, connections, spiking):
    counts = count_step(step(operation, Use(activity=None, spiking=spiking)))
    dense = connections * EXECUTIONS
    assert (counts.dense_synops, counts.dense_macs, counts.dense_acs) == (
        dense,
        0 if spiking else dense,
        dense if spiking else 0,
    )
    for name in ("event_synops", "effective_synops", "spike_synops", "effective_spike_synops"):
        assert getattr(counts, name) is None
    unknown, none = ("acs", "macs") if spiking else ("macs", "acs")
    for name in ("event", "effective"):
        assert getattr(counts, f"{name}_{unknown}") is None
        assert getattr(counts, f"{name}_{none}") == 0


def test_spikes_without_their_number():
    counts = count_step(
        step(Dense(inputs=7, units=23), Use(activity=activity(), spiking=True, fanout_events=46))
    )
    assert (counts.event_synops, counts.event_acs) == (46, 46)
    assert counts.spike_synops is None
    assert counts.effective_synops is None


@pytest.mark.parametrize("left, right", [(False, False), (True, False), (False, True), (True, True)])
def test_product_accumulates_if_either_operand_spikes(left, right):
    operation = Product(rows=5, shared=7, columns=11, copies=3)
    use = Use(activity=activity(), other=activity(), spiking=left, other_spiking=right, fanout_events=91)
    counts = count_step(step(operation, use))
    dense = 3 * 5 * 7 * 11 * EXECUTIONS
    acs, macs = (dense, 0) if left or right else (0, dense)
    assert (counts.dense_acs, counts.dense_macs) == (acs, macs)
    # Without weights every pair of events is effective.
    assert (counts.event_synops, counts.effective_synops) == (91, 91)
    assert counts.event_acs + counts.event_macs == counts.effective_acs + counts.effective_macs == 91
    assert counts.spike_synops == counts.effective_spike_synops == (None if left or right else 91)


@pytest.mark.parametrize(
    "operation, expected",
    [
        (Lookup(rows=23, width=7, lookups=5), {"lookups": 5 * EXECUTIONS}),
        # Windows of 2 x 3 on 6 outputs.
        (Pool(method="max", taps=6 * 2 * 3, outputs=6), {"elementwise_ops": 6 * 2 * 3 * EXECUTIONS}),
        (Pool(method="average", taps=6 * 2 * 3, outputs=6), {"elementwise_ops": 6 * 2 * 3 * EXECUTIONS}),
        (Elementwise(function="bias", elements=37), {"elementwise_ops": 37 * EXECUTIONS}),
        (
            Elementwise(function="softmax", elements=37, ops_per_element=3),
            {"elementwise_ops": 37 * 3 * EXECUTIONS},
        ),
        (NeuronUpdate(neuron="lif", neurons=91), {"neuron_updates": 91 * EXECUTIONS}),
        # A second-order filter has two states a signal.
        (Filter(function="alpha", elements=7, order=2), {"elementwise_ops": 7 * 2 * EXECUTIONS}),
        # One multiplication and one addition for each changed weight.
        (Learning(rule="PES", macs=23), {"elementwise_ops": 2 * 23 * EXECUTIONS}),
        (Free(reason="moves data"), {}),
    ],
)
def test_kinds_without_synapses(operation, expected):
    assert known(count_step(step(operation))) == expected


def test_uncounted_is_unknown_throughout():
    assert count_step(step(Uncounted(reason="no rule"))) == UNKNOWN
    assert set(asdict(UNKNOWN).values()) == {None}


@pytest.mark.parametrize("use", [GRADED, SPIKES, UNOBSERVED])
@pytest.mark.parametrize("operation, _", SYNAPTIC)
def test_macs_and_acs_make_up_the_synops(operation, _, use):
    counts = count_step(step(operation, use))
    for part in ("dense", "event", "effective"):
        macs, acs = getattr(counts, f"{part}_macs"), getattr(counts, f"{part}_acs")
        synops = getattr(counts, f"{part}_synops")
        assert (None if None in (macs, acs) else macs + acs) == synops


def test_every_kind_of_operation_has_a_function():
    assert set(COUNTED_BY) == set(get_args(AnyOperation))


def test_kind_without_a_function():
    class Fft(Operation, frozen=True):
        points: int

    with pytest.raises(CountingError, match="nothing counts operations of kind Fft: known are Conv, Decode"):
        count_step(step(Fft(points=64)))


@pytest.mark.parametrize("operation", [Dense(inputs=7, units=23), Product(rows=5, shared=7, columns=11)])
def test_synaptic_operation_without_a_use(operation):
    kind = type(operation).__name__
    with pytest.raises(CountingError, match=f"{kind} does not say what it read: give its step a Use"):
        count_step(step(operation))


@pytest.mark.parametrize(
    "events, effective, text",
    [
        (7 * 23 * EXECUTIONS + 1, None, "2093 dense, 2094 event and None effective"),
        (91, 92, "2093 dense, 91 event and 92 effective"),
        (None, 7 * 23 * EXECUTIONS + 1, "2093 dense, None event and 2094 effective"),
    ],
)
def test_impossible_facts(events, effective, text):
    use = Use(activity=activity(), spiking=False, fanout_events=events, effective_events=effective)
    with pytest.raises(CountingError, match=f"Dense cannot have {text} synaptic operations: each is a part"):
        count_step(step(Dense(inputs=7, units=23), use))


def test_counts_add_up_and_unknown_stays_unknown():
    left = Counts(dense_synops=2**53, event_synops=7, lookups=None)
    right = Counts(dense_synops=1, event_synops=None, lookups=5)
    total = left + right
    assert total.dense_synops == 9_007_199_254_740_993  # a float64 would say …992
    assert (total.event_synops, total.lookups) == (None, None)
    assert total.neuron_updates == 0
    assert left + Counts() == left
    assert left + UNKNOWN == UNKNOWN
    assert tuple(asdict(total)) == COUNT_NAMES
