"""What a trace says of itself when it is printed."""

from __future__ import annotations

import msgspec
import pytest

from energyprobe.trace.records import Trace

pytestmark = pytest.mark.oldest

VERSIONS = {"energyprobe": "0.1", "framework": "keras", "keras": "3.15.1", "python": "3.11.7"}


def test_the_repr_is_one_line(trace: Trace) -> None:
    few = msgspec.structs.replace(trace, calls=trace.calls[:1], samples=1, versions=VERSIONS)
    assert repr(few) == "<Trace of 'net': 1 sample, 1 call, keras 3.15.1>"
    assert repr([few]) == f"[{few!r}]"
    broken = msgspec.structs.replace(trace, complete=False, versions={}, samples=1234)
    assert repr(broken) == f"<Trace of 'net': 1,234 samples, {len(trace.calls)} calls, broken off>"


def test_what_is_printed(trace: Trace) -> None:
    dense = next(call for call in trace.calls if call.layer == "dense")
    conv = next(call for call in trace.calls if call.layer == "conv")
    again = msgspec.structs.replace(dense, call_index=7)
    calls = [
        msgspec.structs.replace(
            call, parameters=250, parameter_bytes=1000, bytes_in=600, bytes_out=37, samples=3, sample_steps=15
        )
        for call in (dense, again, conv)
    ]
    printed = str(
        msgspec.structs.replace(
            trace,
            calls=(*calls[:2], msgspec.structs.replace(calls[2], fate="free", output_spiking=False)),
            samples=1234,
            versions=VERSIONS,
            options={"observe": "lean"},
            measurements=(),
            notes=("my own words",),
        )
    )
    spiking = sum(call.output_spiking for call in calls[:2])
    assert spiking == 2
    assert printed.splitlines() == [
        "Trace of 'net'",
        "  samples     1,234, of up to 5 timesteps",
        "  calls       3 of 2 layers: 2 counted, 1 free, 2 of them spiking",
        "  parameters  500 (2,000 bytes)",
        "  activations 1,800 bytes read, 111 bytes written",
        "  recorded by energyprobe 0.1, framework keras, keras 3.15.1, python 3.11.7",
        "  options     observe=lean",
        "  note        my own words",
        "  ep.counts(trace) counts its operations; ep.report(trace, devices=[…]) prices them",
    ]


def test_measurements_readings_and_a_broken_run_are_told(trace: Trace) -> None:
    both = [
        msgspec.structs.replace(trace.calls[0], reading=each, bytes_out=7) for each in ("literal", "folded")
    ]
    text = str(msgspec.structs.replace(trace, calls=tuple(both), complete=False))
    assert text.startswith("Trace of 'net', broken off before the end of the run\n")
    assert "1 in the literal reading, 1 in the folded reading" in text
    assert " 7 bytes written" in text, "the same bytes in both readings"
    assert len(trace.measurements) == text.count("\n  measured") > 0


def test_a_trace_of_nothing(trace: Trace) -> None:
    empty = msgspec.structs.replace(trace, calls=(), samples=0)
    assert "  calls       0 of 0 layers\n  parameters  0 (0 bytes)\n" in str(empty)


def test_the_repr_of_a_call(trace: Trace) -> None:
    call = msgspec.structs.replace(trace.calls[0], samples=3)
    assert repr(call) == "<LayerCall 'block/dense#1' (Dense), counted: dense; 3 samples>"
    assert repr(msgspec.structs.replace(call, steps=(), call_index=0)).endswith(": no operation; 3 samples>")
