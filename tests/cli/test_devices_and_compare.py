"""``devices`` and ``compare`` print what the library does, and name recordings by their files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

import energyprobe as ep
from energyprobe.trace.records import Trace

pytestmark = pytest.mark.oldest

DEVICE = "45nm-fp32"


@pytest.fixture
def other_file(trace: Trace, trace_file: Path) -> Path:
    """A network of the same shape under another name."""
    path = trace_file.with_name("other.json.gz")
    replace(trace, model="other", fingerprint="other").save(path)
    return path


def test_the_catalog_is_listed(call) -> None:
    assert call("devices") == (0, f"{ep.devices()}\n", "")
    rows = json.loads(call("devices", "--json").out)
    assert [row["name"] for row in rows] == list(ep.devices())
    assert any(row["macs_j"] is None for row in rows) and any(row["macs_j"] for row in rows)


def test_one_device_is_shown(call) -> None:
    assert call("devices", "loihi") == (0, f"{ep.devices('loihi')}\n", "")
    data = json.loads(call("devices", "loihi", "--json").out)
    figure = ep.device("loihi").figures["neuron_updates"]
    assert data["constants"]["neuron_updates"]["value"] == figure.value
    assert data["reading"] == "folded" and data["sources"]


def test_a_device_that_there_is_not(call) -> None:
    ran = call("devices", "lohi")
    assert ran.code == 1 and "did you mean 'loihi'" in ran.err and ran.err.count("\n") == 1


def test_recordings_are_compared_under_the_names_of_their_files(
    trace: Trace, trace_file: Path, other_file: Path, call
) -> None:
    ran = call("compare", trace_file, other_file, "-d", DEVICE, "--batch-size", 1, "--batch-size", 8)
    traces = {"run": trace, "other": ep.load_trace(other_file)}
    assert ran == (0, f"{ep.compare(traces, DEVICE, batch_sizes=[1, 8])}\n", "")


def test_names_baseline_and_accuracy_are_given(trace_file: Path, other_file: Path, call) -> None:
    arguments = ("compare", f"cnn={trace_file}", f"snn={other_file}", "-d", DEVICE, "--json")
    qualities = ("--baseline", "snn", "--accuracy", "cnn=0.98", "--accuracy", "snn=0.97")
    data = json.loads(call(*arguments, *qualities).out)
    assert data["baseline"] == "snn" and list(data["models"]) == ["cnn", "snn"]
    assert json.dumps(data).count("0.97") >= 1


def test_every_network_runs_in_the_scenario_given(trace: Trace, trace_file, other_file, call) -> None:
    options = ("--inferences-per-second", 5, "--boundary", "chip")
    ran = call("compare", trace_file, other_file, "-d", "cortex-m4", *options)
    traces = {"run": trace, "other": ep.load_trace(other_file)}
    paced = ep.compare(traces, "cortex-m4", inferences_per_second=5.0, boundary="chip")
    assert ran == (0, f"{paced}\n", "")


def test_it_writes_files(trace_file: Path, other_file: Path, call) -> None:
    table = trace_file.with_suffix(".csv")
    ran = call("compare", trace_file, other_file, "-d", DEVICE, "-o", table)
    assert ran == (0, "", f"wrote {table}\n")
    assert "energy_ratio" in table.read_text().splitlines()[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{run}"], "give at least two models to compare, got 1"),
        (["{run}", "{run}"], "two recordings are named 'run'; name them yourself: other={run}"),
        (
            ["{run}", "{other}", "--accuracy", "run:1"],
            "--accuracy run:1: it is NAME=FRACTION, such as snn=0.97",
        ),
        (
            ["{run}", "{other}", "--accuracy", "0.97"],
            "--accuracy 0.97: it is NAME=FRACTION, such as snn=0.97",
        ),
        (["{run}", "{other}", "--baseline", "rnn"], "no model 'rnn' to be the baseline: did you mean 'run'?"),
    ],
)
def test_impossible_comparisons(arguments, message, trace_file: Path, other_file: Path, call) -> None:
    given = [each.format(run=trace_file, other=other_file) for each in arguments]
    expected = message.format(run=trace_file)
    assert call("compare", *given, "-d", DEVICE) == (1, "", f"energyprobe: {expected}\n")
