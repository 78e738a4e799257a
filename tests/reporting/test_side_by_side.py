"""Totals of several models in one table."""

from __future__ import annotations

import msgspec
import pytest

from energyprobe.costing.device import Device
from energyprobe.costing.lookup import device
from energyprobe.errors import ReportError
from energyprobe.reporting import totals_table
from energyprobe.reporting.document import Column, Document
from energyprobe.reporting.remarks import LOWER_BOUND_MEANS
from energyprobe.reporting.result import Report, report
from energyprobe.trace.records import Trace


@pytest.fixture
def both(ann: Trace, snn: Trace, chip: Device, cpu: Device) -> dict[str, Report]:
    return {"cnn": report(ann, cpu), "snn": report(snn, [cpu, chip])}


def columns(document: Document, table: int = 0) -> dict[str, Column]:
    return {column.name: column for column in document.sections[table].columns}


def test_every_model_has_a_row_with_its_totals(both: dict[str, Report]) -> None:
    shown = columns(totals_table(both, accuracy={"cnn": 0.98, "snn": 0.9631}))
    assert {name: column.cells for name, column in shown.items()} == {
        "model": ("cnn", "snn"),
        "accuracy": ("98.0 %", "96.3 %"),
        "timesteps": ("1", "30"),
        "parameters": ("9.77 k", "6.06 k"),
        "dense_synops": ("≥ 18.3 k", "≥ 231 k"),
        "event_synops": ("≥ 9.23 k", "≥ 59.5 k"),
        "neuron_updates": ("≥ 0", "≥ 2.88 k"),
        # 36.6 uJ of MACs and 1.59 uJ of arithmetic; 462, 8.64 and 2.89 uJ
        "dense-cpu": ("≥ 38.2 µJ", "≥ 473 µJ"),
        "spike-chip": ("—", "≥ 547 nJ"),
    }
    assert [column.header for column in shown.values()][-2:] == ["dense-cpu †", "spike-chip"]


def test_ranges_stand_apart_and_only_where_known(both: dict[str, Report], counted_ann: Trace) -> None:
    document = totals_table(both)
    assert document.sections[1].title == "Range of the energy"
    ranges = columns(document, 1)
    assert ranges["dense-cpu"].cells == ("37.9–39.2 µJ", "473–475 µJ")
    assert ranges["spike-chip"].cells == ("—", "418–806 nJ")
    alone = msgspec.structs.replace(device("cpu"), held_out=None)
    without = totals_table({"cnn": report(counted_ann, alone)})
    assert [section.title for section in without.sections] == ["Totals, per inference", "Remarks"]


def test_counts_that_no_model_has_are_left_out(both: dict[str, Report]) -> None:
    assert "neuron_updates" not in columns(totals_table({"cnn": both["cnn"]}))
    assert "accuracy" not in columns(totals_table(both))


def test_marks_are_explained_where_they_stand(
    both: dict[str, Report], counted_ann: Trace, chip: Device
) -> None:
    assert totals_table(both).sections[-1].lines == (
        LOWER_BOUND_MEANS + "; the report of the model says what",
        "† marks a device with figures that are not verified",
    )
    # The chip prices nothing of the CNN, so no lower bound is shown.
    unmarked = totals_table({"cnn": report(counted_ann, chip)})
    assert [section.title for section in unmarked.sections] == ["Totals, per inference"]


def test_scenarios_are_told(ann: Trace, cpu: Device) -> None:
    one, many = report(ann, cpu), report(ann, cpu, batch_size=64)
    assert totals_table({"a": one, "b": one}).subheading == "batch size 1"
    assert totals_table({"a": one, "b": many}).subheading == "a: batch size 1; b: batch size 64"


def test_wrong_input_is_refused(both: dict[str, Report]) -> None:
    with pytest.raises(ReportError, match="^give at least one report$"):
        totals_table({})
    with pytest.raises(ReportError, match="^an accuracy of 'snm', which has no report: did you mean 'snn'"):
        totals_table(both, accuracy={"snm": 0.9})
    with pytest.raises(
        ReportError, match="^the accuracy of 'snn' must be a fraction between 0 and 1, got 96.3$"
    ):
        totals_table(both, accuracy={"snn": 96.3})
