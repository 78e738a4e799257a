"""Counts of random spike trains against a plain loop over samples, timesteps, outputs and weights."""

import itertools

import numpy as np
import pytest

from energyprobe.counting.table import count
from energyprobe.trace.geometry import effective_fanout, fanout
from energyprobe.trace.operations import Dense
from energyprobe.trace.padding import conv, conv_transpose
from energyprobe.trace.records import Activity, Use

pytestmark = pytest.mark.oldest

SAMPLES, TIMESTEPS = 2, 3


def weights_of_convolution(operation):
    """Every (input element, weight index) of one application."""
    axes = range(len(operation.input_shape))
    walked, found = operation.output_shape, operation.input_shape
    if operation.transposed:
        walked, found = found, walked
    inner = operation.channels // operation.groups
    for start in itertools.product(*map(range, walked)):
        for tap in itertools.product(*map(range, operation.kernel)):
            end = tuple(
                start[a] * operation.strides[a] + tap[a] * operation.dilation[a] - operation.padding[a]
                for a in axes
            )
            if all(0 <= end[a] < found[a] for a in axes):
                for f, c in itertools.product(range(operation.filters), range(inner)):
                    group = f // (operation.filters // operation.groups)
                    position = start if operation.transposed else end
                    yield (*position, group * inner + c), (*tap, c, f)


def weights_of_matrix(operation):
    yield from (((i,), (i, u)) for i in range(operation.inputs) for u in range(operation.units))


CASES = [
    (Dense(inputs=7, units=5), (7,), (7, 5), weights_of_matrix),
    *(
        (operation, (*operation.input_shape, operation.channels), mask, weights_of_convolution)
        for operation, mask in [
            (conv((7,), channels=2, filters=3, kernel=(3,), dilation=(2,), padding="causal"), (3, 2, 3)),
            (
                conv((5, 7), channels=2, filters=3, kernel=(3, 2), strides=(2, 3), padding="same"),
                (3, 2, 2, 3),
            ),
            (conv((5, 4), channels=4, filters=6, kernel=(2, 3), groups=2), (2, 3, 2, 6)),
            (conv((5, 4), channels=3, filters=6, kernel=(3, 3), groups=3, padding="same"), (3, 3, 1, 6)),
            (conv_transpose((3, 4), channels=2, filters=3, kernel=(3, 2), strides=(2, 2)), (3, 2, 2, 3)),
            (
                conv_transpose((3, 4), channels=2, filters=3, kernel=(5, 3), strides=(2, 2), padding="same"),
                (5, 3, 2, 3),
            ),
        ]
    ),
]


@pytest.mark.parametrize("spiking", [True, False])
@pytest.mark.parametrize("operation, shape, mask_shape, weights", CASES)
def test_counts_equal_the_loop(
    make_call, make_step, make_trace, operation, shape, mask_shape, weights, spiking
):
    draw = np.random.default_rng(23)
    # Up to three spikes a step, of either sign, most of them none.
    spikes = draw.choice([0, 0, 0, 0, 1, 1, 2, 3, -1], size=(SAMPLES, TIMESTEPS, *shape))
    mask = draw.random(mask_shape) > 0.3

    expected = dict.fromkeys(("dense", "event", "effective", "spike", "effective_spike"), 0)
    pairs = list(weights(operation))
    for sample, timestep in itertools.product(range(SAMPLES), range(TIMESTEPS)):
        for element, weight in pairs:
            value = int(spikes[(sample, timestep, *element)])
            expected["dense"] += 1
            expected["event"] += value != 0
            expected["spike"] += abs(value)
            expected["effective"] += value != 0 and bool(mask[weight])
            expected["effective_spike"] += abs(value) * bool(mask[weight])
    if not spiking:
        expected |= {"spike": expected["event"], "effective_spike": expected["effective"]}

    every, nonzero = fanout(operation), effective_fanout(operation, mask)
    use = Use(
        activity=Activity(
            elements=spikes.size,
            events=int((spikes != 0).sum()),
            samples=SAMPLES,
            sum_sq_events_per_sample=0,
        ),
        spiking=spiking,
        fanout_events=int(((spikes != 0) * every).sum()),
        effective_events=int(((spikes != 0) * nonzero).sum()),
        fanout_spikes=int((np.abs(spikes) * every).sum()) if spiking else None,
        effective_spikes=int((np.abs(spikes) * nonzero).sum()) if spiking else None,
    )
    step = make_step(operation, SAMPLES * TIMESTEPS, use=use)
    call = make_call(step, samples=SAMPLES, sample_steps=SAMPLES * TIMESTEPS)
    table = count(make_trace(call, samples=SAMPLES))

    assert {name: table.total(f"{name}_synops") for name in expected} == expected
    kind, other = ("acs", "macs") if spiking else ("macs", "acs")
    for name in ("dense", "event", "effective"):
        assert table.total(f"{name}_{kind}") == expected[name]
        assert table.total(f"{name}_{other}") == 0
    # The test is empty unless the counts differ.
    assert expected["effective"] < expected["event"] < expected["dense"]
