"""Numbers as people read them: three significant digits, SI prefixes, intervals, "—" for unknown."""

from __future__ import annotations

import math
import re

UNKNOWN = "—"
NOT_MODELLED = "not modelled"
NOT_COUNTED = "not counted"
FREE = "free"
NONE = "none"
NO_RANGE = "unknown"
LOWER_BOUND = "≥ "

PREFIXES = {-24: "y", -21: "z", -18: "a", -15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: ""}
PREFIXES |= {3: "k", 6: "M", 9: "G", 12: "T", 15: "P", 18: "E", 21: "Z", 24: "Y"}
"""SI prefixes by power of ten."""

_SMALLEST_SHOWN_IN_COMMON_PREFIX = 0.01


def quantity(value: float | None, unit: str = "", *, lower_bound: bool = False) -> str:
    """Write a value with three significant digits and an SI prefix.

    Parameters
    ----------
    value : float or None
        In the unit without prefix; None and NaN are unknown.
    unit : str
        ``"J"``, ``"s"``, ``"Hz"``, ``""``.
    lower_bound : bool
        Whether the true value is at least this one.

    Returns
    -------
    str
        ``"4.56 µJ"``, ``"≥ 4.56 µJ"``, ``"0 J"``, ``"—"``.
    """
    if is_unknown(value):
        return UNKNOWN
    assert value is not None
    return (LOWER_BOUND if lower_bound else "") + _with_prefix(value, exponent_of(value), unit)


def interval(low: float | None, high: float | None, unit: str = "", *, lower_bound: bool = False) -> str:
    """Write an interval under one prefix; one figure where both ends read alike.

    Parameters
    ----------
    low, high : float or None
        Ends of the interval in the unit without prefix; None and NaN are unknown.
    unit : str
        As in `quantity`.
    lower_bound : bool
        Whether the true value may lie above the interval.

    Returns
    -------
    str
        ``"310–620 µJ"``; ``"3.10 nJ – 1.62 mJ"`` where one prefix would not do for both.
    """
    if is_unknown(low) or is_unknown(high):
        return UNKNOWN
    assert low is not None and high is not None
    mark = LOWER_BOUND if lower_bound else ""
    exponent = exponent_of(max(abs(low), abs(high)))
    one_prefix = low == 0 or abs(low) >= _SMALLEST_SHOWN_IN_COMMON_PREFIX * 10.0**exponent
    if not one_prefix:
        return f"{mark}{quantity(low, unit)} – {quantity(high, unit)}"
    upper = _with_prefix(high, exponent, unit)
    if _with_prefix(low, exponent, unit) == upper:
        return mark + upper
    return f"{mark}{_three_digits(low / 10.0**exponent)}–{upper}"


def count(value: float | None) -> str:
    """Write a number of things: whole numbers below 1000 in full, others as ``"1.23 M"``."""
    if is_unknown(value):
        return UNKNOWN
    assert value is not None
    return f"{value:.0f}" if float(value).is_integer() and abs(value) < 1000 else quantity(value)


def frequency(value: float | None) -> str:
    """Write a rate in hertz; below 1 Hz without a prefix, since nobody thinks of firing rates in mHz."""
    if value is None or math.isnan(value) or not 0 < value < 1:
        return quantity(value, "Hz")
    return f"{_three_digits(value)} Hz"


def percentage(fraction: float | None) -> str:
    """Write a fraction in per cent; only 0 reads ``"0 %"`` and only 1 reads ``"100 %"``."""
    if is_unknown(fraction):
        return UNKNOWN
    assert fraction is not None
    if fraction in (0, 1):
        return f"{fraction:.0%}".replace("%", " %")
    if 0 < fraction < 0.0005:
        return "<0.1 %"
    if 0.9995 <= fraction < 1:
        return ">99.9 %"
    return f"{100 * fraction:.1f} %"


def value_of(words: str) -> float | None:
    """Read what the functions of this module wrote; of an interval the low end.

    Parameters
    ----------
    words : str
        ``"≥ 4.56 µJ"``, ``"310–620 µJ"``, ``"93.8 %"``, ``"1.23 M"``.

    Returns
    -------
    float or None
        In the unit without prefix; None where the words are no number.
    """
    found = _WRITTEN.match(words)
    if found is None:
        return None
    exponents = {sign: exponent for exponent, sign in PREFIXES.items()} | {"%": -2}
    return float(f"{found['value'].replace(',', '')}e{exponents[found['prefix'] or '']}")


_WRITTEN = re.compile(
    r"(?:[≥~±<>] ?)?(?P<value>-?\d[\d,]*\.?\d*)(?:–[\d.,]+)?"
    rf"(?: (?P<prefix>[%{''.join(PREFIXES.values())}])?(?:J|s|Hz|W|B)?.*)?"
)


def shape(sizes: tuple[int | None, ...]) -> str:
    """Write a shape as ``"8×8×3"``; an unknown size is ``"?"``, a scalar ``"scalar"``."""
    return "×".join("?" if size is None else str(size) for size in sizes) or "scalar"


def is_unknown(value: float | None) -> bool:
    """Tell whether a value is None or NaN."""
    return value is None or math.isnan(value)


def exponent_of(value: float) -> int:
    """Power of ten of the prefix of a value, after rounding to three digits (999.9 µ is 1.00 m)."""
    if value == 0 or math.isinf(value):
        return 0
    power = int(f"{abs(value):.2e}".split("e")[1])
    return min(max(3 * (power // 3), min(PREFIXES)), max(PREFIXES))


def _with_prefix(value: float, exponent: int, unit: str) -> str:
    return f"{_three_digits(value / 10.0**exponent)} {PREFIXES[exponent]}{unit}".rstrip()


def _three_digits(value: float) -> str:
    if value == 0:
        return "0"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    power = int(f"{abs(value):.2e}".split("e")[1])
    return f"{value:.{min(max(2 - power, 0), 6)}f}"
