"""`breakeven`: when computing sparsely pays, for products of given sizes or a recorded network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from energyprobe.costing.cpu import CpuDevice
from energyprobe.costing.cpu_breakeven import cpu_layers_breakeven
from energyprobe.costing.gpu_breakeven import gpu_layers_breakeven
from energyprobe.costing.kernels.breakeven import Breakeven, kernels_breakeven
from energyprobe.costing.lookup import AnyDevice, kernel_device
from energyprobe.costing.scenario import Scenario
from energyprobe.errors import DeviceError, ScenarioError
from energyprobe.trace.records import Trace

if TYPE_CHECKING:
    import pandas as pd

QUANTITIES = ("energy", "time")


@overload
def breakeven(of: AnyDevice, /, **problem: Any) -> Breakeven: ...


@overload
def breakeven(of: Trace, device: AnyDevice, /, **fields: Any) -> pd.DataFrame: ...


def breakeven(
    of: AnyDevice | Trace, device: AnyDevice | None = None, /, **given: Any
) -> Breakeven | pd.DataFrame:
    """The density below which computing sparsely pays on a GPU or CPU.

    ``breakeven("a100", m=1024, k=4096, n=4096)`` asks for products of given sizes,
    ``breakeven(trace, "a100")`` for every layer of a recorded network.

    Parameters
    ----------
    of : str, os.PathLike, Device, or Trace
        A GPU or CPU, or a recording.
    device : str, os.PathLike or Device
        For a recording, the GPU or CPU; behind a GPU's name and a colon the sparse kernel that may run
        (``"a100:gather"``), all else.
    **given
        ``quantity``: ``"energy"`` or ``"time"``, what is to be less: by default energy, on a CPU, whose power
        was not measured, time. For products: ``m, k, n, dtype, batch, operand, structure, launch, imbalance,
        strided`` as for `energyprobe.kernel_cost`, and ``kernels``, the sparse kernels to choose among; by
        default all that it can run on this operand and structure and that have constants for the data type,
        ``spmv`` among them where C has one column.
        For a recording: fields of a `energyprobe.Scenario`, such as ``batch_size=64``.

    Returns
    -------
    Breakeven or pandas.DataFrame
        For products, columns of the broadcast shape. For a recording one row for each synaptic operation:
        ``layer``, ``path``, ``call``, ``density`` of the activations now (event synops over dense synops) and
        ``breakeven_density`` (0 where there is none; ``breakeven_density_if_zeros_save``: where the dense
        kernel draws less power on zeros, as much less as was ever seen), ``firing_rate_hz`` of the inputs
        now and ``firing_rate_needed_hz`` (NaN without a dt, or where none helps), ``verdict`` (``"pays
        now"``, ``"too dense"``, or why nothing pays, such as ``"none: launch-bound"``),
        ``kernel``: the best sparse kernel now; time of a batch and energy of an inference on the dense kernel
        and on that one
        (``dense_time_s, kernel_time_s, speedup, dense_j, kernel_j, energy_saving``: more than 1 is a gain),
        ``calibrated`` and ``needs_custom_kernel``.

    Raises
    ------
    UnknownDeviceError, DeviceError, ScenarioError
        As `energyprobe.kernel_cost`; ScenarioError also if the quantity is unknown.
    """
    if not isinstance(of, Trace):
        if device is not None:
            raise DeviceError(f"give one device, got {of!r} and {device!r}")
        return kernels_breakeven(of, **given)
    if device is None:
        raise DeviceError('name the device: breakeven(trace, "a100")')
    runs_on, quantity = kernel_device(device), given.pop("quantity", None)
    if isinstance(runs_on, CpuDevice):
        return cpu_layers_breakeven(of, runs_on, quantity, Scenario(**given))
    if quantity not in (*QUANTITIES, None):
        raise ScenarioError(f"quantity must be 'energy' or 'time', got {quantity!r}")
    return gpu_layers_breakeven(of, runs_on, quantity or "energy", Scenario(**given))
