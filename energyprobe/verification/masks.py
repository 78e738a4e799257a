"""What every recount by brute force is made of: masks, multiplied and added up exactly."""

from __future__ import annotations

import numpy as np

Counts = dict[str, int]


class CannotRecount(Exception):
    """Says why a call cannot be counted by brute force."""


def whole(total: float) -> int:
    """Give a sum of masks as the integer that it must be.

    Raises
    ------
    CannotRecount
        If it is none.
    """
    if abs(total - round(total)) > 1e-6 * max(abs(total), 1):
        raise CannotRecount(f"its masks add up to {total}, which is no count")
    return round(total)


def product(left: np.ndarray, right: np.ndarray) -> int:
    """Multiply every row ``(…, rows, shared)`` with every column ``(…, shared, columns)``, and add all up."""
    return whole(float(np.sum(left.astype(float) @ right.astype(float))))


def spikes(inputs: np.ndarray, amplitude: float | None) -> np.ndarray:
    """Count the spikes of each element; an event that is graded (`amplitude` is None) counts once."""
    each = np.abs(inputs.astype(float))
    return np.asarray(each != 0 if amplitude is None else np.round(each / amplitude))
