"""Charts of comparisons: what is drawn is what was computed."""

from __future__ import annotations

from pathlib import Path

import pytest

import energyprobe as ep
from energyprobe.errors import ReportError
from energyprobe.reporting.comparison import Comparison
from energyprobe.reporting.images import inline_svg


@pytest.fixture(scope="module")
def comparison(counted_ann, counted_snn, ann, chip, cpu) -> Comparison:
    return ep.compare(
        {"cnn": counted_ann, "snn": counted_snn, "_$lossy$": ann},
        [cpu, chip],
        quality={"cnn": ep.Quality(0.9, n_test=100), "snn": ep.Quality(0.8, n_test=100)},
    )


def test_ratios_are_drawn_where_they_are(comparison: Comparison) -> None:
    axes = ep.plot.energy_ratios(comparison)
    points = [line for line in axes.get_lines() if len(line.get_xdata()) == 1]
    drawn = sorted(float(line.get_xdata()[0]) for line in points)
    ratios = [comparison.ratio(name, "dense-cpu").value for name in ("_$lossy$", "snn")]
    assert drawn == pytest.approx(ratios)
    assert axes.get_xscale() == "log"
    assert axes.get_xlabel() == "energy per inference / that of cnn"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["dense-cpu"]
    # That of a lower bound is hollow.
    hollow = [line.get_markerfacecolor() == "white" for line in points]
    assert sorted(hollow) == [False, True]
    spans = [sorted(line.get_xdata()) for line in axes.get_lines() if len(line.get_xdata()) == 2][1:]
    snn = comparison.ratio("snn", "dense-cpu")
    assert [pytest.approx(span) for span in spans][0] == [snn.low, snn.high]


def test_quality_is_drawn_against_energy(comparison: Comparison) -> None:
    axes = ep.plot.pareto_front(comparison)
    assert axes.get_xlabel() == "energy per inference on dense-cpu (µJ)"
    assert axes.get_ylabel() == "accuracy"
    (front,) = (line for line in axes.get_lines() if line.get_zorder() == 1)
    # Only the CNN: it is better and cheaper.
    assert [list(front.get_xdata()), list(front.get_ydata())] == [[pytest.approx(38.2, rel=0.01)], [0.9]]


def test_what_is_true_of_all_batch_sizes_is_said_once(counted_ann, counted_snn, cpu) -> None:
    compared = ep.compare({"cnn": counted_ann, "snn": counted_snn}, [cpu, "cortex-m4"], batch_sizes=[1, 64])
    (ratios,) = (chart for chart in compared.charts if chart.title == "Energy over that of cnn")
    assert ratios.description.count("dense-cpu: snn costs") == 1
    assert ratios.description.count("cortex-m4: ") == 1


def test_charts_say_what_they_show(comparison: Comparison) -> None:
    energies, ratios, quality = comparison.charts
    assert energies.title == "Energy of each model on each device"
    assert energies.table.rows == sum(cell.is_priced for cell in comparison.cells.values())
    assert ratios.title == "Energy over that of cnn"
    assert ratios.table.columns[0].cells == ("snn on dense-cpu", "~ _$lossy$ on dense-cpu")
    assert "dense-cpu: snn costs" in ratios.description
    assert quality.title == "Quality against energy on dense-cpu"
    assert quality.description.endswith("No other beats in both: cnn.")
    assert [column.name for column in quality.table.columns] == [
        "model", "quality", "interval", "dense-cpu energy", "dense-cpu front",
    ]  # fmt: skip
    for chart in (ratios, quality):
        assert chart.title in inline_svg(chart, "a")


def test_a_comparison_is_an_image_and_a_page(comparison: Comparison, tmp_path: Path) -> None:
    for suffix in (".png", ".svg", ".pdf", ".html"):
        comparison.save(tmp_path / f"a{suffix}")
        assert (tmp_path / f"a{suffix}").stat().st_size > 1000
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "Energy over that of cnn" in page and "costs" in page


def test_where_there_is_nothing_to_draw(counted_ann, counted_snn, chip) -> None:
    none = ep.compare({"cnn": counted_ann, "snn": counted_snn}, chip)
    assert [chart.title for chart in none.charts] == ["Energy of each model on each device"]
    with pytest.raises(ReportError, match="^there is nothing to draw: no two energies can be divided on any"):
        ep.plot.energy_ratios(none)
    with pytest.raises(ReportError, match="^there is nothing to draw: no model has a quality and a complete"):
        ep.plot.pareto_front(none)
    with pytest.raises(ReportError, match="^the comparison has no device 'a100'"):
        ep.plot.pareto_front(none, "a100")


def test_a_model_looks_alike_on_every_chart(comparison: Comparison) -> None:
    def looks(axes) -> dict[str, str]:
        legend = axes.get_legend() or axes.figure.legends[0]
        return {
            text.get_text(): handle.get_color()
            for text, handle in zip(legend.get_texts(), legend.legend_handles, strict=True)
        }

    energies, ratios = looks(ep.plot.energy_by_device(comparison)), looks(ep.plot.energy_ratios(comparison))
    assert ratios and ratios == {name: energies[name] for name in ratios}
