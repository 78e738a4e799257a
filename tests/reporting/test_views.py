"""The best devices, quality beside energy, the usual estimate."""

from __future__ import annotations

import pytest

import energyprobe as ep
from energyprobe.reporting.cells import Case
from energyprobe.reporting.comparison import Comparison
from energyprobe.reporting.document import Table
from energyprobe.reporting.views import best_cells, best_devices, naive_table, pareto, quality_table


@pytest.fixture(scope="module")
def comparison(counted_ann, counted_snn, chip, cpu) -> Comparison:
    return ep.compare(
        {"cnn": counted_ann, "snn": counted_snn},
        [cpu, chip, "cortex-m4", "cortex-m7", "h100"],
        accuracy={"cnn": 0.8, "snn": 0.9},
    )


def cells(table: Table | None) -> dict[str, tuple[str, ...]]:
    assert table is not None
    return {column.name: column.cells for column in table.columns}


def test_the_best_device_is_among_those_that_cover_the_same(comparison: Comparison) -> None:
    shown = cells(best_devices(comparison))
    assert shown["boundary"] == ("chip", "board")
    best = best_cells(comparison, "chip", 1)
    candidates = [comparison.cell("snn", name) for name in ("cortex-m4", "cortex-m7", "dense-cpu")]
    assert best["snn"].total.energy_j == min(each.total.energy_j for each in candidates if each.is_complete)
    assert shown["snn device"][1] == "h100 (4 nm)"


def test_a_lower_bound_is_never_the_best(comparison: Comparison) -> None:
    # 547 nJ at least on the chip of spikes, which would be by far the least.
    assert comparison.cell("snn", "spike-chip").is_lower_bound
    assert "spike-chip" not in {
        cell.case.device
        for boundary in ("operation", "core", "chip", "board", "system")
        for cell in best_cells(comparison, boundary, 1).values()
    }


def test_one_device_has_no_best(counted_ann, counted_snn, cpu) -> None:
    assert best_devices(ep.compare({"a": counted_ann, "b": counted_snn}, cpu)) is None


def test_the_front_holds_who_is_beaten_in_neither(
    comparison: Comparison, counted_ann, counted_snn, cpu
) -> None:
    # Less energy, or better answers: none beats the other.
    assert pareto(comparison, "dense-cpu", 1) == ("cnn", "snn")
    worse = ep.compare({"a": counted_ann, "b": counted_snn}, cpu, accuracy={"a": 0.9, "b": 0.9})
    assert pareto(worse, "dense-cpu", 1) == ("a",)
    error = {"a": ep.Quality(0.3, "RMSE", higher_is_better=False), "b": ep.Quality(0.2, "RMSE", False)}
    assert pareto(ep.compare({"a": counted_ann, "b": counted_snn}, cpu, quality=error), "dense-cpu", 1) == (
        "a",
        "b",
    )


def test_energy_per_right_answer_stands_beside(comparison: Comparison, counted_ann, counted_snn, cpu) -> None:
    shown = cells(quality_table(comparison))
    assert shown["quality"] == ("80.0 %", "90.0 %") and shown["interval"] == ("—", "—")
    # 38.2 uJ / 0.8 and 473 uJ / 0.9
    assert shown["dense-cpu energy"] == ("38.2 µJ", "473 µJ")
    assert shown["dense-cpu front"] == ("yes", "yes") and shown["spike-chip front"] == ("—", "—")
    assert shown["dense-cpu per right answer"] == ("47.7 µJ", "526 µJ")
    assert shown["spike-chip per right answer"] == ("—", "≥ 608 nJ")
    rmse = {"a": ep.Quality(0.3, "RMSE", higher_is_better=False)}
    other = quality_table(ep.compare({"a": counted_ann, "b": counted_snn}, cpu, quality=rmse))
    assert cells(other)["quality"] == ("0.3", "—")
    assert other.columns[1].header == "RMSE\n(less is better)"
    assert not any("right answer" in column.name for column in other.columns)


def test_without_quality_there_is_no_table(counted_ann, counted_snn, cpu) -> None:
    assert quality_table(ep.compare({"a": counted_ann, "b": counted_snn}, cpu)) is None


def test_the_usual_estimate_by_hand(comparison: Comparison) -> None:
    # ANN: 7744 + 8192 + 2 * 1024 + 320 dense synops of 4.6 pJ = 84.2 nJ. SNN: 30 * 64 * 48 graded ones of
    # 4.6 pJ, 30 * 48 * 48 of 0.9 pJ at 3 / 48 and 6 / 48 spikes, 480 graded: 424 + 3.9 + 7.8 + 2.2 nJ.
    cnn = (7744 + 8192 + 2 * 1024 + 320) * 4.6
    snn = (30 * 64 * 48 + 480) * 4.6 + 30 * 48 * 48 * 0.9 * (3 + 6) / 48
    table = naive_table(comparison)
    assert table is not None
    usual = table.columns[1].values
    assert usual == pytest.approx([snn / cnn] * len(usual))
    row = table.columns[0].cells.index("dense-cpu")
    full = comparison.ratio("snn", "dense-cpu").value
    assert table.columns[3].values[row] == pytest.approx(full / (snn / cnn))


def test_waiting_for_a_batch_is_latency(counted_ann, counted_snn, cpu) -> None:
    traces = {"cnn": counted_ann, "snn": counted_snn}
    paced = ep.compare(traces, "h100", batch_sizes=[1, 64], inferences_per_second=10)
    cell = paced.cell("cnn", "h100", 64)
    # The first of 64 waits for 63 others, 0.1 s apart.
    assert cell.waiting_s == pytest.approx(6.3)
    assert cell.latency_s.value == pytest.approx(cell.total.latency_s + 6.3)
    assert cell.latency_s.low >= 6.3
    assert cell.edp_js.value == pytest.approx(cell.total.energy_j * cell.latency_s.value)
    assert paced.cell("cnn", "h100", 1).waiting_s == 0
    assert Case("cnn", "h100", 64) in paced.cells
