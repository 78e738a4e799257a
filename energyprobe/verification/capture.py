"""What each layer of a Keras model read and gave while the model ran eagerly."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Seen:
    """One call of one layer.

    Attributes
    ----------
    layer : object
        The Keras layer.
    inputs, output : ndarray
        What it read first, and gave first, with the batch.
    more_inputs : bool
        Whether it read other tensors, too: initial states, masks, further operands.
    args, kwargs : tuple, dict
        All that it was called with.
    """

    layer: Any
    inputs: np.ndarray
    output: np.ndarray
    more_inputs: bool
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def keras_of(layer: Any) -> Any:
    """Give the Keras that one of its own layers belongs to."""
    return sys.modules[type(layer).__module__.split(".")[0]]


@dataclass
class Capture:
    """Calls by path and number, as a trace names them.

    Parameters
    ----------
    keras : module
        The Keras of the model.
    """

    keras: Any
    calls: dict[tuple[str, int], Seen] = field(default_factory=dict)
    _stack: list[str] = field(default_factory=list)
    _times: Counter[str] = field(default_factory=Counter)

    @contextlib.contextmanager
    def __call__(self, model: Any) -> Iterator[Capture]:
        """Keep what runs inside the ``with`` block; afterwards the model is as it was."""
        # A layer that several others hold is one layer.
        layers = list({id(each): each for each in model._flatten_layers(include_self=False)}.values())
        before = bool(model.run_eagerly)
        try:
            for layer in layers:
                # Past the layer's own bookkeeping of attributes.
                object.__setattr__(layer, "call", self._around(layer))
            model.run_eagerly = True
            yield self
        finally:
            model.run_eagerly = before
            for layer in layers:
                layer.__dict__.pop("call", None)

    def times(self, path: str) -> int:
        """How often the layer of a path ran."""
        return self._times[path]

    def _around(self, layer: Any) -> Callable[..., Any]:
        call = layer.call

        @functools.wraps(call)
        def seeing(*args: Any, **kwargs: Any) -> Any:
            self._stack.append(str(layer.name))
            try:
                output = call(*args, **kwargs)
                self._keep(layer, args, kwargs, output)
            finally:
                self._stack.pop()
            return output

        return seeing

    def _keep(self, layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        path = "/".join(self._stack)
        index = self._times[path]
        self._times[path] += 1
        read, given = self._tensors((args, kwargs)), self._tensors(output)
        if read and given:
            self.calls[path, index] = Seen(layer, read[0], given[0], len(read) > 1, args, kwargs)

    def _tensors(self, structure: Any) -> list[np.ndarray]:
        import tensorflow as tf

        return [np.asarray(each) for each in tf.nest.flatten(structure) if isinstance(each, tf.Tensor)]
