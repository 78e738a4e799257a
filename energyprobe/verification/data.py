"""The few samples that a model is verified on, and whether they fit it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from energyprobe.errors import DataError, OptionError


def first(x: Any, samples: int) -> Any:
    """Give the first samples of each array."""
    if isinstance(x, Mapping):
        return {name: first(each, samples) for name, each in x.items()}
    if isinstance(x, list | tuple):
        return [first(each, samples) for each in x]
    return np.asarray(x)[:samples]


def length(x: Any) -> int:
    """Count the samples in the first of the arrays.

    Raises
    ------
    OptionError
        If there are none.
    """
    while not isinstance(x, np.ndarray):
        x = next(iter(x.values() if isinstance(x, Mapping) else x), np.empty(0))
    if not len(x):
        raise OptionError("verify needs at least one sample: pass arrays with the samples as first axis")
    return len(x)


def refuse_misfit(model: Any, x: Any) -> None:
    """Say so if it is the shapes of data that a model cannot run on.

    Raises
    ------
    DataError
        If the model names its inputs, and the arrays are not of their number and shapes.
    """
    inputs = {str(each.name): tuple(each.shape) for each in getattr(model, "inputs", None) or ()}
    given = [each.shape for each in _in_order(x, list(inputs))]
    fits = len(given) == len(inputs) and all(map(_fits, given, inputs.values()))
    if not inputs or (fits and len({shape[0] for shape in given}) == 1):
        return
    if len(inputs) == 1:
        (wanted,) = map(_words, inputs.values())
        mend = "pass an array of this shape"
    else:
        wanted = ", ".join(f"{name} {_words(shape)}" for name, shape in inputs.items())
        mend = (
            "pass an array for each, in this order or by name, with as many samples in one as in the others"
        )
    raise DataError(
        f"the model {model.name} reads {wanted}, but was given {', '.join(map(str, given))}: {mend}"
    )


def _in_order(x: Any, names: list[str]) -> list[np.ndarray]:
    """The arrays in the order of a model's inputs."""
    import tensorflow as tf

    if isinstance(x, Mapping) and set(x) == set(names):
        return [x[name] for name in names]
    return list(tf.nest.flatten(x))


def _fits(given: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    sizes = zip(given, wanted, strict=False)
    return len(given) == len(wanted) and all(size in (None, length) for length, size in sizes)


def _words(shape: tuple[int | None, ...]) -> str:
    """A shape with words for what is not fixed."""
    samples, *others = ("any" if size is None else str(size) for size in shape)
    return f"({', '.join(['samples' if samples == 'any' else samples, *others])})"
