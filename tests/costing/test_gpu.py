"""Networks on a GPU: their matrix products, the kernels that policies choose, timesteps, launches, marks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

import energyprobe as ep
from energyprobe.costing.execution import in_cycles
from energyprobe.costing.gpu import POLICIES, GpuDevice
from energyprobe.costing.lookup import catalog, device
from energyprobe.costing.lowering import products_of, shape_of
from energyprobe.costing.scenario import Scenario
from energyprobe.costing.work import work_of
from energyprobe.counting.table import count
from energyprobe.errors import DeviceError, ScenarioError
from energyprobe.reporting.document import Table
from energyprobe.trace.operations import Conv, Decode, Dense, Elementwise, NeuronUpdate, Product, Sparse

T, BATCH, SAMPLES = 7, 3, 5
INPUTS, UNITS = 2048, 4096
WEIGHTS = INPUTS * UNITS


@pytest.fixture
def spiking_net(make_call, make_trace, spiking):
    """A layer of spikes of a given density and its neurons, over T timesteps."""

    def make(density=0.02, nonzeros=WEIGHTS, framework="keras", **facts):
        events = round(density * WEIGHTS * T * SAMPLES)
        run = {"samples": SAMPLES, "timesteps": T, "inputs": ("input:x",)}
        dense = make_call("dense", (Dense(inputs=INPUTS, units=UNITS), spiking(events)), **run | facts)
        step = replace(dense.steps[0], weights=WEIGHTS, weight_nonzeros=nonzeros, weight_bytes=4 * WEIGHTS)
        lif = make_call("lif", (NeuronUpdate(neuron="lif", neurons=UNITS), None),
                        **run | {"inputs": ("dense",), "foldable_over_time": False})  # fmt: skip
        state = replace(lif.steps[0], state_bytes=2 * 4 * UNITS)
        versions = {"framework": framework} if framework else {}
        calls = (replace(dense, steps=(step,)), replace(lif, steps=(state,)))
        return make_trace(*calls, samples=SAMPLES, versions=versions)

    return make


def product(gpu: str, kernel: str, m: float, **more: Any) -> Any:
    return ep.kernel_cost(gpu, kernel, **{"m": m, "k": INPUTS, "n": UNITS, **more})


def test_a_dense_layer_is_one_kernel_over_all_timesteps_or_one_in_each(spiking_net) -> None:
    net = spiking_net()
    folded = device("a100").cost(net, Scenario(batch_size=BATCH))
    at_once = product("a100", "dense", BATCH * T)
    assert folded.latency_s[0] == pytest.approx(float(at_once.time_s))
    assert folded.energy_j[0] == pytest.approx(float(at_once.energy_j) / BATCH)
    stepwise = device("a100").cost(net, Scenario(batch_size=BATCH, execution="stepwise"))
    in_loop = product("a100", "dense", BATCH, launch="framework")
    assert stepwise.latency_s[0] == pytest.approx(T * float(in_loop.time_s))
    assert stepwise.energy_j[0] == pytest.approx(T * float(in_loop.energy_j) / BATCH)


@pytest.mark.parametrize("launch", ["graph", "stream", "framework"])
def test_the_way_of_launching_is_the_users(spiking_net, launch) -> None:
    cost = device("a100").cost(spiking_net(), Scenario(execution="stepwise", launch=launch))
    assert cost.latency_s[0] == pytest.approx(T * float(product("a100", "dense", 1, launch=launch).time_s))


@pytest.mark.parametrize(
    ("framework", "execution"), [("nengo_dl", "stepwise"), ("keras", "folded"), (None, "stepwise")]
)
def test_timesteps_run_as_the_recorded_framework_runs_them(spiking_net, framework, execution) -> None:
    net = spiking_net(framework=framework)
    for name in ("a100", "raspberry-pi-4"):
        as_recorded = device(name).cost(net)
        assert as_recorded.total() == device(name).cost(net, Scenario(execution=execution)).total()
        assert f"timesteps run {execution}" in as_recorded.notes


@pytest.mark.parametrize(("neuron", "told"), [("lstm", True), ("gru", True), ("lif", False)])
def test_what_cudnn_would_run_is_told(make_call, make_trace, graded, neuron, told) -> None:
    def is_told(timesteps: int = T, **scenario: Any) -> bool:
        step = (Dense(inputs=INPUTS, units=UNITS), graded(INPUTS * UNITS))
        update = (NeuronUpdate(neuron=neuron, neurons=UNITS), None)
        call = make_call("cell", step, update, timesteps=timesteps, foldable_over_time=False)
        net = make_trace(call, versions={"framework": "keras"})
        notes = device("a100").cost(net, Scenario(**scenario)).notes
        return any(note.startswith("LSTM and GRU layers: a framework's loop") for note in notes)

    assert is_told() == is_told(execution="fused") == told
    assert not is_told(launch="stream")
    # One timestep is no loop.
    assert not is_told(timesteps=1)


def test_neurons_are_elementwise_kernels_with_their_state(spiking_net) -> None:
    # In and out, and two states in and out.
    stepwise = device("a100").cost(spiking_net(), Scenario(batch_size=BATCH, execution="stepwise"))
    one = ep.kernel_cost("a100", "elementwise", m=BATCH * UNITS, k=1, n=1, accesses=6, launch="framework")
    assert stepwise.latency_s[1] == pytest.approx(T * float(one.time_s))
    assert stepwise.terms["neuron_updates"].energy_j[1] == pytest.approx(T * float(one.energy_j) / BATCH)
    # Fused over time the state is read and written once.
    fused = device("a100").cost(spiking_net(), Scenario(batch_size=BATCH, execution="fused"))
    one = ep.kernel_cost("a100", "elementwise", m=T * BATCH * UNITS, k=1, n=1, accesses=2 + 4 / T)
    assert fused.latency_s[1] == pytest.approx(float(one.time_s))


def test_operations_that_were_merged_share_a_kernel(spiking_net) -> None:
    """Three layers side by side: a third of the kernel of them all is each one's."""
    net = spiking_net(framework="nengo_dl")
    merged = [replace(call, steps=(replace(call.steps[0], merged=3),)) for call in net.calls]
    cost = device("a100").cost(replace(net, calls=tuple(merged)), Scenario(batch_size=BATCH))
    side_by_side = product("a100", "dense", BATCH, n=3 * UNITS, launch="framework")
    updates = ep.kernel_cost(
        "a100", "elementwise", m=3 * BATCH * UNITS, k=1, n=1, accesses=6, launch="framework"
    )
    times = [float(side_by_side.time_s) / 3, float(updates.time_s) / 3]
    assert cost.latency_s[:2] == pytest.approx(T * np.array(times))
    assert cost.energy_j[0] == pytest.approx(T * float(side_by_side.energy_j) / 3 / BATCH)
    note = "operations that the framework merged share a kernel; copies between them are left out"
    assert note in cost.notes
    # Layer after layer, over all timesteps, nothing is alike at the same time.
    fused = Scenario(batch_size=BATCH, execution="fused")
    alone = device("a100").cost(net, fused)
    in_turn = device("a100").cost(replace(net, calls=tuple(merged)), fused)
    assert in_turn.latency_s.tolist() == alone.latency_s.tolist()
    assert note not in in_turn.notes


