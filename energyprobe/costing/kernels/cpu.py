"""A CPU with its fitted kernels: what a device file says, and what kernel models take from it."""

from __future__ import annotations

import functools
from typing import NamedTuple

import msgspec

from energyprobe.costing.device import Device
from energyprobe.costing.figures import UNITS, Dimension, Figure
from energyprobe.costing.kernels import cpu_models
from energyprobe.costing.kernels.core import LEVELS, Core, bandwidths
from energyprobe.costing.kernels.cpu_models import CpuKernel
from energyprobe.costing.kernels.fitted import FittedConstants
from energyprobe.costing.kernels.parts import Array, Problem
from energyprobe.errors import DeviceError, ScenarioError, nearest

ITEM_BYTES = 4.0
"""Kernels are measured in single precision."""

SIZES = ("m", "k", "n")


class CpuKernelType(NamedTuple):
    """A kind of kernel.

    Attributes
    ----------
    model : callable
        Its time.
    constants : dict of str to float
        Constants besides bandwidths, with the values that fits start from.
    extent : tuple of str
        What its time depends on: the measured ranges are those of these; see `column`.
    fact : str or None
        Constant that is a fact of the library, and not fitted; see `facts_of`.
    moves : bool
        Whether it needs bandwidths.
    options : tuple of str
        Options of a problem that its model looks at.
    """

    model: CpuKernel
    constants: dict[str, float]
    extent: tuple[str, ...]
    fact: str | None = None
    moves: bool = True
    options: tuple[str, ...] = ()


CPU_KERNELS: dict[str, CpuKernelType] = {
    "dense": CpuKernelType(
        cpu_models.dense,
        {"call": 5e-6, "eta": 1.0, "pack_a": 1e-10, "pack_b": 1e-10, "vector": 1.0},
        SIZES,
        fact="tile",
    ),
    "csr": CpuKernelType(
        cpu_models.csr,
        {"call": 5e-6, "row": 2e-8, "out": 1e-10, "event": 4e-9, "scattered": 1.0, "narrow": 1e-9},
        (*SIZES, "density"),
        fact="narrow_up_to",
    ),
    "gather": CpuKernelType(
        cpu_models.gather,
        {
            "call": 1e-5,
            "row": 1e-6,
            "out": 1e-10,
            "event": 4e-9,
            "branch": 4e-9,
            "scan": 1e-9,
            "scattered": 1.0,
        },
        (*SIZES, "density"),
    ),
    "compress": CpuKernelType(
        cpu_models.compress,
        {"call": 5e-5, "row": 1e-8, "event": 4e-9, "branch": 4e-9, "scan": 1e-9},
        ("m", "k", "density"),
        moves=False,
    ),
    "elementwise": CpuKernelType(
        cpu_models.elementwise, {"call": 5e-6}, ("elements",), options=("steps", "accesses")
    ),
}
"""Kernels of a CPU by name."""

NUMBERS = ("eta", "vector", "scattered", "tile", "narrow_up_to")
"""Constants of kernels that are plain numbers; bandwidths and times are the others."""


