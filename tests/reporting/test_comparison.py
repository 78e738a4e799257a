"""Comparisons: the numbers, their intervals, what is refused."""

from __future__ import annotations

import dataclasses
import math

import msgspec
import pytest

import energyprobe as ep
from energyprobe.costing.device import Device
from energyprobe.errors import ReportError
from energyprobe.reporting import units
from energyprobe.reporting.cells import latency_ratio
from energyprobe.reporting.comparison import Comparison
from energyprobe.reporting.document import Table
from energyprobe.reporting.ratio_words import ratio_words
from energyprobe.trace.records import Trace


@pytest.fixture(scope="module")
def comparison(counted_ann: Trace, counted_snn: Trace, chip: Device, cpu: Device) -> Comparison:
    return ep.compare(
        {"cnn": counted_ann, "snn": counted_snn}, [chip, cpu, "a10"], batch_sizes=[1, 64], seed=3
    )


def test_cells_are_those_of_reports(comparison: Comparison, counted_snn: Trace, cpu: Device) -> None:
    total = ep.report(counted_snn, cpu, batch_size=64).total("dense-cpu")
    cell = comparison.cell("snn", "dense-cpu", 64)
    assert (cell.energy_j.value, cell.energy_j.low, cell.energy_j.high) == (
        total.energy_j,
        total.low_j,
        total.high_j,
    )


def test_a_constant_of_both_cancels(comparison: Comparison) -> None:
    # On the A10 at batch size 1 every launch takes as long for both: the latencies are uncertain by a factor
    # of 12, their ratio is not.
    cell = comparison.cell("snn", "a10", 1)
    assert cell.latency_s.high / cell.latency_s.low > 10
    ratio = comparison.ratio("snn", "a10", 1)
    assert ratio.high / ratio.low < 1.01
    assert ratio.low <= ratio.value <= ratio.high


def test_intervals_hold_their_values(comparison: Comparison) -> None:
    frame = comparison.to_dataframe()
    for name in ("latency_s", "edp_js", "energy_ratio", "latency_ratio", "edp_ratio"):
        known = frame[frame[name].notna()]
        assert (known[f"low_{name}"] <= known[name]).all() and (known[name] <= known[f"high_{name}"]).all()
    known = frame[frame["energy_j"].notna()]
    assert (known["low_j"] <= known["energy_j"]).all() and (known["energy_j"] <= known["high_j"]).all()


def test_rows_are_devices_batch_sizes_and_models(comparison: Comparison) -> None:
    frame = comparison.to_dataframe()
    assert len(frame) == 3 * 2 * 2
    baseline = frame[frame["model"] == "cnn"]
    assert set(baseline["outcome"]) == {"baseline"}
    known = baseline[baseline["energy_ratio"].notna()]
    assert set(known["energy_ratio"]) == set(known["low_energy_ratio"]) == {1.0}
    assert len(comparison.verdicts) == 3 * 2


def test_the_product_is_energy_times_latency(comparison: Comparison) -> None:
    frame = comparison.to_dataframe()
    known = frame[frame["edp_js"].notna()]
    assert len(known) == 4
    assert known["edp_js"].to_numpy() == pytest.approx((known["energy_j"] * known["latency_s"]).to_numpy())


def test_the_baseline_is_the_users(counted_ann: Trace, counted_snn: Trace, cpu: Device) -> None:
    traces = {"cnn": counted_ann, "snn": counted_snn}
    forth = ep.compare(traces, cpu).ratio("snn", "dense-cpu")
    back = ep.compare(traces, cpu, baseline="snn").ratio("cnn", "dense-cpu")
    assert back.value == pytest.approx(1 / forth.value)
    assert (back.low, back.high) == pytest.approx((1 / forth.high, 1 / forth.low))


def test_the_same_seed_gives_the_same_numbers(counted_ann: Trace, counted_snn: Trace) -> None:
    traces = {"cnn": counted_ann, "snn": counted_snn}
    first, again, other = (
        ep.compare(traces, "a10", batch_sizes=64, draws=50, seed=seed).ratio("snn", "a10")
        for seed in (5, 5, 6)
    )
    assert first == again != other


