"""What a probe was asked to observe, checked when the probe is made."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Collection, Iterable, Mapping
from numbers import Real
from typing import Any, Literal

from energyprobe.errors import OptionError, nearest

DETAILS = ("neurons", "values")
OBSERVED = ("lean", "all")
TIME_AXES = ("auto", 1, None)


@dataclasses.dataclass(frozen=True)
class Options:
    """What to observe; see `energyprobe.KerasProbe`.

    Raises
    ------
    OptionError
        If there is no such option, or if its value is impossible.
    """

    observe: Literal["lean", "all"] = "lean"
    detail: frozenset[str] = frozenset()
    time_axis: str | int | None = "auto"
    spiking: Mapping[Any, float] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        for each in self.detail:
            _expect_known("detail", each, DETAILS)
        _expect_known("observe", self.observe, OBSERVED)
        if self.time_axis not in TIME_AXES:
            raise OptionError(f"KerasProbe(time_axis={self.time_axis!r}): it is 'auto', 1 or None")
        _expect_mapping("spiking", self.spiking, "{'events_in': 1.0, MyLIF: 1.0}")
        for key, amplitude in self.spiking.items():
            if not isinstance(key, (str, type)):
                raise OptionError(
                    f"KerasProbe(spiking={{{key!r}: …}}): a key is the name of a model input or a layer class"
                )
            if not isinstance(amplitude, Real) or not math.isfinite(amplitude) or amplitude <= 0:
                raise OptionError(
                    f"KerasProbe(spiking={{{_name(key)}: {amplitude!r}}}): the value of one spike is a "
                    "number above 0"
                )

    def expect_declared(self, model: str, inputs: Collection[str], called: Collection[type]) -> None:
        """Raise unless all that is declared to spike is there.

        Parameters
        ----------
        model : str
            Name of the model.
        inputs : collection of str
            Names of its inputs.
        called : collection of type
            Types of the layers that it called.

        Raises
        ------
        OptionError
            If there is no such input, or no layer of such a type was called.
        """
        bases = {base for cls in called for base in cls.__mro__}
        for key in self.spiking:
            if isinstance(key, str) and key not in inputs:
                raise OptionError(
                    f"KerasProbe(spiking={{{key!r}: …}}): model {model!r} has no input {key!r}, "
                    f"{nearest(key, inputs)}"
                )
            if isinstance(key, type) and key not in bases:
                raise OptionError(
                    f"KerasProbe(spiking={{{_name(key)}: …}}): model {model!r} called no layer of this type, "
                    f"{nearest(key.__name__, {cls.__name__ for cls in called})}"
                )

    @property
    def key(self) -> tuple[Any, ...]:
        """Equal for equal options, and hashable."""
        return self.observe, self.detail, self.time_axis, frozenset(self.spiking.items())

    @property
    def described(self) -> dict[str, str]:
        """What to keep with a trace."""
        described = {"observe": self.observe, "time_axis": str(self.time_axis)}
        if self.detail:
            described["detail"] = ",".join(sorted(self.detail))
        if self.spiking:
            pairs = {_name(key): amplitude for key, amplitude in self.spiking.items()}
            described["spiking"] = ",".join(f"{name}={pairs[name]:g}" for name in sorted(pairs))
        return described


def checked_details(detail: str | Iterable[str]) -> frozenset[str]:
    """One or more names as a set.

    Raises
    ------
    OptionError
        If it is neither a name nor an iterable.
    """
    if isinstance(detail, str):
        return frozenset([detail])
    if not isinstance(detail, Iterable):
        raise OptionError(f"KerasProbe(detail={detail!r}): give {' or '.join(map(repr, DETAILS))}, or both")
    return frozenset(detail)


def checked_rules(layers: Mapping[type, Callable[..., Any]]) -> dict[type, Callable[..., Any]]:
    """Rules of the user's own layers.

    Raises
    ------
    OptionError
        If it is no mapping of layer classes to functions.
    """
    _expect_mapping("layers", layers, "{MyLayer: rule}")
    for cls, rule in layers.items():
        if not isinstance(cls, type):
            raise OptionError(f"KerasProbe(layers={{{cls!r}: …}}): a key is a layer class")
        if not callable(rule):
            raise OptionError(
                f"KerasProbe(layers={{{_name(cls)}: {rule!r}}}): a rule is a function of the layer's call, "
                "which gives operations"
            )
    return dict(layers)


def _expect_known(option: str, given: Any, known: tuple[str, ...]) -> None:
    if given not in known:
        raise OptionError(f"KerasProbe({option}={given!r}): {nearest(str(given), known)}")


def _expect_mapping(option: str, given: Any, example: str) -> None:
    if not isinstance(given, Mapping):
        raise OptionError(f"KerasProbe({option}={given!r}): it is a mapping, such as {example}")


def _name(key: str | type) -> str:
    return key.__qualname__ if isinstance(key, type) else key
