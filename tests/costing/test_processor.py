"""Conventional processors: times and energies worked out by hand, term by term."""

import math

import numpy as np
import pytest
from msgspec.structs import replace

from energyprobe.costing.loading import parse_device
from energyprobe.costing.lookup import device
from energyprobe.costing.roofline import roofline_of
from energyprobe.costing.scenario import Scenario
from energyprobe.counting.table import count
from energyprobe.errors import DeviceError, ScenarioError, TraceError
from energyprobe.trace.operations import (
    Conv,
    Dense,
    Elementwise,
    Free,
    Lookup,
    NeuronUpdate,
    Uncounted,
)

FIGURE = """
[constants.{name}]
value = {value}
{ends}unit = "{unit}"
source = "horowitz2014"
provenance = "derived"
verified = true
boundary = "chip"
"""
UNITS = {
    **dict.fromkeys(("conv_s", "pointwise_s", "depthwise_s", "dense_s", "call_s", "run_s"), "ns"),
    **dict.fromkeys(("weights_s", "activations_s", "memory_s", "cache_s"), "ns/byte"),
    **dict.fromkeys(("memory", "cache"), "nJ/byte"),
    **dict.fromkeys(("cache_bytes", "memory_bytes"), "byte"),
    **dict.fromkeys(("static_w", "idle_w", "limit_w"), "W"),
    "macs": "nJ",
}


@pytest.fixture
def make_processor():
    """A processor from its figures in ns, nJ, W and bytes; those of a type as ``float32__conv_s=…``."""

    def make(overlap=False, batches=True, skips="nothing", **figures):
        text = (
            'model = "processor"\nname = "cpu"\ntitle = "CPU"\nkind = "conventional"\n'
            'description = "A CPU."\n'
            f'skips = "{skips}"\ngraded_events = true\noverlap = {str(overlap).lower()}\n'
            f"batches = {str(batches).lower()}\n"
        )
        for name, value in ({"float32__conv_s": 1, "static_w": 1} | figures).items():
            low, value, high = value if isinstance(value, tuple) else (None, value, None)
            ends = "" if low is None else f"low = {low}\nhigh = {high}\n"
            where = f"types.{name.replace('__', '.')}" if "__" in name else name
            text += FIGURE.format(name=where, value=value, ends=ends, unit=UNITS[name.rpartition("__")[2]])
        return parse_device(text, "cpu.toml")

    return make


@pytest.fixture
def weighted(make_call):
    """A call of one operation with weights, and its activations of 4 bytes each."""

    def make(path, operation, use=None, *, weights=0, elements=0, state_bytes=0, samples=1, **facts):
        call = make_call(path, (operation, use), samples=samples, **facts)
        step = replace(call.steps[0], weights=weights, weight_bytes=4 * weights, state_bytes=state_bytes)
        timesteps = facts.get("timesteps", 1)
        return replace(call, steps=(step,), bytes_in=0, bytes_out=4 * elements * samples * timesteps)

    return make


@pytest.fixture
def net(weighted, make_trace, graded):
    """Dense 7 -> 5, then 5 -> 3, of one sample: 35 and 15 MACs and weights; 12 and 8 activations."""
    first = weighted("first", Dense(inputs=7, units=5), graded(35), weights=35, elements=12)
    second = weighted(
        "second", Dense(inputs=5, units=3), graded(15), weights=15, elements=8, inputs=("first",)
    )
    return make_trace(first, second)


@pytest.fixture
def snn(weighted, make_trace, spiking):
    """Dense 7 -> 5 and 5 neurons with 20 bytes of state, for 6 timesteps."""
    dense = weighted("dense", Dense(inputs=7, units=5), spiking(30), weights=35, elements=12, timesteps=6)
    lif = weighted(
        "lif",
        NeuronUpdate(neuron="lif", neurons=5),
        elements=10,
        state_bytes=20,
        timesteps=6,
        inputs=("dense",),
        foldable_over_time=False,
    )
    return make_trace(dense, lif)


