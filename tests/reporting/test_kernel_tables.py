"""Tables of break-evens: every line says what the numbers say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from energyprobe.reporting.kernel_tables import CUSTOM, UNCALIBRATED, curves_document, layers_document
from energyprobe.reporting.plot.kernels import Curves
from energyprobe.trace.records import Trace

DENSITY = np.logspace(-4, 0, 121)


def cells(document, table: int, column: str) -> tuple[str, ...]:
    return next(each.cells for each in document.sections[table].columns if each.name == column)


def made(crossing: float, reason: str = "") -> Curves:
    dense = np.full((2, len(DENSITY)), 1e-3)
    return Curves(
        device="gpu",
        quantity="time",
        density=DENSITY,
        dense=dense,
        kernels={"csr": DENSITY * 4e-3},
        crossing=crossing,
        reason=reason,
    )


def test_the_crossing_is_a_row_where_both_cost_the_same() -> None:
    document = curves_document([made(0.25)])
    rows = cells(document, 0, "density")
    assert rows == ("0.1 %", "0.3 %", "1.0 %", "3.0 %", "10.0 %", "25.0 % break-even", "30.0 %", "100 %")
    assert cells(document, 0, "csr")[5] == cells(document, 0, "dense")[5] == "1.00 ms"
    # Linear: 4 ms at 1, so 4 us at 0.001.
    assert cells(document, 0, "csr")[0] == "4.00 µs"


@pytest.mark.parametrize("crossing", [0.0, 1.0])
def test_no_crossing_no_row(crossing: float) -> None:
    rows = cells(curves_document([made(crossing, "none: launch-bound")]), 0, "density")
    assert len(rows) == 7
    assert not any("break-even" in row for row in rows[:-1])


def test_layers_have_marks_and_rates_where_there_are_any() -> None:
    frame = pd.DataFrame(
        {
            "path": ["block/conv", "block/conv"],
            "call": [0, 1],
            "density": [0.5, 0.02],
            "breakeven_density": [0.1, 0.1],
            "firing_rate_hz": [np.nan, 20.0],
            "firing_rate_needed_hz": [np.nan, 100.0],
            "verdict": ["too dense", "pays now"],
            "kernel": ["gather", "sputnik"],
            "speedup": [0.25, 3.0],
            "calibrated": [False, True],
            "needs_custom_kernel": [True, False],
        }
    )
    trace = Trace(model="net", fingerprint="", samples=1, calls=())
    document = layers_document(trace, "a100", {"time": frame})
    assert cells(document, 0, "layer") == ("block/conv", "block/conv#1")
    assert cells(document, 0, "kernel") == (f"gather{UNCALIBRATED}{CUSTOM}", "sputnik")
    assert cells(document, 0, "firing_rate_hz") == ("—", "20.0 Hz")
    assert cells(document, 0, "gain") == ("0.25", "3")
    silent = frame.assign(firing_rate_hz=np.nan)
    names = [column.name for column in layers_document(trace, "a100", {"time": silent}).sections[0].columns]
    assert "firing_rate_hz" not in names