def varied(trace: Trace, spread: int) -> Trace:
    """The same recording, with so many times the sum of squares of events in every tensor read."""

    def change(step):
        if step.use is None or step.use.activity is None:
            return step
        seen = step.use.activity
        squares = spread * seen.events**2 // seen.samples
        return msgspec.structs.replace(
            step,
            use=msgspec.structs.replace(
                step.use, activity=msgspec.structs.replace(seen, sum_sq_events_per_sample=squares)
            ),
        )

    return msgspec.structs.replace(
        trace,
        calls=tuple(
            msgspec.structs.replace(call, steps=tuple(map(change, call.steps))) for call in trace.calls
        ),
    )


def test_the_sampling_error_is_apart_and_in_the_ratio(counted_snn: Trace, chip: Device, cpu: Device) -> None:
    # The mean square is 5 times the squared mean: s^2 = 4 mean^2 n / (n - 1), so 1.96 * 2 / sqrt(99) = 0.394.
    noisy = varied(counted_snn, 5)
    comparison = ep.compare({"calm": counted_snn, "noisy": noisy}, [chip, cpu])
    calm, other = (comparison.cell(name, "spike-chip") for name in ("calm", "noisy"))
    # Spikes at synapses are 48 * 9 * 30 * 20 pJ = 259 of 547 nJ.
    assert other.sampling.energy == pytest.approx(0.394 * 259.2 / 547.2, rel=0.001)
    assert calm.sampling.energy == 0.0
    ratio = comparison.ratio("noisy", "spike-chip")
    assert ratio.value == pytest.approx(1.0) and ratio.high - ratio.low > 0.2
    # A processor of dense kernels pays for zeros as for events.
    assert comparison.cell("noisy", "dense-cpu").sampling.energy == 0.0


def test_a_single_sample_leaves_the_sampling_error_unknown(counted_snn: Trace, chip: Device) -> None:
    unknown = varied(counted_snn, 5)
    single = msgspec.structs.replace(
        unknown,
        calls=tuple(
            msgspec.structs.replace(
                call,
                steps=tuple(
                    step
                    if step.use is None
                    else msgspec.structs.replace(
                        step,
                        use=msgspec.structs.replace(
                            step.use,
                            activity=msgspec.structs.replace(
                                step.use.activity, sum_sq_events_per_sample=None
                            ),
                        ),
                    )
                    for step in call.steps
                ),
            )
            for call in unknown.calls
        ),
    )
    comparison = ep.compare({"a": single, "b": counted_snn}, chip)
    assert math.isnan(comparison.cell("a", "spike-chip").sampling.energy)
    assert comparison.ratio("b", "spike-chip").is_known


def test_scenarios_are_common_or_of_each_model(counted_ann: Trace, counted_snn: Trace, cpu: Device) -> None:
    traces = {"cnn": counted_ann, "snn": counted_snn}
    # Timesteps are those of the model that has some.
    common = ep.compare(traces, cpu, timesteps=15)
    assert common.reports["snn", 1].scenario.timesteps == 15
    assert common.reports["cnn", 1].scenario.timesteps is None
    own = ep.compare(traces, cpu, scenario={"snn": ep.Scenario(timesteps=15)}, batch_sizes=8)
    assert own.reports["snn", 8].scenario.timesteps == 15
    assert own.cell("snn", "dense-cpu").energy_j == common.cell("snn", "dense-cpu").energy_j


def test_a_stream_of_new_samples_is_paid_by_who_keeps_a_state(
    counted_ann: Trace, counted_snn: Trace, cpu: Device
) -> None:
    # The spiking network pays for one timestep of its 30, the other for its whole input again.
    traces = {"cnn": counted_ann, "snn": counted_snn}
    whole, new = ep.compare(traces, cpu), ep.compare(traces, cpu, new_samples_per_inference=1)
    assert new.cell("cnn", "dense-cpu").energy_j == whole.cell("cnn", "dense-cpu").energy_j
    # 480 synops of the read-out and the filter's 48 operations have no timesteps: they stay.
    once = 480 * 2e-9 + (10 + 48) * 0.5e-9
    steps = whole.cell("snn", "dense-cpu").energy_j.value - once
    assert new.cell("snn", "dense-cpu").energy_j.value == pytest.approx(steps / 30 + once, rel=0.01)


