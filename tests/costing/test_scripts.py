"""The scripts that build, fit and validate: definitions of networks, reading of rows, fits of known costs."""

from pathlib import Path

import numpy as np
import pytest

from energyprobe.costing.execution import runs_at_once
from energyprobe.costing.kernel_work import kernel_work
from energyprobe.costing.work import work_of
from energyprobe.counting.table import count
from energyprobe.trace.operations import Conv, Dense

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
HEADER = "source,device,model,batch,metric,value,unit,verified,macs,kind,notes\n"
ROW = "MLPerf,board,mobilenet-v1-0.5-128-quantized,1,energy_system_per_sample_SingleStream,20,mJ,x,,measured,"


@pytest.fixture(autouse=True)
def scripts(monkeypatch):
    """The scripts import each other as they lie."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def test_rows_of_known_networks(tmp_path):
    import measured

    text = HEADER + ROW + '"wall power 5.0 W x 1/(250.0 samples/s)"\n'
    text += ROW + '"wall power 5.0 W x 1/(250.0 samples/s)"\n'  # once more
    text += ROW.replace("measured", "prediction") + "x\n"
    text += ROW.replace("mobilenet-v1-0.5-128-quantized", "bert") + "x\n"
    text += ROW.replace("energy_system_per_sample_SingleStream,20,mJ", "accuracy,80,%") + "x\n"
    text += ROW.replace("0.5-128-quantized", "1.0-192-non-quantized").replace(",20,", ",90,") + "inf/s=4.0\n"
    text += ROW.replace("mobilenet-v1-0.5-128-quantized,1", "resnet50,offline") + "x\n"
    path = tmp_path / "rows.csv"
    path.write_text(text, encoding="utf-8")
    small, large, server = measured.read_rows(path)
    assert (small.network, small.dtype, small.family) == ("mobilenet-v1-0.5-128", "int8", "mobilenet-v1")
    assert (small.energy_j, small.time_s, small.batch) == (pytest.approx(0.02), pytest.approx(1 / 250), 1)
    assert (large.dtype, large.time_s, large.energy_j) == ("float32", 0.25, pytest.approx(0.09))
    assert (small.held_out, large.held_out) == (False, True)
    assert (server.family, server.batch, server.time_s) == ("resnet50", measured.MODES["offline"], None)


def test_errors_in_the_figures_of_the_validation():
    import measured

    error = measured.error_of(np.array([2.0, 1.0, 0.25]), np.array([1.0, 1.0, 1.0]))
    # |ln| are ln 2, 0 and ln 4; |p/m - 1| are 1, 0 and 0.75.
    assert (error.rows, error.median, error.worst) == (3, pytest.approx(1.0), pytest.approx(3.0))
    assert (error.bias, error.mape) == (pytest.approx(0.0, abs=1e-12), pytest.approx(1.75 / 3))


def test_least_squares_find_known_costs():
    import fit_devices

    columns = np.random.default_rng(1).random((30, 4)) * [1, 1e9, 1e3, 1e-3]
    costs = np.array([3.0, 2e-9, 0.0, 7e3])
    assert fit_devices.relative_nnls(columns, columns @ costs) == pytest.approx(costs, abs=1e-9)
    least = costs / 2
    assert least + fit_devices.relative_nnls(columns, columns @ costs, least) == pytest.approx(
        costs, abs=1e-9
    )


def test_microcontrollers_share_a_shape(monkeypatch):
    import fit_microcontrollers

    monkeypatch.setattr(fit_microcontrollers, "STRENGTH", 0.0)
    rng = np.random.default_rng(2)
    costs = fit_microcontrollers.PRIOR * [1.0, 0.7, 1.4, 1.1, 0.6]
    asked = rng.random((40, 5)) / fit_microcontrollers.PRIOR
    boards = [f"board{index % 4}" for index in range(40)]
    scales = np.array([1e-9, 5e-10, 2e-9, 3e-11])
    energies = scales[np.arange(40) % 4] * (asked @ costs)
    fitted, scale = fit_microcontrollers.fit(asked, energies, boards)
    # A factor may move from the scales to the costs.
    assert fitted / fitted[0] == pytest.approx(costs / costs[0], rel=1e-3)
    products = [scale[f"board{index}"] * fitted[0] for index in range(4)]
    assert products == pytest.approx((scales * costs[0]).tolist(), rel=1e-3)


def test_a_board_that_was_never_measured_follows_its_data_sheet():
    import fit_microcontrollers

    # Ten cycles for each unit of cost on both boards: 180 pJ a cycle at 1.8 V, 300 at 3.0 V, 33 on the other.
    scales = {"NUCLEO_L4R5ZI v1.0": 10 * 180e-12, "NUCLEO-L4R5ZI_X-CUBE-AI-7.3 v1.1": 10 * 300e-12}
    assert fit_microcontrollers.unmeasured(scales, "NUCLEO_U385RG_Q v1.3") == pytest.approx(10 * 33e-12)
    assert fit_microcontrollers.cycle_j("NUCLEO_L4R5ZI-P v1.3") == pytest.approx(125e-12)


def test_intervals_come_from_networks_that_were_not_fitted(monkeypatch):
    import fit_devices
    from measured import Row

    def row(size, energy_j):
        model = f"mobilenet-v1-0.5-{size}-quantized"
        return Row("", "pi", model, model, "int8", 1, energy_j, 1.0)

    class Constant:
        def __init__(self, rows):
            self.energy_j = np.mean([each.energy_j for each in rows])

        def predict(self, row, kernels):
            return 1.0, self.energy_j

    rows = [row(128, 1.0), row(160, 2.0)]
    monkeypatch.setattr(fit_devices, "fit", lambda rows, kernels: Constant(rows))
    # Each is predicted from the other alone: off by a factor of two.
    kernels = {(each.network, each.dtype): None for each in rows}
    assert fit_devices.interval_factor(rows, kernels) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("network", "macs"),
    # Multiply-accumulates as published, those on padding included.
    [
        ("ResNet-8", 12_501_632),
        ("DS-CNN", 2_656_768),
        ("FC autoencoder", 264_192),
        ("MobileNetV1-0.25", 7_489_664),
        ("KWS MLP 390-256-256-29", 172_800),
    ],
)
def test_networks_are_those_that_were_measured(network, macs, tmp_path):
    pytest.importorskip("keras", minversion="3")
    import networks

    trace = networks.record(network, tmp_path)
    assert sum(with_padding(step.operation) for call in trace.calls for step in call.steps) == macs
    assert networks.record(network, tmp_path) == trace
    work = work_of(count(trace))
    asked = kernel_work(work, 1, "int8", runs_at_once(work, "stepwise"))
    assert asked.macs.sum() <= macs


def with_padding(operation):
    if isinstance(operation, Conv):
        taps = np.prod(operation.kernel) * operation.channels // operation.groups
        return int(np.prod(operation.output_shape) * operation.filters * taps)
    if isinstance(operation, Dense):
        return operation.positions * operation.inputs * operation.units
    return 0
