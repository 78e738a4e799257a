"""Break-even curves of layers: of which, where they cross, and that they are those of the table."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

import energyprobe as ep
from energyprobe.errors import ReportError
from energyprobe.reporting.plot.layer_curves import layer_curves
from energyprobe.reporting.result import Report
from energyprobe.trace.activity import Activity
from energyprobe.trace.operations import Dense
from energyprobe.trace.records import LayerCall, Step, Trace, Use


def layer(name: str, inputs: int, units: int, events: int) -> LayerCall:
    """Ten samples, so many events in each."""
    seen = Activity(
        elements=10 * inputs, events=10 * events, samples=10, sum_sq_events_per_sample=10 * events**2
    )
    synops = 10 * events * units
    use = Use(activity=seen, spiking=False, fanout_events=synops, effective_events=synops)
    dense = Dense(inputs=inputs, units=units)
    step = Step(operation=dense, use=use, weights=inputs * units, executions=10, dtype="float32")
    call = {"type": "Dense", "call_index": 0, "fate": "counted", "samples": 10, "sample_steps": 10}
    return LayerCall(layer=name, path=f"net/{name}", steps=(step,), foldable_over_time=True, **call)


@pytest.fixture(scope="module")
def trace() -> Trace:
    layers = (
        layer("small", 500, 300, 50),
        layer("large", 4096, 4095, 40),
        layer("twin", 4096, 4095, 4000),
        layer("last", 4095, 10, 400),
    )
    return Trace(model="net", fingerprint="net", samples=10, calls=layers)


@pytest.fixture(scope="module")
def priced(trace: Trace) -> Report:
    return ep.report(trace, ["cortex-m4", "a100"])


def test_the_costliest_have_curves_and_of_two_alike_the_first(priced: Report) -> None:
    assert list(layer_curves(priced)) == ["net/large", "net/last", "net/small"]
    assert list(layer_curves(priced, "a100", top=1)) == ["net/large"]


def test_curves_are_those_of_the_break_evens_of_the_recording(priced: Report, trace: Trace) -> None:
    frame = ep.breakeven(trace, "a100").set_index("path")
    for path, told in layer_curves(priced).items():
        row = frame.loc[path]
        assert told.now == pytest.approx(row.density) and told.crossing == row.breakeven_density
        assert told.dense[0] == pytest.approx(row.dense_j)
        # All dense, no zeros save anything.
        assert told.dense[1, -1] == told.dense[0, -1] and (told.dense[1, :-1] < told.dense[0, :-1]).all()
        best = np.min([*told.kernels.values()], axis=0)
        now = np.exp(np.interp(np.log(told.now), np.log(told.density), np.log(best)))
        assert now == pytest.approx(row.kernel_j, rel=0.02)
        less = told.density[best < told.dense[0]]
        if told.crossing:
            assert told.reason == "" and less.max() <= told.crossing < 1.1 * less.max()
        else:
            assert told.reason.startswith("none: ") and not less.size


def test_more_samples_have_costs_per_inference(priced: Report, trace: Trace) -> None:
    many = layer_curves(ep.report(trace, "a100", batch_size=64))["net/large"]
    frame = ep.breakeven(trace, "a100", batch_size=64).set_index("path")
    assert many.dense[0, 0] == pytest.approx(frame.loc["net/large"].dense_j)
    assert many.dense[0, 0] < layer_curves(priced)["net/large"].dense[0, 0]


def test_axes_have_a_line_for_each_kernel_and_for_the_density_now(priced: Report) -> None:
    told = layer_curves(priced)["net/large"]
    axes = ep.plot.breakeven_of_layer(priced, ax=Figure().subplots())
    assert axes.get_title(loc="left") == "net/large on a100: energy by kernel"
    assert axes.get_ylabel().startswith("energy in ") and axes.get_xlabel() == "density"
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["dense", *told.kernels, "density now"]
    # The dense kernel, the sparse ones, the crossing, and the density now.
    assert len(axes.lines) == 1 + len(told.kernels) + 1 + 1
    assert axes.lines[-1].get_xdata() == pytest.approx([40 / 4096] * 2)
    small = ep.plot.breakeven_of_layer(priced, "net/small", ax=Figure().subplots())
    assert small.get_title(loc="left") == "net/small on a100: none: launch-bound"


def test_a_report_shows_them_with_their_figures(priced: Report) -> None:
    charts = [each for each in priced.charts if "by kernel and density" in each.title]
    assert [chart.title.split()[2] for chart in charts] == ["net/large", "net/last", "net/small"]
    assert "Now 1.0 %; skipping zeros takes less below " in charts[0].description
    assert charts[2].description.endswith("Now 10.0 %; none: launch-bound.")
    table = charts[0].table
    assert [column.name for column in table.columns][:2] == ["density", "dense"]
    assert sum(name.endswith("break-even") for name in table.columns[0].cells) == 1


def test_what_has_no_curves_is_refused(priced: Report, trace: Trace) -> None:
    with pytest.raises(ReportError, match="^there is nothing to draw: cortex-m4 have no break-even"):
        ep.plot.breakeven_of_layer(priced, device="cortex-m4")
    with pytest.raises(ReportError, match=r"^no curves of a layer 'net/larg': did you mean 'net/large'"):
        ep.plot.breakeven_of_layer(priced, "net/larg", ax=Figure().subplots())
    assert not [each for each in ep.report(trace, "loihi").charts if "density" in each.title]
