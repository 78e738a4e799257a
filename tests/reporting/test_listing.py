"""Names in a sentence."""

from __future__ import annotations

from energyprobe.reporting.listing import enumerated, listed


def test_long_lists_are_cut() -> None:
    assert listed(["a", "b"]) == "a, b"
    assert listed(list("abcdef")) == "a, b, c, d, e, f"
    assert listed(list("abcdefgh")) == "a, b, c, d, e, f and 2 more"


def test_the_last_name_stands_behind_and() -> None:
    assert enumerated(["a"]) == "a"
    assert enumerated(["a", "b"]) == "a and b"
    assert enumerated(iter("abcdefgh")) == "a, b, c, d, e, f, g and h"