def test_merged_products_are_as_long_as_all_their_inputs(make_call, make_trace, spiking) -> None:
    """Decoders: many inputs, few outputs. Read side by side, each input has weights of its own."""
    decode = make_call("decode", (Decode(neurons=91, dimensions=7), spiking(91)), timesteps=T)
    merged = replace(decode, steps=(replace(decode.steps[0], merged=5),))
    cost = device("a100").cost(make_trace(merged), Scenario(execution="stepwise"))
    one = ep.kernel_cost("a100", "dense", m=1, k=5 * 91, n=7, launch="framework")
    assert cost.latency_s[0] == pytest.approx(T * float(one.time_s) / 5)


def test_a_layer_in_a_cycle_waits_for_itself(spiking_net) -> None:
    net = spiking_net(inputs=("input:x", "lif"))
    assert in_cycles(net.calls).tolist() == [True, True]
    own = replace(net.calls[0], inputs=("dense",))
    assert in_cycles((own, net.calls[1])).tolist() == [True, False]
    for execution in ("folded", "fused"):
        cost = device("a100").cost(net, Scenario(execution=execution))
        alone = product("a100", "dense", 1, launch="framework")
        assert cost.latency_s[0] == pytest.approx(T * float(alone.time_s))


def test_a_policy_of_one_kernel_runs_it_at_the_density_of_the_events(spiking_net) -> None:
    for kernel in ("csr", "sputnik", "gather"):
        cost = device(f"a100:{kernel}").cost(spiking_net(density=0.25), Scenario(batch_size=BATCH))
        alone = product("a100", kernel, BATCH * T, density=0.25)
        assert cost.latency_s[0] == pytest.approx(float(alone.time_s))
        assert cost.energy_j[0] == pytest.approx(float(alone.energy_j) / BATCH)
        assert cost.kernels.kernel == (kernel, "")


