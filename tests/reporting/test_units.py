"""Numbers as people read them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energyprobe.reporting.units import count, frequency, interval, percentage, quantity, shape, value_of

PREFIXES = {"f": 1e-15, "p": 1e-12, "n": 1e-9, "µ": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (4.5612e-6, "4.56 µJ"),
        (45.612e-6, "45.6 µJ"),
        (456.12e-6, "456 µJ"),
        (999.4e-6, "999 µJ"),
        (999.6e-6, "1.00 mJ"),
        (9.9996e-4, "1.00 mJ"),
        (23.6e-12, "23.6 pJ"),
        (1.0, "1.00 J"),
        (1e3, "1.00 kJ"),
        (-42e-6, "-42.0 µJ"),
        (0, "0 J"),
        (0.0, "0 J"),
        (None, "—"),
        (math.nan, "—"),
        (math.inf, "∞ J"),
    ],
)
def test_three_digits_and_a_prefix(value: float | None, expected: str) -> None:
    assert quantity(value, "J") == expected


def test_lower_bound_is_marked_and_unknown_is_not() -> None:
    assert quantity(2.5e-3, "J", lower_bound=True) == "≥ 2.50 mJ"
    assert quantity(None, "J", lower_bound=True) == "—"


@given(st.floats(min_value=1e-15, max_value=9e11))
def test_what_is_read_is_within_half_a_unit_of_the_third_digit(value: float) -> None:
    figure, _, prefix = quantity(value, "J").removesuffix("J").partition(" ")
    assert abs(float(figure) * PREFIXES[prefix] - value) <= 0.5001e-2 * value
    assert len(figure.replace(".", "")) == 3


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (3.1e-4, 6.2e-4, "310–620 µJ"),
        (0.95e-3, 1.2e-3, "0.950–1.20 mJ"),
        (1e-5, 1e-3, "0.0100–1.00 mJ"),
        (1e-9, 1e-3, "1.00 nJ – 1.00 mJ"),
        (0, 5e-3, "0–5.00 mJ"),
        (2e-3, 2e-3, "2.00 mJ"),
        (2.0001e-3, 2.0002e-3, "2.00 mJ"),
        (0, 0, "0 J"),
        (None, 1.0, "—"),
        (1.0, math.nan, "—"),
    ],
)
def test_interval_has_one_prefix_where_it_can(low: float | None, high: float | None, expected: str) -> None:
    assert interval(low, high, "J") == expected


def test_interval_of_a_lower_bound() -> None:
    assert interval(1e-3, 2e-3, "J", lower_bound=True) == "≥ 1.00–2.00 mJ"
    assert interval(1e-9, 2e-3, "J", lower_bound=True) == "≥ 1.00 nJ – 2.00 mJ"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0"),
        (7, "7"),
        (999, "999"),
        (1000, "1.00 k"),
        (1_234_567, "1.23 M"),
        (2**70, "1.18 Z"),
        (12.5, "12.5"),
        (None, "—"),
        (math.inf, "∞"),
    ],
)
def test_counts_below_a_thousand_are_written_in_full(value: float | None, expected: str) -> None:
    assert count(value) == expected


@pytest.mark.parametrize(
    ("fraction", "expected"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (0.8731, "87.3 %"),
        (0.0001, "<0.1 %"),
        (0.99996, ">99.9 %"),
        (0.9994, "99.9 %"),
        (None, "—"),
        (math.nan, "—"),
    ],
)
def test_only_all_reads_as_all_and_only_nothing_as_nothing(fraction: float | None, expected: str) -> None:
    assert percentage(fraction) == expected


@given(st.floats(min_value=0, max_value=1, exclude_min=True, exclude_max=True))
def test_no_part_reads_as_nothing_or_all(fraction: float) -> None:
    assert percentage(fraction) not in ("0 %", "0.0 %", "100 %", "100.0 %")


@pytest.mark.parametrize(
    ("hertz", "expected"),
    [
        (62.5, "62.5 Hz"),
        (1250.0, "1.25 kHz"),
        (0.9951, "0.995 Hz"),
        (0.01234, "0.0123 Hz"),
        (0, "0 Hz"),
        (None, "—"),
    ],
)
def test_slow_rates_have_no_prefix(hertz: float | None, expected: str) -> None:
    assert frequency(hertz) == expected


def test_shape() -> None:
    assert shape((8, 7, 3)) == "8×7×3"
    assert shape((None, 5)) == "?×5"
    assert shape(()) == "scalar"


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("≥ 4.56 µJ", 4.56e-6),
        ("310–620 µJ", 310e-6),
        ("3.10 nJ – 1.62 mJ", 3.1e-9),
        ("93.8 %", 0.938),
        ("<0.1 %", 0.001),
        ("1.23 M", 1.23e6),
        ("387 pJ·s", 387e-12),
        ("331–67,310", 331.0),
        ("~ 2.7–2.8", 2.7),
        ("62.5 Hz", 62.5),
        ("17", 17.0),
        ("—", None),
        ("not modelled", None),
        ("", None),
    ],
)
def test_what_was_written_is_read_again(words: str, value: float | None) -> None:
    assert value_of(words) == value
