"""Qualities of models, and their intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest

from energyprobe.errors import ReportError
from energyprobe.reporting.quality import Quality, qualities, root_mean_square, wilson


def test_wilson_by_hand() -> None:
    # p = 0.8, n = 10, z^2 = 3.8416: (0.8 + 0.19208 -+ 1.96 sqrt(0.016 + 0.009604)) / 1.38416
    assert wilson(0.8, 10) == pytest.approx(
        ((0.99208 - 1.96 * math.sqrt(0.025604)) / 1.38416, (0.99208 + 1.96 * math.sqrt(0.025604)) / 1.38416)
    )
    assert wilson(0.8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson(1.0, 20)[1] == pytest.approx(1.0) and wilson(0.0, 20)[0] == pytest.approx(0.0)
    # All of 20 right: n / (n + z^2)
    assert wilson(1.0, 20)[0] == pytest.approx(20 / 23.8416)


def test_wilson_is_the_score_test_turned_around() -> None:
    for end in wilson(0.37, 91):
        assert abs(0.37 - end) == pytest.approx(1.96 * math.sqrt(end * (1 - end) / 91))


def test_the_interval_of_a_root_mean_square_by_hand() -> None:
    # chi^2 of 10 degrees of freedom: 3.247 at 2.5 %, 20.483 at 97.5 % (any table of it)
    assert root_mean_square(3.0, 10) == pytest.approx(
        (3 * math.sqrt(10 / 20.483), 3 * math.sqrt(10 / 3.247)), rel=1e-4
    )


def test_the_interval_of_a_root_mean_square_holds_the_true_error_in_95_of_100() -> None:
    errors = np.random.default_rng(7).normal(scale=2.5, size=(4000, 23))
    found = np.sqrt(np.mean(errors**2, axis=1))
    low, high = root_mean_square(1.0, 23)
    held = np.mean((found * low < 2.5) & (2.5 < found * high))
    # Three standard errors of the share are sqrt(0.95 * 0.05 / 4000) * 3 = 0.010.
    assert abs(held - 0.95) < 0.0104


def test_intervals_are_wilsons_or_the_users_own() -> None:
    assert Quality(0.9, n_test=50).interval == wilson(0.9, 50)
    assert Quality(0.9).interval is None
    assert Quality(0.031, "MAE", higher_is_better=False, n_test=500).interval is None
    error = Quality(0.031, "RMSE in m", higher_is_better=False, n_test=500)
    assert error.interval == root_mean_square(0.031, 500)
    assert Quality(0.031, "RMSE", higher_is_better=False, low=0.03, high=0.034).interval == (0.03, 0.034)


def test_words() -> None:
    assert (Quality(0.98, n_test=450).words, Quality(0.98, n_test=450).interval_words) == (
        "98.0 %",
        "96.2–98.9 %",
    )
    assert Quality(0.0312, "RMSE").words == "0.0312"
    assert Quality(0.0312, "RMSE", low=0.03, high=0.034).interval_words == "0.03–0.034"
    assert Quality(0.5).interval_words == "—"


def test_better_has_a_sense() -> None:
    assert Quality(0.9).at_least_as_good_as(Quality(0.8))
    low, high = (Quality(value, "RMSE", higher_is_better=False) for value in (0.1, 0.2))
    assert low.at_least_as_good_as(high) and not high.at_least_as_good_as(low)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"value": math.nan}, "the accuracy must be a finite number, got nan"),
        ({"value": 98.0}, "an accuracy must be a fraction between 0 and 1, got 98"),
        ({"value": 0.9, "n_test": 0}, "n_test must be a whole number of at least 1, got 0"),
        ({"value": 0.9, "n_test": 2.5}, "n_test must be a whole number of at least 1, got 2.5"),
        ({"value": 0.9, "low": 0.8}, "the interval of the accuracy needs both ends, low and high"),
        (
            {"value": 2.0, "metric": "RMSE", "low": 2.5, "high": 3.0},
            "the interval of the RMSE must hold its value: expected low <= value <= high, got 2.5 <= 2 <= 3",
        ),
    ],
)
def test_impossible_qualities_are_refused(options, message) -> None:
    with pytest.raises(ReportError) as caught:
        Quality(**options)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("accuracy", "quality", "message"),
    [
        ({"cn": 0.9}, None, "a quality of 'cn', which is not compared: did you mean 'cnn'?"),
        ({"cnn": 0.9}, {"cnn": Quality(0.9)}, "give the accuracy or the quality of 'cnn', not both"),
        (None, {"cnn": 0.9}, "the quality of 'cnn' must be an ep.Quality, got float"),
        (
            {"cnn": 0.9},
            {"snn": Quality(2.0, "RMSE")},
            "models are compared by one metric, with one sense of better; got RMSE, accuracy",
        ),
    ],
)
def test_qualities_that_do_not_fit_are_refused(accuracy, quality, message) -> None:
    with pytest.raises(ReportError) as caught:
        qualities({"cnn": None, "snn": None}, accuracy, quality)
    assert str(caught.value) == message
