"""Synops of real layers, by letting the layers count themselves.

With every weight 1 and no bias, a layer's output is the number of its inputs' events that reach each unit, so
the sum of the outputs is the number of event-driven synops. With some weights 0 it is the number of effective
ones, and with every input 1 that of dense ones. Nothing of energyprobe's geometry takes part.
"""

from __future__ import annotations

import numpy as np
import pytest

import energyprobe as ep

pytestmark = pytest.mark.oldest

SAMPLES = 3

# name: (layer, its arguments, shape of an input)
LAYERS = {
    "dense": ("Dense", {"units": 7}, (5,)),
    "dense at positions": ("Dense", {"units": 7}, (5, 3)),
    "dense at a grid": ("Dense", {"units": 3}, (5, 2, 4)),
    "einsum": ("EinsumDense", {"equation": "abc,cd->abd", "output_shape": (None, 7)}, (5, 3)),
    "einsum ellipsis": ("EinsumDense", {"equation": "...c,cd->...d", "output_shape": (7,)}, (5, 3)),
    "einsum of heads": ("EinsumDense", {"equation": "abc,cde->abde", "output_shape": (None, 3, 7)}, (5, 4)),
    "einsum from heads": ("EinsumDense", {"equation": "abcd,cde->abe", "output_shape": (None, 7)}, (5, 3, 2)),
    "einsum first axis": ("EinsumDense", {"equation": "abc,bd->adc", "output_shape": (7, 3)}, (5, 3)),
    "einsum own weights": ("EinsumDense", {"equation": "abc,bcd->abd", "output_shape": (5, 7)}, (5, 3)),
    "einsum swapped": ("EinsumDense", {"equation": "abcd,dbe->aceb", "output_shape": (2, 7, 5)}, (5, 2, 3)),
}
for _padding in ("valid", "same"):
    for _stride, _dilation in ((1, 1), (3, 1), (1, 2)):
        _shared = {"strides": _stride, "dilation_rate": _dilation, "padding": _padding}
        _tag = f"{_padding} s{_stride} d{_dilation}"
        LAYERS |= {
            f"conv1d {_tag}": ("Conv1D", {"filters": 7, "kernel_size": 3, **_shared}, (11, 2)),
            f"conv2d {_tag}": ("Conv2D", {"filters": 5, "kernel_size": (3, 2), **_shared}, (9, 7, 3)),
            f"conv3d {_tag}": ("Conv3D", {"filters": 2, "kernel_size": (2, 3, 2), **_shared}, (5, 7, 6, 3)),
            f"grouped {_tag}": (
                "Conv2D",
                {"filters": 6, "kernel_size": 3, "groups": 2, **_shared},
                (9, 7, 4),
            ),
            f"depthwise {_tag}": (
                "DepthwiseConv2D",
                {"kernel_size": 3, "depth_multiplier": 2, **_shared},
                (9, 7, 3),
            ),
            f"depthwise1d {_tag}": ("DepthwiseConv1D", {"kernel_size": 3, **_shared}, (11, 3)),
        }
    for _stride in (1, 2):
        _shared = {"strides": _stride, "padding": _padding}
        _tag = f"{_padding} s{_stride}"
        LAYERS |= {
            f"transposed1d {_tag}": ("Conv1DTranspose", {"filters": 5, "kernel_size": 3, **_shared}, (7, 2)),
            f"transposed2d {_tag}": (
                "Conv2DTranspose",
                {"filters": 5, "kernel_size": 3, **_shared},
                (6, 5, 2),
            ),
            f"transposed3d {_tag}": (
                "Conv3DTranspose",
                {"filters": 2, "kernel_size": 2, **_shared},
                (4, 3, 5, 3),
            ),
        }
LAYERS["causal"] = (
    "Conv1D",
    {"filters": 5, "kernel_size": 3, "padding": "causal", "dilation_rate": 2},
    (9, 2),
)
LAYERS["output padding"] = (
    "Conv2DTranspose",
    {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same", "output_padding": 1},
    (4, 5, 2),
)


def one_layer(keras, name, arguments, shape):
    """A model of one layer whose weights are all 1."""
    inputs = keras.Input(shape)
    # EinsumDense has no bias unless it is given its axes.
    bias = {} if name == "EinsumDense" else {"use_bias": False}
    layer = getattr(keras.layers, name)(**arguments, **bias, name="layer")
    model = keras.Model(inputs, layer(inputs))
    model.set_weights([np.ones_like(weight) for weight in model.get_weights()])
    return model


def outputs_sum(model, x):
    """Sum of what the model computes, without a probe."""
    return float(np.sum(np.asarray(model(x)), dtype=np.float64))


@pytest.mark.parametrize("case", LAYERS)
def test_a_layer_of_ones_counts_its_synops(keras, random, case):
    name, arguments, shape = LAYERS[case]
    model = one_layer(keras, name, arguments, shape)
    events = (random.rand(SAMPLES, *shape) < 0.4).astype("float32")
    dense = outputs_sum(model, np.ones((SAMPLES, *shape), "float32"))
    driven = outputs_sum(model, events)
    (kernel,) = model.get_weights()
    kept = (random.rand(*kernel.shape) < 0.5).astype("float32")
    model.set_weights([kept])
    effective = outputs_sum(model, events)
    assert 0 < effective < driven < dense

    graded = events * random.choice([-2.0, 0.5, 3.0], events.shape).astype("float32")
    probe = ep.KerasProbe()
    model.predict(graded, batch_size=2, verbose=0, callbacks=[probe])
    row = ep.counts(probe.trace).iloc[0]
    assert (row.dense_synops, row.event_synops, row.effective_synops) == (dense, driven, effective)
    assert row.weight_sparsity == pytest.approx(1 - kept.mean())


@pytest.mark.parametrize("case", [case for case in LAYERS if not case.endswith(("d1", "d2", "s1"))])
def test_weights_without_zeros_are_all_effective(keras, random, case):
    name, arguments, shape = LAYERS[case]
    model = one_layer(keras, name, arguments, shape)
    events = (random.rand(SAMPLES, *shape) < 0.4).astype("float32")
    probe = ep.KerasProbe()
    outputs = model.predict(events, batch_size=2, verbose=0, callbacks=[probe])
    row = ep.counts(probe.trace).iloc[0]
    assert row.event_synops == row.effective_synops == np.sum(outputs, dtype=np.float64)
