"""Adding traces: expected sums by hand, laws of addition by property, refusals by their text."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from itertools import permutations
from operator import add

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from energyprobe.errors import TraceError
from energyprobe.trace.operations import Conv, Dense, Free
from energyprobe.trace.records import Activity, LayerCall, Magnitudes, Measurement, Step, Trace, Use

pytestmark = pytest.mark.oldest


def conv(size: int) -> Conv:
    """A one-dimensional convolution with 3 taps on so many positions."""
    return Conv(
        input_shape=(size,),
        output_shape=(size - 2,),
        channels=1,
        filters=1,
        kernel=(3,),
        strides=(1,),
        dilation=(1,),
        padding=(0,),
    )


# One recording of 2 samples x 3 timesteps and one of 1 sample x 5 timesteps, of 9 neurons.
SHORT = Activity(
    elements=2 * 3 * 9,
    neurons=9,
    events=7,
    samples=2,
    sum_sq_events_per_sample=5**2 + 2**2,
    spikes=11,
    amplitude=1000.0,
    nonfinite=1,
    events_by_step=(4, 1, 2),
    samples_by_step=(2, 2, 2),
    fired=bytes([0b00000011, 0b0]),
    rate_histogram=(7, 2, 0),
    positive=Magnitudes(total=1.5, fanout_total=4.5, maximum=0.75, histogram=(0, 4, 1)),
    negative=Magnitudes(total=0.25, fanout_total=0.75, maximum=0.125, histogram=(2, 0, 0)),
)
LONG = Activity(
    elements=1 * 5 * 9,
    neurons=9,
    events=6,
    samples=1,
    sum_sq_events_per_sample=6**2,
    spikes=6,
    amplitude=1000.0,
    nonfinite=2,
    events_by_step=(1, 1, 1, 1, 2),
    samples_by_step=(1, 1, 1, 1, 1),
    fired=bytes([0b00000110, 0b1]),
    rate_histogram=(4, 4, 1),
    positive=Magnitudes(total=2.0, fanout_total=6.0, maximum=0.5, histogram=(1, 3, 0)),
    negative=Magnitudes(total=1.0, fanout_total=3.0, maximum=1.0, histogram=(0, 0, 2)),
)
BOTH = Activity(
    elements=54 + 45,
    neurons=9,
    events=7 + 6,
    samples=2 + 1,
    sum_sq_events_per_sample=25 + 4 + 36,
    spikes=11 + 6,
    amplitude=1000.0,
    nonfinite=1 + 2,
    events_by_step=(4 + 1, 1 + 1, 2 + 1, 1, 2),
    samples_by_step=(2 + 1, 2 + 1, 2 + 1, 1, 1),
    fired=bytes([0b00000111, 0b1]),
    rate_histogram=(7 + 4, 2 + 4, 0 + 1),
    positive=Magnitudes(total=3.5, fanout_total=10.5, maximum=0.75, histogram=(1, 7, 1)),
    negative=Magnitudes(total=1.25, fanout_total=3.75, maximum=1.0, histogram=(2, 0, 2)),
)


def use(activity: Activity | None, fanout_events: int | None = 0) -> Use:
    return Use(activity=activity, spiking=True, fanout_events=fanout_events)


def call(path: str = "dense", samples: int = 2, step: Step | None = None, **fields: object) -> LayerCall:
    step = step or Step(operation=Dense(inputs=9, units=5), executions=samples, dtype="float32")
    defaults = {"layer": path, "type": "Dense", "call_index": 0, "fate": "counted", "sample_steps": samples}
    return LayerCall(**{**defaults, "path": path, "samples": samples, "steps": (step,), **fields})


def trace(*calls: LayerCall, **fields: object) -> Trace:
    return Trace(**{"model": "net", "fingerprint": "f" * 16, "samples": 2, "calls": calls, **fields})


def only_call(merged: Trace) -> LayerCall:
    (the_call,) = merged.calls
    return the_call


def test_activities_of_an_output_add_up_field_by_field() -> None:
    merged = trace(call(output=SHORT)) + trace(call(output=LONG))
    assert only_call(merged).output == BOTH


def test_a_use_and_its_second_operand_add_up() -> None:
    def step(activity: Activity, count: int) -> Step:
        return Step(
            operation=Dense(inputs=9, units=5),
            executions=count,
            dtype="float32",
            weights=45,
            weight_nonzeros=44,
            weight_bytes=180,
            state_bytes=20,
            use=Use(
                activity=activity,
                spiking=True,
                fanout_events=count + 1,
                fanout_spikes=count + 2,
                effective_events=count + 3,
                effective_spikes=count + 4,
                other=activity,
                other_spiking=True,
            ),
        )

    merged = only_call(trace(call(step=step(SHORT, 10))) + trace(call(step=step(LONG, 300))))
    assert merged.steps == (
        Step(
            operation=Dense(inputs=9, units=5),
            executions=310,
            dtype="float32",
            weights=45,
            weight_nonzeros=44,
            weight_bytes=180,
            state_bytes=20,
            use=Use(
                activity=BOTH,
                spiking=True,
                fanout_events=11 + 301,
                fanout_spikes=12 + 302,
                effective_events=13 + 303,
                effective_spikes=14 + 304,
                other=BOTH,
                other_spiking=True,
            ),
        ),
    )


def test_a_call_adds_samples_and_bytes_and_keeps_what_it_is() -> None:
    fixed = {
        "dt": 0.001,
        "parameters": 50,
        "parameter_bytes": 200,
        "foldable_over_time": False,
        "origin": "o",
    }
    one = call(
        samples=2, sample_steps=6, bytes_in=72, bytes_out=40, inputs=("input:x",), out_shape=(3, 5), **fixed
    )
    other = call(
        samples=1, sample_steps=5, bytes_in=60, bytes_out=33, inputs=("input:y",), out_shape=(5, 5), **fixed
    )
    assert only_call(trace(one) + trace(other)) == call(
        step=Step(operation=Dense(inputs=9, units=5), executions=2 + 1, dtype="float32"),
        samples=2 + 1,
        sample_steps=6 + 5,
        bytes_in=72 + 60,
        bytes_out=40 + 33,
        inputs=("input:x", "input:y"),
        out_shape=(None, 5),
        **fixed,
    )


@pytest.mark.parametrize(
    "field",
    ["spikes", "events_by_step", "samples_by_step", "fired", "rate_histogram", "positive", "negative"]
    + ["sum_sq_events_per_sample"],
)
@pytest.mark.parametrize("swapped", [False, True])
def test_known_plus_unknown_is_unknown(field: str, swapped: bool) -> None:
    pair = [trace(call(output=SHORT)), trace(call(output=replace(LONG, **{field: None})))]
    one, other = reversed(pair) if swapped else pair
    merged = only_call(one + other).output
    assert merged == replace(BOTH, **{field: None})


@pytest.mark.parametrize("field", ["fanout_events", "fanout_spikes", "effective_events", "effective_spikes"])
def test_an_unknown_sum_of_a_use_stays_unknown(field: str) -> None:
    known = Use(
        activity=SHORT,
        spiking=True,
        fanout_events=1,
        fanout_spikes=2,
        effective_events=3,
        effective_spikes=4,
    )
    step = Step(operation=Dense(inputs=9, units=5), executions=2, dtype="float32", use=known)
    unknown = replace(step, use=replace(known, **{field: None}))
    merged = only_call(trace(call(step=step)) + trace(call(step=unknown))).steps[0].use
    assert merged is not None
    assert getattr(merged, field) is None
    others = {"fanout_events", "fanout_spikes", "effective_events", "effective_spikes"} - {field}
    assert all(getattr(merged, name) == 2 * getattr(known, name) for name in others)


def test_what_was_not_observed_in_one_is_not_observed_in_the_sum() -> None:
    observed = Step(operation=Dense(inputs=9, units=5), executions=2, dtype="float32", use=use(SHORT, 7))
    unobserved = replace(observed, use=use(None, None))
    merged = only_call(trace(call(step=observed, output=SHORT)) + trace(call(step=unobserved)))
    assert merged.output is None
    assert merged.steps[0].use == use(None, None)
    assert merged.steps[0].executions == 4


@pytest.mark.parametrize("swapped", [False, True])
def test_a_call_without_samples_makes_nothing_unknown(swapped: bool) -> None:
    full, empty = trace(call(output=SHORT)), trace(call(samples=0), samples=0)
    merged = empty + full if swapped else full + empty
    assert merged == full


def test_bitmaps_of_different_neurons_say_nothing_together() -> None:
    merged = only_call(trace(call(output=SHORT)) + trace(call(output=replace(LONG, neurons=10)))).output
    assert merged == replace(BOTH, neurons=None, fired=None)


def test_another_shape_index_reading_or_path_is_another_call() -> None:
    steps = {size: Step(operation=conv(size), executions=2, dtype="float32") for size in (7, 9)}
    base = call("conv", step=steps[7])
    others = (
        call("conv", step=steps[9]),
        call("conv", step=steps[7], call_index=1),
        call("conv", step=steps[7], reading="folded"),
        call("conv2", step=steps[7]),
        call("conv", step=steps[7], out_shape=(5,)),
    )
    merged = trace(base, others[0]) + trace(*others)
    doubled = replace(others[0], samples=4, sample_steps=4, steps=(replace(steps[9], executions=4),))
    assert merged.calls == (base, doubled, *others[1:])


def test_trace_fields_combine() -> None:
    nvml = Measurement(sensor="nvml", energy_j=2.0, duration_s=0.5, boundary="board")
    rapl = Measurement(sensor="rapl", energy_j=1.0, duration_s=0.5, boundary="chip")
    one = trace(
        samples=3,
        model="net",
        versions={"tensorflow": "2.12.1", "python": "3.11", "keras": "2.12"},
        outputs=("a",),
        measurements=(nvml,),
        notes=("n1", "n2"),
    )
    other = trace(
        samples=4,
        model="net_1",
        versions={"tensorflow": "2.21.0", "python": "3.11", "backend": "jax"},
        outputs=("a", "b"),
        measurements=(rapl, nvml),
        notes=("n2", "n3"),
        complete=False,
    )
    assert one + other == trace(
        samples=7,
        model="net | net_1",
        versions={"tensorflow": "2.12.1 | 2.21.0", "python": "3.11", "keras": "2.12", "backend": "jax"},
        outputs=("a", "b"),
        measurements=(nvml, rapl, nvml),
        notes=("n1", "n2", "n3"),
        complete=False,
    )


def test_joined_versions_do_not_repeat() -> None:
    parts = [trace(versions={"tensorflow": version}) for version in ("2.12", "2.21", "2.12")]
    assert reduce(add, parts).versions == {"tensorflow": "2.12 | 2.21"}


def test_only_traces_can_be_added() -> None:
    with pytest.raises(TypeError, match="unsupported operand"):
        trace() + 1


def refusal(one: Trace, other: Trace) -> str:
    with pytest.raises(TraceError) as caught:
        one + other
    return str(caught.value)


def test_a_list_of_traces_adds_up_with_sum() -> None:
    one, two = trace(call(step=None)), trace(call(step=None))
    assert sum([one, two]) == one + two
    with pytest.raises(TypeError):
        1 + one


def test_other_weights_are_refused() -> None:
    assert refusal(
        trace(fingerprint="0123456789abcdef"), trace(model="cnn", fingerprint="fedcba9876543210")
    ) == (
        "cannot add traces of different models or weights: 'net' (fingerprint 0123456789ab) and 'cnn' "
        "(fedcba987654); record both with the same weights, or compare them instead"
    )


def test_other_options_are_refused() -> None:
    assert refusal(trace(options={"detail": "values"}), trace(options={})) == (
        "cannot add traces: options of the probe is {'detail': 'values'} in one and {} in the other; "
        "record both with the same, which decide what is observed"
    )


@pytest.mark.parametrize("field", ["schema", "geometry_version"])
def test_other_versions_of_the_records_are_refused(field: str) -> None:
    assert refusal(trace(**{field: 1}), trace(**{field: 2})) == (
        f"cannot add traces: {field} of the trace is 1 in one and 2 in the other; "
        "record both with the same version of energyprobe"
    )


@pytest.mark.parametrize(
    ("field", "one", "other"),
    [
        ("layer", "a", "b"),
        ("type", "Dense", "EinsumDense"),
        ("fate", "counted", "free"),
        ("origin", None, "conv"),
        ("dt", 0.001, 0.002),
        ("output_spiking", False, True),
        ("foldable_over_time", False, True),
        ("parameters", 45, 50),
        ("parameter_bytes", 180, 200),
    ],
)
def test_calls_that_are_not_the_same_are_refused(field: str, one: object, other: object) -> None:
    pair = (trace(call(**{field: value}, call_index=1)) for value in (one, other))
    assert refusal(*pair) == (
        f"cannot add traces: {field} of call 'dense#1' is {one!r} in one and {other!r} in the other; "
        "record both in the same way"
    )


@pytest.mark.parametrize(
    ("field", "one", "other"),
    [
        ("dtype", "float32", "float16"),
        ("weights", 45, 44),
        ("weight_nonzeros", 45, None),
        ("weight_bytes", 180, 90),
        ("state_bytes", 0, 20),
        ("merged", 1, 7),
    ],
)
def test_steps_that_are_not_the_same_are_refused(field: str, one: object, other: object) -> None:
    base = Step(operation=Dense(inputs=9, units=5), executions=2, dtype="float32")
    pair = (trace(call(step=replace(base, **{field: value}))) for value in (one, other))
    assert refusal(*pair) == (
        f"cannot add traces: {field} of step 0 of call 'dense' is {one!r} in one and {other!r} in the other; "
        "record both in the same way"
    )


def test_inputs_that_are_not_of_the_same_kind_are_refused() -> None:
    base = Step(operation=Dense(inputs=9, units=5), executions=2, dtype="float32", use=use(SHORT))
    slower = replace(base, use=use(replace(SHORT, amplitude=500.0)))
    graded = replace(base, use=replace(use(SHORT), spiking=False))
    by_graded = replace(base, use=replace(use(SHORT), other_spiking=True))
    start, end = "cannot add traces: ", " in the other; record both in the same way"
    assert refusal(trace(call(step=base)), trace(call(step=slower))) == (
        f"{start}amplitude of the input of step 0 of call 'dense' is 1000.0 in one and 500.0{end}"
    )
    assert refusal(trace(call(step=base)), trace(call(step=graded))) == (
        f"{start}spiking of step 0 of call 'dense' is True in one and False{end}"
    )
    assert refusal(trace(call(step=base)), trace(call(step=by_graded))) == (
        f"{start}other_spiking of step 0 of call 'dense' is False in one and True{end}"
    )


# Properties. Sums of floats are exact here, since the figures are small whole numbers.
counts = st.integers(0, 2**66)
figures = st.integers(0, 1000).map(float)
series = st.lists(st.integers(0, 99), max_size=4).map(tuple)
bins = st.tuples(counts, counts, counts)
magnitudes = st.builds(Magnitudes, total=figures, fanout_total=figures, maximum=figures, histogram=bins)
activities = st.builds(
    Activity,
    elements=counts,
    neurons=st.sampled_from([None, 7, 8, 9]),
    events=counts,
    samples=counts,
    sum_sq_events_per_sample=st.none() | counts,
    spikes=st.none() | counts,
    nonfinite=counts,
    events_by_step=st.none() | series,
    samples_by_step=st.none() | series,
    fired=st.none() | st.binary(min_size=1, max_size=2),
    rate_histogram=st.none() | bins,
    positive=st.none() | magnitudes,
    negative=st.none() | magnitudes,
)
unknown_counts = st.none() | counts
uses = st.builds(
    Use,
    activity=st.none() | activities,
    spiking=st.just(True),
    fanout_events=unknown_counts,
    fanout_spikes=unknown_counts,
    effective_events=unknown_counts,
    effective_spikes=unknown_counts,
    other=st.none() | activities,
)
operations = st.sampled_from([Dense(inputs=9, units=5), conv(7), conv(9), Free(reason="reshape")])
names = st.lists(st.sampled_from("abc"), max_size=3).map(tuple)
calls = st.builds(
    LayerCall,
    layer=st.just("layer"),
    path=st.sampled_from(["one", "two"]),
    type=st.just("Layer"),
    call_index=st.integers(0, 1),
    fate=st.just("counted"),
    steps=st.tuples(
        st.builds(Step, operation=operations, executions=counts, dtype=st.just("int8"), use=st.none() | uses)
    ),
    samples=st.integers(0, 3),
    sample_steps=counts,
    inputs=names,
    output=st.none() | activities,
    out_shape=st.tuples(st.sampled_from([None, 3, 5]), st.just(7)),
    bytes_in=counts,
    bytes_out=counts,
)
measurements = st.builds(
    Measurement, sensor=st.sampled_from("xy"), energy_j=figures, duration_s=figures, boundary=st.just("chip")
)
traces = st.builds(
    Trace,
    model=st.sampled_from(["net", "net_1"]),
    fingerprint=st.just("f" * 16),
    samples=counts,
    calls=st.lists(calls, max_size=4, unique_by=lambda c: (c.path, c.call_index, c.steps[0].operation)).map(
        tuple
    ),
    versions=st.dictionaries(st.sampled_from("tk"), st.sampled_from(["1", "2"])),
    outputs=names,
    measurements=st.lists(measurements, max_size=2).map(tuple),
    notes=names.map(lambda notes: tuple(dict.fromkeys(notes))),
    complete=st.booleans(),
)


def unordered(one: Trace) -> Trace:
    """The same trace with everything whose order is free put in order."""

    def sorted_call(each: LayerCall) -> LayerCall:
        return replace(each, inputs=tuple(sorted(set(each.inputs))))

    def sorted_text(text: str) -> str:
        return " | ".join(sorted(text.split(" | ")))

    return replace(
        one,
        model=sorted_text(one.model),
        calls=tuple(sorted(map(sorted_call, one.calls), key=repr)),
        versions={name: sorted_text(version) for name, version in one.versions.items()},
        outputs=tuple(sorted(set(one.outputs))),
        measurements=tuple(sorted(one.measurements, key=repr)),
        notes=tuple(sorted(one.notes)),
    )


@given(traces, traces, traces)
def test_addition_is_associative(one: Trace, two: Trace, three: Trace) -> None:
    assert (one + two) + three == one + (two + three)


@given(traces, traces)
def test_addition_is_commutative_up_to_order(one: Trace, two: Trace) -> None:
    assert unordered(one + two) == unordered(two + one)


@given(st.lists(traces, min_size=1, max_size=3))
def test_nothing_is_lost(parts: list[Trace]) -> None:
    merged = reduce(add, parts)
    every_call = [each for part in parts for each in part.calls]
    assert merged.samples == sum(part.samples for part in parts)
    assert sum(each.samples for each in merged.calls) == sum(each.samples for each in every_call)
    assert identities(merged.calls) == list(dict.fromkeys(identities(every_call)))


def identities(those: Iterable[LayerCall]) -> list[tuple[object, ...]]:
    return [(each.path, each.call_index, each.steps[0].operation) for each in those]


def test_calls_keep_the_order_in_which_they_first_ran() -> None:
    parts = [trace(call(name)) for name in "abc"]
    for order in permutations(parts):
        merged = reduce(add, order)
        assert [each.path for each in merged.calls] == [part.calls[0].path for part in order]
