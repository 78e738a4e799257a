"""Counters are exact beyond 2**24 (float32) and 2**31 (int32), whatever adds up."""

from __future__ import annotations

import numpy as np
import pytest

import energyprobe as ep
from energyprobe.frontends.keras.counters import Counters

tf = pytest.importorskip("tensorflow")

pytestmark = pytest.mark.oldest
LARGE = 2**31 + 2**24 + 1


@pytest.fixture(params=[False, True], ids=["", "XLA"])
def counted(request):
    """A step that counts its argument, and its counters."""
    held = {}

    @tf.function(jit_compile=request.param)
    def step(x):
        counters = Counters(tf)
        held["counters"] = counters
        held["places"] = {
            "integers": counters.add("integers", x * LARGE),
            "matrix": counters.add("integers", tf.stack([[x, 2 * x], [3 * x, 4 * x]])),
            "constant": counters.add("integers", 3),
            "sums": counters.add("sums", tf.cast(x, tf.float64) * 0.5),
            "maxima": counters.add("maxima", tf.cast(x % 5, tf.float32)),
            "bits": counters.add("bits", tf.equal(tf.range(4, dtype=tf.int64), x)),
        }
        counters.commit()

    return step, held


def assert_counts(held, given):
    totals, places = held["counters"].read(), held["places"]
    assert totals.integer(places["integers"]) == sum(given) * LARGE
    assert totals.array(places["matrix"]).tolist() == [sum(given) * each for each in (1, 2, 3, 4)]
    assert totals.integer(places["constant"]) == 3 * len(given)
    assert totals.number(places["sums"]) == sum(given) * 0.5
    assert totals.number(places["maxima"]) == max((each % 5 for each in given), default=0)
    assert totals.array(places["bits"]).tolist() == [each in given for each in range(4)]


def test_totals_over_many_steps(counted):
    step, held = counted
    given = [1, 3, 2**30 + 1, *[1] * 40]
    for each in given:
        step(tf.constant(each, tf.int64))
    assert_counts(held, given)


def test_totals_after_a_reset(counted):
    step, held = counted
    step(tf.constant(7, tf.int64))
    held["counters"].reset()
    assert_counts(held, [])
    step(tf.constant(2, tf.int64))
    assert_counts(held, [2])


def test_totals_of_one_eager_step():
    counters = Counters(tf)
    places = [counters.add("integers", each) for each in (tf.constant(LARGE, tf.int64), LARGE, np.int64(5))]
    bits = counters.add("bits", tf.constant([True, False]))
    counters.commit()
    totals = counters.read()
    assert [totals.integer(place) for place in places] == [LARGE, LARGE, 5]
    assert totals.array(bits).tolist() == [True, False]


def uses(size, kernel, stride):
    """Outputs that read each position of one axis of a convolution without padding."""
    starts = range(0, size - kernel + 1, stride)
    return np.bincount([start + tap for start in starts for tap in range(kernel)], minlength=size)


def test_events_that_many_connections_read(keras):
    """In one sample more than 2**24 before they are multiplied by the filters, and more than 2**31 after."""
    height, width, kernel, stride, filters = 1499, 1501, 64, 8, 17
    convolution = keras.layers.Conv2D(filters, kernel, strides=stride, use_bias=False)
    model = keras.Sequential(
        [keras.Input((height, width, 1)), convolution, keras.layers.GlobalMaxPooling2D()]
    )
    model.compile(jit_compile=False)
    mask = np.ones((height, width), bool)
    mask[::7, ::5] = False
    read = int(uses(height, kernel, stride) @ mask.astype(np.int64) @ uses(width, kernel, stride))
    assert 2**24 < read < 2**31 < read * filters
    probe = ep.KerasProbe(accumulate=True)
    x = mask[np.newaxis, ..., np.newaxis].astype("float32")
    for number in (1, 2):
        model.predict(x, verbose=0, callbacks=[probe])
        use = probe.trace.calls[0].steps[0].use
        assert use.activity.events == number * mask.sum()
        assert use.activity.elements == number * mask.size
        assert use.activity.sum_sq_events_per_sample == number * int(mask.sum()) ** 2
        assert use.fanout_events == number * read * filters


def test_events_of_one_row_beyond_what_float32_counts(keras):
    model = keras.Sequential([keras.Input((2**24 + 3,)), keras.layers.Dense(1)])
    model.compile(jit_compile=False)
    kernel, bias = np.ones((2**24 + 3, 1), "float32"), np.zeros(1, "float32")
    probe = ep.KerasProbe()
    for pruned in (0, 2):
        kernel[:pruned] = 0
        model.set_weights([kernel, bias])
        model.predict(np.ones((1, 2**24 + 3), "float32"), verbose=0, callbacks=[probe])
        use = probe.trace.calls[0].steps[0].use
        assert use.activity.events == use.fanout_events == 2**24 + 3
        assert use.effective_events == 2**24 + 3 - pruned
        assert use.activity.sum_sq_events_per_sample == (2**24 + 3) ** 2
