"""What is said beside the figures."""

from __future__ import annotations

import msgspec
import pytest

import energyprobe as ep
from energyprobe.costing.device import Device
from energyprobe.reporting.pricing import report
from energyprobe.reporting.remarks import LOWER_BOUND_MEANS, SYNOPS_MEAN
from energyprobe.reporting.result import Report
from energyprobe.reporting.uncounted import Missed, missed
from energyprobe.trace.operations import Uncounted
from energyprobe.trace.records import Step, Trace


def lines(of: Report, title: str) -> tuple[str, ...]:
    (section,) = (section for section in of.document.sections if section.title == title)
    return section.lines


def changed(trace: Trace, path: str, **facts: object) -> Trace:
    """The same trace with other facts of the calls of one layer."""
    calls = (msgspec.structs.replace(call, **facts) if call.path == path else call for call in trace.calls)
    return msgspec.structs.replace(trace, calls=tuple(calls))


def test_what_the_figures_rest_on(snn: Trace, chip: Device, cpu: Device) -> None:
    said = lines(report(snn, [chip, cpu]), "Assumptions")
    assert said[:3] == (
        SYNOPS_MEAN,
        "spike-chip: only synaptic operations of non-zero inputs are paid for",
        "dense-cpu †: every synaptic operation is paid for, those of zero inputs included",
    )
    assert "dense-cpu †: a dense implementation runs each of 30 timesteps in full, zeros included" in said
    assert "spike-chip: reads graded values; the device takes spikes (encode, readout)" in said
    assert lines(report(snn, [chip, cpu]), "Legend") == (
        "—: unknown, not observed, or there is no such thing",
        "not counted: recorded, but not counted; said above",
        "not modelled: the device model has no figure for it, which is not 0",
        "none: no term of this device model",
        "0 J: modelled, and none of it happened",
        LOWER_BOUND_MEANS,
        "†: not all figures of the device are verified in their publications",
    )


def test_kernels_that_are_chosen_may_be_dense(snn: Trace) -> None:
    priced = report(snn, "a100:best")
    chosen = "each matrix product runs on the kernel that takes the least energy; dense ones pay for zeros"
    said = " ".join(lines(priced, "Assumptions"))
    assert said.count(chosen) == 1
    assert f"boundary: board), {chosen}." in priced.methods().paragraph
    for told in (said, priced.methods().paragraph, str(ep.devices("a100:best"))):
        assert "non-zero inputs are paid for" not in told
    assert "only synaptic operations of non-zero inputs" in report(snn, "a100:csr").methods().paragraph


def test_what_is_true_of_all_devices_is_said_once(snn: Trace, chip: Device) -> None:
    other = msgspec.structs.replace(chip, name="other", title="Other")
    said = lines(report(snn, [chip, other]), "Assumptions")
    assert "all devices: only synaptic operations of non-zero inputs are paid for" in said
    assert "all devices: reads graded values; the device takes spikes (encode, readout)" in said
    alone = lines(report(snn, chip), "Assumptions")
    assert "spike-chip: only synaptic operations of non-zero inputs are paid for" in alone


def test_what_no_device_models_is_told_apart_from_what_one_does_not(
    snn: Trace, chip: Device, cpu: Device
) -> None:
    both = lines(report(snn, [chip, cpu]), "Assumptions")
    (everywhere,) = (line for line in both if line.startswith("not modelled on any device: "))
    assert "memory traffic" in everywhere and "elementwise" not in everywhere
    # encode reads 32 of 64 pixels at 30 steps, readout all of 48 once; biases and the filter are in neurons.
    assert 30 * 32 * 48 + 48 * 10 == 46_560
    assert "spike-chip: not modelled: multiply-accumulates (46.6 k per inference)" in both
    alone = lines(report(snn, cpu), "Assumptions")
    assert any(line.startswith("dense-cpu †: not modelled: memory traffic") for line in alone)


def test_notes_and_strange_values_are_told(counted_ann: Trace, cpu: Device) -> None:
    conv = counted_ann.calls[0]
    strange = msgspec.structs.replace(conv.output, nonfinite=12)
    trace = msgspec.structs.replace(changed(counted_ann, "conv", output=strange), notes=("my own words",))
    said = lines(report(trace, cpu), "Assumptions")
    assert said[-2:] == ("NaN or infinite values, counted as events, in: conv", "my own words")
    broken = msgspec.structs.replace(trace, complete=False)
    assert lines(report(broken, cpu), "Assumptions")[-1] == (
        "the recording broke off: the figures are those of a part of the run"
    )


