"""Measured kernels of a CSV file as cells: one GPU, kernel, data type and structure each."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from energyprobe.costing.kernels.gpu import Gpu, rates
from energyprobe.costing.kernels.parts import Array, Problem
from energyprobe.costing.kernels.rates import Rates
from energyprobe.costing.kernels.table import KERNELS, KernelType, block_options
from energyprobe.costing.lookup import gpu_of

Rows = npt.NDArray[np.intp]

COLUMNS = ["gpu", "kernel", "dtype", "m", "k", "n", "batch", "sparsity", "structure"]
MEASURED = ["time_us", "energy_uj", "power_w", "nnz", "pattern", "source"]

CHIPS = {
    "V100": "v100",
    "A100": "a100-pcie-40gb",
    "A100-PCIe-80GB": "a100-pcie-80gb",
    "A100-SXM4-40GB": "a100",
    "A100-SXM4-80GB": "a100-80gb",
    "RTX2080Ti": "rtx2080ti",
    "2080Ti": "rtx2080ti",
    "RTX3090": "rtx3090",
    "RTX4090": "rtx4090",
    "H100": "h100",
    "H100-SXM": "h100",
    "H200": "h200",
    "T4": "t4",
}
"""Names of GPUs in the file to GPUs of the catalog; rows of others are left out."""


@dataclass(frozen=True)
class Kind:
    """Rows of the file that one kernel model stands for.

    ``base`` is the source of other rows of the kernel, whose constants hold for these but for the launch.
    """

    kernel: str
    rows: str
    regime: str
    source: str
    base: str = ""


KINDS = (
    Kind(
        "dense",
        "kernel == 'cublas_gemm' and source.str.startswith('aiconfigurator')",
        "graph",
        "aiconfigurator",
    ),
    Kind("dense", "kernel == 'cublas_gemm' and source == 'NM-SpMM'", "stream", "nm-spmm"),
    Kind(
        "dense",
        "kernel == 'cublas_gemm' and source == 'Magicube' and dtype == 'fp16' and k % 8 == 0",
        "stream",
        "magicube",
        base="aiconfigurator",
    ),
    Kind("sputnik", "kernel == 'sputnik_csr' and source == 'NM-SpMM'", "stream", "nm-spmm"),
    Kind("sputnik", "kernel == 'sputnik_csr' and source == 'TSpMM'", "stream", "tspmm"),
    Kind("csr-colmajor", "kernel == 'cusparse_csr_colmajorB'", "stream", "tspmm"),
    Kind("csr", "kernel == 'cusparse_csr' and source == 'RA-SpMM'", "stream", "ra-spmm"),
    Kind("blocked-ell", "kernel == 'cusparse_blocked_ell'", "stream", "magicube"),
    Kind("vector-sparse", "kernel == 'vectorsparse'", "stream", "magicube"),
    Kind("nm", "kernel == 'nm-spmm'", "stream", "nm-spmm"),
    Kind("spmv", "kernel == 'spmv_cuSPARSE_csr11'", "stream", "spmv-benchmarks"),
    Kind("elementwise", "kernel == 'elementwise_scale_matrix'", "graph", "aiconfigurator"),
)
"""What is fitted. Left out: the single cold cuBLAS calls of TSpMM, and kernels that are no choice of this
program. Magicube timed each dense call on a GPU that waited for it, so that its times hold the host's call:
they tell what a launch takes in a stream, and nothing else. Its rows of odd k (no tensor cores) and of int8
(a library at a fraction of its speed) are left out."""

KERNEL_DTYPES = {"bf16->fp8": "bf16"}


@dataclass(frozen=True, eq=False)
class Cell:
    """Measured rows of one kernel on one GPU.

    ``weights`` names the weight matrix or shape of each row: rows that share it are never split. ``base`` is
    another cell, whose constants hold for this one but for the launch.
    """

    chip: Gpu
    gpu: str
    kernel: str
    dtype: str
    structure: str
    regime: str
    source: str
    problem: Problem
    time_s: Array
    power_w: Array
    weights: npt.NDArray[np.object_]
    frame: pd.DataFrame = field(repr=False)
    base: Cell | None = None

    @property
    def name(self) -> str:
        where = "" if self.structure == "unstructured" else f" {self.structure}"
        return f"{self.gpu} {self.kernel} {self.dtype}{where}"

    @property
    def kind(self) -> KernelType:
        return KERNELS[self.kernel]

    @property
    def rates(self) -> Rates:
        return rates(self.chip, self.dtype)

    def __len__(self) -> int:
        return len(self.time_s)

    def seconds(
        self, constants: Mapping[str, float], rows: npt.NDArray[np.intp] | slice = slice(None)
    ) -> Array:
        """Predicted times, with constants in base units."""
        return self.kind.model(self.problem.part(rows), self.rates, constants).seconds()


def read(path: str) -> pd.DataFrame:
    """The file's rows; ends the script with a message where columns are missing."""
    frame = pd.read_csv(path, low_memory=False)
    missing = [name for name in (*COLUMNS, *MEASURED) if name not in frame]
    if missing:
        raise SystemExit(
            f"{path}: no column {', '.join(missing)}; needed are {', '.join((*COLUMNS, *MEASURED))}"
        )
    return frame


