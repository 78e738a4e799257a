"""What is worked out of an object once, and remembered for as long as the object lives."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable
from typing import TypeVar
from weakref import WeakKeyDictionary

_T = TypeVar("_T")
_R = TypeVar("_R")


def remembered(function: Callable[..., _R]) -> Callable[..., _R]:
    """Make a function remember its results by its first argument, which may go when nobody else holds it.

    Parameters
    ----------
    function : callable
        Of an object that never changes and of hashable others. What it returns must not refer to the object.

    Returns
    -------
    callable
        The same function; many devices that price one network share what it made of it.
    """
    known: WeakKeyDictionary[object, dict[tuple[Hashable, ...], _R]] = WeakKeyDictionary()

    @functools.wraps(function)
    def call(of: object, *others: Hashable) -> _R:
        results = known.setdefault(of, {})
        if others not in results:
            results[others] = function(of, *others)
        return results[others]

    return call
