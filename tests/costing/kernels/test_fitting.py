"""Constants come back from times that a model made, and outliers do not move them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from energyprobe.costing.kernels.fitting import OPEN, fit_log
from energyprobe.costing.kernels.gpu import rates
from energyprobe.costing.kernels.parts import Array, Problem
from energyprobe.costing.kernels.structured import n_of_m
from energyprobe.costing.lookup import gpu_of

TRUE = {"launch": 5e-6, "lanes": 24.0, "l2": 0.05}
START = {"launch": 2e-6, "lanes": 40.0, "l2": 0.2}


def problems(rows: int = 400) -> Problem:
    rng = np.random.default_rng(5)
    m, k, n = np.exp(rng.uniform(np.log(64), np.log(8192), (3, rows)))
    return Problem(m, k, n, rng.uniform(0.05, 0.5, rows))


def seconds(constants: Mapping[str, float]) -> Array:
    return n_of_m(problems(), rates(gpu_of("a100"), "fp32"), constants).seconds()


def test_the_constants_of_the_model_are_found() -> None:
    found, ends = fit_log(seconds, seconds(TRUE), START)
    for name, value in TRUE.items():
        assert found[name] == pytest.approx(value, rel=0.05)
        assert ends[name][0] <= found[name] <= ends[name][1]


def test_intervals_hold_the_truth_under_noise_and_outliers() -> None:
    rng = np.random.default_rng(6)
    measured = seconds(TRUE) * np.exp(rng.normal(0, 0.1, 400))
    measured[::20] *= 5
    found, ends = fit_log(seconds, measured, START)
    for name in ("launch", "l2"):
        assert found[name] == pytest.approx(TRUE[name], rel=0.15)
        assert ends[name][1] / ends[name][0] > 1.01


def test_readings_of_half_hardly_count_with_the_cauchy_norm() -> None:
    rng = np.random.default_rng(7)
    measured = seconds(TRUE) * np.exp(rng.normal(0, 0.03, 400))
    measured[::4] /= 2
    found, _ = fit_log(seconds, measured, START, loss="cauchy")
    assert np.median(seconds(found) / seconds(TRUE)) == pytest.approx(1.0, abs=0.02)
    found, _ = fit_log(seconds, measured, START)
    assert np.median(seconds(found) / seconds(TRUE)) < 0.97


def test_what_the_data_leaves_open_stays_at_the_start_with_a_wide_interval() -> None:
    found, ends = fit_log(
        lambda constants: seconds(constants) + 0.0 * constants["unused"],
        seconds(TRUE),
        START | {"unused": 7.0},
    )
    assert found["unused"] == pytest.approx(7.0)
    assert ends["unused"] == pytest.approx((7 / OPEN, 7 * OPEN), rel=0.01) or ends["unused"][1] > 7.0