def cells(frame: pd.DataFrame) -> list[Cell]:
    """All cells of a file, in a fixed order."""
    frame = frame[frame["gpu"].isin(CHIPS)]
    found: list[Cell] = []
    for kind in KINDS:
        rows = frame.query(kind.rows)
        for (gpu, dtype, structure), part in rows.groupby(["gpu", "dtype", "structure"], sort=True):
            each = cell(kind, str(gpu), str(dtype), str(structure), part)
            found.append(dataclasses.replace(each, base=base_of(each, kind, found)))
    return found


def base_of(cell: Cell, kind: Kind, others: Sequence[Cell]) -> Cell | None:
    """The cell of the same kernel and chip that `Kind.base` names, where the file has it."""
    for other in others:
        if (other.kernel, other.source) == (cell.kernel, kind.base):
            if other.chip.fitted_as == cell.chip.fitted_as:
                return other
    return None


def cell(kind: Kind, gpu: str, dtype: str, structure: str, rows: pd.DataFrame) -> Cell:
    m, k, n = (rows[name].to_numpy(np.float64) for name in "mkn")
    density = np.where(rows["nnz"].isna(), 1.0 - rows["sparsity"], rows["nnz"] / (m * k))
    blocks = re.fullmatch(r"(block|vector)\d+x\d+", structure)
    structure = structure if blocks else "n:32" if kind.kernel == "nm" else "unstructured"
    options: dict[str, object] = {**block_options(structure), **pattern_options(kind, rows)}
    density = np.ones_like(m) if kind.kernel in ("dense", "elementwise") else np.minimum(density, 1.0)
    return Cell(
        chip=gpu_of(CHIPS[gpu]),
        gpu=gpu,
        kernel=kind.kernel,
        dtype=KERNEL_DTYPES.get(dtype, dtype),
        structure=structure,
        regime=kind.regime,
        source=kind.source,
        problem=Problem(m, k, n, density, options),
        time_s=rows["time_us"].to_numpy(np.float64) * 1e-6,
        power_w=rows["power_w"].to_numpy(np.float64),
        weights=weight_names(rows),
        frame=rows,
    )


def pattern_options(kind: Kind, rows: pd.DataFrame) -> dict[str, object]:
    """What the pattern says of the longest row and of clusters; accesses of elementwise kernels.

    Of RA-SpMM's matrices, graphs and communities are clustered; the others draw their columns at random.
    """
    if kind.kernel == "elementwise":
        return {"accesses": 1.5}  # a 16-bit value in, an 8-bit one out
    if kind.kernel == "csr":
        random = rows["pattern"].str.contains("synth_(?:dense|sparse|mixed)", regex=True)
        return {"clustered": (~random).to_numpy(np.float64)}
    if kind.kernel == "spmv":
        skew = rows["pattern"].str.extract(r"skew=([\d.eE+-]+)")[0].astype(float)
        return {"imbalance": 1.0 + skew.fillna(0.0).to_numpy()}
    return {}


def weight_names(rows: pd.DataFrame) -> npt.NDArray[np.object_]:
    """The weights that a row was measured on: by sizes for layers, by matrix where each has its own sizes.

    Layers pruned to many patterns and densities count as one by their sizes: a look-up would know them else.
    """
    dense = rows["kernel"].isin(["cublas_gemm"]) & rows["source"].str.startswith("aiconfigurator")
    sizes = rows["m"].astype(str) + "x" + rows["k"].astype(str)
    return sizes.where(~dense, rows["k"].astype(str) + "x" + rows["n"].astype(str)).to_numpy(dtype=object)
