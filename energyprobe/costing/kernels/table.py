"""The kernels: their models, the constants they need, what they may run on, and who offers them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from energyprobe.costing.kernels.blocked import blocked
from energyprobe.costing.kernels.dense import dense
from energyprobe.costing.kernels.elementwise import elementwise
from energyprobe.costing.kernels.events import gather, scatter, stationary
from energyprobe.costing.kernels.parts import Kernel
from energyprobe.costing.kernels.rates import SPARSE_TENSOR_CORES
from energyprobe.costing.kernels.skipping import column_skip, tile_skip
from energyprobe.costing.kernels.spmm import csr, spmm
from energyprobe.costing.kernels.spmv import spmv
from energyprobe.costing.kernels.structured import n_of_m, two_of_four
from energyprobe.errors import DeviceError, ScenarioError, nearest

if TYPE_CHECKING:
    from energyprobe.costing.kernels.gpu import Gpu


class Constant(NamedTuple):
    """Unit that a constant is kept in, and the value in it that a fit starts from."""

    unit: str
    start: float


ANY = r".*"
_DENSE = {
    "launch": Constant("us", 2.0),
    "eta": Constant("1", 0.9),
    "beta": Constant("1", 0.8),
    "wave": Constant("us", 1.0),
    "reduce": Constant("us", 2.0),
    "step": Constant("ns", 50.0),
    "l2": Constant("1", 0.8),
}
_CSR = {
    "launch": Constant("us", 8.0),
    "lanes": Constant("MAC/clock", 4.0),
    "miss": Constant("1", 0.3),
    "latency": Constant("1", 150.0),
    "output": Constant("1", 0.05),
}
_SPUTNIK = _CSR | {
    "lanes": Constant("MAC/clock", 15.0),
    "rows": Constant("1", 4.0),
    "l2": Constant("1", 0.8),
    "width": Constant("byte/clock", 32.0),
}
_BLOCKED = {
    "launch": Constant("us", 11.0),
    "block": Constant("1", 300.0),
    "latency": Constant("1", 50.0),
    "output": Constant("1", 5.0),
}
_EVENTS = {
    "launch": Constant("us", 3.0),
    "launches": Constant("1", 4.0),
    "beta": Constant("1", 0.8),
    "l2": Constant("1", 0.7),
    "lanes": Constant("MAC/clock", 32.0),
}
_NM = {"launch": Constant("us", 8.0), "lanes": Constant("MAC/clock", 30.0), "l2": Constant("1", 1.0)}
_SPMV = {
    "launch": Constant("us", 6.0),
    "beta": Constant("1", 0.6),
    "l2": Constant("1", 0.6),
    "latency": Constant("1", 5.0),
}


@dataclass(frozen=True)
class KernelType:
    """A kind of kernel.

    Attributes
    ----------
    model : callable
        Time and work of it.
    constants : dict of str to Constant
        Constants that it needs of its own.
    base : str or None
        Kernel whose constants it needs besides.
    structures : str
        Regular expression of the structures of A that it can use.
    library : str or None
        What offers it to a Keras or TensorFlow program; None where it needs a custom kernel.
    only_weights : bool
        Whether A must be known beforehand.
    one_column : bool
        Whether it is a choice only where C has one column: it multiplies vectors.
    options : tuple of str
        Options of a problem that its model looks at.
    """

    model: Kernel
    constants: dict[str, Constant]
    base: str | None = None
    structures: str = ANY
    library: str | None = None
    only_weights: bool = False
    one_column: bool = False
    options: tuple[str, ...] = ()


KERNELS: dict[str, KernelType] = {
    "dense": KernelType(dense, _DENSE, library="tf.linalg.matmul, Dense and Conv layers"),
    "csr": KernelType(csr, _CSR, library="tf.sparse.sparse_dense_matmul", options=("imbalance", "clustered")),
    "csr-colmajor": KernelType(spmm, _CSR, options=("imbalance",)),
    "sputnik": KernelType(spmm, _SPUTNIK, options=("imbalance",)),
    "gather": KernelType(gather, _EVENTS, options=("strided", "weight_density")),
    "conv-scatter": KernelType(scatter, _EVENTS, options=("strided",)),
    "conv-gather": KernelType(stationary, _EVENTS, options=("strided",)),
    "tile-skip": KernelType(tile_skip, {}, base="dense"),
    "column-skip": KernelType(
        column_skip, {"launches": Constant("1", 2.0), "pack": Constant("us", 3.0)}, base="dense"
    ),
    "blocked-ell": KernelType(
        blocked, _BLOCKED, structures=r"block(2x2|4x4|8x8)", only_weights=True, options=("imbalance",)
    ),
    "vector-sparse": KernelType(
        blocked, _BLOCKED, structures=r"vector(2x1|4x1|8x1)", only_weights=True, options=("imbalance",)
    ),
    "nm": KernelType(n_of_m, _NM, structures=r"n:32", only_weights=True),
    "2:4": KernelType(
        two_of_four,
        {"speedup": Constant("1", 1.6), "setup": Constant("us", 5.0)},
        base="dense",
        structures=r"2:4",
        only_weights=True,
        options=("pack",),
    ),
    "spmv": KernelType(spmv, _SPMV, one_column=True, options=("imbalance",)),
    "elementwise": KernelType(
        elementwise,
        {"launch": Constant("us", 1.0), "beta": Constant("1", 0.9)},
        library="every framework",
        options=("steps", "accesses"),
    ),
}
"""Name to kind of kernel."""

BY_BYTES = ("spmv", "elementwise")
"""Kernels that memory binds: constants of one data type hold for others, whose bytes the models know."""

CONVERTED = ("csr", "csr-colmajor", "sputnik", "spmv")
"""Kernels that take A in compressed rows."""

STRUCTURES = r"unstructured|(block|vector)(\d+)x(\d+)|n:32|2:4"
"""Structures of A: non-zeros anywhere, in blocks, or N of every 32 vectors, or two of four."""


def kernel_type(name: str) -> KernelType:
    """The kernel of a name.

    Raises
    ------
    ScenarioError
        If there is none; the message names the nearest.
    """
    if name not in KERNELS:
        raise ScenarioError(f"no kernel {name!r}, {nearest(name, KERNELS)}")
    return KERNELS[name]


def why_illegal(kernel: str, gpu: Gpu, structure: str, operand: str) -> str | None:
    """Why a kernel cannot run, or None where it can.

    Parameters
    ----------
    kernel : str
        Its name.
    gpu : Gpu
        The GPU.
    structure : str
        Where the non-zeros of A lie.
    operand : {"activations", "weights"}
        What A is.
    """
    kind = kernel_type(kernel)
    if kernel == "2:4" and gpu.architecture not in SPARSE_TENSOR_CORES:
        return f"{gpu.title} ({gpu.architecture}) has no sparse tensor cores: 2:4 needs Ampere or newer"
    if not re.fullmatch(kind.structures, structure):
        return f"{kernel} does not run on {structure!r} sparsity, it needs {kind.structures}"
    if kind.only_weights and operand != "weights":
        return f"{kernel} needs operand='weights': activations change at every step and have no structure"
    return None


def check_legal(kernel: str, gpu: Gpu, structure: str, operand: str) -> None:
    """Raise where a kernel cannot run; see `why_illegal`.

    Raises
    ------
    DeviceError
        If the GPU cannot run it.
    ScenarioError
        If the operand has not the structure that it needs, or there is no such kernel.
    """
    if reason := why_illegal(kernel, gpu, structure, operand):
        raise (DeviceError if kernel == "2:4" and "sparse tensor cores" in reason else ScenarioError)(reason)


def check_operand(operand: str, structure: str) -> None:
    """Raise where there is no such operand or structure, or the operand cannot have it.

    Raises
    ------
    ScenarioError
        If so.
    """
    if operand not in ("activations", "weights"):
        raise ScenarioError(f"operand must be 'activations' or 'weights', got {operand!r}")
    if not re.fullmatch(STRUCTURES, structure):
        known = ("unstructured", "block2x2", "block4x4", "block8x8", "vector8x1", "n:32", "2:4")
        raise ScenarioError(f"no structure {structure!r}, {nearest(structure, known)}")
    if operand == "activations" and structure != "unstructured":
        raise ScenarioError(f"activations are unstructured and change at every step, got {structure!r}")


def block_options(structure: str) -> dict[str, float]:
    """Rows and columns of the blocks of a structure, as options of a `Problem`."""
    blocks = re.fullmatch(r"(?:block|vector)(\d+)x(\d+)", structure)
    if blocks is None:
        return {}
    return {"block_rows": float(blocks[1]), "block_columns": float(blocks[2]), "tile": 1.0}
