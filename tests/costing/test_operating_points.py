"""Consistency of chips with the operating points that their own figures were taken from.

These say that the arithmetic is right, not that the devices predict anything: see the validation for that.
"""

from pathlib import Path

import pytest

from energyprobe.costing.lookup import device
from energyprobe.trace.operations import Dense

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
LIMIT = 0.2


@pytest.fixture
def points(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import operating_points

    return list(operating_points.points())


@pytest.mark.parametrize(("chip", "number"), [("odin", 2), ("truenorth", 4)])
def test_published_powers(points, chip, number):
    own = [point for point in points if point.chip == chip]
    assert len(own) == number
    for point in own:
        assert point.predicted == pytest.approx(point.published, rel=LIMIT)


def test_loihi_nearest_neighbour_search(points):
    """As priced, with nearly all updates active, it is a little beyond the limit: the validation says so."""
    inactive, priced = (point for point in points if point.chip == "loihi")
    assert inactive.predicted == pytest.approx(inactive.published, rel=LIMIT)
    # 708 x 76,800 synops of 23.6 pJ; 60 x 76,800 updates of 52 pJ, and of 81 pJ.
    assert inactive.predicted == pytest.approx(54_374_400 * 23.6e-12 + 4_608_000 * 52e-12)
    assert priced.predicted == pytest.approx(54_374_400 * 23.6e-12 + 4_608_000 * 81e-12, rel=1e-4)
    assert priced.error == pytest.approx(0.245, abs=0.01)


def test_truenorth_ticks(make_call, make_trace, spiking):
    """100 ticks of 1 ms cost 6.4 mJ whatever happens in them."""
    trace = make_trace(make_call("layer", (Dense(inputs=256, units=256), spiking(0)), timesteps=100))
    total = device("truenorth").cost(trace).total()
    assert total.terms["static"].energy_j == pytest.approx(6.443e-3)
    assert total.latency_s == pytest.approx(0.1)