def test_best_takes_the_least_energy_for_each_layer(spiking_net) -> None:
    offered = [policy for policy in POLICIES if policy != "csr-colmajor"]  # measured in fp16 only
    for density in (0.001, 0.02, 0.3, 1.0):
        net = spiking_net(density=density)
        best = device("a100:best").cost(net, Scenario(batch_size=64))
        kernels = {policy: device(f"a100:{policy}").cost(net, Scenario(batch_size=64)) for policy in offered}
        assert best.energy_j[0] == min(cost.energy_j[0] for cost in kernels.values())
        assert best.energy_j[0] <= best.kernels.dense_j[0] == kernels["dense"].energy_j[0]
    assert best.kernels.kernel[0] == "dense"


def test_zeros_in_weights_are_skipped_where_that_costs_less(spiking_net) -> None:
    net = spiking_net(density=1.0, nonzeros=WEIGHTS // 50)
    cost = device("a100:csr").cost(net, Scenario(batch_size=512))
    alone = ep.kernel_cost("a100", "csr", m=UNITS, k=INPUTS, n=512 * T, density=0.02, operand="weights")
    assert cost.latency_s[0] == pytest.approx(float(alone.time_s))
    assert cost.kernels.kernel[0] == "csr on its weights"


def test_spmv_runs_pruned_weights_where_one_vector_meets_them(spiking_net) -> None:
    net = spiking_net(density=1.0, nonzeros=WEIGHTS // 50)
    one = device("a100:spmv").cost(net, Scenario(batch_size=1, execution="stepwise", launch="stream"))
    alone = ep.kernel_cost("a100", "spmv", m=UNITS, k=INPUTS, n=1, density=0.02, operand="weights")
    assert one.latency_s[0] == pytest.approx(T * float(alone.time_s))
    assert one.kernels.kernel[0] == "spmv on its weights"
    for scenario in (Scenario(batch_size=2, execution="stepwise"), Scenario(execution="folded")):
        assert device("a100:spmv").cost(net, scenario).kernels.kernel[0] == "dense"


def test_the_breakeven_of_a_row_is_that_of_its_product(spiking_net) -> None:
    cost = device("a100:gather").cost(spiking_net(), Scenario(batch_size=BATCH))
    alone = ep.breakeven("a100", m=BATCH * T, k=INPUTS, n=UNITS, kernels=["gather"])
    found = cost.kernels.breakeven_density
    assert found[0] == pytest.approx(float(alone.density), rel=1e-6) and 0 < found[0] < 1
    assert np.isnan(found[1])


@pytest.mark.parametrize(
    "name", ["a100", "a100:best", "a100:csr", "h200:gather", "t4:best", "jetson-orin:best"]
)
def test_columns_add_up_and_intervals_hold_their_values(spiking_net, name) -> None:
    cost = device(name).cost(spiking_net(), Scenario(batch_size=BATCH, inferences_per_second=10))
    for column in ("energy_j", "low_j", "high_j"):
        terms = np.nansum([getattr(term, column) for term in cost.terms.values()], axis=0)
        assert terms == pytest.approx(np.nan_to_num(getattr(cost, column)))
    assert np.all(cost.low_j <= cost.energy_j) and np.all(cost.energy_j <= cost.high_j)
    total = cost.total()
    assert total.low_latency_s < total.latency_s < total.high_latency_s
    assert total.latency_s == pytest.approx(cost.latency_s.sum())


def test_the_low_end_of_a_dense_kernel_is_that_of_zeros(spiking_net) -> None:
    full, empty = (device("a100").cost(spiking_net(density=share)) for share in (1.0, 0.0))
    assert empty.low_j[0] == pytest.approx(0.6 * full.low_j[0])
    assert empty.energy_j[0] == full.energy_j[0] and empty.high_j[0] == full.high_j[0]


def test_marks(spiking_net) -> None:
    texts = [remark.text for remark in device("a100:best").cost(spiking_net()).remarks]
    assert "dense runs column-skip, which needs a custom kernel" in texts
    assert (
        "dense runs column-skip, uncalibrated at this size on NVIDIA A100 SXM4 40 GB, best kernels" in texts
    )
    dear = [remark.text for remark in device("a100:best").cost(spiking_net(density=1.0)).remarks]
    assert "dense runs dense: no kernel that skips zeros is cheaper here" in dear


def test_zeros_that_were_not_recorded_are_not_skipped(spiking_net) -> None:
    net = spiking_net()
    step = net.calls[0].steps[0]
    blind = replace(net.calls[0], steps=(replace(step, use=replace(step.use, fanout_events=None)),))
    cost = device("a100:best").cost(replace(net, calls=(blind, net.calls[1])))
    assert cost.kernels.kernel[0] == "dense"
    assert "the zeros that dense reads were not recorded: none is skipped" in [
        each.text for each in cost.remarks
    ]


def test_a_network_of_small_products_is_bound_by_launches(make_call, make_trace, spiking) -> None:
    calls = [
        make_call(f"dense{i}", (Dense(inputs=50, units=20), spiking(100)), timesteps=T) for i in range(4)
    ]
    trace = make_trace(*calls, versions={"framework": "nengo_dl"})
    cost = device("a100").cost(trace)
    assert cost.kernels.bound_by == "launch-bound"
    assert "launch-bound: launches bind 100% of the time, whatever is zero" in cost.notes
    assert cost.kernels.breakeven_density.tolist() == [0.0] * 4


CONV = Conv(
    input_shape=(11, 13), output_shape=(5, 6), channels=6, filters=10,
    kernel=(3, 3), strides=(2, 2), dilation=(1, 1), padding=(1, 1),
)  # fmt: skip


@pytest.mark.parametrize(
    ("operation", "shape"),
    [
        (Dense(inputs=7, units=37, positions=3), (3, 7, 37)),
        (CONV, (5 * 6, 6 * 9, 10)),
        (replace(CONV, groups=2), (5 * 6 * 2, 3 * 9, 5)),
        (replace(CONV, transposed=True), (11 * 13, 6, 10 * 9)),
        (Product(rows=5, shared=23, columns=9, copies=4), (20, 23, 9)),
        (Sparse(inputs=91, units=23, entries=100), (1, 91, 23)),
    ],
)
def test_shapes_of_products(operation, shape) -> None:
    assert shape_of(operation) == shape


def test_a_convolution_reads_its_input_once(make_call, make_trace, graded) -> None:
    wide = Conv(
        input_shape=(56, 56), output_shape=(56, 56), channels=64, filters=64,
        kernel=(3, 3), strides=(1, 1), dilation=(1, 1), padding=(1, 1),
    )  # fmt: skip
    cost = device("a100").cost(make_trace(make_call("conv", (wide, graded(100)))), Scenario(batch_size=64))
    m, k = 64 * 56 * 56, 64 * 9
    lowered = ep.kernel_cost("a100", "dense", m=m, k=k, n=64)
    # Without the lowered input the kernel is bound by arithmetic: no less than at the peak.
    assert 2 * m * k * 64 / 19.5e12 < cost.latency_s[0] < float(lowered.time_s)
    work = work_of(count(make_trace(make_call("conv", (wide, graded(100))))))
    assert products_of(work, np.array([False]), 64).input_share == pytest.approx([1 / 9])


def test_weights_stored_as_a_sparse_matrix_run_sparse(make_call, make_trace, spiking) -> None:
    sparse = make_call("links", (Sparse(inputs=INPUTS, units=UNITS, entries=WEIGHTS // 100), spiking(1000)))
    cost = device("a100").cost(make_trace(sparse))
    alone = ep.kernel_cost("a100", "csr", m=UNITS, k=INPUTS, n=1, density=0.01, operand="weights")
    assert cost.energy_j[0] == pytest.approx(float(alone.energy_j), rel=1e-3)
    assert cost.kernels.kernel == ("csr on its weights",)


def test_arithmetic_after_a_product_runs_within_its_kernel(make_call, make_trace, graded) -> None:
    relu, add = (Elementwise(function=name, elements=500) for name in ("relu", "add"))
    trace = make_trace(
        make_call("dense", (Dense(inputs=700, units=500), graded(700)), (relu, None)),
        make_call("relu", (relu, None), inputs=("dense",)),
        make_call("add", (add, None), inputs=("relu", "dense")),
    )
    cost = device("a100").cost(trace)
    assert cost.latency_s[1] == 0
    added = ep.kernel_cost("a100", "elementwise", m=500, k=1, n=1, accesses=3)
    assert cost.latency_s[2] == pytest.approx(float(added.time_s))
    assert cost.terms["elementwise"].energy_j.tolist()[:2] == [0, 0]


def test_what_does_not_fit(make_call, make_trace, graded) -> None:
    width = 200_000
    large = make_call("dense", (Dense(inputs=width, units=width), graded(width)))
    step = replace(large.steps[0], weights=width**2, weight_nonzeros=width**2)
    cost = device("a100").cost(make_trace(replace(large, steps=(step,))))
    assert cost.does_not_fit.startswith("does not fit: it needs 160,00")


def test_names_with_policies() -> None:
    best = device(" A100:Best ")
    assert isinstance(best, GpuDevice)
    assert (best.name, best.policy, best.skips) == ("a100:best", "best", "zero inputs")
    assert device("a100:dense") is device("a100") is catalog()["a100"]
    assert device("2080ti:csr").name == "rtx2080ti:csr"
    assert "a100-40gb:best" in best.aliases


def test_a_file_with_a_policy(tmp_path) -> None:
    from energyprobe.costing.lookup import resolve_device
    from energyprobe.costing.schema import CATALOG

    path = tmp_path / "mine.toml"
    path.write_text((CATALOG / "t4.toml").read_text(encoding="utf-8"), encoding="utf-8")
    assert resolve_device(f"{path}:csr").name == "t4:csr"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a100:bst", "a100:bst: no kernels 'bst', did you mean 'best'"),
        ("a100:2:4", "a100:2:4: no kernels '2:4', known are best, column-skip, conv-gather"),
        ("loihi:best", "loihi:best: kernels are chosen on GPUs, and loihi is none"),
    ],
)
def test_wrong_policies(name, message) -> None:
    with pytest.raises(DeviceError) as caught:
        device(name)
    assert str(caught.value).startswith(message)


def test_a_kernel_without_constants_for_the_data_type(spiking_net) -> None:
    with pytest.raises(DeviceError, match="^csr has no constants for data type 'int8'"):
        device("a100:csr").cost(spiking_net(), Scenario(dtype="int8"))
    with pytest.raises(ScenarioError, match=r"NVIDIA V100 SXM2 \(v100\) has no figures for int8, only for"):
        device("v100").cost(spiking_net(), Scenario(dtype="int8"))


def layers(report: ep.Report) -> Table:
    return next(each for each in report.document.sections if each.title.startswith("Layers"))


def test_a_report_names_kernels_dense_cost_and_breakeven(spiking_net) -> None:
    report = ep.report(spiking_net(), ["a100:best", "a100", "loihi"])
    frame = report.to_dataframe().set_index(["device", "layer"])
    assert frame.loc[("a100:best", "dense"), "kernel"] == "column-skip"
    assert frame.loc[("a100:best", "dense"), "dense_j"] == frame.loc[("a100", "dense"), "energy_j"]
    assert 0 < frame.loc[("a100:best", "dense"), "breakeven_density"] < 1
    assert frame.loc[("loihi", "dense"), "kernel"] == ""
    assert frame.loc["loihi", "dense_j"].isna().all()
    table = layers(report)
    assert [column.name for column in table.columns][-3:] == ["kernel", "dense_j", "breakeven_density"]
    assert table.columns[-3].cells[:2] == ("column-skip", "")
    chosen = layers(ep.report(spiking_net(), ["a100", "loihi"]).select("kernel"))
    assert chosen.columns[-1].cells[:2] == ("dense", "")
    assert "kernel" not in ep.report(spiking_net(), "loihi").to_dataframe()
