"""What a user asks for, checked and laid out in columns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from energyprobe.costing.kernels.parts import Array, Problem, Value
from energyprobe.errors import ScenarioError


def make_problem(
    sizes: dict[str, npt.ArrayLike],
    density: npt.ArrayLike,
    batch: npt.ArrayLike,
    batched: str,
    options: dict[str, Value],
) -> tuple[Problem, tuple[int, ...]]:
    """Check sizes and density, and broadcast them into columns.

    Parameters
    ----------
    sizes : dict of str to array-like
        ``m``, ``k`` and ``n``.
    density : array-like
        Share of A's elements that are not zero.
    batch : array-like
        Samples that run together.
    batched : {"m", "n"}
        The size that the batch multiplies.
    options : dict of str to float
        Options of the problem.

    Returns
    -------
    Problem
        Columns.
    tuple of int
        Shape to which results are brought.

    Raises
    ------
    ScenarioError
        If a size or batch is less than 1, a density lies outside [0, 1], or the shapes do not broadcast.
    """
    columns = {name: as_numbers(name, value) for name, value in {**sizes, "batch": batch}.items()}
    for name, column in columns.items():
        if wrong := first(column, ~(column >= 1.0) | ~np.isfinite(column)):
            raise ScenarioError(f"{name} must be at least 1, got {wrong}")
    shares = share("density", density)
    try:
        columns[batched] = columns[batched] * columns["batch"]
        m, k, n, density = np.broadcast_arrays(columns["m"], columns["k"], columns["n"], shares)
    except ValueError as error:
        shapes = ", ".join(str(column.shape) for column in (*columns.values(), shares))
        raise ScenarioError(f"m, k, n, density and batch do not broadcast: shapes {shapes}") from error
    return Problem(m.ravel(), k.ravel(), n.ravel(), density.ravel(), options), m.shape


def share(name: str, value: npt.ArrayLike) -> Array:
    """A column of shares.

    Raises
    ------
    ScenarioError
        If one lies outside [0, 1].
    """
    shares = as_numbers(name, value)
    if wrong := first(shares, ~((shares >= 0.0) & (shares <= 1.0))):
        raise ScenarioError(f"{name} must be a share between 0 and 1, got {wrong}")
    return shares


def as_numbers(name: str, value: npt.ArrayLike) -> Array:
    """A column of numbers.

    Raises
    ------
    ScenarioError
        If it holds anything else.
    """
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ScenarioError(f"{name} must be a number or an array of numbers, got {value!r}") from error


def at_least(name: str, value: float, least: float) -> float:
    """An option that must not be less than a number.

    Raises
    ------
    ScenarioError
        If it is, or is not finite.
    """
    if not (math.isfinite(value) and value >= least):
        raise ScenarioError(f"{name} must be at least {least:g}, got {value:g}")
    return float(value)


def refuse_unused(kernel: str, given: Iterable[str], usable: Sequence[str]) -> None:
    """Refuse options that a kernel does not use.

    Raises
    ------
    ScenarioError
        If one is given.
    """
    uses = f"it uses {', '.join(usable)}" if usable else "it has no options"
    for name in given:
        if name not in usable:
            raise ScenarioError(f"{kernel} does not use {name}, {uses}")


def first(column: Array, wrong: npt.NDArray[np.bool_]) -> str:
    """The first element that is wrong, as text; empty where none is."""
    return f"{column[wrong][0]:g}" if wrong.any() else ""
