"""Comparisons of fixed traces, word for word, and what must hold in each of them.

The goldens are written anew where the environment has ``WRITE_GOLDENS``; read them line by line before
committing them.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import energyprobe as ep
from energyprobe.costing.device import Device
from energyprobe.costing.loading import parse_device
from energyprobe.reporting.comparison import Comparison
from energyprobe.reporting.document import Document, Lines, Table
from energyprobe.reporting.latex import to_latex
from energyprobe.reporting.markdown import to_markdown
from energyprobe.reporting.terminal import to_text
from energyprobe.trace.records import Trace

GOLDENS = Path(__file__).parent / "goldens"
NAMES = ("complete", "bounded")

CORE = """
model = "processor"
name = "timed-core"
title = "Timed Core"
kind = "conventional"
year = 2021
process_nm = 22
skips = "nothing"
graded_events = true
description = "A processor of the tests, with times."

[constants.types.float32.conv_s]
value = 2
low = 1
high = 4
unit = "ns"
source = "hopper"
provenance = "primary"
verified = true
boundary = "chip"

[constants.types.float32.call_s]
value = 50
low = 20
high = 80
unit = "us"
source = "hopper"
provenance = "primary"
verified = true
boundary = "chip"

[constants.static_w]
value = 0.5
low = 0.4
high = 0.6
unit = "W"
source = "hopper"
provenance = "primary"
verified = true
boundary = "chip"

[constants.idle_w]
value = 0.1
unit = "W"
source = "hopper"
provenance = "primary"
verified = true
boundary = "chip"

[sources.hopper]
type = "inproceedings"
authors = ["Hopper, Grace"]
title = "On Processors"
year = 1960
venue = "Proceedings of Processors"
url = "https://example.org/processors"
"""


@pytest.fixture(scope="module")
def comparisons(
    ann: Trace, snn: Trace, counted_ann: Trace, counted_snn: Trace, chip: Device, cpu: Device
) -> dict[str, Comparison]:
    devices = [cpu, parse_device(CORE, "timed-core.toml"), chip]
    quality = {"cnn": ep.Quality(0.982, n_test=450), "snn": ep.Quality(0.963, n_test=450)}
    return {
        "complete": ep.compare(
            {"cnn": counted_ann, "snn": counted_snn}, devices, batch_sizes=[1, 64], quality=quality
        ),
        "bounded": ep.compare({"cnn": ann, "snn": snn}, devices, inferences_per_second=20),
    }


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("name", NAMES)
def test_terminal(name: str, width: int, comparisons: dict[str, Comparison], golden, without_version) -> None:
    page = without_version(to_text(comparisons[name].document, width) + "\n")
    assert page == golden(f"comparison-{name}-{width}.txt", page)
    assert max(map(len, page.splitlines())) <= width


@pytest.mark.parametrize("name", NAMES)
def test_markdown(name: str, comparisons: dict[str, Comparison], golden, without_version) -> None:
    page = without_version(to_markdown(comparisons[name].document))
    assert page == golden(f"comparison-{name}.md", page)


@pytest.mark.parametrize("name", NAMES)
def test_latex(name: str, comparisons: dict[str, Comparison], golden, without_version) -> None:
    page = without_version(to_latex(comparisons[name].document))
    assert page == golden(f"comparison-{name}.tex", page)


@pytest.mark.parametrize("name", NAMES)
def test_json(name: str, comparisons: dict[str, Comparison], golden, rounded) -> None:
    data = rounded(comparisons[name].data)
    assert data.pop("energyprobe") == ep.__version__
    text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    assert text == golden(f"comparison-{name}.json", text)


def stored_rows(name: str) -> list[dict]:
    return json.loads((GOLDENS / f"comparison-{name}.json").read_text(encoding="utf-8"))["rows"]


@pytest.mark.parametrize("name", NAMES)
def test_intervals_hold_values_and_ratios_are_those_of_values(name: str) -> None:
    rows = stored_rows(name)
    assert len(rows) == len(comparisons_of(name))
    baseline = {(row["device"], row["batch_size"]): row for row in rows if row["outcome"] == "baseline"}
    held = 0
    for row in rows:
        ratios = ("latency_s", "edp_js", "energy_ratio", "latency_ratio", "edp_ratio")
        ends = (("energy_j", "low_j", "high_j"), *((each, f"low_{each}", f"high_{each}") for each in ratios))
        for value, low, high in ends:
            if row[value] is not None:
                assert row[low] <= row[value] <= row[high], (row["device"], value)
                held += 1
        other = baseline[row["device"], row["batch_size"]]
        if row["energy_ratio"] is not None:
            assert row["energy_ratio"] == pytest.approx(row["energy_j"] / other["energy_j"])
    assert held >= 18


def comparisons_of(name: str) -> list[tuple[str, int, str]]:
    sizes = (1, 64) if name == "complete" else (1,)
    return [
        (device, size, model)
        for device in ("dense-cpu", "timed-core", "spike-chip")
        for size in sizes
        for model in ("cnn", "snn")
    ]


@pytest.mark.parametrize("name", NAMES)
def test_terms_sum_to_the_totals(name: str, comparisons: dict[str, Comparison]) -> None:
    for case, cell in comparisons[name].cells.items():
        if cell.is_priced:
            parts = [term.energy_j for term in cell.total.terms.values()]
            assert sum(parts) == pytest.approx(cell.total.energy_j), case


@pytest.mark.parametrize("name", NAMES)
def test_every_device_is_told_and_cited(name: str, comparisons: dict[str, Comparison]) -> None:
    document: Document = comparisons[name].document
    lines = {section.title: section.lines for section in document.sections if isinstance(section, Lines)}
    for device in comparisons[name].devices:
        (described,) = (line for line in lines["Devices"] if line.startswith(device))
        keys = described.rpartition("[")[2].rstrip("]").split(", ")
        assert keys != [""]
        for key in keys:
            assert any(line.startswith(f"{key}: ") for line in lines["Sources"])
    told = " ".join(lines["Verdict"])
    assert all(device in told for device in comparisons[name].devices)


def test_no_verdict_is_given_of_lower_bounds(comparisons: dict[str, Comparison]) -> None:
    for verdict in comparisons["bounded"].verdicts:
        cells = comparisons["bounded"].pair(verdict.case)
        assert all(cell.is_lower_bound for cell in cells) and verdict.outcome == "unknown"


@pytest.mark.parametrize("name", NAMES)
def test_tables_have_as_many_cells_as_rows(name: str, comparisons: dict[str, Comparison]) -> None:
    for section in comparisons[name].document.sections:
        if isinstance(section, Table):
            for column in section.columns:
                assert len(column.cells) == section.rows
                assert len(column.values) in (0, section.rows)