def test_time_of_arithmetic_bytes_calls_and_runs(net, make_processor):
    cpu = make_processor(
        float32__conv_s=2,
        float32__weights_s=3,
        float32__activations_s=5,
        float32__call_s=70,
        float32__run_s=900,
    )
    cost = cpu.cost(net)
    first = 35 * 2 + 35 * 4 * 3 + 12 * 4 * 5 + 70
    second = 15 * 2 + 15 * 4 * 3 + 8 * 4 * 5 + 70
    assert cost.layer == ("first", "second", "run", "static power", "idle power")
    assert cost.latency_s.tolist() == pytest.approx([first * 1e-9, second * 1e-9, 900e-9, 0, 0])
    assert cost.total().latency_s == pytest.approx((first + second + 900) * 1e-9)
    # 1 W for all of it.
    assert cost.total().energy_j == pytest.approx((first + second + 900) * 1e-9)
    # Of the layers, only their times are known.
    unknown = float("nan")
    priced = [unknown, unknown, 0, (first + second + 900) * 1e-9, 0]
    assert cost.energy_j.tolist() == pytest.approx(priced, nan_ok=True)


def test_intervals_of_times_are_intervals_of_latency(net, make_processor):
    cpu = make_processor(
        float32__conv_s=(1, 2, 5), float32__call_s=(60, 70, 80), float32__run_s=(800, 900, 990)
    )
    # 35 + 15 MACs, two calls and one run.
    total = cpu.cost(net).total()
    assert total.low_latency_s == pytest.approx((50 * 1 + 2 * 60 + 800) * 1e-9)
    assert total.latency_s == pytest.approx((50 * 2 + 2 * 70 + 900) * 1e-9)
    assert total.high_latency_s == pytest.approx((50 * 5 + 2 * 80 + 990) * 1e-9)


def test_samples_run_together_or_one_after_the_other(net, make_processor):
    figures = {"float32__conv_s": 2, "float32__weights_s": 3, "float32__call_s": 70, "float32__run_s": 900}
    # 50 MACs of each sample; 50 weights of 4 bytes, two calls and one start of each run.
    shared, own = 50 * 4 * 3 + 2 * 70 + 900, 50 * 2
    together, apart = (
        make_processor(batches=batches, **figures).cost(net, Scenario(batch_size=8))
        for batches in (True, False)
    )
    assert together.total().latency_s == pytest.approx((8 * own + shared) * 1e-9)
    assert apart.total().latency_s == pytest.approx(8 * (own + shared) * 1e-9)
    # 1 W.
    assert together.total().energy_j == pytest.approx((own + shared / 8) * 1e-9)
    assert apart.total().energy_j == pytest.approx((own + shared) * 1e-9)
    assert "a batch runs sample by sample" in apart.notes
    assert "a batch runs sample by sample" not in together.notes


def test_a_batch_changes_nothing_for_one_sample_at_a_time(net):
    one, many = (device("cortex-m4").cost(net, Scenario(batch_size=size)) for size in (1, 64))
    assert many.total().energy_j == pytest.approx(one.total().energy_j)
    assert many.total().latency_s == pytest.approx(64 * one.total().latency_s)
    assert "a batch runs sample by sample" not in one.notes
    roofs = [roofline_of(cost, count(net)) for cost in (one, many)]
    assert roofs[1].macs.tolist() == [64 * 35, 64 * 15]
    for of_one, of_many in zip(*((roof.macs, roof.moved_bytes, roof.time_s) for roof in roofs), strict=True):
        assert of_many == pytest.approx(64 * of_one)


def test_what_runs_alone_needs_the_memory_of_one(net, make_processor):
    # 50 weights, and the 12 activations of the larger kernel.
    figures = {"memory_bytes": 50 * 4 + 12 * 4}
    assert not make_processor(batches=False, **figures).cost(net, Scenario(batch_size=80)).does_not_fit
    assert make_processor(**figures).cost(net, Scenario(batch_size=80)).does_not_fit


def test_dynamic_energy_of_arithmetic_and_bytes(net, make_processor):
    cost = make_processor(float32__macs=4, memory=6).cost(net)
    assert cost.terms["macs"].energy_j[:2].tolist() == pytest.approx([35 * 4e-9, 15 * 4e-9])
    assert cost.terms["memory"].energy_j[:2].tolist() == pytest.approx(
        [(35 + 12) * 4 * 6e-9, (15 + 8) * 4 * 6e-9]
    )
    assert cost.not_modelled == ("idle", "host", "io")
    assert make_processor().cost(net).not_modelled == ("elementwise", "neuron_updates", "idle", "host", "io")


