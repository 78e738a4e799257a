"""`breakeven`: where two priced curves cross, checked by pricing on both sides; and measured crossings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import energyprobe as ep
from energyprobe.costing.kernels.breakeven import candidates
from energyprobe.costing.kernels.gpu_pricing import ZEROS_SAVE
from energyprobe.costing.lookup import kernel_device

WEIGHTS = {"k": 4096, "n": 1024, "operand": "weights"}


@pytest.mark.parametrize("quantity", ["time", "energy"])
def test_dense_wins_above_and_sparse_below(quantity: Any) -> None:
    size = {"m": np.array([2048, 4096, 8192]), **WEIGHTS}
    found = ep.breakeven("a100-pcie-80gb", **size, quantity=quantity, kernels=["sputnik"])
    column = "time_s" if quantity == "time" else "energy_j"
    dense = getattr(ep.kernel_cost("a100-pcie-80gb", "dense", **size), column)
    for factor, wins in ((0.99, True), (1.01, False)):
        sparse = ep.kernel_cost("a100-pcie-80gb", "sputnik", **size, density=found.density * factor)
        assert np.array_equal(getattr(sparse, column) < dense, [wins] * 3)
    assert list(found.kernel) == ["sputnik"] * 3
    assert list(found.reason) == [""] * 3
    assert found.calibrated.all()


def test_zeros_that_save_power_make_break_even_stricter() -> None:
    found = ep.breakeven("a100-pcie-80gb", m=4096, **WEIGHTS, kernels=["sputnik"])
    other = found.density_if_zeros_save
    assert 0 < other < found.density
    dense = ep.kernel_cost("a100-pcie-80gb", "dense", m=4096, **WEIGHTS).energy_j
    sparse = ep.kernel_cost("a100-pcie-80gb", "sputnik", m=4096, **WEIGHTS, density=other).energy_j
    assert dense * (1 - ZEROS_SAVE * (1 - other)) == pytest.approx(sparse, rel=1e-3)
    in_time = ep.breakeven("a100-pcie-80gb", m=4096, **WEIGHTS, quantity="time", kernels=["sputnik"])
    assert in_time.density_if_zeros_save == in_time.density


def test_sputnik_breaks_even_on_the_a100_where_it_was_measured_to() -> None:
    # NM-SpMM, A100 PCIe, fp32, LLM layers with n of 256 to 4096: sparsity 0.80 ± 0.03.
    m, n = np.meshgrid([2048, 4096, 8192, 11008], [256, 1024, 4096])
    found = ep.breakeven(
        "a100-pcie-80gb", m=m, k=4096, n=n, operand="weights", quantity="time", kernels=["sputnik"]
    )
    assert np.median(1 - found.density) == pytest.approx(0.80, abs=0.03)


@pytest.mark.parametrize("structure", ["block2x2", "block4x4"])
def test_small_blocks_do_not_pay_below_98_percent(structure: str) -> None:
    found = ep.breakeven(
        "a100-40gb", m=[2048, 4096], k=[2048, 4608], n=256, dtype="fp16", operand="weights",
        structure=structure, kernels=["blocked-ell"], quantity="time",
    )  # fmt: skip
    assert np.all(found.density <= 0.02)


def test_the_best_of_all_kernels_is_chosen() -> None:
    size = {"m": 4096, **WEIGHTS}
    found = ep.breakeven("a100-pcie-80gb", **size, quantity="time")
    each = [
        ep.breakeven("a100-pcie-80gb", **size, quantity="time", kernels=[name])
        for name in ("csr", "sputnik", "gather", "tile-skip", "column-skip", "spmv")
    ]
    best = max(each, key=lambda one: float(one.density))
    assert found.density == pytest.approx(float(best.density))
    assert found.kernel == best.kernel == "sputnik"


def names(**product: Any) -> list[str]:
    return candidates(kernel_device("a100"), dtype="fp32", **product)


def test_spmv_is_a_choice_where_the_product_has_one_column() -> None:
    others = ["csr", "sputnik", "gather", "tile-skip", "column-skip"]
    # The batch multiplies the columns of weights, and the rows of activations.
    assert names(n=1, operand="weights") == [*others, "spmv"]
    assert names(n=1, batch=7, operand="weights") == others
    assert names(n=91, operand="weights") == others
    assert names(n=91) == others
    assert names(n=1, batch=7) == [*others, "spmv"]


def test_columns_of_one_product_do_not_change_the_choice_for_another() -> None:
    size = {"m": 8192, "k": 8192, "operand": "weights", "quantity": "time"}
    both = ep.breakeven("a100", n=[1, 37], **size)
    alone = [ep.breakeven("a100", n=n, **size) for n in (1, 37)]
    assert list(both.kernel) == [str(each.kernel) for each in alone]
    assert both.density == pytest.approx([float(each.density) for each in alone])


def test_spmv_for_many_columns_is_priced_where_it_is_asked_for() -> None:
    size = {"m": 4096, "k": 4096, "n": 2, "operand": "weights", "quantity": "time"}
    assert 0 < ep.breakeven("a100", **size, kernels=["spmv"]).density < 1


def test_small_layers_are_launch_bound() -> None:
    found = ep.breakeven("a100", m=1, k=64, n=64, quantity="time")
    assert found.density == 0
    assert found.kernel == ""
    assert str(found) == found.reason == "none: launch-bound"


def test_slow_blocks_lose_at_any_density_without_launches_to_blame() -> None:
    found = ep.breakeven(
        "h100", m=16384, k=1024, n=16384, dtype="fp16", operand="weights", structure="block2x2",
        kernels=["blocked-ell"], quantity="time",
    )  # fmt: skip
    assert str(found) == "none: dense is cheaper at any density"


def test_at_batch_1_most_densities_pay_and_at_large_batches_few() -> None:
    found = ep.breakeven("v100", m=1, k=16384, n=16384, batch=[1, 8, 64, 512], dtype="fp16", quantity="time")
    assert found.density[0] > 0.9
    assert np.all(np.diff(found.density) < 0)
    assert found.density[-1] < 0.1
    assert not found.calibrated.any()


def test_texts() -> None:
    found = ep.breakeven("a100-pcie-80gb", m=4096, **WEIGHTS, kernels=["sputnik"])
    assert str(found) == (
        f"sputnik takes less energy below a density of {found.density:.3g} "
        f"({found.density_if_zeros_save:.3g} if zeros save power in the dense kernel)"
    )
    found = ep.breakeven("t4", m=[512, 4096], **WEIGHTS, kernels=["sputnik"], quantity="time")
    assert str(found).splitlines() == [
        f"sputnik takes less time below a density of {density:.3g}; not calibrated"
        for density in found.density
    ]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"quantity": "power"}, "quantity must be 'energy' or 'time', got 'power'"),
        ({"kernels": []}, "kernels: at least one sparse kernel is needed"),
        (
            {"kernels": ["2:4"], "operand": "weights", "structure": "2:4"},
            "kernels: 2:4 has one density; compare its kernel_cost with that of 'dense'",
        ),
        ({"kernels": ["cs"]}, "no kernel 'cs', did you mean 'csr'?"),
        ({"m": 0}, "m must be at least 1, got 0"),
    ],
)
def test_errors(change: dict[str, Any], expected: str) -> None:
    with pytest.raises(ep.ScenarioError) as caught:
        ep.breakeven("a100", **{"m": 64, "k": 64, "n": 64, **change})
    assert str(caught.value) == expected
