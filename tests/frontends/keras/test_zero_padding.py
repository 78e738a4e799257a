"""A convolution behind a layer of zeros is counted from what is within them: as if its input had come so."""

from __future__ import annotations

import numpy as np
import pytest

import energyprobe as ep

pytestmark = pytest.mark.oldest
SAMPLES = 5
PADDED = {
    "line": ((7,), "ZeroPadding1D", (2, 1), "Conv1D", {"strides": 2}),
    "even": ((7, 6), "ZeroPadding2D", ((0, 1), (0, 1)), "Conv2D", {"strides": 2}),
    "uneven": ((5, 6), "ZeroPadding2D", ((3, 1), (0, 2)), "Conv2D", {"dilation_rate": 2}),
    "depthwise": ((7, 6), "ZeroPadding2D", ((0, 1), (1, 0)), "DepthwiseConv2D", {"strides": 2}),
    "same": ((5, 6), "ZeroPadding2D", ((1, 1), (2, 2)), "Conv2D", {"padding": "same"}),
    "space": ((4, 3, 5), "ZeroPadding3D", ((1, 0), (0, 2), (1, 1)), "Conv3D", {}),
}


def network(keras, case):
    """An activation, zeros around it, a convolution; and the convolution alone."""
    layers = keras.layers
    sizes, padding, amounts, convolution, options = PADDED[case]
    inputs = keras.Input((*sizes, 4))
    active = layers.Activation("relu", name="active")(inputs)
    padded = getattr(layers, padding)(amounts, name="zeros")(active)
    filters = () if convolution.startswith("Depthwise") else (3,)
    layer = getattr(layers, convolution)(*filters, 3, name="convolution", **options)
    model = keras.Model(inputs, [layer(padded), padded])
    model.compile(jit_compile=False)
    again = keras.Input(tuple(padded.shape[1:]))
    alone = keras.Model(again, layer(again))
    alone.compile(jit_compile=False)
    return model, alone


def convolved(trace):
    return next(call for call in trace.calls if call.layer == "convolution")


@pytest.mark.parametrize("case, zeros", [("uneven", False), *((case, True) for case in PADDED)])
def test_what_is_read_is_what_was_padded(keras, random, record, case, zeros):
    model, alone = network(keras, case)
    x = random.randn(SAMPLES, *model.inputs[0].shape[1:]).astype("float32")
    if zeros:
        weights = [np.where(random.rand(*each.shape) < 0.4, 0, each) for each in alone.get_weights()]
        alone.set_weights(weights)
    padded = model.predict(x, batch_size=2, verbose=0)[1]
    found, expected = (convolved(record(*each, batch_size=2)) for each in ((model, x), (alone, padded)))
    assert found.steps == expected.steps
    use = found.steps[0].use
    assert use.activity.elements == padded.size
    assert use.activity.events == np.count_nonzero(padded) < x.size
    assert use.fanout_events > use.effective_events if zeros else use.fanout_events == use.effective_events


def test_weights_that_change_between_two_runs_of_one_probe(keras, random):
    model, alone = network(keras, "uneven")
    x = random.randn(SAMPLES, *model.inputs[0].shape[1:]).astype("float32")
    padded = model.predict(x, verbose=0)[1]
    probe, other = ep.KerasProbe(), ep.KerasProbe()
    for share in (0.5, 0.0, 0.8):
        alone.set_weights([np.where(random.rand(*each.shape) < share, 0, 1) for each in alone.get_weights()])
        model.predict(x, verbose=0, callbacks=[probe])
        alone.predict(padded, verbose=0, callbacks=[other])
        assert convolved(probe.trace).steps == convolved(other.trace).steps


def test_data_that_nobody_activated(keras, random, record):
    """What is within the zeros is not observed for itself, nor is what is padded twice."""
    layers = keras.layers
    inputs = keras.Input((5, 6, 2))
    twice = layers.ZeroPadding2D(1)(layers.ZeroPadding2D(2)(layers.Activation("relu")(inputs)))
    outputs = {
        "once": layers.Conv2D(3, 3, name="once")(layers.ZeroPadding2D(1)(inputs)),
        "twice": layers.Conv2D(3, 3, name="twice")(twice),
    }
    x = random.randn(SAMPLES, 5, 6, 2).astype("float32")
    calls = {call.layer: call for call in record(keras.Model(inputs, outputs), x).calls}
    assert calls["once"].steps[0].use.activity.events == np.count_nonzero(x)
    assert calls["once"].steps[0].use.activity.elements == SAMPLES * 7 * 8 * 2
    assert calls["twice"].steps[0].use.activity.events == np.count_nonzero(x > 0)
    assert calls["twice"].steps[0].use.activity.elements == SAMPLES * 11 * 12 * 2


@pytest.mark.parametrize("detail", ["neurons", "values"])
def test_details_are_those_of_the_padded_tensor(keras, random, record, detail):
    model, alone = network(keras, "even")
    x = random.randn(SAMPLES, *model.inputs[0].shape[1:]).astype("float32")
    padded = model.predict(x, verbose=0)[1]
    found, expected = (convolved(record(*each, detail=detail)) for each in ((model, x), (alone, padded)))
    assert found.steps == expected.steps
