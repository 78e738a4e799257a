"""Totals, the DataFrame, names of devices and columns; energies worked out by hand."""

from __future__ import annotations

import dataclasses
import itertools

import msgspec
import numpy as np
import pandas as pd
import pytest

from energyprobe.costing.device import Device
from energyprobe.costing.scenario import Scenario
from energyprobe.errors import CountingError, ReportError, ScenarioError, UnknownDeviceError
from energyprobe.reporting import units
from energyprobe.reporting.pricing import report
from energyprobe.reporting.result import Report
from energyprobe.reporting.summary import summary
from energyprobe.trace.records import Trace


@pytest.fixture(scope="module")
def of_ann(ann: Trace, chip: Device, cpu: Device) -> Report:
    return report(ann, [chip, cpu])


@pytest.fixture(scope="module")
def of_snn(snn: Trace, chip: Device, cpu: Device) -> Report:
    return report(snn, [chip, cpu])


def test_total_of_the_ann_by_hand(of_ann: Report) -> None:
    total = of_ann.total("dense-cpu")
    # conv 22 * 22 * 16, hidden 256 * 32, refine 32 * 32 twice, logits 32 * 10, each 2 nJ
    macs_j = (22 * 22 * 16 + 256 * 32 + 2 * 32 * 32 + 32 * 10) * 2e-9
    # bias and relu of conv, taps of pool, biases of hidden, refine (twice) and logits
    arithmetic = 2 * 1024 + 1024 + 32 + 2 * 32 + 10
    assert total.terms["macs"].energy_j == pytest.approx(macs_j)
    assert total.terms["elementwise"].energy_j == pytest.approx(arithmetic * 0.5e-9)
    assert total.terms["neuron_updates"].energy_j == 0
    assert total.energy_j == pytest.approx(macs_j + arithmetic * 0.5e-9)
    assert total.low_j == pytest.approx(macs_j + arithmetic * 0.4e-9)
    assert total.high_j == pytest.approx(macs_j + arithmetic * 0.8e-9)
    assert total.lower_bound and np.isnan(total.latency_s)


def test_total_of_the_snn_by_hand(of_snn: Report) -> None:
    total = of_snn.total("spike-chip")
    # mix reads 3 spikes a step, then 6, over 30 steps; each reaches 48 neurons at 20 pJ (10 to 40)
    acs = (3 + 6) * 30 * 48
    # two layers of 48 neurons, 30 steps, 100 pJ each
    updates_j = 2 * 48 * 30 * 100e-12
    assert total.energy_j == pytest.approx(acs * 20e-12 + updates_j)
    assert total.low_j == pytest.approx(acs * 10e-12 + updates_j)
    assert total.high_j == pytest.approx(acs * 40e-12 + updates_j)
    assert total.lower_bound and "macs" in total.not_modelled


def test_dense_devices_run_every_timestep(of_snn: Report) -> None:
    macs = 30 * (64 * 48 + 2 * 48 * 48) + 48 * 10
    assert of_snn.total("dense-cpu").terms["macs"].energy_j == pytest.approx(macs * 2e-9)


def test_a_network_that_is_counted_entirely_is_no_lower_bound(counted_ann: Trace, cpu: Device) -> None:
    assert not report(counted_ann, cpu).total("dense-cpu").lower_bound


def test_every_column_of_the_frame_adds_up_to_its_total(of_ann: Report, of_snn: Report) -> None:
    for each, device in itertools.product((of_ann, of_snn), ("spike-chip", "dense-cpu")):
        frame = each.to_dataframe()
        rows = frame[frame.device == device]
        total = each.total(device)
        for column in ("energy_j", "low_j", "high_j"):
            assert rows[column].sum() == pytest.approx(getattr(total, column))
        for term, cost in total.terms.items():
            assert rows[f"{term}_j"].sum() == pytest.approx(cost.energy_j)
        terms = rows[[f"{term}_j" for term in total.terms]]
        known = rows.energy_j.notna()
        np.testing.assert_allclose(terms[known].sum(axis=1), rows.energy_j[known])


def test_the_frame_is_tidy(of_ann: Report, ann: Trace) -> None:
    frame = of_ann.to_dataframe()
    assert len(frame) == 2 * len(ann.calls)
    assert frame.columns[:13].tolist() == [
        "layer", "path", "call", "kind", "reading", "type", "fate", "device", "energy_j", "low_j",
        "high_j", "latency_s", "macs_j",
    ]  # fmt: skip
    assert not frame.duplicated(["path", "call", "device"]).any()
    refine = frame[(frame.layer == "refine") & (frame.device == "dense-cpu")]
    assert refine.call.tolist() == [0, 1]
    # 32 * 32 MACs of 2 nJ, 32 biases of 0.5 nJ
    assert refine.energy_j.to_numpy() == pytest.approx(np.full(2, 32 * 32 * 2e-9 + 32 * 0.5e-9))
    assert set(frame.kind) == {"layer"}


