"""Several names as a part of a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

NAMES_SHOWN = 6
"""Names that a line holds; of more it gives the number."""


def listed(names: Sequence[str]) -> str:
    """Names with commas; of many the first few and how many more there are."""
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more


def enumerated(names: Iterable[str]) -> str:
    """All of one or more names, with commas, and "and" before the last."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