def test_overlap_takes_the_longer_of_arithmetic_and_memory(net, make_processor):
    # 35 MACs * 2 ns against 47 * 4 bytes * 0.5 ns; 15 * 2 against 23 * 4 * 0.5.
    figures = {"float32__conv_s": 2, "memory_s": 0.5}
    assert make_processor(overlap=True, **figures).cost(net).latency_s[:2].tolist() == pytest.approx(
        [94e-9, 46e-9]
    )
    assert make_processor(**figures).cost(net).latency_s[:2].tolist() == pytest.approx([164e-9, 76e-9])


def test_a_batch_reads_weights_once(net, make_processor):
    cpu = make_processor(float32__conv_s=0.001, float32__weights_s=3, float32__call_s=70)
    cost = cpu.cost(net, Scenario(batch_size=10))
    assert cost.total().latency_s == pytest.approx((50 * 10 * 0.001 + 50 * 4 * 3 + 140) * 1e-9)
    assert cost.time_per_inference_s == pytest.approx(cost.total().latency_s / 10)
    assert cost.total().energy_j == pytest.approx(cost.time_per_inference_s)


def test_what_fits_the_cache_comes_from_there(net, make_processor):
    def memory(cache_bytes):
        cost = make_processor(memory=6, cache=2, cache_bytes=cache_bytes).cost(net)
        return (cost.terms["memory"].energy_j[:2] * 1e9).tolist()

    # Weights of the network: 200 bytes; activations of the kernels: 48 and 32 bytes.
    assert memory(200) == pytest.approx([188 * 2, 92 * 2])
    assert memory(199) == pytest.approx([140 * 6 + 48 * 2, 60 * 6 + 32 * 2])
    assert memory(47) == pytest.approx([188 * 6, 60 * 6 + 32 * 2])


def test_smaller_types_move_fewer_bytes(net, make_processor):
    cpu = make_processor(float32__weights_s=3, int8__conv_s=0.25, int8__weights_s=3)
    small = cpu.cost(net, Scenario(dtype="int8"))
    assert small.latency_s[0] == pytest.approx((35 * 0.25 + 35 * 3) * 1e-9)
    assert "computes zeros as any other value, in int8" in small.notes
    assert cpu.cost(net).latency_s[0] == pytest.approx((35 + 35 * 4 * 3) * 1e-9)


def test_kinds_of_convolutions_have_times_of_their_own(weighted, make_trace, graded, make_processor):
    shape = {"input_shape": (4, 4), "output_shape": (4, 4), "strides": (1, 1), "dilation": (1, 1)}

    def conv(kernel, padding, groups, filters):
        return Conv(
            **shape, channels=6, filters=filters, kernel=(kernel,) * 2, padding=(padding,) * 2, groups=groups
        )

    # Taps within 4 x 4: (4 + 3 + 3) ** 2 = 100.
    trace = make_trace(
        weighted("conv", conv(3, 1, 1, 2), graded(1200)),
        weighted("depthwise", conv(3, 1, 6, 6), graded(600)),
        weighted("pointwise", conv(1, 0, 1, 2), graded(192)),
        weighted("dense", Dense(inputs=7, units=5), graded(35)),
    )
    kinds = {"float32__depthwise_s": 3, "float32__pointwise_s": 5, "float32__dense_s": 7}
    times = make_processor(float32__conv_s=2, **kinds).cost(trace).latency_s[:4] * 1e9
    assert times.tolist() == pytest.approx([1200 * 2, 600 * 3, 192 * 5, 35 * 7])
    alike = make_processor(float32__conv_s=2).cost(trace).latency_s[:4] * 1e9
    assert alike.tolist() == pytest.approx([1200 * 2, 600 * 2, 192 * 2, 35 * 2])


