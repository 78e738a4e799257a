"""What a kernel costs: time, energy, what binds, and how far the answer is to be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from energyprobe.costing.kernels.parts import LIMITS, Array


@dataclass(frozen=True, kw_only=True, eq=False)
class KernelCost:
    """Time and energy of one kernel over columns of problems.

    Attributes
    ----------
    device, kernel, dtype : str
        What runs where.
    time_s, low_time_s, high_time_s : ndarray
        Seconds, and their 90 % interval.
    energy_j, low_j, high_j : ndarray
        Joules of the board, and their 90 % interval. That of a dense kernel spans what zeros in A may save.
    limit_codes : ndarray of int
        Positions in `energyprobe.costing.kernels.parts.LIMITS`; see `limit`.
    calibrated : ndarray of bool
        Whether the constants were fitted on measured kernels of this kind on this device, and the problem
        lies inside what was measured.
    power_calibrated : bool
        Whether the power constants were fitted on measured power of this device.
    needs_custom_kernel : bool
        Whether no framework offers the kernel to a Keras or TensorFlow program.
    sources : tuple of str
        Keys of the measurements and publications behind the constants.
    """

    device: str
    kernel: str
    dtype: str
    time_s: Array
    low_time_s: Array
    high_time_s: Array
    energy_j: Array
    low_j: Array
    high_j: Array
    limit_codes: npt.NDArray[np.int8]
    calibrated: npt.NDArray[np.bool_]
    power_calibrated: bool
    needs_custom_kernel: bool
    sources: tuple[str, ...]

    @property
    def limit(self) -> npt.NDArray[np.str_]:
        """What binds: ``"launch"``, ``"compute"``, ``"memory"``, ``"gather"`` or ``"imbalance"``."""
        return np.array(LIMITS)[self.limit_codes]

    @property
    def power_w(self) -> Array:
        """Mean board power."""
        return self.energy_j / self.time_s