def test_a_batch_size_of_a_scenario_is_taken(counted_ann: Trace, counted_snn: Trace, cpu: Device) -> None:
    assert ep.compare({"a": counted_ann, "b": counted_snn}, cpu, batch_size=7).batch_sizes == (7,)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"baseline": "rnn"}, "no model 'rnn' to be the baseline: did you mean 'snn' or 'cnn'?"),
        ({"draws": 1}, "draws must be a whole number of at least 2, got 1"),
        ({"draws": 2.5}, "draws must be a whole number of at least 2, got 2.5"),
        ({"batch_sizes": []}, "batch_sizes: expected at least one batch size"),
        (
            {"batch_sizes": 4, "batch_size": 2},
            "give batch_sizes or the batch_size of a scenario, not both",
        ),
        (
            {"scenario": ep.Scenario(), "dtype": "int8"},
            "give a scenario or fields of one (dtype), not both",
        ),
        (
            {"scenario": {"sn": ep.Scenario()}},
            "a scenario of 'sn', which is not compared: did you mean 'snn'?",
        ),
        (
            {"scenario": {"snn": ep.Scenario(batch_size=3)}},
            "scenarios differ in batch_size: give batch_sizes, which hold for all models",
        ),
    ],
)
def test_options_that_do_not_fit_are_refused(counted_ann, counted_snn, cpu, options, message) -> None:
    with pytest.raises(ReportError) as caught:
        ep.compare({"cnn": counted_ann, "snn": counted_snn}, cpu, **options)
    assert str(caught.value) == message


def test_one_model_is_no_comparison(counted_ann: Trace, cpu: Device) -> None:
    with pytest.raises(ReportError, match=r"^give at least two models to compare, got 1$"):
        ep.compare({"cnn": counted_ann}, cpu)


def test_what_is_no_model_is_refused(counted_ann: Trace, cpu: Device) -> None:
    with pytest.raises(ReportError) as caught:
        ep.compare([counted_ann, counted_ann], cpu)
    assert str(caught.value) == "give models as {name: trace}, got list"
    with pytest.raises(ReportError) as caught:
        ep.compare({"a": counted_ann, "b": ep.report(counted_ann, cpu)}, cpu)
    assert str(caught.value) == (
        "model 'b': expected a Trace (probe.trace, or ep.load_trace(path)), got Report"
    )


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (("rnn", "a10"), "the comparison has no model 'rnn': did you mean 'snn' or 'cnn'?"),
        (("snn", "a11"), "the comparison has no device 'a11': did you mean 'a10'?"),
        (("snn", "a10", 32), "the comparison has no batch size 32: known are 1, 64"),
    ],
)
def test_cells_that_do_not_exist_are_refused(comparison: Comparison, case, message) -> None:
    with pytest.raises(ReportError) as caught:
        comparison.cell(*case)
    assert str(caught.value) == message


def test_it_says_what_it_is(comparison: Comparison) -> None:
    assert repr(comparison) == (
        "Comparison(['cnn', 'snn'], devices=['spike-chip', 'dense-cpu', 'a10'], batch_sizes=[1, 64], "
        "baseline='cnn')"
    )


def test_it_is_saved_by_suffix(comparison: Comparison, tmp_path) -> None:
    for suffix in (".csv", ".html", ".json", ".md", ".tex", ".txt"):
        comparison.save(tmp_path / f"verdict{suffix}")
    assert (
        (tmp_path / "verdict.csv").read_text(encoding="utf-8").startswith("device,batch_size,model,energy_j")
    )
    assert "## snn compared with cnn" in (tmp_path / "verdict.md").read_text(encoding="utf-8")
    assert (tmp_path / "verdict.txt").read_text(encoding="utf-8").startswith("snn compared with cnn\n")
    with pytest.raises(ReportError, match="^cannot save as 'verdict.doc': the suffix says the"):
        comparison.save(tmp_path / "verdict.doc")


