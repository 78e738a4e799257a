"""The device file in the documentation is one."""

import re
from pathlib import Path

import pytest

from energyprobe.costing.figures import UNITS
from energyprobe.costing.loading import MODELS, parse_device

TEXT = (Path(__file__).parents[2] / "docs" / "devices.md").read_text(encoding="utf-8")


def test_the_example_is_a_device(make_call, make_trace, spiking):
    (block,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    chip = parse_device(block, "docs/devices.md")
    from energyprobe.trace.operations import Dense

    trace = make_trace(make_call("dense", (Dense(inputs=7, units=5), spiking(20)), timesteps=4))
    # 20 accumulates of 12 pJ, and 3 mW for 4 ms.
    assert chip.cost(trace).total().energy_j == pytest.approx(20 * 12e-12 + 3e-3 * 4e-3)


def test_every_unit_and_model_is_named():
    words = set(re.split(r"[\s,|`]+", TEXT))
    assert {unit for units in UNITS.values() for unit in units} <= words
    assert set(MODELS) <= words
