"""Layers that are called several times: what adds up, what is averaged, what is held once."""

from __future__ import annotations

import msgspec
import pytest

from energyprobe.costing.device import Device
from energyprobe.counting.table import count
from energyprobe.reporting.fields import DEFAULT_FIELDS, FIELDS
from energyprobe.reporting.layers import Layer, layers_of
from energyprobe.reporting.pricing import report
from energyprobe.trace.operations import Uncounted
from energyprobe.trace.records import Step, Trace


def layer(trace: Trace, path: str) -> Layer:
    (found,) = (each for each in layers_of(count(trace)) if each.path == path)
    return found


def cell(trace: Trace, path: str, column: str) -> str:
    return FIELDS[column].cell(layer(trace, path), trace.samples)


def test_layers_stand_in_the_order_of_their_first_calls(ann: Trace) -> None:
    paths = [each.path for each in layers_of(count(ann))]
    assert paths == ["conv", "pool", "flatten", "branch/hidden", "branch/refine", "spectrum", "logits"]


def test_counts_add_up_over_calls_and_parameters_do_not(ann: Trace) -> None:
    refine = layer(ann, "branch/refine")
    assert refine.sum("dense_synops") == 2 * 100 * 32 * 32
    assert cell(ann, "branch/refine", "dense_synops") == "2.05 k"
    # The first call reads 8 of 32, the second 24.
    assert refine.sum("event_synops") == 100 * (8 + 24) * 32
    assert cell(ann, "branch/refine", "parameters") == "1.06 k"
    total = FIELDS["parameters"].total
    assert total is not None and total(count(ann)) == "9.77 k"


def test_sparsity_is_weighted_by_elements(ann: Trace) -> None:
    calls = [call for call in ann.calls if call.path == "branch/refine"]
    # The second call reads thrice as many elements: zeros (24 + 3 x 8) of (32 + 3 x 32).
    read = calls[1].steps[0].use.activity
    more = msgspec.structs.replace(read, elements=3 * read.elements, events=3 * read.events)
    use = msgspec.structs.replace(calls[1].steps[0].use, activity=more)
    step = msgspec.structs.replace(calls[1].steps[0], use=use)
    second = msgspec.structs.replace(calls[1], steps=(step, *calls[1].steps[1:]))
    trace = msgspec.structs.replace(ann, calls=(calls[0], second))
    refine = layer(trace, "branch/refine")
    assert refine.mean("input_sparsity", refine.inputs) == pytest.approx((24 + 3 * 8) / (32 + 3 * 32))
    assert cell(trace, "branch/refine", "input_sparsity") == "37.5 %"


def test_what_is_counted_in_part_is_at_least_so_much(counted_ann: Trace, cpu: Device) -> None:
    call = next(each for each in counted_ann.calls if each.path == "logits")
    rest = Step(operation=Uncounted(reason="no rule for FFT"), executions=100, dtype="float32")
    partial = msgspec.structs.replace(call, steps=(*call.steps, rest))
    calls = tuple(partial if each is call else each for each in counted_ann.calls)
    trace = msgspec.structs.replace(counted_ann, calls=calls)
    assert cell(counted_ann, "logits", "dense_synops") == "320"
    assert cell(trace, "logits", "dense_synops") == "≥ 320"
    assert cell(trace, "logits", "connections") == "≥ 320"
    assert cell(trace, "logits", "lookups") == "—", "none that is known"
    assert cell(trace, "logits", "activation_bytes") == cell(counted_ann, "logits", "activation_bytes")
    total = FIELDS["dense_synops"].total
    assert total is not None and total(count(trace)) == "≥ " + total(count(counted_ann))
    whole, part = (report(each, cpu) for each in (counted_ann, trace))
    assert part.total("dense-cpu").lower_bound and not whole.total("dense-cpu").lower_bound
    assert part.total("dense-cpu").energy_j == whole.total("dense-cpu").energy_j, "what is known is priced"
    assert "logits (Dense), in part: no rule for FFT" in str(part)


def test_what_one_call_does_not_know_is_unknown(ann: Trace) -> None:
    first, second = (call for call in ann.calls if call.path == "branch/refine")
    trace = msgspec.structs.replace(ann, calls=(first, msgspec.structs.replace(second, output=None)))
    assert cell(trace, "branch/refine", "output_sparsity") == "—"
    assert cell(trace, "branch/refine", "events") == "—"
    assert cell(ann, "spectrum", "dense_synops") == "—"


def test_shapes_and_words_that_differ_are_all_shown(ann: Trace) -> None:
    first, second = (call for call in ann.calls if call.path == "branch/refine")
    trace = msgspec.structs.replace(
        ann, calls=(first, msgspec.structs.replace(second, out_shape=(7, 32), dt=0.5))
    )
    assert cell(trace, "branch/refine", "out_shape") == "32, 7×32"
    assert cell(trace, "branch/refine", "dt") == "—"
    assert cell(trace, "branch/refine", "type") == "Dense"
    assert cell(trace, "branch/refine", "neuron") == "—"


def test_rates(snn: Trace) -> None:
    # 3 of 48 neurons in a step of 1 ms
    assert cell(snn, "neurons", "output_firing_rate_hz") == "62.5 Hz"
    # called twice: 62.5 and 125 Hz of equally many neurons
    assert cell(snn, "mix", "input_firing_rate_hz") == "93.8 Hz"
    assert cell(snn, "encode", "input_firing_rate_hz") == "—"


@pytest.mark.parametrize("name", FIELDS)
def test_every_column_can_be_shown(name: str, snn: Trace, cpu: Device) -> None:
    column = report(snn, cpu).select(name).document.sections[1].columns[1]
    assert column.name == name
    assert len(column.cells) == 7 and all(column.cells)
    assert bool(column.total) == (FIELDS[name].total is not None)


def test_columns_that_say_nothing_are_left_out_unless_chosen(ann: Trace, snn: Trace, cpu: Device) -> None:
    def shown(trace: Trace) -> list[str]:
        return [column.name for column in report(trace, cpu).document.sections[1].columns[1:-2]]

    def without(*names: str) -> list[str]:
        return [name for name in DEFAULT_FIELDS if name not in names]

    converted = msgspec.structs.replace(
        snn, calls=tuple(msgspec.structs.replace(call, origin="layer") for call in snn.calls)
    )
    assert shown(converted) == list(DEFAULT_FIELDS)
    assert shown(snn) == without("origin")
    assert shown(ann) == without("origin", "neuron_updates", "output_firing_rate_hz")
    chosen = report(ann, cpu).select("neuron_updates").document.sections[1]
    assert set(chosen.columns[1].cells) == {"0", "—"}


def test_headings_that_go_on_two_lines_are_words_again_on_one() -> None:
    headings = {name: field.header.replace("-\n", "").replace("\n", " ") for name, field in FIELDS.items()}
    assert headings["connections"] == "connections"
    assert headings["timesteps"] == "timesteps"
    assert headings["output_firing_rate_hz"] == "firing rate"