def test_no_lower_bound_is_explained_where_none_is_shown(
    counted_ann: Trace, chip: Device, cpu: Device
) -> None:
    assert LOWER_BOUND_MEANS not in lines(report(counted_ann, cpu), "Legend")


def test_unknown_idle_power_is_told_in_full(counted_ann: Trace) -> None:
    said = lines(report(counted_ann, "cortex-m4", inferences_per_second=1.0), "Assumptions")
    assert "cortex-m4: no idle power is published: what it draws between inferences is not modelled" in said
    assert LOWER_BOUND_MEANS in lines(report(counted_ann, "cortex-m4", inferences_per_second=1.0), "Legend")


def test_devices_and_their_publications(ann: Trace, chip: Device, cpu: Device) -> None:
    both = report(ann, [chip, cpu])
    assert lines(both, "Devices") == (
        "spike-chip: Spike Chip, 2020, 14 nm, boundary of figures: core. A chip of the tests. [lovelace]",
        "dense-cpu †: Dense CPU, boundary of figures: chip, not all figures verified. "
        "A processor of the tests. [hopper]",
    )
    assert lines(both, "Sources") == (
        "lovelace: Lovelace (2020), Journal of Chips 1:2–3, doi:10.1000/chips",
        "hopper: Hopper et al. (1960), Proceedings of Processors, https://example.org/processors",
    )


def test_uncounted_layers_with_their_shares(ann: Trace, cpu: Device) -> None:
    of_ann = report(ann, cpu)
    # Outputs: conv 1024, pool and flatten 256 each, hidden 32, refine 32 twice, spectrum 32, logits 10.
    assert missed(of_ann.layers) == (
        Missed(
            layer="spectrum",
            type="Lambda",
            reasons=("no rule for FFT",),
            entirely=True,
            parameter_share=0.0,
            element_share=pytest.approx(32 / (1024 + 256 + 256 + 4 * 32 + 10)),
        ),
    )
    assert lines(of_ann, "Not counted") == (
        "spectrum (Lambda), 0 % of parameters, 1.9 % of output elements: no rule for FFT",
        "every total is a lower bound",
    )


def test_several_uncounted_layers_are_summed_up(ann: Trace, cpu: Device) -> None:
    reason = Step(operation=Uncounted(reason="custom"), executions=100, dtype="float32")
    more = changed(ann, "branch/hidden", fate="uncounted", steps=(reason,))
    hidden, spectrum, together = lines(report(more, cpu), "Not counted")
    # hidden holds 256 x 32 + 32 of 9770 parameters
    assert hidden == "branch/hidden (Dense), 84.2 % of parameters, 1.9 % of output elements: custom"
    assert spectrum.startswith("spectrum (Lambda), 0 % of parameters")
    assert together == (
        "together 2 of 7 layers, 84.2 % of parameters, 3.8 % of output elements; every total is a lower bound"
    )


def test_a_layer_counted_in_part_is_listed(counted_ann: Trace, cpu: Device) -> None:
    conv = counted_ann.calls[0]
    part = Step(operation=Uncounted(reason="raw FFT"), executions=100, dtype="float32")
    of_part = report(changed(counted_ann, "conv", steps=(*conv.steps, part)), cpu)
    assert lines(of_part, "Not counted") == (
        "conv (Conv2D), in part: raw FFT",
        "every total is a lower bound",
    )
    assert of_part.document.sections[1].columns[-2].cells[0] == "≥ 16.5 µJ"


def test_shares_are_unknown_where_shapes_are(ann: Trace, cpu: Device) -> None:
    (noted,) = missed(report(changed(ann, "spectrum", out_shape=(None, 32)), cpu).layers)
    assert noted.element_share is None
    without = msgspec.structs.replace(
        ann, calls=tuple(msgspec.structs.replace(call, parameters=0) for call in ann.calls)
    )
    (noted,) = missed(report(without, cpu).layers)
    assert noted.parameter_share is None


def test_nothing_uncounted_is_said_so(counted_snn: Trace, cpu: Device) -> None:
    assert lines(report(counted_snn, cpu), "Not counted") == (
        "nothing: all 6 layers are counted or declared free",
    )
