"""Reports of fixed traces, word for word, and what must hold in each of them.

The goldens are written anew where the environment has ``WRITE_GOLDENS``; read them line by line before
committing them.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import energyprobe
from energyprobe.costing.device import Device
from energyprobe.reporting.data import data_of
from energyprobe.reporting.latex import to_latex
from energyprobe.reporting.markdown import to_markdown
from energyprobe.reporting.pricing import report
from energyprobe.reporting.result import Report
from energyprobe.reporting.terminal import to_text
from energyprobe.trace.records import Trace

GOLDENS = Path(__file__).parent / "goldens"
NAMES = ("ann", "snn", "counted_snn")
SCALE = {"p": 1e-12, "n": 1e-9, "µ": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "%": 0.01}
UNKNOWN = ("", "—", "free", "none", "not counted", "not modelled", "unknown")


@pytest.fixture(scope="module")
def reports(ann: Trace, snn: Trace, counted_snn: Trace, chip: Device, cpu: Device) -> dict[str, Report]:
    traces = {"ann": ann, "snn": snn, "counted_snn": counted_snn}
    return {name: report(traces[name], [chip, cpu]) for name in NAMES}


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("name", NAMES)
def test_terminal(name: str, width: int, reports: dict[str, Report], golden, without_version) -> None:
    page = without_version(to_text(reports[name].document, width) + "\n")
    assert page == golden(f"{name}-{width}.txt", page)
    assert max(map(len, page.splitlines())) <= width


@pytest.mark.parametrize("name", NAMES)
def test_latex(name: str, reports: dict[str, Report], golden, without_version) -> None:
    page = without_version(to_latex(reports[name].document))
    assert page == golden(f"{name}.tex", page)


@pytest.mark.parametrize("name", NAMES)
def test_markdown(name: str, reports: dict[str, Report], golden, without_version) -> None:
    page = without_version(to_markdown(reports[name].document))
    assert page == golden(f"{name}.md", page)


@pytest.mark.parametrize("name", NAMES)
def test_json(name: str, reports: dict[str, Report], golden, rounded) -> None:
    data = rounded(data_of(reports[name]))
    assert data.pop("energyprobe") == energyprobe.__version__
    text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    assert text == golden(f"{name}.json", text)


def tables(name: str) -> list[list[list[str]]]:
    """Tables of a golden in Markdown: rows of cells, headers first, marks of bold print left out."""
    text = (GOLDENS / f"{name}.md").read_text(encoding="utf-8")
    found = re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE)
    rows = [
        [row.strip("|").split("|") for row in table.splitlines() if ":--" not in row and "--:" not in row]
        for table in found
    ]
    return [[[cell.strip().replace("**", "") for cell in row] for row in table] for table in rows]


def number(words: str) -> float:
    """What a cell says, in the unit without prefix; a lower bound as its figure."""
    figure, _, unit = words.removeprefix("≥ ").partition(" ")
    return float(figure) * SCALE[unit.removesuffix("J")]


def tolerance(words: str) -> float:
    """Half a unit of the last digit that a cell shows."""
    figure, _, unit = words.removeprefix("≥ ").partition(" ")
    decimals = len(figure.partition(".")[2])
    return 0.5 * 10.0**-decimals * SCALE[unit.removesuffix("J")]


@pytest.mark.parametrize("name", NAMES)
def test_rows_sum_to_the_total(name: str) -> None:
    header, *rows, total = tables(name)[0]
    assert total[0] == "total" and len(rows) > 4
    added = 0
    for place, column in enumerate(header):
        known = [row[place] for row in rows if row[place] not in UNKNOWN]
        if total[place] in UNKNOWN or column == "layer":
            continue
        slack = sum(map(tolerance, known)) + tolerance(total[place])
        assert abs(sum(map(number, known)) - number(total[place])) <= slack, column
        added += 1
    assert added >= 5


@pytest.mark.parametrize("name", NAMES)
def test_terms_sum_to_the_energy_and_ranges_hold_it(name: str) -> None:
    header, *rows = tables(name)[1]
    lines = {row[0]: row[1:] for row in rows}
    name_of_range = next(line for line in lines if line.startswith("range"))
    terms = [cells for line, cells in lines.items() if line not in ("energy", name_of_range, "latency")]
    for place in range(len(header) - 1):
        energy = lines["energy"][place]
        if energy in UNKNOWN:
            continue
        known = [cells[place] for cells in terms if cells[place] not in UNKNOWN]
        slack = sum(map(tolerance, known)) + tolerance(energy)
        assert abs(sum(map(number, known)) - number(energy)) <= slack
        ends, _, unit = lines[name_of_range][place].partition(" ")
        low, high = (f"{end} {unit}" for end in ends.split("–"))
        assert number(low) - tolerance(low) <= number(energy) <= number(high) + tolerance(high)


@pytest.mark.parametrize("name", NAMES)
def test_numbers_sum_to_totals_and_intervals_hold_them(name: str) -> None:
    data = json.loads((GOLDENS / f"{name}.json").read_text(encoding="utf-8"))
    for device, told in data["devices"].items():
        rows = [row for row in data["rows"] if row["device"] == device]
        total = told["total"]
        for column in ("energy_j", "low_j", "high_j"):
            known = [row[column] for row in rows if row[column] is not None]
            assert sum(known) == pytest.approx(total[column])
        for row in (*rows, total, *total["terms"].values()):
            if row["energy_j"] is not None:
                assert row["low_j"] <= row["energy_j"] <= row["high_j"]
        assert sum(term["energy_j"] for term in total["terms"].values()) == pytest.approx(total["energy_j"])


@pytest.mark.parametrize("name", NAMES)
def test_shares_sum_to_100_per_cent(name: str) -> None:
    header, *rows, total = tables(name)[0]
    shares = [place for place, column in enumerate(header) if column.endswith(" share")]
    # The chip has no price for what the conventional network does.
    assert len(shares) == (1 if name == "ann" else 2)
    for place in shares:
        known = [row[place] for row in rows if row[place]]
        assert total[place] == "100 %" and len(known) >= 4
        assert sum(map(number, known)) == pytest.approx(1, abs=sum(map(tolerance, known)))


def without_macros(cell: str) -> str:
    """A cell of LaTeX as the words of the other formats."""
    prefixes = {"nano": "n", "micro": "µ", "milli": "m", "": ""}
    cell = re.sub(r"\\num\{([\d.]+)e3\}", r"\1 k", cell)
    cell = re.sub(r"\\num\{([\d.]+)\}", r"\1", cell)
    cell = re.sub(r"\\qty\{([\d.]+)\}\{\\percent\}", r"\1 %", cell)
    cell = re.sub(r"\\qty\{([\d.]+)\}\{\\hertz\}", r"\1 Hz", cell)
    units = r"\{(?:\\(nano|micro|milli))?\\joule\}"
    cell = re.sub(
        rf"\\qtyrange\{{([\d.]+)\}}\{{([\d.]+)\}}{units}",
        lambda found: f"{found[1]}–{found[2]} {prefixes[found[3] or '']}J",
        cell,
    )
    cell = re.sub(
        rf"\\qty\{{([\d.]+)\}}{units}", lambda found: f"{found[1]} {prefixes[found[2] or '']}J", cell
    )
    for macro, sign in (
        (r"$\geq$", "≥"),
        (r"$\times$", "×"),
        (r"\textdagger{}", "†"),
        (r"\_", "_"),
        ("---", "—"),
    ):
        cell = cell.replace(macro, sign)
    return cell.replace(r"\quad ", "").removeprefix("{}").strip()


@pytest.mark.parametrize("name", NAMES)
def test_latex_says_what_markdown_says(name: str) -> None:
    text = (GOLDENS / f"{name}.tex").read_text(encoding="utf-8")
    rows = [
        line.strip().removesuffix(r"\\").split(" & ") for line in text.splitlines() if line.endswith(r" \\")
    ]
    cells = {(without_macros(row[0]), without_macros(cell)) for row in rows for cell in row[1:]}
    for table in tables(name):
        for row in table[1:]:
            assert {(row[0], cell.replace(r"\_", "_")) for cell in row[1:]} <= cells


@pytest.mark.parametrize("name", NAMES)
def test_every_device_is_cited(name: str) -> None:
    text = (GOLDENS / f"{name}.md").read_text(encoding="utf-8")
    devices = re.search(r"### Devices\n\n(.*?)\n\n### Sources\n\n(.*)", text, flags=re.DOTALL)
    assert devices
    for device in ("spike-chip", "dense-cpu †"):
        (line,) = [line for line in devices[1].splitlines() if line.startswith(f"- {device}: ")]
        for key in re.search(r"\\\[(.+)\\\]$", line)[1].split(", "):
            assert f"- {key}: " in devices[2]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [80, 200])
def test_the_terminal_shows_every_cell_of_the_markdown(name: str, width: int) -> None:
    lines = (GOLDENS / f"{name}-{width}.txt").read_text(encoding="utf-8").splitlines()
    for table in tables(name):
        for row in table[1:]:
            of_row = [line for line in lines if line.strip().startswith(row[0])]
            shown = [
                word for line in of_row for word in re.split(r" {2,}", re.sub("[█-▏]", "", line).strip())
            ]
            assert {cell for cell in row if cell} <= set(shown)