def test_what_is_not_modelled_is_missing_and_never_zero(of_ann: Report) -> None:
    frame = of_ann.to_dataframe()
    priced = {device: rows.set_index("layer") for device, rows in frame.groupby("device")}
    assert np.isnan(priced["spike-chip"].energy_j["conv"])
    assert np.isnan(priced["spike-chip"].elementwise_j["pool"])
    assert np.isnan(priced["dense-cpu"].energy_j["spectrum"])
    assert priced["dense-cpu"].energy_j["flatten"] == 0
    assert priced["dense-cpu"].lower_bound[["spectrum", "conv"]].tolist() == [True, False]
    assert frame.latency_s.isna().all()


def test_columns_of_the_frame_are_chosen_by_name(of_ann: Report) -> None:
    chosen = of_ann.to_dataframe(columns=["energy_j", "layer"])
    assert chosen.columns.tolist() == ["energy_j", "layer"]
    pd.testing.assert_series_equal(chosen.energy_j, of_ann.to_dataframe().energy_j)
    with pytest.raises(ReportError, match=r"^a report has no column 'enrgy_j': did you mean 'energy_j'"):
        of_ann.to_dataframe(columns=["enrgy_j"])


def test_columns_of_the_table_are_chosen_by_name(of_snn: Report) -> None:
    chosen = of_snn.select("spike_synops", "low_j", "elementwise_j")
    table = chosen.document.sections[1]
    assert [column.header for column in table.columns] == [
        "layer",
        "spike\nsynops",
        "spike-chip\nlow",
        "spike-chip\nelementwise operations",
        "dense-cpu †\nlow",
        "dense-cpu †\nelementwise operations",
    ]
    # 30 steps of 9 spikes to 48 neurons; by the chip's lower price of 10 pJ
    assert table.columns[1].cells[2] == "13.0 k"
    assert table.columns[2].cells[2] == "130 nJ"
    assert set(table.columns[3].cells[:2]) == {"not modelled"}
    assert chosen.select().document.sections[1] == of_snn.document.sections[1]
    named = of_snn.select("layer", "spike_synops", "low_j", "elementwise_j")
    assert named.document.sections[1] == table
    with pytest.raises(
        ReportError, match=r"^a report has no column 'event_synop': did you mean 'event_synops'"
    ):
        of_snn.select("event_synop")


def test_devices_go_by_the_name_they_were_asked_for(ann: Trace, chip: Device) -> None:
    both = report(ann, [" CPU", chip])
    assert both.devices == ("cpu", "spike-chip")
    assert both.total("cpu").terms == both.total("intel-i7-4960x").terms
    assert both.total("chip").terms == both.total("spike-chip").terms != both.total("cpu").terms
    assert both.total("Spike-Chip").terms == both.total("spike-chip").terms
    assert set(both.to_dataframe().device) == {"cpu", "spike-chip"}


def test_the_name_that_was_asked_for_comes_before_an_alias(ann: Trace, chip: Device, cpu: Device) -> None:
    # Another device goes by the alias of the chip.
    own = msgspec.structs.replace(cpu, name="chip")
    both = report(ann, [own, chip])
    assert "macs" in both.total("chip").terms and "macs" not in both.total("spike-chip").terms


def test_one_device_needs_no_list(ann: Trace) -> None:
    assert report(ann, "loihi").devices == ("loihi",)


def test_wrong_devices_are_refused(ann: Trace, of_ann: Report, chip: Device) -> None:
    with pytest.raises(ReportError) as caught:
        of_ann.total("spikechip")
    assert str(caught.value) == "the report has no device 'spikechip': did you mean 'spike-chip' or 'chip'?"
    with pytest.raises(UnknownDeviceError, match="did you mean 'loihi'"):
        report(ann, ["loihy"])
    with pytest.raises(ReportError, match=r"^name at least one device: energyprobe.devices\(\) lists them$"):
        report(ann, [])
    with pytest.raises(ReportError, match="^a device is a name, a path or a Device, got int$"):
        report(ann, [chip, 5])
    with pytest.raises(ReportError, match="^device 'intel-i7-4960x' is named twice$"):
        report(ann, ["cpu", "intel-i7-4960x"])


def test_the_scenario_is_given_once(ann: Trace, cpu: Device) -> None:
    assert (
        report(ann, cpu, batch_size=64).scenario
        == report(ann, cpu, scenario=Scenario(batch_size=64)).scenario
    )
    with pytest.raises(ReportError, match=r"^give a scenario or fields of one \(batch_size\), not both$"):
        report(ann, cpu, scenario=Scenario(), batch_size=2)
    with pytest.raises(ScenarioError, match="did you mean 'batch_size'"):
        report(ann, cpu, batch=2)


