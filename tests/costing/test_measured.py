"""Some devices against published measurements, where the file with them is at hand."""

import os
from pathlib import Path

import numpy as np
import pytest

DATA = os.environ.get("ENERGYPROBE_DATA")
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

pytestmark = pytest.mark.skipif(
    DATA is None, reason="ENERGYPROBE_DATA does not name the folder of measured_inference_energy.csv"
)


@pytest.fixture
def tools(monkeypatch):
    """The modules that fit and validate."""
    pytest.importorskip("keras")
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import measured
    import validate_devices

    return measured, validate_devices


@pytest.mark.parametrize(
    ("device", "networks", "limit"),
    [
        # Held out: the largest widths and resolutions.
        ("rpi4-", ("mobilenet-v2-1.0-224",), 0.18),
        ("2x Xeon", ("AlexNet",), 0.25),
        ("CPU (Xeon", ("KWS MLP",), 1.0),
        ("GPU (Quadro", ("KWS MLP",), 1.0),
    ],
)
def test_error_of_held_out_rows(tools, tmp_path, device, networks, limit):
    measured, validate = tools
    rows = [
        row
        for row in measured.read_rows(Path(DATA) / "measured_inference_energy.csv")
        if row.device.startswith(device) and row.model.startswith(networks)
    ]
    assert rows
    predicted = [validate.predict(row, validate.name_of(row), tmp_path).energy_j for row in rows]
    error = measured.error_of(np.array(predicted), np.array([row.energy_j for row in rows]))
    assert error.median <= limit
