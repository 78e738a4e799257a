"""Reports and comparisons as JSON, read back; files of every version of the stored form keep loading."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

import energyprobe as ep
from energyprobe.errors import ReportError
from energyprobe.reporting.comparison import Comparison
from energyprobe.reporting.result import Report
from energyprobe.reporting.stored import COMPARISON_SCHEMA, REPORT_SCHEMA
from energyprobe.reporting.terminal import to_text

STORED = Path(__file__).parent / "stored"
"""Files of each version: never written again."""


@pytest.fixture
def compared(counted_ann, counted_snn, chip, cpu) -> Comparison:
    return ep.compare({"cnn": counted_ann, "snn": counted_snn}, [chip, cpu], accuracy={"cnn": 0.9})


@pytest.fixture
def reported(snn, chip, cpu) -> Report:
    return ep.report(snn, [chip, cpu])


@pytest.mark.parametrize("kind", ["compared", "reported"])
def test_what_is_saved_comes_back(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    original: Report | Comparison = request.getfixturevalue(kind)
    original.save(tmp_path / "a.json")
    again = ep.load_report(tmp_path / "a.json")
    assert again.is_comparison == (kind == "compared")
    assert again.document == original.document and again.bibtex == original.bibtex
    assert str(again) == str(original)
    pd.testing.assert_frame_equal(again.to_dataframe(), original.to_dataframe(), check_dtype=False)
    for suffix in ("json", "md", "txt", "tex", "csv"):
        again.save(tmp_path / f"b.{suffix}")
        original.save(tmp_path / f"a.{suffix}")
        assert (tmp_path / f"b.{suffix}").read_bytes() == (tmp_path / f"a.{suffix}").read_bytes(), suffix
    assert repr(again) == f"StoredReport({original.document.heading!r})"


@pytest.mark.parametrize("version", range(1, REPORT_SCHEMA + 1))
def test_reports_of_every_version_load(version: int) -> None:
    stored = ep.load_report(STORED / f"report-{version}.json")
    assert stored.data["schema"] == version and not stored.is_comparison
    frame = stored.to_dataframe()
    total = frame[frame["device"] == "dense-cpu"]["energy_j"].sum()
    assert total == pytest.approx(stored.data["devices"]["dense-cpu"]["total"]["energy_j"])
    page = to_text(stored.document, 80)
    assert page.startswith("Energy of digits_snn\n") and "dense-cpu" in page


@pytest.mark.parametrize("version", range(1, COMPARISON_SCHEMA + 1))
def test_comparisons_of_every_version_load(version: int) -> None:
    stored = ep.load_report(STORED / f"comparison-{version}.json")
    assert stored.data["schema"] == version and stored.is_comparison
    assert set(stored.to_dataframe()["model"]) == {"cnn", "snn"}
    assert to_text(stored.document, 80).startswith("snn compared with cnn\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot load {path}: No such file or directory"),
        ("{", "cannot load {path}: it is no report, or was cut (Expecting property name enclosed in double"),
        ("[1]", "cannot load {path}: it is no report; expected what Report.save or Comparison.save wrote as"),
        (
            '{"schema": 1, "model": "net", "calls": []}',
            "cannot load {path}: it is a trace, not a report; ep.load_trace reads it, ep.report prices it",
        ),
        ('{"schema": 1, "rows": []}', "cannot load {path}: it is no report; expected what Report.save or"),
        (
            json.dumps({"schema": 99, "rows": [], "devices": {}}),
            "cannot load {path}: it has version 99 of the stored form, and this energyprobe knows up to "
            f"{REPORT_SCHEMA}: update energyprobe",
        ),
        (
            json.dumps({"schema": 99, "rows": [], "devices": {}, "baseline": "a"}),
            "cannot load {path}: it has version 99 of the stored form, and this energyprobe knows up to "
            f"{COMPARISON_SCHEMA}: update energyprobe",
        ),
    ],
)
def test_what_is_no_report_is_refused(text: str | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(ReportError) as caught:
        ep.load_report(path)
    assert str(caught.value).startswith(message.format(path=path))