def test_zeros_cost_as_much(weighted, make_trace, graded, make_processor):
    calls = [weighted("dense", Dense(inputs=7, units=5), graded(events)) for events in (0, 35)]
    times = [make_processor().cost(make_trace(call)).total().latency_s for call in calls]
    assert times[0] == times[1] > 0


def test_elementwise_operations_run_within_the_kernel_before(make_call, make_trace, graded, make_processor):
    relu, add = (Elementwise(function=name, elements=5) for name in ("relu", "add"))
    trace = make_trace(
        make_call("dense", (Dense(inputs=7, units=5), graded(35))),
        make_call("relu", (relu, None), inputs=("dense",), bytes_in=20, bytes_out=20),
        make_call("flat", (Free(reason="reshape"), None), inputs=("relu",), fate="free"),
        make_call("add", (add, None), inputs=("flat", "dense"), bytes_in=40, bytes_out=20),
    )
    cost = make_processor(float32__call_s=70, float32__activations_s=1).cost(trace)
    assert (cost.latency_s[:4] * 1e9).tolist() == pytest.approx([35 + 70, 0, 0, 70 + 60])


def test_timesteps_one_by_one_at_once_and_fused(snn, make_processor):
    figures = {"float32__weights_s": 3, "float32__activations_s": 5, "float32__call_s": 70}
    cpu = make_processor(**figures)

    def times(execution):
        return (cpu.cost(snn, Scenario(execution=execution)).latency_s[:2] * 1e9).tolist()

    dense = 35 * 6 + 12 * 4 * 6 * 5
    # Activations of 6 timesteps; 20 bytes of state read and written in each.
    neurons = 10 * 4 * 6 * 5
    state = 2 * 20 * 6 * 5
    assert times("stepwise") == pytest.approx([dense + 6 * (140 * 3 + 70), neurons + state + 6 * 70])
    assert times("folded") == pytest.approx([dense + 140 * 3 + 70, neurons + state + 6 * 70])
    assert times("fused") == pytest.approx([dense + 140 * 3 + 70, neurons + 70])


def test_a_kernel_of_several_calls_is_launched_once(snn, make_processor):
    cpu = make_processor(float32__weights_s=3, float32__call_s=70)
    first, second = snn.calls
    merged = replace(first, steps=(replace(first.steps[0], merged=5),))
    trace = replace(snn, calls=(merged, second), versions={"framework": "nengo_dl"})
    # 6 timesteps: each reads its own weights, and five share a launch.
    assert cpu.cost(trace).latency_s[0] * 1e9 == pytest.approx(35 * 6 + 6 * (140 * 3 + 70 / 5))
    folded = cpu.cost(trace, Scenario(execution="folded"))
    assert folded.latency_s[0] * 1e9 == pytest.approx(35 * 6 + 140 * 3 + 70)


def test_above_a_power_limit_time_is_stretched(net, make_processor):
    free = make_processor(float32__macs=4)
    limited = make_processor(float32__macs=4, limit_w=3)
    # 35 MACs of 4 nJ in 35 ns are 4 W: with 2 W to spare they take 70 ns.
    assert free.cost(net).latency_s[0] == pytest.approx(35e-9)
    assert limited.cost(net).latency_s[0] == pytest.approx(70e-9)
    total = limited.cost(net).total()
    assert total.energy_j / total.latency_s == pytest.approx(3.0)


def test_idle_power_between_inferences(net, make_processor):
    cpu = make_processor(idle_w=0.25)
    cost = cpu.cost(net, Scenario(inferences_per_second=1e6))
    assert cost.terms["static"].total().energy_j == pytest.approx(50e-9)
    assert cost.terms["idle"].total().energy_j == pytest.approx(0.25 * 950e-9)
    assert cost.time_per_inference_s == pytest.approx(1e-6)
    hasty = cpu.cost(net, Scenario(inferences_per_second=1e9))
    assert "it cannot keep up with so many inferences per second, and runs back to back" in hasty.notes
    assert not cost.lower_bound


