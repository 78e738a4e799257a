"""How a network is run: what a price depends on besides the network and the device."""

from __future__ import annotations

from dataclasses import dataclass, fields
from numbers import Integral

from energyprobe.errors import ScenarioError, nearest


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """How a network is run.

    Parameters
    ----------
    batch_size : int
        Samples that run together.

    Raises
    ------
    ScenarioError
        If a field is unknown or impossible.
    """

    batch_size: int = 1

    def __new__(cls, **given: object) -> Scenario:
        """Refuse unknown fields with the names of the near ones, before Python does without them."""
        known = [field.name for field in fields(cls)]
        for name in given:
            if name not in known:
                raise ScenarioError(f"a scenario has no field {name!r}, {nearest(name, known)}")
        return super().__new__(cls)

    def __post_init__(self) -> None:
        if (
            isinstance(self.batch_size, bool)
            or not isinstance(self.batch_size, Integral)
            or self.batch_size < 1
        ):
            raise ScenarioError(f"batch_size must be a whole number of at least 1, got {self.batch_size!r}")
