"""`KerasProbe` as users have it: the probe of the Keras frontend, which can write for TensorBoard, too.

The frontend knows no joules, so what writes energies stands on top of all rooms.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from energyprobe.costing.device import Device
from energyprobe.costing.lookup import AnyDevice, resolve_device
from energyprobe.costing.scenario import Scenario
from energyprobe.errors import OptionError
from energyprobe.frontends.keras import probe as frontend
from energyprobe.frontends.keras.carrying import Carry
from energyprobe.trace.records import Trace


class KerasProbe(frontend.KerasProbe):
    """Record every layer of a Keras model during ``predict`` or ``evaluate``.

    Nothing but counters is kept, and the model computes what it would without the probe. One probe may
    record several models, one after the other, and several probes may record one run.

    Parameters
    ----------
    *misplaced
        Nothing: all options are given by name.
    log_dir : str or os.PathLike, optional
        A folder in which each run leaves firing rates, sparsity and energy for TensorBoard, one step for
        each run; see `energyprobe.log_to_tensorboard`. With ``accumulate``, those of all runs so far.
    devices : str, path, Device, or several of them
        Whose energy is written there.
    scenario : Scenario, optional
        How the network is run on them.
    **options
        What is recorded: ``detail``, ``observe``, ``spiking``, ``layers``, ``time_axis``, ``accumulate`` and
        ``notes``, as `energyprobe.frontends.keras.probe.KerasProbe` explains them.

    Raises
    ------
    OptionError
        If there is no such option, if its value is impossible, or if a model is given.
    UnknownDeviceError
        If the catalog has no device of a name.

    Examples
    --------
    >>> probe = KerasProbe()
    >>> model.predict(x, callbacks=[probe])  # doctest: +SKIP
    >>> probe.trace.samples  # doctest: +SKIP
    """

    def __init__(
        self,
        *misplaced: object,
        log_dir: str | os.PathLike[str] | None = None,
        devices: AnyDevice | Iterable[AnyDevice] = (),
        scenario: Scenario | None = None,
        **options: Any,
    ) -> None:
        super().__init__(*misplaced, **options)
        given = [devices] if isinstance(devices, str | os.PathLike | Device) else list(devices)
        if log_dir is None and (given or scenario is not None):
            raise OptionError(
                "KerasProbe(devices=…, scenario=…) are for what is written into log_dir=…; without it, price "
                "the trace: ep.report(probe.trace, devices)"
            )
        self._log_dir = None if log_dir is None else _folder(log_dir)
        self._devices = [resolve_device(each) for each in given]
        self._scenario = scenario
        self._step = 0

    def recorded(self, trace: Trace, carry: Carry | None) -> None:
        """Take the trace of a run, and write it where it was asked for."""
        super().recorded(trace, carry)
        if self._log_dir is not None:
            from energyprobe.tensorboard import log_to_tensorboard

            log_to_tensorboard(
                self.trace, self._log_dir, devices=self._devices, scenario=self._scenario, step=self._step
            )
            self._step += 1


def _folder(path: str | os.PathLike[str]) -> Path:
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OptionError(f"KerasProbe(log_dir={str(path)!r}): {error.strerror}; give a folder") from error
    return folder
