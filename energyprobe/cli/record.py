"""``energyprobe record``: a model from a file runs on data from a file, and what it did is kept."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from energyprobe.cli.options import Recording
from energyprobe.cli.output import news, progress, waiting, wrote

if TYPE_CHECKING:
    from energyprobe.cli.models import Loaded
    from energyprobe.trace.records import Trace


def record(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A model of model.save: .keras or .h5.")],
    data: Annotated[Path, typer.Argument(metavar="DATA", help=".npz, .npy, .csv or a folder of images.")],
    output: Recording,
    batch_size: Annotated[
        int, typer.Option("--batch-size", min=1, metavar="N", help="Samples that run together.")
    ] = 32,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, metavar="N", help="Use the first N samples.")
    ] = None,
    array: Annotated[
        list[str] | None,
        typer.Option("--array", metavar="NAME", help="Array of the .npz file; once for each input."),
    ] = None,
    scale: Annotated[
        float, typer.Option("--scale", metavar="FACTOR", help="Multiply pixels (0 to 255) of images by this.")
    ] = 1.0,
    detail: Annotated[
        list[str] | None,
        typer.Option(
            "--detail", metavar="WHAT", help="More facts: neurons (firing rates) or values (to convert)."
        ),
    ] = None,
    keras: Annotated[
        str | None,
        typer.Option(
            "--keras", metavar="KERAS", help="keras or tf_keras; by default the one that wrote the file."
        ),
    ] = None,
    trust: Annotated[
        bool, typer.Option("--trust", help="Run code that the model's file brings, such as Lambda layers.")
    ] = False,
) -> None:
    """Run a Keras model on data, and write down what every layer did.

    A file of several arrays is searched for those of the inputs' names, or for the only one that fits.
    A first row of words in a .csv file is its header; images are resized to what the model reads.
    """
    from energyprobe.cli.data import Wanted, load_data
    from energyprobe.cli.models import load_model
    from energyprobe.trace.summary import headline

    with waiting("Loading TensorFlow and the model"):
        loaded = load_model(model, trust=trust, keras=_known(keras))
    inputs = load_data(data, Wanted(_shapes(loaded.model, model), limit, array or (), scale))
    trace = _predict(loaded, inputs, batch_size, detail or ())
    trace.save(output)
    wrote(output)
    uncounted = sum(call.fate == "uncounted" for call in trace.calls)
    news(headline(trace) + (f"; {uncounted} cannot be counted" if uncounted else ""))


def _known(keras: str | None) -> Any:
    from energyprobe.errors import OptionError

    if keras not in (None, "keras", "tf_keras"):
        raise OptionError(f"--keras {keras}: it is keras or tf_keras")
    return keras


def _shapes(model: Any, path: Path) -> dict[str, tuple[int | None, ...]]:
    """Shapes of the model's inputs without the batch, by name."""
    from energyprobe.errors import ModelError

    if not getattr(model, "inputs", None):
        raise ModelError(
            f"the model {path} does not name its inputs; record it from Python with energyprobe.KerasProbe()"
        )
    return {str(each.name): tuple(each.shape[1:]) for each in model.inputs}


def _predict(loaded: Loaded, inputs: dict[str, Any], batch_size: int, detail: list[str] | tuple[()]) -> Trace:
    from energyprobe.frontends.keras.probe import KerasProbe

    probe = KerasProbe(detail=detail)
    given = inputs if len(inputs) > 1 else next(iter(inputs.values()))
    batches = math.ceil(len(next(iter(inputs.values()))) / batch_size)
    with progress("Recording", batches) as done:
        ticker = loaded.keras.callbacks.LambdaCallback(on_predict_batch_end=lambda batch, logs: done(1))
        loaded.model.predict(given, batch_size=batch_size, verbose=0, callbacks=[probe, ticker])
    return probe.trace
