"""Checks that reviewers make."""

from __future__ import annotations

import msgspec
import pytest

import energyprobe as ep
from energyprobe.reporting.fairness import fairness


def told(*args, **options) -> tuple[str, ...]:
    return fairness(ep.compare(*args, **options)).lines


@pytest.fixture
def alike(counted_snn) -> dict:
    """Twice the same network: nothing to object to."""
    return {"a": counted_snn, "b": counted_snn}


QUALITY = {"a": ep.Quality(0.9, n_test=100), "b": ep.Quality(0.9, n_test=100)}


def test_nothing_is_found_where_there_is_nothing(counted_ann, cpu) -> None:
    lines = told({"a": counted_ann, "b": counted_ann}, "h100", quality=QUALITY)
    assert lines == ("no check of the program found anything",)


def test_other_samples(counted_ann, cpu) -> None:
    fewer = msgspec.structs.replace(counted_ann, samples=50)
    lines = told({"a": counted_ann, "b": fewer}, "h100", quality=QUALITY)
    assert lines == ("recorded on different numbers of samples, hence on different data: a on 100, b on 50",)


def test_other_inputs_and_outputs(counted_ann) -> None:
    def shaped(neurons: int, classes: int):
        first, *rest = counted_ann.calls
        seen = msgspec.structs.replace(first.steps[0].use.activity, neurons=neurons)
        use = msgspec.structs.replace(first.steps[0].use, activity=seen)
        steps = (msgspec.structs.replace(first.steps[0], use=use), *first.steps[1:])
        first = msgspec.structs.replace(first, steps=steps, inputs=("input:image",))
        last = msgspec.structs.replace(rest[-1], out_shape=(classes,))
        return msgspec.structs.replace(counted_ann, calls=(first, *rest[:-1], last), outputs=("logits",))

    lines = told({"a": shaped(64, 10), "b": shaped(81, 7)}, "h100", quality=QUALITY)
    assert lines == (
        "inputs differ in size, so the tasks may: a 64, b 81 numbers in a timestep",
        "outputs differ in size, so the tasks may: a 10, b 7 numbers in a timestep",
    )
    assert told({"a": shaped(64, 10), "b": shaped(64, 10)}, "h100", quality=QUALITY) == (
        "no check of the program found anything",
    )


def test_a_recording_that_broke_off(counted_ann) -> None:
    broken = msgspec.structs.replace(counted_ann, complete=False)
    assert told({"a": counted_ann, "b": broken}, "h100", quality=QUALITY) == ("the recording of b broke off",)


def test_quality(counted_ann) -> None:
    both = {"a": counted_ann, "b": counted_ann}
    assert told(both, "h100") == ("the quality of a, b was not given: less energy may be bought with it",)
    assert told(both, "h100", accuracy={"a": 0.9, "b": 0.8}) == (
        "b and a differ in accuracy (80.0 % and 90.0 %); whether by chance is not known: "
        "give ep.Quality(…, n_test=…) or its low and high",
    )
    apart = {"a": ep.Quality(0.9, n_test=1000), "b": ep.Quality(0.8, n_test=1000)}
    assert told(both, "h100", quality=apart) == (
        "b and a are not equally good: accuracy 77.4–82.4 % and 88.0–91.7 %",
    )
    near = {"a": ep.Quality(0.9, n_test=50), "b": ep.Quality(0.88, n_test=50)}
    assert told(both, "h100", quality=near) == ("no check of the program found anything",)


def test_memory_and_zeros_of_arithmetic(counted_ann) -> None:
    lines = told({"a": counted_ann, "b": counted_ann}, "45nm-fp32", quality=QUALITY)
    assert lines == (
        "45nm-fp32: no memory traffic and no static power in the totals, which often cost more than the "
        "arithmetic: ratios there are of arithmetic alone",
        "45nm-fp32: the zeros of a, b cost nothing there, as on no conventional processor: an idealised "
        "accelerator",
    )


def test_analogue_input(counted_snn) -> None:
    first, *rest = counted_snn.calls
    fed = msgspec.structs.replace(
        counted_snn, calls=(msgspec.structs.replace(first, inputs=("input:image",)), *rest)
    )
    lines = told({"a": fed, "b": fed}, "h100", quality=QUALITY)
    assert set(lines) == {
        f"encode of {name} is driven by analogue input in every timestep: multiply-accumulates, not "
        "accumulates, and none that a chip of spikes can do"
        for name in ("a", "b")
    }


def test_a_layer_of_two_readings_is_named_once(counted_snn) -> None:
    first, *rest = counted_snn.calls
    fed = msgspec.structs.replace(first, inputs=("input:image",), reading="literal")
    folded = msgspec.structs.replace(fed, reading="folded")
    both = msgspec.structs.replace(counted_snn, calls=(fed, folded, *rest))
    lines = told({"a": both, "b": both}, "h100", quality=QUALITY)
    assert any(line.startswith("encode of a is driven") for line in lines)


def test_double_precision_is_wider_than_what_is_priced(counted_ann) -> None:
    double = msgspec.structs.replace(
        counted_ann,
        calls=tuple(
            msgspec.structs.replace(
                call, steps=tuple(msgspec.structs.replace(step, dtype="float64") for step in call.steps)
            )
            for call in counted_ann.calls
        ),
    )
    (line,) = told({"a": double, "b": counted_ann}, "h100", quality=QUALITY)
    assert line.startswith("h100: priced in float32, recorded in wider numbers")


def test_data_types(counted_ann) -> None:
    both = {"a": counted_ann, "b": counted_ann}
    assert told(both, "cortex-m4", quality=QUALITY) == (
        "cortex-m4: priced in int8, recorded in wider numbers: the quality that was measured is not that of "
        "the network that is priced",
    )
    own = {"a": ep.Scenario(dtype="float32"), "b": ep.Scenario(dtype="int8")}
    assert told(both, "a100", quality=QUALITY, scenario={"b": ep.Scenario(dtype="int8")})[0] == (
        "a100: the models are priced in different data types: a in float32, b in int8"
    )
    assert told(both, "a100", quality=QUALITY, scenario=own)[0] == (
        "a100: the models are priced in different data types: a in float32, b in int8"
    )


def test_devices_of_other_nodes_and_boundaries(counted_ann) -> None:
    lines = told({"a": counted_ann, "b": counted_ann}, ["h100", "a100", "raspberry-pi-4"], quality=QUALITY)
    assert lines == (
        "devices of different process nodes, which alone change energies several times: h100 4 nm, a100 7 "
        "nm, raspberry-pi-4 28 nm",
        "totals of different devices cover different things, and do not compare: board: h100, a100, system: "
        "raspberry-pi-4",
    )


def test_windows(counted_ann, counted_snn) -> None:
    lines = told(
        {"cnn": counted_ann, "snn": counted_snn}, "h100", accuracy={"cnn": 0.9, "snn": 0.9},
        new_samples_per_inference=1,
    )  # fmt: skip
    assert lines[-1] == "cnn has no timesteps: it computes its whole input again for each inference"
