"""Which function counts a layer by brute force."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

import numpy as np

from energyprobe.verification.attention import additive, dot, heads
from energyprobe.verification.capture import Seen, keras_of
from energyprobe.verification.elementwise import (
    Recount,
    activation_layer,
    each_element,
    merging,
    normalisation,
    pooling,
)
from energyprobe.verification.masks import CannotRecount, Counts
from energyprobe.verification.synapses import recurrent, separable, weighted

POOLING = tuple(
    f"{scope}{kind}Pooling{axes}D"
    for scope in ("", "Global")
    for kind in ("Max", "Average")
    for axes in (1, 2, 3)
)
"""Pooling layers of Keras."""


def recounter(keras: Any, layer: Any) -> Recount:
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


def _time_distributed(layer: Any, seen: Seen, amplitude: float | None) -> Counts:
    """The layer inside, on all timesteps as one batch."""
    inputs = seen.inputs.reshape(-1, *seen.inputs.shape[2:])
    output = seen.output.reshape(-1, *seen.output.shape[2:])
    inside = dataclasses.replace(seen, layer=layer.layer, inputs=inputs, output=output)
    return recounter(keras_of(layer), layer.layer)(layer.layer, inside, amplitude)


def _embedding(layer: Any, seen: Seen, amplitude: float | None) -> Counts:
    """One row of the table for each element."""
    return {"lookups": seen.inputs.size}


def _spiking(layer: Any, seen: Seen, amplitude: float | None) -> Counts:
    """Neurons of KerasSpiking: one update for each element; n spikes of a step are n / dt."""
    spikes = np.round(np.abs(seen.output.astype(float)) * float(layer.dt))
    return {"neuron_updates": seen.inputs.size, "spikes": int(spikes.sum())}


RECOUNTED: dict[tuple[str, ...], Recount] = {
    ("Dense", "EinsumDense", "Conv1D", "Conv2D", "Conv3D", "DepthwiseConv1D", "DepthwiseConv2D"): weighted,
    ("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"): weighted,
    ("SeparableConv1D", "SeparableConv2D"): separable,
    ("SimpleRNN", "GRU", "LSTM"): recurrent,
    ("MultiHeadAttention", "GroupQueryAttention"): heads,
    ("Attention",): dot,
    ("AdditiveAttention",): additive,
    ("Embedding",): _embedding,
    ("Activation", "ReLU", "LeakyReLU", "ELU"): activation_layer,
    # An exponential, a sum and a division.
    ("Softmax",): each_element(3),
    ("Add", "Subtract", "Multiply", "Maximum", "Minimum"): merging,
    ("LayerNormalization", "GroupNormalization"): normalisation,
    # A product and a sum; a square, a sum and a division; the same and a product.
    ("BatchNormalization",): each_element(2),
    ("UnitNormalization",): each_element(3),
    ("RMSNormalization",): each_element(4),
    POOLING: pooling,
    ("TimeDistributed",): _time_distributed,
}
"""Types of Keras layers to the function that counts them."""