def test_without_idle_power_a_total_with_pauses_is_a_lower_bound(net, snn, make_processor):
    cpu, reason = (
        make_processor(memory_s=0.5),
        "no idle power is published: what it draws between inferences is not modelled",
    )
    for trace, scenario in (
        (net, Scenario(inferences_per_second=1e6)),
        (snn, Scenario(timestep_s=1e-6)),
    ):
        paced = cpu.cost(trace, scenario)
        assert paced.total().lower_bound
        assert paced.reasons == (reason,)
        assert [name for name, below in zip(paced.layer, paced.lower_bounds, strict=True) if below] == [
            "idle power"
        ]
        assert "idle" in paced.not_modelled
    # Back to back, by choice or because it cannot keep up, there are no pauses.
    assert not cpu.cost(net).lower_bound
    assert not cpu.cost(net, Scenario(inferences_per_second=1e9)).lower_bound


def test_in_real_time_it_waits_for_the_next_timestep(snn, make_processor):
    cpu = make_processor(float32__call_s=70, idle_w=0.25)
    # 6 timesteps of 35 MACs, and two kernels in each: 1050 ns of 6 us, for each of 2 signals.
    cost = cpu.cost(snn, Scenario(timestep_s=1e-6))
    assert cost.terms["static"].total().energy_j == pytest.approx(1050e-9)
    assert cost.terms["idle"].total().energy_j == pytest.approx(0.25 * 4950e-9)
    assert cost.time_per_inference_s == pytest.approx(6e-6)
    both = cpu.cost(snn, Scenario(timestep_s=1e-6, batch_size=2))
    assert both.time_per_inference_s == pytest.approx(3e-6)
    hasty = cpu.cost(snn, Scenario(timestep_s=1e-9))
    assert "it cannot keep up with timesteps of this length" in hasty.notes
    assert hasty.terms["idle"].total().energy_j == 0


def test_intervals_of_times_are_intervals_of_energy(net, make_processor):
    cost = make_processor(float32__conv_s=(1, 2, 4), static_w=(1, 1, 3)).cost(net)
    total = cost.total()
    assert (total.low_j, total.energy_j, total.high_j) == pytest.approx((50e-9, 100e-9, 600e-9))
    for column in ("energy_j", "low_j", "high_j"):
        assert np.nansum(getattr(cost, column)) == pytest.approx(getattr(total, column))


def test_what_does_not_fit_memory(net, make_processor):
    # 200 bytes of weights, and 48 of the largest kernel.
    assert make_processor(memory_bytes=248).cost(net).does_not_fit == ""
    unfit = make_processor(memory_bytes=247).cost(net)
    assert unfit.does_not_fit == "does not fit: it needs 248 bytes of memory, and there are 247"
    assert unfit.notes[0] == unfit.does_not_fit


def test_a_shared_layer_is_stored_once(weighted, make_trace, graded, make_processor):
    call = weighted("dense", Dense(inputs=7, units=7), graded(49), weights=49)
    twice = make_trace(call, replace(call, call_index=1))
    assert make_processor(memory_bytes=196).cost(twice).does_not_fit == ""


def test_of_a_table_only_the_rows_looked_up_are_moved(weighted, make_trace, make_processor):
    # Two rows of three numbers in each of 5 timesteps of 7 samples, of a table of 1000 rows.
    call = weighted("embedding", Lookup(rows=1000, width=3, lookups=2), weights=3000, samples=7, timesteps=5)
    trace = make_trace(call, samples=7)
    cpu = make_processor(memory=1, memory_bytes=12_000)
    assert cpu.cost(trace).terms["memory"].operations[0] == 2 * 3 * 4 * 5
    # A batch looks up rows for each of its samples.
    batch = cpu.cost(trace, Scenario(batch_size=11))
    assert batch.terms["memory"].operations[0] == pytest.approx(2 * 3 * 4 * 5)
    # The whole table must fit all the same.
    assert cpu.cost(trace).does_not_fit == ""
    assert make_processor(memory_bytes=11_999).cost(trace).does_not_fit


