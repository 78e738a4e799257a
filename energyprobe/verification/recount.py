"""Counts by brute force: a layer runs on masks, with masks for weights, and its outputs are added up.

With weights of one, no bias and no activation, what a layer gives for a mask of ones is, for each output, the
number of its connections; for a mask of the inputs that are not zero, the number of events that reach it. The
framework decides which input meets which weight, so that nothing here depends on a rule of geometry.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from energyprobe.verification.capture import Seen

Counts = dict[str, int]

MOST_POSITIONS = 4096
"""A pooling layer is fed one image for each position, so it is not checked on more of them."""

ONE_OPERATION = ("elu", "hard_sigmoid", "leaky_relu", "relu", "relu6", "selu", "sigmoid", "softplus", "tanh")
"""Activations that are one operation for each element, by convention."""

POOLING = tuple(
    f"{scope}{kind}Pooling{axes}D"
    for scope in ("", "Global")
    for kind in ("Max", "Average")
    for axes in (1, 2, 3)
)
"""Pooling layers of Keras."""


class CannotRecount(Exception):
    """Says why a call cannot be counted by brute force."""


def recounter(keras: Any, layer: Any) -> Callable[[Any, Seen, float | None], Counts]:
    """Find the function that counts a layer.

    Parameters
    ----------
    keras : module
        The Keras of the layer.
    layer : object
        The layer.

    Returns
    -------
    callable
        Of the layer, what it read and gave, and the value of one spike of the input (None if it is graded).

    Raises
    ------
    CannotRecount
        If there is none.
    """
    for names, function in RECOUNTED.items():
        # A subclass may compute anything.
        if any(type(layer) is getattr(keras.layers, name, None) for name in names):
            return function
    keras_spiking = sys.modules.get("keras_spiking")
    if keras_spiking is not None and type(layer) is keras_spiking.SpikingActivation:
        return _spiking
    raise CannotRecount(f"nothing counts a {type(layer).__name__} by brute force")


def _weighted(layer: Any, seen: Seen, amplitude: float | None) -> Counts:
    """Dense layers and convolutions."""
    kernel = np.asarray(layer.get_weights()[0])
    ones, weights = np.ones(kernel.shape), (kernel != 0).astype(float)
    every, events = np.ones(seen.inputs.shape), (seen.inputs != 0).astype(float)
    return {
        "dense_synops": _sum(layer, ones, every),
        "event_synops": _sum(layer, ones, events),
        "effective_synops": _sum(layer, weights, events),
        "spike_synops": _sum(layer, ones, _spikes(seen.inputs, amplitude, events)),
        **_elementwise(layer, seen.output.size),
    }


def _sum(layer: Any, kernel: np.ndarray, inputs: np.ndarray) -> int:
    """What a layer with these weights, and nothing else, gives for these inputs, added up."""
    config = layer.get_config() | {"dtype": "float64", "activation": None}
    config |= {"bias_axes": None} if "bias_axes" in config else {"use_bias": False}
    bare = type(layer).from_config(config)
    bare.build(inputs.shape)
    bare.set_weights([kernel])
    total = float(np.sum(np.asarray(bare(inputs), dtype=np.float64)))
    return _whole(total)


def _whole(total: float) -> int:
    if abs(total - round(total)) > 1e-6 * max(abs(total), 1):
        raise CannotRecount(f"its masks add up to {total}, which is no count")
    return round(total)


def _spikes(inputs: np.ndarray, amplitude: float | None, events: np.ndarray) -> np.ndarray:
    """Spikes of each element; an event that is graded counts once."""
    return events if amplitude is None else np.round(np.abs(inputs.astype(float)) / amplitude)


def _elementwise(layer: Any, elements: int) -> Counts:
    """Additions of a bias, and evaluations of an activation where one is one operation."""
    name, bias = _activation(layer), getattr(layer, "bias", None) is not None
    if name not in (*ONE_OPERATION, "linear"):
        return {}
    return {"elementwise_ops": elements * (bias + (name != "linear"))}


def _activation(layer: Any) -> str:
    function = getattr(layer, "activation", None)
    return "linear" if function is None else str(getattr(function, "__name__", type(function).__name__))


def _activation_layer(layer: Any, seen: Seen, amplitude: float | None) -> Counts:
    name = _activation(layer) if hasattr(layer, "activation") else "relu"
    return {"elementwise_ops": seen.output.size} if name in ONE_OPERATION else {}


def _pooling(layer: Any, seen: Seen, amplitude: float | None) -> Counts:
    """Windows that see an element are the outputs that an image of this element alone changes."""
    shape = list(seen.inputs.shape[1:])
    channel_axis = 0 if layer.data_format == "channels_first" else len(shape) - 1
    channels = shape[channel_axis]
    shape[channel_axis] = 1
    positions = math.prod(shape)
    if positions > MOST_POSITIONS:
        raise CannotRecount(f"its input has {positions} positions, more than {MOST_POSITIONS}")
    images = np.eye(positions, dtype=seen.inputs.dtype).reshape(positions, *shape)
    windows = int(np.count_nonzero(np.asarray(layer(images))))
    return {"elementwise_ops": windows * channels * len(seen.inputs)}


def _recurrent(layer: Any, seen: Seen, amplitude: float | None) -> Counts:
    """Two products in every timestep: of the input, and of the state, which is the output one step late."""
    if layer.stateful or seen.more_inputs:
        raise CannotRecount("it starts from a state, or skips steps by a mask")
    if getattr(layer, "time_major", False):
        raise CannotRecount("its first axis is time")
    if not getattr(layer.cell, "reset_after", True):
        raise CannotRecount("its product reads the state after a reset, which is not seen from outside")
    samples, timesteps, units = seen.output.shape
    state = np.concatenate([np.zeros((samples, 1, units)), seen.output[:, :-1]], axis=1)
    inward, backward = (np.asarray(each) for each in (layer.cell.kernel, layer.cell.recurrent_kernel))
    read, kept = (tensor.reshape(samples * timesteps, -1) for tensor in (seen.inputs, state))
    events, active = read != 0, kept != 0
    all_in, all_back = np.ones_like(inward), np.ones_like(backward)
    return {
        "dense_synops": _product(np.ones_like(read), all_in) + _product(np.ones_like(kept), all_back),
        "event_synops": _product(events, all_in) + _product(active, all_back),
        "effective_synops": _product(events, inward != 0) + _product(active, backward != 0),
        "spike_synops": _product(_spikes(read, amplitude, events), all_in) + _product(active, all_back),
        "neuron_updates": samples * timesteps * units,
    }


def _product(rows: np.ndarray, weights: np.ndarray) -> int:
    """Every row with every column, multiplied out and added up."""
    return _whole(float(np.sum(rows.astype(float) @ weights.astype(float))))


def _time_distributed(layer: Any, seen: Seen, amplitude: float | None) -> Counts:
    """The layer inside, on all timesteps as one batch."""
    inner = layer.layer
    keras = sys.modules[type(inner).__module__.split(".")[0]]
    inputs = seen.inputs.reshape(-1, *seen.inputs.shape[2:])
    output = seen.output.reshape(-1, *seen.output.shape[2:])
    return recounter(keras, inner)(inner, Seen(inner, inputs, output, seen.more_inputs), amplitude)


def _spiking(layer: Any, seen: Seen, amplitude: float | None) -> Counts:
    """Neurons of KerasSpiking: one update for each element; n spikes of a step are n / dt."""
    spikes = np.round(np.abs(seen.output.astype(float)) * float(layer.dt))
    return {"neuron_updates": seen.inputs.size, "spikes": int(spikes.sum())}


RECOUNTED: dict[tuple[str, ...], Callable[[Any, Seen, float | None], Counts]] = {
    ("Dense", "EinsumDense", "Conv1D", "Conv2D", "Conv3D", "DepthwiseConv1D", "DepthwiseConv2D"): _weighted,
    ("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"): _weighted,
    ("SimpleRNN", "GRU", "LSTM"): _recurrent,
    ("Activation", "ReLU", "LeakyReLU", "ELU"): _activation_layer,
    POOLING: _pooling,
    ("TimeDistributed",): _time_distributed,
}
"""Types of Keras layers to the function that counts them."""
