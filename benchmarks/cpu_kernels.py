"""Kernels of NumPy, SciPy and TensorFlow for `measure_cpu_kernels`, and what a processor says of itself."""

from __future__ import annotations

import importlib.metadata
import platform
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.sparse
import tensorflow as tf

Matrix = npt.NDArray[np.float32]
Run = Callable[[], object]

VECTORS = {"avx512f": 64, "avx2": 32, "avx": 32, "asimd": 16, "neon": 16, "sse2": 16}
"""Flags of processors to bytes of their widest vectors, widest first."""

SYSTEM = Path("/sys/devices/system/cpu/cpu0/cache")
CPUINFO = Path("/proc/cpuinfo")


def gather(spikes: Matrix, weights: Matrix) -> Matrix:
    """For each row of spikes, the sum of the rows of weights where it is not zero, weighted by the spikes."""
    found = np.zeros((spikes.shape[0], weights.shape[1]), dtype=np.float32)
    for row in range(spikes.shape[0]):
        (columns,) = np.nonzero(spikes[row])
        found[row] = spikes[row, columns] @ weights[columns]
    return found


def tf_gather(spikes: tf.Tensor, weights: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """The same for spikes of 1, in operations of TensorFlow."""
    row, column = tf.raw_ops.Unpack(value=tf.where(spikes), num=2, axis=1)
    return tf.raw_ops.SparseSegmentSumWithNumSegments(
        data=weights, indices=column, segment_ids=row, num_segments=rows
    )


def update(current: Matrix, voltage: Matrix) -> Matrix:
    """A timestep of leaky integrate-and-fire neurons: decay, integrate, fire, reset; returns the spikes."""
    voltage += (current - voltage) * np.float32(0.05)
    spikes = (voltage > 1.0).astype(np.float32)
    voltage -= spikes
    return spikes


def tf_update(current: tf.Tensor, voltage: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The same in operations of TensorFlow; returns the spikes and the new voltage."""
    voltage = voltage + (current - voltage) * 0.05
    spikes = tf.cast(voltage > 1.0, tf.float32)
    return spikes, voltage - spikes


@dataclass(frozen=True)
class Both:
    """A dense matrix as each library holds it."""

    array: Matrix
    tensor: tf.Tensor

    @classmethod
    def of(cls, matrix: Matrix) -> Both:
        return cls(matrix, tf.constant(matrix))


@dataclass(frozen=True)
class Compressed:
    """A sparse matrix as each library holds it."""

    rows: scipy.sparse.csr_matrix
    coordinates: tf.SparseTensor

    @classmethod
    def of(cls, matrix: Matrix) -> Compressed:
        return cls(scipy.sparse.csr_matrix(matrix), tf.sparse.from_dense(matrix))


def dense_runs(left: Both, right: Both) -> dict[str, Run]:
    """The dense product by library."""
    return {
        "numpy": lambda: left.array @ right.array,
        "tensorflow": lambda: tf.linalg.matmul(left.tensor, right.tensor),
    }


def csr_runs(left: Compressed, right: Both) -> dict[str, Run]:
    """The product by library where `left` is compressed already."""
    return {
        "numpy": lambda: left.rows @ right.array,
        "tensorflow": lambda: tf.sparse.sparse_dense_matmul(left.coordinates, right.tensor),
    }


def compress_runs(left: Both) -> dict[str, Run]:
    """Compressing a matrix, by library."""
    return {
        "numpy": lambda: scipy.sparse.csr_matrix(left.array),
        "tensorflow": lambda: tf.sparse.from_dense(left.tensor),
    }


def gather_runs(spikes: Both, weights: Both) -> dict[str, Run]:
    """The event-driven product by library."""
    rows = tf.constant(spikes.array.shape[0])
    return {
        "numpy": lambda: gather(spikes.array, weights.array),
        "tensorflow": lambda: tf_gather(spikes.tensor, weights.tensor, rows),
    }


def update_runs(current: Both, voltage: Both) -> dict[str, Run]:
    """The update of neurons by library."""
    return {
        "numpy": lambda: update(current.array, voltage.array),
        "tensorflow": lambda: tf_update(current.tensor, voltage.tensor),
    }


def facts(threads: int) -> dict[str, object]:
    """What the head of a file says: processor, caches, versions and date; ends the script where unknown."""
    if not (CPUINFO.is_file() and SYSTEM.is_dir()):
        raise SystemExit(f"{CPUINFO} and {SYSTEM}: the processor is read from these, and they are not there")
    cpu = dict(
        re.findall(r"^([\w ]+?)\s*: (.*)$", CPUINFO.read_text(encoding="utf-8").split("\n\n")[0], re.M)
    )
    flags = cpu.get("flags", cpu.get("Features", "")).split()
    caches = {}
    for index in SYSTEM.glob("index*"):
        kind, level, size = (
            (index / name).read_text(encoding="utf-8").strip() for name in ("type", "level", "size")
        )
        if kind != "Instruction":
            caches[int(level)] = int(size.removesuffix("K"))
    versions = {name: importlib.metadata.version(name) for name in ("numpy", "scipy", "tensorflow")}
    return {
        "processor": cpu.get("model name", platform.machine()),
        "family": int(cpu.get("cpu family", 0)),
        "model": int(cpu.get("model", 0)),
        "clock_ghz": round(float(cpu.get("cpu MHz", 0)) / 1e3, 4),
        "vector_bytes": next((size for flag, size in VECTORS.items() if flag in flags), 16),
        "cache_kib": [caches[level] for level in sorted(caches)],
        "threads": threads,
        "date": date.today().isoformat(),
        "python": platform.python_version(),
        **versions,
    }