class CpuFigures(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Figures of a CPU.

    Attributes
    ----------
    clock_hz : Figure
        Nominal clock.
    vector_bytes : Figure
        Width of its widest vectors.
    threads : Figure
        Threads that dense kernels run on.
    l1_bytes, l2_bytes, l3_bytes : Figure or None
        Caches, nearest first; those behind the last that there is are None.
    last_share : Figure
        Share of the last cache that is left to the process: others on the chip use it as well.
    """

    clock_hz: Figure
    vector_bytes: Figure
    threads: Figure
    l1_bytes: Figure
    l2_bytes: Figure | None = None
    l3_bytes: Figure | None = None
    last_share: Figure

    @property
    def caches(self) -> tuple[float, ...]:
        """Bytes of the caches that there are, nearest first."""
        return tuple(
            figure.value_si for figure in (self.l1_bytes, self.l2_bytes, self.l3_bytes) if figure is not None
        )


DIMENSIONS: dict[str, Dimension] = {
    "clock_hz": "frequency",
    **dict.fromkeys(("vector_bytes", "l1_bytes", "l2_bytes", "l3_bytes"), "memory"),
    **dict.fromkeys(("threads", "last_share", *NUMBERS), "number"),
    **dict.fromkeys(bandwidths(len(LEVELS)), "bandwidth"),
}
"""What figures and constants measure; all others are times."""


class CpuFit(FittedConstants, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """Constants of one kernel, fitted to measured times.

    Attributes
    ----------
    constants : dict of str to Figure
        The constants that the kernel needs.
    low_ratio, high_ratio : float
        5 and 95 % quantiles of measured over predicted time, on shapes that the fit has not seen.
    rows, shapes : int
        Measured rows, and different layers among them.
    ranges : dict of str to tuple of float
        Smallest and largest of each `CpuKernelType.extent` among them.
    """

    rows: int
    shapes: int
    ranges: dict[str, tuple[float, float]]


class Cpu(Device, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """A CPU whose kernels were measured.

    Attributes
    ----------
    constants : CpuFigures
        Its figures.
    library : str
        What ran the kernels when they were measured.
    kernels : dict of str to CpuFit
        Fitted kernels; ``dense`` and ``elementwise`` at least.
    """

    constants: CpuFigures
    library: str
    kernels: dict[str, CpuFit]

    def __post_init__(self) -> None:
        for name in ("dense", "elementwise"):
            if name not in self.kernels:
                raise DeviceError(f"kernels.{name}: missing")
        for name, fit in self.kernels.items():
            self._check(name, fit)
        super().__post_init__()

    def _check(self, kernel: str, fit: CpuFit) -> None:
        """Refuse unknown kernels, and constants that are missing, of the wrong unit or of no source."""
        if kernel not in CPU_KERNELS:
            raise DeviceError(f"kernels.{kernel}: no kernel of a CPU, {nearest(kernel, CPU_KERNELS)}")
        needed = constants_of(kernel, len(self.constants.caches))
        if set(fit.constants) != set(needed):
            raise DeviceError(f"kernels.{kernel}.constants: {kernel} needs {', '.join(needed)}")
        for name, figure in fit.constants.items():
            field, wanted = f"kernels.{kernel}.constants.{name}", DIMENSIONS.get(name, "time")
            if figure.dimension != wanted:
                raise DeviceError(
                    f"{field}.unit: {figure.unit!r} is a unit of {figure.dimension}, "
                    f"expected one of {wanted}: {', '.join(UNITS[wanted])}"
                )
            if figure.source not in self.sources:
                raise DeviceError(
                    f"{field}.source: no source {figure.source!r}, {nearest(figure.source, self.sources)}"
                )

    @property
    def figures(self) -> dict[str, Figure]:
        """The figures of its data sheet, by term; constants of kernels stand in `kernels`."""
        own = {name: getattr(self.constants, name) for name in CpuFigures.__struct_fields__}
        return {name: figure for name, figure in own.items() if figure is not None}

    def dimension_of(self, term: str) -> Dimension:
        """What the figure of a term measures."""
        return DIMENSIONS[term]

    @property
    def cites(self) -> tuple[str, ...]:
        """Keys of all sources that it cites, those behind its kernels among them."""
        fitted = (figure.source for fit in self.kernels.values() for figure in fit.constants.values())
        return tuple(dict.fromkeys((*super().cites, *fitted)))

    @functools.cached_property
    def core(self) -> Core:
        """What kernel models take from it."""
        sizes, figures = self.constants.caches, self.constants
        return make_core(
            figures.clock_hz.value_si,
            figures.vector_bytes.value_si,
            figures.threads.value_si,
            sizes,
            figures.last_share.value_si,
        )

    def fitted(self, kernel: str) -> CpuFit:
        """Constants of a kernel.

        Raises
        ------
        ScenarioError
            If it is no kernel of a CPU, or was not measured on this one.
        """
        if kernel not in CPU_KERNELS:
            raise ScenarioError(
                f"{self.title} ({self.name}) is a CPU: no kernel {kernel!r}, {nearest(kernel, CPU_KERNELS)}"
            )
        if kernel not in self.kernels:
            raise ScenarioError(f"{kernel} was not measured on {self.title} ({self.name})")
        return self.kernels[kernel]


def facts_of(library: str, vector_bytes: float) -> dict[str, float]:
    """Constants that are facts of a library: columns of a tile, and when rows of B are narrow.

    OpenBLAS works on tiles of 4 columns, TensorFlow on those of a vector. SciPy's ``csr`` has a kernel for
    vectors; TensorFlow's adds up to 31 values (its constant kNumVectorize is 32) without a loop of its own.
    """
    if library == "numpy":
        return {"tile": 4.0, "narrow_up_to": 1.0}
    return {"tile": vector_bytes / ITEM_BYTES, "narrow_up_to": 31.0}


def make_core(
    clock_hz: float, vector_bytes: float, threads: float, caches: tuple[float, ...], last_share: float
) -> Core:
    """A `Core` of the sizes of its caches: what the last one has left adds to the one before it."""
    *near, last = caches
    held = (near[-1] if near else 0.0) + last * last_share
    return Core(clock_hz, vector_bytes / ITEM_BYTES, threads, (*near, held), ITEM_BYTES)


def column(problem: Problem, name: str) -> Array:
    """A size of problems, their density, or their ``"elements"``: m·k·n."""
    if name == "elements":
        return problem.m * problem.k * problem.n
    found: Array = getattr(problem, name)
    return found


def constants_of(kernel: str, caches: int) -> tuple[str, ...]:
    """Names of the constants that a kernel needs on a processor with so many caches."""
    kind = CPU_KERNELS[kernel]
    facts = (kind.fact,) if kind.fact else ()
    return (*kind.constants, *facts, *(bandwidths(caches) if kind.moves else ()))
