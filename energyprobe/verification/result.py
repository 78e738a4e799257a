"""Recorded counts beside those counted by brute force."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from energyprobe.reporting.document import Column, Document, Lines, Table, printable
from energyprobe.reporting.worded import Worded

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Check:
    """One quantity of one layer call.

    Attributes
    ----------
    layer : str
        Path of the layer; ``path#1`` for its second call.
    quantity : str
        A column of `energyprobe.counts`.
    recorded : int or None
        What the probe recorded; None where it calls the quantity unknown.
    brute_force : int
        What was counted once more.
    """

    layer: str
    quantity: str
    recorded: int | None
    brute_force: int

    @property
    def equal(self) -> bool:
        """Whether both counts are the same."""
        return self.recorded == self.brute_force

    def __str__(self) -> str:
        return f"{self.quantity} of {self.layer}: recorded {self.recorded}, by brute force {self.brute_force}"


@dataclass(frozen=True, eq=False)
class Verification(Worded):
    """What `energyprobe.verify` found.

    Attributes
    ----------
    model : str
        Name of the model.
    samples : int
        Samples that it ran on.
    checks : tuple of Check
        The counts that were made twice.
    unchecked : dict of str to str
        Layer calls that no brute force here counts, each with the reason.
    """

    model: str
    samples: int
    checks: tuple[Check, ...]
    unchecked: dict[str, str]

    @property
    def differences(self) -> tuple[Check, ...]:
        """The checks whose two counts differ."""
        return tuple(check for check in self.checks if not check.equal)

    def to_dataframe(self) -> pd.DataFrame:
        """One row for each check: ``layer``, ``quantity``, ``recorded``, ``brute_force``, ``equal``."""
        import pandas as pd

        rows = [
            (check.layer, check.quantity, check.recorded, check.brute_force, check.equal)
            for check in self.checks
        ]
        frame = pd.DataFrame(rows, columns=["layer", "quantity", "recorded", "brute_force", "equal"])
        return frame.astype({"recorded": "Int64", "brute_force": "Int64", "equal": bool})

    @functools.cached_property
    def document(self) -> Document:
        """The result in words."""
        differing = len(self.differences)
        verdict = f"{differing} differ" if differing else "all equal" if self.checks else "nothing checked"
        columns = (
            _column("layer", [check.layer for check in self.checks], text=True),
            _column("quantity", [check.quantity for check in self.checks], text=True),
            _column("recorded", [_words(check.recorded) for check in self.checks]),
            _column("brute force", [_words(check.brute_force) for check in self.checks]),
            _column("equal", ["yes" if check.equal else "NO" for check in self.checks], text=True),
        )
        unchecked = tuple(f"{layer}: {reason}" for layer, reason in self.unchecked.items())
        notes = (Lines("Not checked", unchecked),) if unchecked else ()
        subheading = f"{self.samples} samples, {len(self.checks)} counts, {verdict}"
        return Document(
            f"Brute-force check of {self.model}", subheading, (Table("Counts", columns), *notes)
        ).mapped(printable)

    def __repr__(self) -> str:
        return f"Verification({self.model!r}, {len(self.checks)} checks, {len(self.differences)} differences)"


def _column(name: str, cells: list[str], *, text: bool = False) -> Column:
    return Column(name=name, header=name, cells=tuple(cells), text=text)


def _words(number: int | None) -> str:
    """All digits: a difference may be in the last one."""
    return "unknown" if number is None else f"{number:,}"
