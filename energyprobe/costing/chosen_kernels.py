"""Which kernels a GPU runs for each layer of a network: what a report says of them beside their price."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

from energyprobe.costing.kernels.parts import Array


@dataclass(frozen=True, kw_only=True, eq=False)
class ChosenKernels:
    """Which kernels a GPU runs for each layer of a network, and what skipping zeros would need.

    Attributes
    ----------
    kernel : tuple of str, shape (layer rows,)
        Kernels of the row's matrix products; empty where it has none.
    dense_j : ndarray, shape (layer rows,)
        What those products cost per inference as the framework runs them; NaN where there are none.
    bound_by : str
        What binds the kernels of most of the time, such as ``"launch-bound"``; empty where nothing does.
    solve : callable
        What `breakeven_density` is worked out by, when it is asked for.
    """

    kernel: tuple[str, ...]
    dense_j: Array
    bound_by: str
    solve: Callable[[], Array]

    @functools.cached_property
    def breakeven_density(self) -> Array:
        """Density of the activations below which skipping zeros takes less energy, shape ``(layer rows,)``.

        0 where no kernel does at any density; NaN where there are no products.
        """
        return self.solve()