def test_only_traces_are_reported(cpu: Device) -> None:
    with pytest.raises(CountingError, match="expected a Trace"):
        report("run.json", cpu)


def test_repr_names_model_devices_and_scenario(of_ann: Report) -> None:
    expected = "Report('digits_cnn', devices=['spike-chip', 'dense-cpu'], batch_size=1)"
    assert repr(of_ann) == expected


def test_rows_of_no_layer_stand_below_the_layers_and_add_up(ann: Trace, cpu: Device) -> None:
    plain = report(ann, cpu)
    cost = plain.costs["dense-cpu"]
    idle_j = 5e-6

    def extended(column: np.ndarray, value: float) -> np.ndarray:
        return np.append(column, value)

    terms = {
        name: dataclasses.replace(
            term,
            **{
                each: extended(getattr(term, each), 0.0)
                for each in ("operations", "energy_j", "low_j", "high_j")
            },
        )
        for name, term in cost.terms.items()
    }
    idle = dataclasses.replace(
        cost,
        layer=(*cost.layer, "idle power"),
        call=(*cost.call, 0),
        kind=(*cost.kind, "network"),
        terms=terms,
        **{each: extended(getattr(cost, each), idle_j) for each in ("energy_j", "low_j", "high_j")},
        latency_s=extended(cost.latency_s, 2e-3),
    )
    with_idle = Report({"dense-cpu": plain.counts}, {"dense-cpu": idle}, plain.scenario)
    table = with_idle.document.sections[1]
    assert table.columns[0].cells[-1] == "idle power"
    assert table.columns[-2].cells[-1] == "5.00 µJ"
    # A row is shown where a column tells something of it: it has a latency, and no arithmetic.
    assert (
        "idle power"
        not in with_idle.select("dense_synops", "elementwise_j").document.sections[1].columns[0].cells
    )
    assert with_idle.select("latency_s").document.sections[1].columns[-1].cells[-1] == "2.00 ms"
    last = with_idle.to_dataframe().iloc[-1]
    assert (last.layer, last.path, last.kind, last.type) == ("idle power", "idle power", "network", "network")
    total = with_idle.total("dense-cpu").energy_j
    assert with_idle.to_dataframe().energy_j.sum() == pytest.approx(total)
    assert total == pytest.approx(plain.total("dense-cpu").energy_j + idle_j)


def test_rows_that_cost_nothing_on_any_device_are_not_shown(counted_ann: Trace) -> None:
    def lines(**fields: float) -> tuple[str, ...]:
        return report(counted_ann, "a100", **fields).document.sections[1].columns[0].cells[6:]

    # Back to back there is no pause.
    assert lines() == ()
    assert lines(inferences_per_second=1.0) == ("idle power",)


def test_scenario_and_times_are_told_in_units(snn: Trace) -> None:
    document = report(snn, "truenorth", timestep_s=15.4e-6, batch_size=2).document
    assert document.subheading.endswith(", batch size 2, timestep 15.4 µs")
    (said,) = (each for each in document.sections if each.title == "Assumptions")
    assert sum("a timestep takes" in line for line in said.lines) == 1
    assert "truenorth †: a timestep takes 15.4 µs" in said.lines
    assert not any(sign in line for line in said.lines for sign in ("e-0", "e+0", "1 timesteps"))


def test_a_device_without_energies_tells_its_latency(counted_ann: Trace) -> None:
    timed = report(counted_ann, "amd-epyc-1-thread")
    latency = units.quantity(timed.total("amd-epyc-1-thread").latency_s, "s")
    (line,) = summary(timed).lines
    assert line == f"amd-epyc-1-thread: no price (the assumptions say why); latency {latency}"


def test_what_a_device_does_not_charge_is_not_zero_below_the_layers(snn: Trace) -> None:
    # TrueNorth has no figure of a host, and no reset; Loihi has both.
    document = report(snn, ["loihi", "truenorth"]).select("energy_j").document
    layer, loihi, truenorth = document.sections[1].columns
    rows = {name: cells for name, *cells in zip(layer.cells, loihi.cells, truenorth.cells, strict=True)}
    assert rows["host"][1] == "not modelled"
    assert rows["reset"][1] == "none"
    assert all(rows[name][0].endswith("J") for name in ("static power", "host", "reset"))
    totals = document.sections[2]
    told = dict(zip(totals.columns[0].cells, totals.columns[2].cells, strict=True))
    assert (told["  host"], told["  reset"]) == ("not modelled", "none")
