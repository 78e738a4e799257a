"""Where curves pass: of straight lines and of curves that turn, by hand."""

from __future__ import annotations

import math

import pytest

from energyprobe.reporting.crossings import LESS, NOT_KNOWN, Crossing, crossing

POINTS = (1.0, 2.0, 4.0, 8.0, 16.0)


def test_a_line_and_its_mirror() -> None:
    # x / 5 = 0.99 where x = 4.95
    rising = crossing(lambda x: x / 5, POINTS, 1.0, whole=False)
    falling = crossing(lambda x: 5 / x, POINTS, 1.0, whole=False)
    assert (rising.at, rising.below) == (pytest.approx(4.95, rel=1e-5), True)
    assert (falling.at, falling.below) == (pytest.approx(5 / LESS, rel=1e-5), False)


def test_whole_numbers_are_the_first_beyond_or_the_last_before() -> None:
    assert crossing(lambda x: x / 5, POINTS, 1.0, whole=True) == Crossing(5.0, True)
    assert crossing(lambda x: 5 / x, POINTS, 1.0, whole=True) == Crossing(5.0, False)


def test_of_several_the_nearest_in_the_direction_asked_for() -> None:
    def valley(x: float) -> float:
        return 0.5 if 1.5 < x < 9 else 2.0

    assert crossing(valley, POINTS, 2.0, whole=False).at == pytest.approx(1.5, rel=1e-5)
    assert crossing(valley, POINTS, 8.0, whole=False).at == pytest.approx(9, rel=1e-5)
    assert crossing(valley, POINTS, 2.0, whole=False, below=True).at == pytest.approx(9, rel=1e-5)


@pytest.mark.parametrize(
    ("ratio", "less", "below", "above"), [(0.5, True, math.inf, 0), (2, False, 0, math.inf)]
)
def test_without_a_place(ratio: float, less: bool, below: float, above: float) -> None:
    nowhere = crossing(lambda _: ratio, POINTS, 1.0, whole=False)
    assert math.isnan(nowhere.at) and nowhere.below is None and nowhere.less is less and nowhere.is_known
    # Always less is below everything and above nothing; never less the other way round.
    assert (nowhere.on_axis(True), nowhere.on_axis(False)) == (below, above)


def test_what_is_not_known() -> None:
    def patchy(x: float) -> float:
        return math.nan if x < 3 else 2.0

    assert crossing(patchy, POINTS, 1.0, whole=False) is NOT_KNOWN and not NOT_KNOWN.is_known
    assert crossing(lambda x: x, (), 1.0, whole=False) is NOT_KNOWN
    assert math.isnan(NOT_KNOWN.on_axis(True))
