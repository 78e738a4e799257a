"""Which kernel runs each matrix product of a network on a GPU, and what that costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from energyprobe.costing.figures import Figure
from energyprobe.costing.kernels.crossing import Quantity
from energyprobe.costing.kernels.gpu import Gpu
from energyprobe.costing.kernels.gpu_pricing import Pricer, pricer
from energyprobe.costing.kernels.parts import Problem
from energyprobe.costing.kernels.table import KERNELS, kernel_type
from energyprobe.costing.lowering import Elementwises, Flags, Products
from energyprobe.costing.scenario import Launch
from energyprobe.costing.table import Array
from energyprobe.errors import DeviceError

CONVOLUTIONS = ("conv-scatter", "conv-gather")
"""Kernels of convolutions only."""


class Option(NamedTuple):
    """A way to run a product: a kernel, and the operand whose zeros it skips."""

    kernel: str
    operand: str

    @property
    def words(self) -> str:
        """``"gather"``, or ``"csr on its weights"``."""
        return f"{self.kernel} on its weights" if self.operand == "weights" else self.kernel


DENSE = Option("dense", "activations")
STORED = Option("csr", "weights")
"""What a framework runs, and what it runs where weights are stored as a sparse matrix."""

ELEMENTWISE = Option("elementwise", "activations")


@dataclass(frozen=True, eq=False)
class Runs:
    """Kernels and what they cost, each once.

    Attributes
    ----------
    option : ndarray of int
        Position in the options that were given.
    energy_j : ndarray, shape (3, products)
        Value, low and high.
    time_s : ndarray, shape (3, products)
        Seconds: value, low and high.
    limit : ndarray of int, shape (products,)
        What binds: positions in `energyprobe.costing.kernels.parts.LIMITS`.
    calibrated : ndarray of bool, shape (products,)
        Whether the kernel was measured on this GPU at such sizes.
    """

    option: npt.NDArray[np.intp]
    energy_j: Array
    time_s: Array
    limit: npt.NDArray[np.int8]
    calibrated: Flags

    def of(self, quantity: Quantity) -> Array:
        """Energy or time."""
        return np.asarray(self.energy_j[0] if quantity == "energy" else self.time_s[0])

    def where(self, mask: Flags, other: Runs) -> Runs:
        """The runs of another where a mask is set."""
        pairs = {
            field.name: (getattr(self, field.name), getattr(other, field.name)) for field in fields(self)
        }
        return Runs(**{name: np.where(mask, theirs, ours) for name, (ours, theirs) in pairs.items()})


@dataclass(frozen=True)
class Shop:
    """Prices of one GPU for one data type.

    Attributes
    ----------
    gpu : Gpu
        The GPU.
    dtype : str
        As the kernels name it.
    launch : str or None
        How kernels are launched; None: by the framework in loops over timesteps, else in a stream.
    """

    gpu: Gpu
    dtype: str
    launch: Launch | None

    def price(self, products: Products, option: Option, position: int) -> Runs:
        """Price all products on one kernel, or infinitely high where it cannot run them."""
        problem = _problem(products, option)
        columns = self._by_launch(option, problem, products.looped)
        runs = _runs(columns, position)
        legal = _legal(products, option) & _fits(problem, option)
        return replace(
            runs,
            energy_j=np.where(legal, runs.energy_j, np.inf),
            time_s=np.where(legal, runs.time_s, np.inf),
        )

    def as_run(self, products: Products) -> Runs:
        """Price the products as a framework runs them: dense, but for weights stored as sparse matrices."""
        dense = self.price(products, DENSE, 0)
        if not products.sparse.any():
            return dense
        return dense.where(products.sparse, self.price(products, STORED, 1))

    def cheapest(self, products: Products, options: Sequence[Option], quantity: Quantity = "energy") -> Runs:
        """Price the products on that of some options which takes the least energy, or time, for each."""
        best = self.price(products, options[0], 0)
        for position, option in enumerate(options[1:], start=1):
            runs = self.price(products, option, position)
            best = best.where(runs.of(quantity) < best.of(quantity), runs)
        return best

    def price_elementwise(self, kernels: Elementwises) -> Runs:
        """Price elementwise kernels."""
        ones = np.ones(len(kernels))
        problem = Problem(kernels.elements, ones, ones, ones, {"accesses": kernels.accesses})
        return _runs(self._by_launch(ELEMENTWISE, problem, kernels.looped), 0)

    def figures(self, options: Sequence[Option]) -> tuple[Figure, ...]:
        """Figures that the prices of some kernels rest on."""
        pricers = [self._pricer(option, "stream") for option in options]
        found = [*pricers[0].power.constants.values()] if pricers else []
        return (*found, *(figure for each in pricers for figure in each.fit.constants.values()))

    def offers(self, option: Option) -> bool:
        """Whether there are constants for the data type."""
        try:
            self._pricer(option, "stream")
        except DeviceError:
            return False
        return True

    def _pricer(self, option: Option, launch: Launch) -> Pricer:
        return pricer(self.gpu, option.kernel, dtype=self.dtype, operand=option.operand, launch=launch)

    def _by_launch(self, option: Option, problem: Problem, looped: Flags) -> dict[str, npt.NDArray[Any]]:
        """Price those in loops over timesteps and the others as each are launched."""
        if self.launch is not None or not looped.any():
            return self._pricer(option, self.launch or "stream").price(problem)
        if looped.all():
            return self._pricer(option, "framework").price(problem)
        apart = self._pricer(option, "stream").price(problem)
        in_loop = self._pricer(option, "framework").price(problem)
        return {name: np.where(looped, in_loop[name], column) for name, column in apart.items()}


def options_of(policy: str, shop: Shop) -> tuple[Option, ...]:
    """The ways to skip zeros that a policy chooses among.

    Parameters
    ----------
    policy : str
        ``"dense"``, ``"best"`` or the name of a kernel.
    shop : Shop
        The GPU and data type.

    Returns
    -------
    tuple of Option

    Raises
    ------
    DeviceError
        If a kernel that is named has no constants for the data type.
    """
    if policy == "dense":
        return ()
    if policy != "best":
        shop.figures([Option(policy, "activations")])
    names = SPARSE if policy == "best" else (policy,)
    options = [Option(name, operand) for name in names for operand in OPERANDS.get(name, ("activations",))]
    return tuple(option for option in options if shop.offers(option))


SPARSE = tuple(
    name for name, kind in KERNELS.items() if not kind.only_weights and name not in ("dense", "elementwise")
)
"""Kernels that skip zeros lying anywhere, which is where those of activations and of recorded weights lie."""

OPERANDS = {
    name: ("activations", "weights")
    for name in ("csr", "csr-colmajor", "sputnik", "tile-skip", "column-skip", "spmv")
}
"""Kernels that skip zeros of either operand; the others skip those of activations."""


def needs_custom_kernel(option: Option) -> bool:
    """Whether no framework offers a kernel to a Keras or TensorFlow program."""
    return kernel_type(option.kernel).library is None


def _runs(columns: dict[str, npt.NDArray[Any]], position: int) -> Runs:
    return Runs(
        option=np.full(len(columns["time_s"]), position, dtype=np.intp),
        energy_j=np.array([columns["energy_j"], columns["low_j"], columns["high_j"]]),
        time_s=np.array([columns["time_s"], columns["low_time_s"], columns["high_time_s"]]),
        limit=columns["limit_codes"],
        calibrated=columns["calibrated"],
    )


def _problem(products: Products, option: Option) -> Problem:
    """The products with the zeros of one operand; of unknown activations none is zero."""
    density = np.where(np.isnan(products.density), 1.0, products.density)
    if option.operand == "weights":
        return Problem(products.n, products.k, products.m, products.weight_density)
    # The one kernel that skips zeros of both operands, and the one that lowers convolutions as it goes.
    options = {
        "gather": {"weight_density": products.weight_density},
        "dense": {"a_share": products.input_share},
    }
    return Problem(products.m, products.k, products.n, density, options.get(option.kernel, {}))


def _legal(products: Products, option: Option) -> Flags:
    if option == DENSE:
        return np.ones(len(products), dtype=bool)
    if option.operand == "weights":
        return products.weight_density < 1.0
    known = ~np.isnan(products.density)
    return known & products.convolution if option.kernel in CONVOLUTIONS else known


def _fits(problem: Problem, option: Option) -> Flags:
    """Whether results have as many columns as a kernel makes: one, of a kernel that multiplies vectors."""
    return np.asarray((problem.n == 1) | (not kernel_type(option.kernel).one_column))
