"""One tree of exceptions; each is also the builtin that a caller would catch.

::

    EnergyprobeError
    ├── OptionError (ValueError)          an option that a probe does not have, or an impossible value of one
    ├── ModelError (TypeError)            what was attached to is not a model that can be recorded
    ├── DataError (ValueError)            data that cannot be read, or that do not fit the model
    ├── RecordingError (RuntimeError)     the run cannot be, or was not, recorded exactly
    ├── TraceError (ValueError)           traces that do not fit together
    │   └── TraceFileError                a file that is not, or no longer, a trace
    ├── CountingError (ValueError)        facts that no count can be made of
    ├── DeviceError (ValueError)          a device or its figures are wrong
    │   └── UnknownDeviceError (KeyError) no device of that name
    ├── ScenarioError (ValueError)        an impossible way to run a network
    ├── ReportError (ValueError)          a column, format or option that a report does not have
    ├── VerificationError (AssertionError) counts that differ from those made by brute force
    └── MissingDependencyError (ImportError)
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class EnergyprobeError(Exception):
    """Base of every error that energyprobe raises on purpose."""


class OptionError(EnergyprobeError, ValueError):
    """An option that a probe does not have, or an impossible value of one."""


class ModelError(EnergyprobeError, TypeError):
    """What a probe was attached to is not a model that it can record."""


class DataError(EnergyprobeError, ValueError):
    """Data that cannot be read, or that do not fit the model."""


class RecordingError(EnergyprobeError, RuntimeError):
    """A run cannot be, or was not, recorded exactly."""


class TraceError(EnergyprobeError, ValueError):
    """Traces that do not fit together."""


class TraceFileError(TraceError):
    """A file that is not a trace, is cut, or is of a newer version."""


class CountingError(EnergyprobeError, ValueError):
    """Facts that no count can be made of."""


class DeviceError(EnergyprobeError, ValueError):
    """A device, or a figure in its file, is wrong."""


class UnknownDeviceError(DeviceError, KeyError):
    """No device of that name is in the catalog."""

    def __str__(self) -> str:
        # KeyError prints the repr of its argument, which would escape line breaks.
        return str(self.args[0])


class ScenarioError(EnergyprobeError, ValueError):
    """An impossible way to run a network."""


class ReportError(EnergyprobeError, ValueError):
    """A column, format or option that a report does not have."""


class VerificationError(EnergyprobeError, AssertionError):
    """Counts differ from those made by brute force.

    Attributes
    ----------
    verification : Verification
        All counts, of both kinds.
    """

    def __init__(self, message: str, verification: object) -> None:
        super().__init__(message)
        self.verification = verification


class MissingDependencyError(EnergyprobeError, ImportError):
    """An optional package that this call needs is not installed."""


def nearest(name: str, known: Iterable[str], count: int = 3, otherwise: str | None = None) -> str:
    """Say which known names are nearest to a wrong one.

    Parameters
    ----------
    name : str
        What was given.
    known : iterable of str
        What would have been right.
    count : int
        How many names at the most.
    otherwise : str, optional
        What to say where none is near; by default all known names.

    Returns
    -------
    str
        ``"did you mean 'a' or 'b'?"``, or else what stands in `otherwise`.
    """
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=count, cutoff=0.5)
    if close:
        return f"did you mean {' or '.join(repr(each) for each in close)}?"
    if otherwise is not None:
        return otherwise
    return f"known are {', '.join(names)}" if names else "none is known"
