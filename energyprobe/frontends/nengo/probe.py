"""`NengoProbe`: record a NengoDL simulator while it runs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from energyprobe.errors import OptionError, RecordingError, nearest
from energyprobe.frontends.nengo.shim import ensure_nengo_dl
from energyprobe.trace.records import Trace

if TYPE_CHECKING:
    from energyprobe.frontends.nengo.recorder import Recorder


DETAILS = ("neurons", "values")


class NengoProbe:
    """Record what a NengoDL simulator does while it runs.

    Outputs are bit-identical to a run without the probe, and the simulator is as before on leaving.
    Memory does not grow with the number of timesteps, but for one number for each vector and timestep.

    Parameters
    ----------
    sim : nengo_dl.Simulator
        An open simulator: just built, trained, or with restored parameters.
    detail : str or iterable of str
        What to record beyond the default. ``"neurons"``: a histogram of firing rates. ``"values"``: sums,
        maxima and histograms of the graded values that weights multiply, of each sign; among them are the
        values that ensembles encode.

    Raises
    ------
    OptionError
        If there is no such detail.
    ModelError
        If it is not an open `nengo_dl.Simulator`, or its network has no neurons.
    MissingDependencyError
        If NengoDL cannot be imported here.

    Notes
    -----
    A probe that is entered again starts anew. Neurons of random types (`nengo.PoissonSpiking`,
    `nengo.StochasticSpiking`) draw what they would draw in a simulator that has not run yet. A stateful
    run that goes on where the one before it ended adds timesteps, not samples.

    Examples
    --------
    >>> with nengo_dl.Simulator(net) as sim:            # doctest: +SKIP
    ...     with ep.NengoProbe(sim) as probe:
    ...         sim.predict(x)
    >>> trace = probe.trace                             # doctest: +SKIP
    """

    def __init__(self, sim: Any, detail: str | Iterable[str] = ()) -> None:
        details = frozenset([detail] if isinstance(detail, str) else detail)
        for each in details.difference(DETAILS):
            raise OptionError(f"NengoProbe(detail={each!r}): {nearest(str(each), DETAILS)}")
        ensure_nengo_dl()
        from energyprobe.frontends.nengo.recorder import Recorder

        self._recorder: Recorder = Recorder(sim, details)
        self._trace: Trace | None = None
        self._attached: contextlib.ExitStack | None = None

    @property
    def trace(self) -> Trace:
        """What was recorded, from the moment the ``with`` block was left.

        Raises
        ------
        RecordingError
            While the probe is attached, if nothing ran, or if a run broke off.
        """
        if self._trace is None:
            raise RecordingError(self._why_not())
        return self._trace

    def __enter__(self) -> NengoProbe:
        """Attach to the simulator.

        Raises
        ------
        ModelError
            If the simulator has been closed.
        RecordingError
            If another probe records the simulator.
        """
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._recorder.attached())
            self._trace = None
            self._attached = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Detach, whatever happened, and make the trace of what ran."""
        if self._attached is not None:
            self._attached.close()
            self._attached = None
        if self._recorder.ran and not self._recorder.failed:
            self._trace = self._recorder.trace()

    def _why_not(self) -> str:
        if self._attached is not None:
            return "the probe is still recording: read probe.trace after its with block"
        if self._recorder.failed:
            return "the run broke off, so there is no trace of it: run again in a new with block"
        return (
            "nothing was recorded: run the simulator (predict, evaluate, run_steps, run) inside "
            "`with NengoProbe(sim) as probe:`"
        )
