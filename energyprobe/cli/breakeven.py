"""``energyprobe breakeven``: the density below which computing sparsely pays on a GPU or CPU."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from energyprobe.cli.options import Drawings, Json, device_names
from energyprobe.cli.output import records, waiting, write_json, wrote
from energyprobe.errors import OptionError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from energyprobe.costing.kernels.breakeven import Breakeven
    from energyprobe.costing.kernels.crossing import Quantity

SIZES = "Of one product"
"""Heading of the options that are sizes of a product."""

QUANTITIES: tuple[Quantity, ...] = ("time", "energy")


def _size(flag: str, metavar: str, text: str) -> Any:
    return typer.Option(flag, metavar=metavar, help=text, rich_help_panel=SIZES)


def breakeven(
    device: Annotated[
        str,
        typer.Option(
            "--device", "-d", metavar="NAME", help="A GPU or CPU, such as a100.", autocompletion=device_names
        ),
    ],
    trace: Annotated[
        Path | None, typer.Argument(metavar="TRACE", help="A recording: every layer of it.")
    ] = None,
    m: Annotated[int | None, _size("--m", "N", "Rows of A: batch x positions, or units.")] = None,
    k: Annotated[int | None, _size("--k", "N", "Columns of A, rows of B: inputs.")] = None,
    n: Annotated[int | None, _size("--n", "N", "Columns of B: units, or batch x positions.")] = None,
    operand: Annotated[
        str, _size("--operand", "WHAT", "What is sparse in A: activations or weights.")
    ] = "activations",
    structure: Annotated[
        str, _size("--structure", "HOW", "unstructured, or blocks such as block8x8.")
    ] = "unstructured",
    dtype: Annotated[
        str | None, typer.Option("--dtype", metavar="TYPE", help="float32, float16, ...")
    ] = None,
    batch_size: Annotated[
        int, typer.Option("--batch-size", metavar="N", min=1, help="Samples that run together.")
    ] = 1,
    quantity: Annotated[
        str | None, typer.Option("--quantity", metavar="WHAT", help="time or energy; both if left out.")
    ] = None,
    output: Drawings = None,
    json: Json = False,
) -> None:
    """Say when computing sparsely pays on a GPU or CPU: for one product, or for the layers of a recording.

    The product is C = A B, where A is m x k and sparse, and B is k x n. With -o, time and energy of all
    kernels are drawn over density.
    """
    asked = _asked(quantity, device)
    sizes = {"m": m, "k": k, "n": n}
    missing = [f"--{name}" for name, size in sizes.items() if size is None]
    if trace is not None:
        if len(missing) < len(sizes):
            raise OptionError("give a TRACE or the sizes of a product, not both")
        if output:
            raise OptionError("--output draws one product; for the layers of a recording, take --json")
        _of_trace(trace, device, asked, dtype, batch_size, json)
        return
    if missing:
        raise OptionError(f"give a TRACE, or the sizes of a product; missing: {', '.join(missing)}")
    problem = {**sizes, "batch": batch_size, "operand": operand, "structure": structure}
    problem |= {} if dtype is None else {"dtype": _kernel_type(dtype)}
    _of_product(device, asked, problem, output or [], json)


def _asked(quantity: str | None, device: str) -> tuple[Quantity, ...]:
    """What was asked for; by default all that is known of the device."""
    from energyprobe.costing.gpu import GpuDevice
    from energyprobe.costing.lookup import kernel_device

    if quantity is not None:
        known = [each for each in QUANTITIES if each == quantity]
        if not known:
            raise OptionError(f"--quantity {quantity}: it is time or energy")
        return tuple(known)
    return QUANTITIES if isinstance(kernel_device(device), GpuDevice) else QUANTITIES[:1]


def _kernel_type(dtype: str) -> str:
    """A data type by the name that kernels have for it: fp32 for float32."""
    from energyprobe.costing.gpu import KERNEL_TYPES

    return {str(name): kind for name, kind in KERNEL_TYPES.items()}.get(dtype, dtype)


def _of_product(
    device: str, quantities: tuple[Quantity, ...], problem: dict[str, Any], output: list[Path], json: bool
) -> None:
    import energyprobe as ep
    from energyprobe.reporting.kernel_tables import curves_document
    from energyprobe.reporting.plot.kernels import curves

    found = {quantity: ep.breakeven(device, quantity=quantity, **problem) for quantity in quantities}
    for path in output:
        _figure(device, quantities, problem).savefig(path)
        wrote(path)
    if json:
        write_json([_data(each, problem) for each in found.values()])
    elif not output:
        for each in found.values():
            print(each)
        print()
        told = [curves(device, quantity=quantity, **problem) for quantity in quantities]
        print(curves_document(told))


def _figure(device: str, quantities: tuple[Quantity, ...], problem: dict[str, Any]) -> Figure:
    """Curves of all kernels, of time beside energy where both were asked for."""
    from energyprobe.reporting import plot

    if len(quantities) > 1:
        return plot.breakeven_figure(device, **problem)
    figure = plot.breakeven(device, quantity=quantities[0], **problem).get_figure(root=True)
    assert figure is not None
    return figure


def _data(found: Breakeven, problem: dict[str, Any]) -> dict[str, Any]:
    return {
        "device": found.device,
        "quantity": found.quantity,
        **problem,
        "dtype": found.dtype,
        "density": float(found.density),
        "density_if_zeros_save": float(found.density_if_zeros_save),
        "kernel": str(found.kernel) or None,
        "reason": str(found.reason) or None,
        "calibrated": bool(found.calibrated),
    }


def _of_trace(
    path: Path, device: str, quantities: tuple[Quantity, ...], dtype: str | None, batch_size: int, json: bool
) -> None:
    import energyprobe as ep
    from energyprobe.reporting.kernel_tables import layers_document

    trace = ep.load_trace(path)
    with waiting("Searching"):
        found = {
            quantity: ep.breakeven(trace, device, quantity=quantity, dtype=dtype, batch_size=batch_size)
            for quantity in quantities
        }
    if json:
        write_json({quantity: records(frame) for quantity, frame in found.items()})
    else:
        print(layers_document(trace, device, found))
