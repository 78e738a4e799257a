"""Break-even curves: what they show, and where they cross."""

from __future__ import annotations

import numpy as np
import pytest

import energyprobe as ep
from energyprobe.reporting.plot import breakeven, breakeven_figure
from energyprobe.reporting.plot.kernels import curves

SIZE = {"m": 512, "k": 4096, "n": 4096}


def test_curves_are_those_of_kernel_cost_and_cross_at_the_breakeven() -> None:
    told = curves("a100", quantity="time", **SIZE)
    assert {"csr", "sputnik", "gather"} <= set(told.kernels)
    for kernel, values in told.kernels.items():
        alone = ep.kernel_cost("a100", kernel, **SIZE, density=told.density[37]).time_s
        assert values[37] == alone
    best = np.min([*told.kernels.values()], axis=0)
    pays = best < told.dense[0]
    # The densest point that still pays lies just below the crossing.
    assert told.density[pays].max() <= told.crossing < told.density[np.flatnonzero(pays).max() + 1]
    assert np.array_equal(told.dense[0], told.dense[1])


def test_spmv_has_a_curve_where_the_product_is_with_a_vector() -> None:
    assert "spmv" not in curves("a100", **SIZE).kernels
    assert "spmv" in curves("a100", m=4096, k=4096, n=1, operand="weights").kernels
    assert "spmv" not in curves("a100", m=4096, k=4096, n=1, batch=8, operand="weights").kernels


def test_energy_of_the_dense_kernel_is_a_band() -> None:
    told = curves("a100", quantity="energy", **SIZE, kernels=["sputnik"])
    assert list(told.kernels) == ["sputnik"]
    assert told.dense[1, 0] == pytest.approx(0.6 * told.dense[0, 0], rel=1e-3)
    assert told.dense[1, -1] == told.dense[0, -1]


def test_axes_have_units_a_line_for_each_kernel_and_the_crossing() -> None:
    figure = breakeven_figure("a100", **SIZE, kernels=["csr", "sputnik"])
    times, energies = figure.axes
    assert (times.get_ylabel(), energies.get_ylabel()) == ("time in µs", "energy in mJ")
    assert times.get_xlabel() == "density"
    for axes in (times, energies):
        # Dense, two kernels, and the point.
        assert len(axes.lines) == 4
        assert [text.get_text() for text in axes.get_legend().get_texts()] == ["dense", "csr", "sputnik"]
    crossing = 100 * float(ep.breakeven("a100", **SIZE, kernels=["csr", "sputnik"], quantity="time").density)
    assert times.texts[0].get_text() == f"{crossing:.3g} %"


def test_where_nothing_pays_the_title_says_why() -> None:
    from matplotlib.figure import Figure

    axes = breakeven("a100", m=1, k=64, n=64, ax=Figure().subplots())
    assert axes.get_title(loc="left") == "a100: none: launch-bound"
    assert not axes.texts


def test_a_plot_is_of_one_product() -> None:
    with pytest.raises(ep.ScenarioError) as caught:
        breakeven("a100", m=[1, 64], k=64, n=64)
    assert str(caught.value) == "a plot is of one product, got 2: give one m, k, n and batch"


def test_a_cpu_is_drawn_in_time_alone():
    figure = breakeven_figure("amd-epyc-1-thread", m=64, k=1024, n=512)
    (axes,) = figure.axes
    assert axes.get_ylabel().startswith("time in ")
    told = curves("amd-epyc-1-thread", m=64, k=1024, n=512)
    assert set(told.kernels) == {"csr", "gather"}
    assert told.crossing == pytest.approx(
        float(ep.breakeven("amd-epyc-1-thread", m=64, k=1024, n=512).density)
    )
