"""Constants of a kernel model from measured times: least squares of the logarithm, with weak priors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np

from energyprobe.costing.kernels.parts import Array

PRIOR_WEIGHT = 0.02
"""Weight of a factor of e from the start value, in units of a residual of 100 %: it only decides what the
data leaves open."""

OPEN = 3.0
"""Factor about the value beyond which an interval says no more than that the data leaves a constant open."""

OUTLIER = 0.1
"""Residual of the logarithm from which rows count linearly."""

Loss = Literal["soft_l1", "cauchy"]
"""How outliers count: linearly, or hardly at all."""


def fit_log(
    predict: Callable[[Mapping[str, float]], Array],
    measured: Array,
    start: Mapping[str, float],
    prior_weight: float = PRIOR_WEIGHT,
    loss: Loss = "soft_l1",
) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    """Positive constants that bring predictions near to measurements.

    Minimises the soft-L1 norm of ln(predicted/measured), or another.

    Parameters
    ----------
    predict : callable
        Constants to predictions, shape ``(rows,)``.
    measured : ndarray, shape (rows,)
        What was measured.
    start : mapping of str to float
        Start values, which are the centres of the priors as well.
    prior_weight : float
        See `PRIOR_WEIGHT`.
    loss : {"soft_l1", "cauchy"}
        See `Loss`.

    Returns
    -------
    dict of str to float
        The constants.
    dict of str to tuple of float
        90 % interval of each, from the curvature; a factor of `OPEN` at the most.
    """
    from scipy.optimize import least_squares

    names = list(start)
    centre = np.log([start[name] for name in names])

    def residuals(logs: Array) -> Array:
        constants = dict(zip(names, np.exp(logs).tolist(), strict=True))
        return np.concatenate([np.log(predict(constants) / measured), prior_weight * (logs - centre)])

    found = least_squares(residuals, centre, loss=loss, f_scale=OUTLIER, diff_step=1e-3)
    misfit = np.sum(found.fun**2) / max(len(measured) - len(names), 1)
    deviation = np.sqrt(np.diag(np.linalg.pinv(found.jac.T @ found.jac)) * misfit)
    deviation = np.minimum(deviation, np.log(OPEN) / 1.645)
    ends = {
        name: (float(np.exp(x - 1.645 * d)), float(np.exp(x + 1.645 * d)))
        for name, x, d in zip(names, found.x, deviation, strict=True)
    }
    return {name: float(np.exp(x)) for name, x in zip(names, found.x, strict=True)}, ends
