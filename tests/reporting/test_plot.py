"""Charts alone: what they draw, in which units, into whose axes."""

from __future__ import annotations

import matplotlib.pyplot as plt
import msgspec
import numpy as np
import pytest
from matplotlib.colors import to_hex

import energyprobe as ep
from energyprobe.costing.device import Device
from energyprobe.costing.titles import TERMS
from energyprobe.errors import ReportError
from energyprobe.reporting.comparing import compare
from energyprobe.reporting.comparison import Comparison
from energyprobe.reporting.plot import style
from energyprobe.reporting.plot.energy import energies
from energyprobe.reporting.plot.roof import under_roof
from energyprobe.reporting.plot.time import events, events_table
from energyprobe.reporting.pricing import report
from energyprobe.reporting.result import Report
from energyprobe.trace.records import Trace


@pytest.fixture
def of_snn(timed_snn: Trace, chip: Device, cpu: Device) -> Report:
    return report(timed_snn, [chip, cpu])


@pytest.fixture(autouse=True)
def closed_figures() -> None:
    yield
    plt.close("all")


def widths(axes: plt.Axes) -> dict[str, float]:
    """Length of all bars of each row of a chart."""
    names = [label.get_text() for label in axes.get_yticklabels()]
    sums = np.zeros(len(names))
    for bar in axes.patches:
        sums[round(bar.get_y() + bar.get_height() / 2)] += bar.get_width()
    return dict(zip(names, sums.tolist(), strict=True))


def test_energy_by_layer_stacks_terms_in_units_on_the_axis(of_snn: Report) -> None:
    axes = ep.plot.energy_by_layer(of_snn)
    assert axes.get_xlabel() == "energy per inference (nJ)"
    assert axes.get_title(loc="left") == "Energy by layer on spike-chip"
    # 30 x 48 x 100 pJ; 30 x (3 + 6) x 48 x 20 pJ
    assert widths(axes) == pytest.approx({"neurons": 144.0, "mix": 259.2, "more_neurons": 144.0})
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["accumulates", "neuron updates"]


def test_energy_by_layer_of_another_device(of_snn: Report) -> None:
    axes = ep.plot.energy_by_layer(of_snn, "dense-cpu")
    assert axes.get_xlabel() == "energy per inference (µJ)"
    assert sum(widths(axes).values()) == pytest.approx(of_snn.total("dense-cpu").energy_j * 1e6)


def test_layers_beyond_the_first_share_a_row(of_snn: Report) -> None:
    told = energies(of_snn, "dense-cpu", top=2)
    assert told.names == ("encode", "mix", "4 others")
    assert told.energy_j.sum() == pytest.approx(of_snn.total("dense-cpu").energy_j)
    assert told.low_j.sum() == pytest.approx(of_snn.total("dense-cpu").low_j)


def test_charts_draw_into_axes_that_are_given(of_snn: Report) -> None:
    _, grid = plt.subplots(2, 2)
    functions = (
        ep.plot.energy_by_layer, ep.plot.firing_rate_by_layer, ep.plot.sparsity_by_layer,
        ep.plot.events_over_time,
    )  # fmt: skip
    for function, axes in zip(functions, grid.flat, strict=True):
        assert function(of_snn, ax=axes) is axes
        assert axes.get_xlabel() and axes.get_title(loc="left")
    assert plt.get_fignums() == [1]


def test_firing_rates_are_those_of_the_counts(of_snn: Report) -> None:
    axes = ep.plot.firing_rate_by_layer(of_snn)
    # 3 and 6 of 48 neurons in a millisecond
    assert widths(axes) == pytest.approx({"neurons": 62.5, "more_neurons": 125.0})
    assert axes.get_xlabel() == "firing rate (spikes per neuron and second, Hz)"


def test_sparsity_marks_zeros_of_inputs_and_outputs(of_snn: Report) -> None:
    axes = ep.plot.sparsity_by_layer(of_snn)
    inputs, outputs = (line.get_xdata() for line in axes.lines)
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["encode", "neurons", "mix", "more_neurons", "smooth", "readout"]
    np.testing.assert_allclose(inputs, [50, np.nan, 100 * (1 - 9 / 96), np.nan, np.nan, 0])
    np.testing.assert_allclose(outputs, [0, 100 * (1 - 3 / 48), 0, 100 * (1 - 6 / 48), 0, 0])


def test_events_over_time_are_shares_of_neurons(of_snn: Report) -> None:
    axes = ep.plot.events_over_time(of_snn)
    slow, fast = (line.get_ydata() for line in axes.lines)
    np.testing.assert_allclose(slow, [100 * 2 / 48] * 15 + [100 * 4 / 48] * 15)
    np.testing.assert_allclose(fast, 2 * slow)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("timestep", "elements with an event (%)")
    table = events_table(events(of_snn))
    # 30 timesteps in 20 rows: single ones and pairs
    assert table.columns[0].cells[0] in ("1", "1–2") and table.columns[0].cells[-1].endswith("30")
    assert table.columns[1].cells[0] == "4.2 %"
    assert events(of_snn, top=1).names == ("more_neurons",)
    assert events(of_snn, top=1).left_out == 1


