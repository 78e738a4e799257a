"""Synapses by brute force: a layer runs on masks, with masks for weights, and its outputs are added up.

With weights of one, no bias and no activation, what a layer gives for a mask of ones is, for each output, the
number of its connections; for a mask of the inputs that are not zero, the number of events that reach it. The
framework decides which input meets which weight, so that nothing here depends on a rule of geometry.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from energyprobe.verification.capture import Seen, keras_of
from energyprobe.verification.elementwise import bias_and_activation
from energyprobe.verification.masks import CannotRecount, Counts, product, spikes, whole


def weighted(layer: Any, seen: Seen, amplitude: float | None) -> Counts:
    """Count a dense layer or a convolution."""
    kernel = np.asarray(layer.get_weights()[0])
    ones, weights = np.ones(kernel.shape), (kernel != 0).astype(float)
    every, events = np.ones(seen.inputs.shape), (seen.inputs != 0).astype(float)
    return {
        "dense_synops": _sum(layer, ones, every),
        "event_synops": _sum(layer, ones, events),
        "effective_synops": _sum(layer, weights, events),
        "spike_synops": _sum(layer, ones, spikes(seen.inputs, amplitude).astype(float)),
        **bias_and_activation(layer, seen.output.size),
    }


def _sum(layer: Any, kernel: np.ndarray, inputs: np.ndarray) -> int:
    """What a layer with these weights, and nothing else, gives for these inputs, added up."""
    config = layer.get_config() | {"dtype": "float64", "activation": None}
    config |= {"bias_axes": None} if "bias_axes" in config else {"use_bias": False}
    bare = type(layer).from_config(config)
    bare.build(inputs.shape)
    bare.set_weights([kernel])
    return whole(float(np.sum(np.asarray(bare(inputs), dtype=np.float64))))


def separable(layer: Any, seen: Seen, amplitude: float | None) -> Counts:
    """Count a separable convolution: a depthwise one, and one with a kernel of 1 on what the former gives."""
    if layer.padding == "causal":
        raise CannotRecount("its padding is causal, which the depthwise layers of Keras do not know")
    layers, axes, config = keras_of(layer).layers, len(layer.kernel_size), layer.get_config()
    depthwise_kernel, *pointwise_weights = layer.get_weights()
    shared = {name: config[name] for name in ("data_format", "dtype")}
    windows = ("kernel_size", "strides", "padding", "dilation_rate", "depth_multiplier")
    depthwise = getattr(layers, f"DepthwiseConv{axes}D")(
        **{name: config[name] for name in windows}, **shared, use_bias=False
    )
    pointwise = getattr(layers, f"Conv{axes}D")(
        layer.filters, 1, **shared, use_bias=layer.use_bias, activation=layer.activation
    )
    depthwise.build(seen.inputs.shape)
    depthwise.set_weights([depthwise_kernel])
    middle = np.asarray(depthwise(seen.inputs))
    pointwise.build(middle.shape)
    pointwise.set_weights(pointwise_weights)
    first = weighted(depthwise, dataclasses.replace(seen, output=middle), amplitude)
    second = weighted(pointwise, dataclasses.replace(seen, inputs=middle), None)
    return {quantity: first[quantity] + number for quantity, number in second.items()}


def recurrent(layer: Any, seen: Seen, amplitude: float | None) -> Counts:
    """Count two products in every timestep: of the input, and of the state, the output one step late."""
    if layer.stateful or seen.more_inputs:
        raise CannotRecount("it starts from a state, or skips steps by a mask")
    if getattr(layer, "time_major", False):
        raise CannotRecount("its first axis is time")
    samples, timesteps, units = seen.output.shape
    state = np.concatenate([np.zeros((samples, 1, units)), seen.output[:, :-1]], axis=1)
    inward, backward = (np.asarray(each) for each in (layer.cell.kernel, layer.cell.recurrent_kernel))
    read, kept = (tensor.reshape(samples * timesteps, -1) for tensor in (seen.inputs, state))
    events, active = read != 0, kept != 0
    all_in, all_back = np.ones_like(inward), np.ones_like(backward)
    return {
        "dense_synops": product(np.ones_like(read), all_in) + product(np.ones_like(kept), all_back),
        "event_synops": product(events, all_in) + product(active, all_back),
        "effective_synops": product(events, inward != 0) + product(active, backward != 0),
        "spike_synops": product(spikes(read, amplitude), all_in) + product(active, all_back),
        "neuron_updates": samples * timesteps * units,
    }
