"""Charts as images of every format."""

from __future__ import annotations

import struct
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from energyprobe.costing.device import Device
from energyprobe.errors import ReportError
from energyprobe.reporting.chart import Chart
from energyprobe.reporting.images import inline_svg
from energyprobe.reporting.plot.style import term_style
from energyprobe.reporting.pricing import report
from energyprobe.reporting.result import Report
from energyprobe.trace.records import Trace

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def of_snn(snn: Trace, chip: Device, cpu: Device) -> Report:
    return report(snn, [chip, cpu])


def test_png_is_as_wide_as_a_page_at_200_dots_per_inch(of_snn: Report, tmp_path: Path) -> None:
    of_snn.save(tmp_path / "report.png")
    head = (tmp_path / "report.png").read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", head[16:])
    assert width == 6.4 * 200
    assert height == int(200 * sum(chart.height_in for chart in of_snn.charts))


def test_pdf_and_svg_are_the_same_every_time(of_snn: Report, tmp_path: Path) -> None:
    for suffix, start in ((".pdf", b"%PDF-"), (".svg", b"<?xml")):
        pages = [tmp_path / f"{name}{suffix}" for name in ("one", "two")]
        for page in pages:
            of_snn.save(page)
        assert pages[0].read_bytes().startswith(start)
        assert pages[0].read_bytes() == pages[1].read_bytes()


def texts(svg: str) -> list[str]:
    return [each.text or "" for each in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_a_chart_within_a_page_is_told_and_takes_its_colours(of_snn: Report) -> None:
    chart = of_snn.charts[0]
    svg = inline_svg(chart, "a")
    root = ElementTree.fromstring(svg)
    assert root.find(f"{SVG}title").text == chart.title == "Energy by layer on spike-chip"
    assert root.find(f"{SVG}desc").text == chart.description
    assert "currentColor" in svg and "var(--lines)" in svg
    assert "#1c1b22" not in svg and "<style" not in svg and "<metadata" not in svg
    assert "energy per inference (nJ)" in texts(svg)


def test_hatched_bars_keep_their_colours(snn: Trace) -> None:
    (chart,) = (each for each in report(snn, "cortex-m4").charts if each.title.startswith("Energy"))
    root = ElementTree.fromstring(inline_svg(chart, "a"))
    (pattern,) = root.iter(f"{SVG}pattern")
    assert [each.get("fill") for each in pattern][0] == term_style("static")["color"]
    assert any(f"url(#{pattern.get('id')})" in each.get("style", "") for each in root.iter())


def test_identifiers_of_two_charts_differ(of_snn: Report) -> None:
    one, two = (
        {each.get("id") for each in ElementTree.fromstring(inline_svg(of_snn.charts[0], name)).iter()}
        for name in ("a", "b")
    )
    assert one & two == {None}


@pytest.mark.parametrize("name", ["_hidden", "$x_1^2$", r"\frac{1}", "#1c1b22", "url(#a)", "层", "a\nb"])
def test_names_are_drawn_as_they_are(name: str, snn: Trace, cpu: Device) -> None:
    calls = tuple(
        msgspec.structs.replace(call, path=f"{name}{place}") for place, call in enumerate(snn.calls)
    )
    told = report(msgspec.structs.replace(snn, calls=calls), cpu)
    shown = {text for chart in told.charts for text in texts(inline_svg(chart, "a"))}
    assert f"{name}1".replace("\n", "\ufffd") in shown


def test_nothing_to_draw_is_an_error(ann: Trace, chip: Device, tmp_path: Path) -> None:
    calls = tuple(msgspec.structs.replace(call, output=None, steps=()) for call in ann.calls)
    told = report(msgspec.structs.replace(ann, calls=calls), chip)
    assert told.charts == ()
    with pytest.raises(ReportError) as caught:
        told.save(tmp_path / "report.png")
    assert str(caught.value) == (
        "there is nothing to draw: no device has a price, and no activity was recorded; "
        "save it as .md or .html instead"
    )
    assert not list(tmp_path.iterdir())


def test_a_chart_tells_its_figures(of_snn: Report) -> None:
    chart: Chart = of_snn.charts[0]
    shown = dict(zip(chart.table.columns[0].cells, chart.table.columns[-2].cells, strict=True))
    # mix: 30 steps x (3 + 6) spikes x 48 synapses x 20 pJ = 259.2 nJ; neurons: 30 x 48 x 100 pJ = 144 nJ
    assert shown == {"neurons": "144 nJ", "mix": "259 nJ", "more_neurons": "144 nJ"}
    assert chart.description.endswith("Most goes to mix: 259 nJ, 47.4 %.")