@pytest.fixture
def with_bytes(counted_ann: Trace) -> Trace:
    """Each sample moves 4 x 1024 bytes in the convolution, which holds 144 weights."""
    conv, *others = counted_ann.calls
    step = msgspec.structs.replace(conv.steps[0], weights=144)
    conv = msgspec.structs.replace(conv, steps=(step, *conv.steps[1:]), bytes_in=0, bytes_out=100 * 4096)
    return msgspec.structs.replace(counted_ann, calls=(conv, *others))


def test_a_roofline_is_the_lower_of_arithmetic_and_memory(with_bytes: Trace) -> None:
    told = under_roof(report(with_bytes, ["loihi", "a100"]))
    # 19.5 TFLOP/s in float32, two a multiply-accumulate; 1555 GB/s
    assert told.device == "a100"
    assert told.peak_hz == pytest.approx(9.75e12)
    assert told.bandwidth == pytest.approx(1.555e12, rel=0.01)
    assert told.names == ("conv",)
    # 7744 connections over 4 x (144 weights + 1024 activations) bytes
    assert told.intensity[0] == pytest.approx(7744 / (4 * (144 + 1024)))
    assert told.roof_hz(told.intensity)[0] == pytest.approx(told.bandwidth * told.intensity[0])
    assert told.roof_hz(np.array([100.0]))[0] == told.peak_hz
    assert 0 < told.speed_hz[0] < told.roof_hz(told.intensity)[0]


def test_no_layer_is_above_the_roof(with_bytes: Trace) -> None:
    for size in (1, 64, 4096):
        told = under_roof(report(with_bytes, "a100", batch_size=size))
        assert told.speed_hz[0] <= told.roof_hz(told.intensity)[0]


def test_a_roofline_has_units_on_both_axes(with_bytes: Trace) -> None:
    axes = ep.plot.roofline(report(with_bytes, "a100"))
    assert (axes.get_xlabel(), axes.get_ylabel()) == (
        "multiply-accumulates per byte moved (MAC/byte)", "speed (MAC/s)",
    )  # fmt: skip
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")


def test_break_evens_are_those_of_the_recording(of_snn: Report, timed_snn: Trace) -> None:
    of_gpu = report(timed_snn, ["loihi", "a100"])
    axes = ep.plot.breakeven_by_layer(of_gpu)
    told = ep.breakeven(timed_snn, "a100")
    assert [label.get_text() for label in axes.get_yticklabels()] == told.path.tolist()
    assert [text.get_text() for text in axes.texts] == told.verdict.tolist()
    np.testing.assert_allclose(axes.lines[0].get_ydata(), range(len(told)))
    np.testing.assert_allclose(axes.lines[0].get_xdata(), 100 * told.density)
    (chart,) = (each for each in of_gpu.charts if each.title.startswith("Where skipping zeros"))
    assert chart.table.columns[3].cells == tuple(told.verdict)
    with pytest.raises(ReportError, match="^there is nothing to draw: spike-chip and dense-cpu have no"):
        ep.plot.breakeven_by_layer(of_snn)


@pytest.fixture
def comparison(counted_ann: Trace, counted_snn: Trace, chip: Device, cpu: Device) -> Comparison:
    traces = {"cnn": counted_ann, "snn": counted_snn, "again": counted_snn}
    return compare(traces, [chip, cpu])


def test_energies_of_models_stand_in_rows_of_devices(comparison: Comparison) -> None:
    axes = ep.plot.energy_by_device(comparison)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["spike-chip", "dense-cpu"]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["cnn", "snn", "again"]
    assert axes.get_xlabel() == "energy per inference (J)"
    # The chip has no price for the conventional network.
    assert len(axes.containers) == 5


def test_colours_of_terms_differ(of_snn: Report) -> None:
    styles = {(each["color"], each["hatch"]) for each in map(style.term_style, TERMS)}
    assert len(styles) == len(TERMS)
    assert {to_hex(each["color"]) for each in map(style.term_style, TERMS)} <= set(style.COLOURS)
    assert style.term_style("of my own")["color"] in style.COLOURS


def test_nothing_to_draw_is_an_error_that_says_of_what(
    ann: Trace, snn: Trace, chip: Device, cpu: Device
) -> None:
    of_ann, of_snn = report(ann, chip), report(snn, [chip, cpu])
    cases = (
        (ep.plot.energy_by_layer, (of_ann,), "no device of the report has a price for digits_cnn"),
        (ep.plot.energy_by_layer, (of_ann, "chip"), "spike-chip has no price for any layer of digits_cnn"),
        (ep.plot.firing_rate_by_layer, (of_ann,), "no layer of digits_cnn has a firing rate"),
        (ep.plot.events_over_time, (of_snn,), "no layer of digits_snn was recorded over time"),
        (ep.plot.roofline, (of_snn,), "spike-chip and dense-cpu have no roofline"),
        (ep.plot.energy_by_device, (compare({"a": ann, "b": ann}, [chip]),), "no model has a price"),
    )
    for function, arguments, message in cases:
        with pytest.raises(ReportError) as caught:
            function(*arguments)
        assert str(caught.value).startswith(f"there is nothing to draw: {message}")
    with pytest.raises(ReportError, match="^the report has no device 'spike': did you mean 'spike-chip'"):
        ep.plot.energy_by_layer(of_snn, "spike")
