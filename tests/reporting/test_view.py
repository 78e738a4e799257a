"""Recordings in two readings: every device is priced for its own."""

from __future__ import annotations

import msgspec
import pytest

from energyprobe.costing.device import Device
from energyprobe.reporting.data import data_of
from energyprobe.reporting.document import Document, Table
from energyprobe.reporting.pricing import report
from energyprobe.reporting.result import Report
from energyprobe.reporting.terminal import to_text
from energyprobe.trace.operations import Uncounted
from energyprobe.trace.records import Step, Trace

LITERAL = "Layers, per inference, literal reading (what the simulator multiplies)"
FOLDED = (
    "Layers, per inference, folded reading (passthrough nodes composed away, as event-driven hardware does)"
)


@pytest.fixture
def both(counted_snn: Trace) -> Trace:
    """Literal: all layers. Folded: without the first and the last, as if they were composed away."""
    inner = [call for call in counted_snn.calls if call.path not in ("encode", "readout", "smooth")]
    folded = tuple(msgspec.structs.replace(call, reading="folded") for call in inner)
    return msgspec.structs.replace(counted_snn, calls=(*counted_snn.calls, *folded))


def layer_tables(document: Document) -> dict[str, Table]:
    return {each.title: each for each in document.sections if each.title.startswith("Layers")}


def test_each_device_is_priced_for_its_reading(both: Trace, chip: Device, cpu: Device) -> None:
    mixed = report(both, [chip, cpu])
    # 30 steps of 3 and 6 spikes to 48 neurons; two layers of 48 neurons.
    assert mixed.total("spike-chip").energy_j == pytest.approx(
        30 * (3 + 6) * 48 * 20e-12 + 2 * 48 * 30 * 1e-10
    )
    assert not mixed.total("spike-chip").lower_bound
    macs = 30 * (64 * 48 + 2 * 48 * 48) + 48 * 10
    assert mixed.total("dense-cpu").terms["macs"].energy_j == pytest.approx(macs * 2e-9)
    # The reading can be said: then the chip reads the graded values of the first layer.
    literal = msgspec.structs.replace(chip, own_reading="literal")
    assert report(both, literal).total("spike-chip").lower_bound


def test_a_table_for_each_reading_in_the_order_of_the_devices(both: Trace, chip: Device, cpu: Device) -> None:
    tables = layer_tables(report(both, [chip, cpu]).document)
    assert list(tables) == [FOLDED, LITERAL]
    assert tables[FOLDED].columns[0].cells == ("neurons", "mix", "more_neurons")
    assert tables[LITERAL].columns[0].cells == (
        "encode",
        "neurons",
        "mix",
        "more_neurons",
        "smooth",
        "readout",
    )
    assert [tables[title].columns[-2].header for title in (FOLDED, LITERAL)] == ["spike-chip", "dense-cpu †"]
    assert list(layer_tables(report(both, cpu).document)) == [LITERAL]
    totals = next(
        each for each in report(both, [cpu, chip]).document.sections if each.title.startswith("Totals")
    )
    assert [column.name for column in totals.columns] == ["total", "dense-cpu", "spike-chip"]


def test_the_frame_names_the_reading_and_adds_up(both: Trace, chip: Device, cpu: Device) -> None:
    mixed = report(both, [chip, cpu])
    frame = mixed.to_dataframe()
    assert frame.groupby("device").reading.unique().map(list).to_dict() == {
        "spike-chip": ["folded"],
        "dense-cpu": ["literal"],
    }
    # mix is called twice
    assert frame.groupby("device").size().to_dict() == {"spike-chip": 4, "dense-cpu": 7}
    for device in mixed.devices:
        rows = frame[frame.device == device]
        assert rows.energy_j.sum() == pytest.approx(mixed.total(device).energy_j)
    assert {row["reading"] for row in data_of(mixed)["rows"]} == {"literal", "folded"}


def test_a_trace_of_one_reading_is_priced_in_that(counted_snn: Trace, chip: Device, cpu: Device) -> None:
    plain = report(counted_snn, [chip, cpu])
    assert list(layer_tables(plain.document)) == ["Layers, per inference"]
    assert set(plain.to_dataframe().reading) == {"literal"}
    assert "reading (" not in to_text(plain.document)


def test_what_is_not_counted_is_told_once_unless_readings_differ(
    both: Trace, chip: Device, cpu: Device
) -> None:
    def told(of: Report) -> dict[str, tuple[str, ...]]:
        return {
            each.title: each.lines for each in of.document.sections if each.title.startswith("Not counted")
        }

    nothing = {"Not counted": ("nothing: all 6 layers are counted or declared free",)}
    assert told(report(both, [chip, cpu])) == nothing
    reason = Step(operation=Uncounted(reason="custom"), executions=100, dtype="float32")

    def spoilt(*readings: str) -> Trace:
        return msgspec.structs.replace(
            both,
            calls=tuple(
                msgspec.structs.replace(call, fate="uncounted", steps=(reason,))
                if call.path == "neurons" and call.reading in readings
                else call
                for call in both.calls
            ),
        )

    assert list(told(report(spoilt("folded"), [chip, cpu]))) == ["Not counted"]
    twice = told(report(spoilt("folded", "literal"), [chip, cpu]))
    assert list(twice) == ["Not counted, folded reading", "Not counted, literal reading"]
    assert len(data_of(report(spoilt("folded"), [chip, cpu]))["uncounted"]) == 1