def test_the_network_of_as_many_bits_is_one_more_model(counted_ann, counted_snn, cpu) -> None:
    traces = {"cnn": counted_ann, "snn": counted_snn}
    # 31 values take 5 bits; not all devices have figures for int8.
    third = ep.compare(traces, [cpu, "45nm-fp32"], bit_matched="snn")
    assert third.models == ("cnn", "snn", "snn as 5-bit")
    assert third.scenario("snn as 5-bit").dtype is None
    # 64 * 48 + 2 * 48 * 48 synops, once, 480 of the read-out: 2 nJ each; some elementwise operations.
    energy = third.cell("snn as 5-bit", "dense-cpu").energy_j.value
    assert energy == pytest.approx((64 * 48 + 2 * 48 * 48 + 480) * 2e-9, rel=0.05)
    assert {verdict.case.model for verdict in third.verdicts} == {"snn", "snn as 5-bit"}
    eight = ep.compare(traces, ["a100", "cortex-m4"], bit_matched="snn")
    assert eight.scenario("snn as 5-bit").dtype == "int8" and eight.scenario("snn").dtype is None
    with pytest.raises(ReportError, match="^no model 'sn' to be matched: did you mean 'snn'"):
        ep.compare(traces, cpu, bit_matched="sn")


def test_a_ratio_of_one_figure_is_explained(counted_ann: Trace, counted_snn: Trace, cpu: Device) -> None:
    told = "a ratio of one figure: what is uncertain of both models cancels"
    traces = {"cnn": counted_ann, "snn": counted_snn}
    # All energy of the microcontroller is its power times the time that it takes.
    exact = msgspec.structs.replace(ep.device("cortex-m4"), held_out=None)
    assert told in str(ep.compare(traces, exact).document).replace("\n   ", " ")
    assert told not in str(ep.compare(traces, cpu).document).replace("\n   ", " ")


def test_latencies_are_shown_where_energies_are_not_modelled(counted_ann: Trace, counted_snn: Trace) -> None:
    name = "amd-epyc-1-thread"
    comparison = ep.compare({"cnn": counted_ann, "snn": counted_snn}, name, draws=20)
    cell = comparison.cell("cnn", name, 1)
    assert not cell.energy_j.is_known
    assert cell.latency_s.low < cell.latency_s.value < cell.latency_s.high
    assert units.quantity(cell.latency_s.value, "s") in str(comparison)
    (ratios,) = (
        column.cells
        for section in comparison.document.sections
        if isinstance(section, Table)
        for column in section.columns
        if column.name == "snn latency ratio"
    )
    snn = comparison.cell("snn", name, 1)
    assert ratios == (ratio_words(latency_ratio(snn, cell)),) and ratios[0][0].isdigit()


def test_what_does_not_fit_has_no_ratio_of_latencies(comparison: Comparison) -> None:
    snn, cnn = (comparison.cell(name, "a10", 1) for name in ("snn", "cnn"))
    big = dataclasses.replace(snn, cost=dataclasses.replace(snn.cost, does_not_fit="does not fit"))
    assert latency_ratio(snn, cnn).is_known
    assert not latency_ratio(big, cnn).is_known and not latency_ratio(cnn, big).is_known


def test_where_a_latency_has_no_range_the_product_is_said_to_have_that_of_the_energy(
    counted_ann: Trace, counted_snn: Trace
) -> None:
    compared = ep.compare({"cnn": counted_ann, "snn": counted_snn}, ["cortex-m4", "a10"], draws=20)
    exact, other = (compared.cell("snn", name, 1) for name in compared.devices)
    assert exact.latency_s.low == exact.latency_s.high and other.latency_s.low < other.latency_s.high
    told = "cortex-m4: no range of the latency is known, and that of energy × latency is of the energy alone"
    assert told in [line for section in compared.document.sections for line in getattr(section, "lines", ())]


def test_an_energy_without_idle_power_bounds_no_latency(counted_ann: Trace, counted_snn: Trace) -> None:
    traces = {"cnn": counted_ann, "snn": counted_snn}
    paced = ep.compare(traces, "cortex-m4", inferences_per_second=0.1, draws=20)
    table = next(section for section in paced.document.sections if section.title.startswith("Each model on"))
    cells = {column.name: column.cells[0] for column in table.columns}
    for model in traces:
        assert paced.cell(model, "cortex-m4", 1).is_lower_bound
        assert cells[f"{model} energy"].startswith("≥ ")
        assert cells[f"{model} energy × latency"].startswith("≥ ")
        # What it draws in pauses is not known; how long it computes is.
        latency_s = paced.cell(model, "cortex-m4", 1).latency_s.value
        assert cells[f"{model} latency"] == units.quantity(latency_s, "s")
    assert cells["snn latency ratio"][0].isdigit()
