"""Stateful layers: which batches continue the samples of the batch before.

A batch continues if it finds the states of the layers as the batch before left them; anybody who resets
(or sets) them in between starts new samples. A continuation adds timesteps, not samples.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from msgspec.structs import replace

from energyprobe.frontends.keras.assemble import of_samples
from energyprobe.frontends.keras.identity import flat_layers
from energyprobe.trace.records import Trace


class Carry:
    """Follows the states of a model's stateful layers through one run.

    Attributes
    ----------
    entered, left : bytes or None
        Digests of the states before the first and after the last batch; None before there is one.
    starts : int
        Batches that started new samples; the first one of a run is taken for a start.
    continues : bool
        Whether the next step continues the samples of the one before.
    """

    def __init__(self) -> None:
        self.entered: bytes | None = None
        self.left: bytes | None = None
        self.starts = 0
        self.continues = False

    def enter(self, states: bytes) -> None:
        """Note the states that a batch finds."""
        if self.entered is None:
            self.entered = states
        self.continues = states == self.left
        self.starts += not self.continues

    def leave(self, states: bytes) -> None:
        """Note the states that a batch leaves."""
        self.left = states


def continued(one: Trace, other: Trace, samples: int) -> Trace:
    """Add up recordings of which the second one continues samples of the first.

    Parameters
    ----------
    one, other : Trace
        Of the same model, weights and options.
    samples : int
        How many samples there are in all.

    Returns
    -------
    Trace
    """
    both = one + other
    return replace(both, samples=samples, calls=tuple(of_samples(call, samples) for call in both.calls))


def stateful_layers(model: Any) -> list[Any]:
    """The layers of a model that keep their state from batch to batch."""
    layers = flat_layers(model)
    return [each for each in layers if getattr(each, "stateful", False) and hasattr(each, "states")]


def digest_of_states(tf: Any, layers: list[Any]) -> bytes:
    """Digest of the present states of stateful layers."""
    digest = hashlib.blake2b(digest_size=16)
    for layer in layers:
        for state in tf.nest.flatten(layer.states):
            if state is not None:
                digest.update(np.ascontiguousarray(state).tobytes())
    return digest.digest()