def test_a_call_in_some_of_the_samples_runs_for_those_only(weighted, make_trace, graded, make_processor):
    lif = NeuronUpdate(neuron="lif", neurons=5)
    always = weighted("always", Dense(inputs=7, units=5), graded(7 * 35), weights=35, elements=12, samples=7)
    some = weighted("some", Dense(inputs=5, units=3), graded(2 * 15), weights=15, elements=8, samples=2)
    state = weighted(
        "state", lif, elements=10, state_bytes=20, samples=3, timesteps=6, foldable_over_time=False
    )
    unused = weighted("unused", Dense(inputs=5, units=3), graded(0), weights=15, samples=0)
    cpu = make_processor(float32__conv_s=0, float32__call_s=700, memory=1, cache=2, cache_bytes=47)
    trace = make_trace(always, some, state, unused, samples=7)
    cost = cpu.cost(trace)
    assert cost.latency_s == pytest.approx(np.array([700, 700 * 2 / 7, 700 * 6 * 3 / 7, 0, 0, 0, 0]) * 1e-9)
    # Weights and activations; states read and written in each timestep.
    moved = [(35 + 12) * 4, (15 + 8) * 4 * 2 / 7, (10 * 4 + 2 * 20) * 6 * 3 / 7, 0]
    assert cost.terms["memory"].operations[:4] == pytest.approx(moved)
    # 48 bytes of one kernel, 32, and 40 + 20: the cache, at twice the energy, holds the second's alone.
    joules = [moved[0], (15 * 4 + 2 * 8 * 4) * 2 / 7, moved[2], 0]
    assert cost.terms["memory"].energy_j[:4] == pytest.approx(np.array(joules) * 1e-9)


@pytest.mark.parametrize(
    ("dtype", "itemsize"),
    [("float64", 8), ("int64", 8), ("complex128", 16), ("float32", 4), ("uint16", 2), ("bfloat16", 2)]
    + [("float8_e4m3fn", 1), ("bool", 1)],
)
def test_the_type_that_was_recorded_does_not_matter(
    weighted, make_trace, graded, make_processor, dtype, itemsize
):
    # 11 activations and 5 states in the bytes of the recorded type; computed in 4 bytes each.
    call = weighted("dense", Dense(inputs=7, units=3), graded(21), weights=21, foldable_over_time=False)
    step = replace(call.steps[0], dtype=dtype, state_bytes=5 * itemsize)
    trace = make_trace(replace(call, steps=(step,), bytes_in=7 * itemsize, bytes_out=4 * itemsize))
    moved = make_processor(memory=1).cost(trace).terms["memory"].operations[0]
    assert moved == (21 + 11 + 2 * 5) * 4


def test_a_recorded_type_that_is_no_number(weighted, make_trace, graded, make_processor):
    call = weighted("dense", Dense(inputs=7, units=3), graded(21))
    trace = make_trace(replace(call, steps=(replace(call.steps[0], dtype="string"),)))
    with pytest.raises(
        TraceError, match="^dense computes in 'string': the bytes of a number of it are not known$"
    ):
        make_processor().cost(trace)


def test_uncounted_calls(make_call, make_trace, make_processor):
    trace = make_trace(make_call("fft", (Uncounted(reason="no rule"), None), fate="uncounted"))
    cost = make_processor().cost(trace)
    assert math.isnan(cost.energy_j[0])
    assert cost.reasons == ("fft is uncounted: no rule",)


def test_a_data_type_that_it_lacks(net, make_processor):
    with pytest.raises(ScenarioError, match=r"CPU \(cpu\) has no figures for int8, only for float32"):
        make_processor().cost(net, Scenario(dtype="int8"))


def test_an_unknown_data_type(make_processor):
    with pytest.raises(DeviceError, match="constants.types.int7: no such data type, did you mean 'int8'?"):
        make_processor(int7__conv_s=3)


def test_a_processor_skips_nothing(make_processor):
    with pytest.raises(DeviceError, match='skips: a processor of dense kernels skips "nothing", got'):
        make_processor(skips="zero inputs")


def test_no_data_type_at_all():
    text = (
        'model = "processor"\nname = "cpu"\ntitle = "CPU"\nkind = "conventional"\ndescription = "A CPU."\n'
        'skips = "nothing"\ngraded_events = true\n[constants.types]\n'
    )
    with pytest.raises(DeviceError, match="constants.types: expected at least one data type"):
        parse_device(text + FIGURE.format(name="static_w", value=1, ends="", unit="W"), "cpu.toml")
