"""Sizes of graded values (``detail="values"``), against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import energyprobe as ep
from energyprobe.trace.histograms import MAGNITUDE_EDGES

pytestmark = pytest.mark.oldest

SAMPLES = 5


@pytest.fixture
def trace_and_data(keras, random):
    """Two dense layers of 11 and 3 units, and a convolution of stride 2, that read one tensor ``(9, 4)``."""
    inputs = keras.Input((9, 4))
    outputs = [
        keras.layers.Dense(11, name="wide")(inputs),
        keras.layers.Dense(3, name="narrow")(inputs),
        keras.layers.Conv1D(7, 3, strides=2, padding="same", name="conv")(inputs),
    ]
    model = keras.Model(inputs, outputs)
    data = random.randint(-3, 4, (SAMPLES, 9, 4)).astype("float32") / 4
    probe = ep.KerasProbe(detail="values")
    model.predict(data, batch_size=2, verbose=0, callbacks=[probe])
    return probe.trace, data


def test_each_reader_of_a_tensor_has_its_own_fanout(trace_and_data):
    trace, data = trace_and_data
    # Under a stride of 2, 9 positions have 5 outputs at 0, 2, 4, 6, 8, whose 3 taps are centred on them: even
    # positions feed one output (by the middle tap), odd ones the two beside them.
    reach = np.array([1, 2, 1, 2, 1, 2, 1, 2, 1])[:, np.newaxis]
    fanout = {"wide": 11, "narrow": 3, "conv": 7 * reach}
    for call in trace.calls:
        seen = call.steps[0].use.activity
        for magnitudes, part in ((seen.positive, np.maximum(data, 0)), (seen.negative, np.maximum(-data, 0))):
            assert magnitudes.total == pytest.approx(part.sum())
            assert magnitudes.fanout_total == pytest.approx((part * fanout[call.layer]).sum())
            assert magnitudes.maximum == part.max() == 0.75
            counts, _ = np.histogram(part[part > 0], MAGNITUDE_EDGES)
            assert list(magnitudes.histogram) == list(counts)
