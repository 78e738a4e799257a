"""``report`` and ``merge`` print, write and exit as the library does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

import energyprobe as ep
from energyprobe.trace.records import Trace

pytestmark = pytest.mark.oldest


def test_it_prints_the_report_of_the_library(trace: Trace, trace_file: Path, call) -> None:
    ran = call("report", trace_file, "-d", "45nm-fp32", "-d", "loihi", "--batch-size", 3)
    assert ran == (0, f"{ep.report(trace, ['45nm-fp32', 'loihi'], batch_size=3)}\n", "")


def test_it_prints_json(trace: Trace, trace_file: Path, call) -> None:
    ran = call("report", trace_file, "-d", "45nm-fp32", "--json")
    data = json.loads(ran.out)
    total = ep.report(trace, "45nm-fp32").total("45nm-fp32")
    assert data["devices"]["45nm-fp32"]["total"]["energy_j"] == total.energy_j
    assert (ran.code, ran.err) == (0, "")


def test_it_writes_files_by_their_suffixes_and_prints_nothing_else(trace_file: Path, call) -> None:
    table, page = trace_file.with_suffix(".csv"), trace_file.with_suffix(".md")
    ran = call("report", trace_file, "-d", "45nm-fp32", "-o", table, "-o", page)
    assert ran == (0, "", f"wrote {table}\nwrote {page}\n")
    assert table.read_text().startswith("layer,") and page.read_text().startswith("## Energy of small")


def test_columns_are_chosen(trace_file: Path, call) -> None:
    ran = call("report", trace_file, "-d", "45nm-fp32", "-c", "event_synops", "-c", "energy_j")
    assert "event" in ran.out and "sparsity" not in ran.out.split("Totals")[0]
    assert call("report", trace_file, "-d", "45nm-fp32", "-c", "evnt_synops").err.startswith(
        "energyprobe: a report has no column 'evnt_synops': did you mean 'event_synops'"
    )


def test_the_network_runs_in_the_scenario_given(trace_file: Path, call) -> None:
    options = ("--batch-size", 3, "--dtype", "int8", "--inferences-per-second", 2.5)
    ran = call("report", trace_file, "-d", "raspberry-pi-4", *options, "--json")
    assert json.loads(ran.out)["scenario"] == {"batch_size": 3, "dtype": "int8", "inferences_per_second": 2.5}


def test_an_impossible_scenario_is_told(trace_file: Path, call) -> None:
    ran = call("report", trace_file, "-d", "loihi", "--batch-size", 0)
    assert ran == (1, "", "energyprobe: batch_size must be a whole number of at least 1, got 0\n")


def test_traces_add_up(trace: Trace, trace_file: Path, call) -> None:
    tuesday, both = trace_file.with_name("tuesday.json"), trace_file.with_name("both.json.gz")
    other_day = replace(trace, notes=("on Tuesday",))
    other_day.save(tuesday)
    assert call("merge", trace_file, tuesday, "-o", both) == (0, "", f"wrote {both}\n")
    assert ep.load_trace(both) == trace + other_day


def test_a_recording_counts_once(trace: Trace, trace_file: Path, call) -> None:
    copy, both = trace_file.with_name("copy.json.gz"), trace_file.with_name("both.json")
    trace.save(copy)
    for twice in (trace_file, copy):
        message = f"{twice} holds the same recording as {trace_file}, which would count twice"
        assert call("merge", trace_file, twice, "-o", both) == (1, "", f"energyprobe: {message}\n")
    assert not both.exists()


def test_traces_of_other_models_do_not(trace: Trace, trace_file: Path, call) -> None:
    other, both = trace_file.with_name("other.json"), trace_file.with_name("both.json")
    Trace(model="other", fingerprint="other", samples=1, calls=trace.calls).save(other)
    ran = call("merge", trace_file, other, "-o", both)
    assert ran.code == 1 and ran.err.startswith("energyprobe: cannot add traces of different models")
    assert not both.exists()


def test_rows_are_arranged(trace: Trace, trace_file: Path, call) -> None:
    arguments = ("--sort", "energy_j", "--top", 1, "--depth", 1)
    expected = ep.report(trace, "45nm-fp32").arrange("energy_j", top=1, depth=1)
    assert call("report", trace_file, "-d", "45nm-fp32", *arguments) == (0, f"{expected}\n", "")
    assert call("report", trace_file, "-d", "45nm-fp32", "--top", 0).code == 1
