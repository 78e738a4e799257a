"""Firing rates, sparsity and energy as TensorBoard shows them: scalars and histograms."""

from __future__ import annotations

import importlib.util
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from energyprobe.costing.device import Device
from energyprobe.costing.lookup import AnyDevice
from energyprobe.costing.scenario import Scenario
from energyprobe.counting.columns import COLUMNS
from energyprobe.counting.table import count
from energyprobe.errors import MissingDependencyError
from energyprobe.reporting.pricing import report
from energyprobe.reporting.result import Report
from energyprobe.trace.histograms import RATE_EDGES
from energyprobe.trace.records import Activity, Trace

SCALARS = ("output_firing_rate_hz", "input_sparsity", "output_sparsity", "weight_sparsity", "silent_fraction")
"""Columns of `energyprobe.counts` that are written for each layer call where they are known."""

BINS = 30
"""Bins of a histogram over layers."""


class Histogram(NamedTuple):
    """Edges of bins, one more than there are counts."""

    edges: np.ndarray
    counts: np.ndarray


def log_to_tensorboard(
    trace: Trace,
    log_dir: str | os.PathLike[str],
    *,
    devices: AnyDevice | Iterable[AnyDevice] = (),
    scenario: Scenario | None = None,
    step: int = 0,
) -> None:
    """Write what was recorded, and what it costs, into a folder that TensorBoard reads.

    Scalars, as ``NAME/LAYER``: ``output_firing_rate_hz``, ``input_sparsity``, ``output_sparsity``,
    ``weight_sparsity``, ``silent_fraction``, and, in joules per inference, ``energy_j/DEVICE/LAYER``,
    ``total_energy_j/DEVICE``, ``total_low_j/DEVICE`` and ``total_high_j/DEVICE``. Histograms:
    ``events_by_timestep/LAYER`` (events per sample, one bin for each timestep), ``neuron_rates/LAYER``
    (neurons by their rate in events per timestep; from a probe with ``detail="neurons"``), and
    ``NAME_over_layers``: how each of the scalars spreads over the layers.

    Parameters
    ----------
    trace : Trace
        What a probe recorded.
    log_dir : str or os.PathLike
        The folder; made if there is none.
    devices : str, path, Device, or several of them
        Whose energy to write; none by default.
    scenario : Scenario, optional
        How the network is run on them.
    step : int
        Where on TensorBoard's axis of steps: the epoch, for example.

    Raises
    ------
    MissingDependencyError
        If TensorFlow, which writes the files, is not installed.
    DeviceError, ScenarioError
        As `energyprobe.report`.
    """
    if importlib.util.find_spec("tensorflow") is None:
        raise MissingDependencyError(
            "writing for TensorBoard needs tensorflow, not installed here: pip install 'energyprobe[keras]'"
        )
    import tensorflow as tf

    asked = [devices] if isinstance(devices, str | os.PathLike | Device) else list(devices)
    priced = report(trace, asked, scenario=scenario) if asked else None
    by_layer = dict(_facts(trace)) | (dict(_energies(priced)) if priced else {})
    scalars = by_layer | (dict(_totals(priced)) if priced else {})
    histograms = dict(_histograms(trace)) | dict(_over_layers(by_layer))
    writer = tf.summary.create_file_writer(os.fspath(log_dir))
    with writer.as_default(step=step):
        for tag, value in scalars.items():
            _write(tf, tag, "scalars", np.float32(value))
        for tag, (edges, counts) in histograms.items():
            _write(tf, tag, "histograms", np.stack([edges[:-1], edges[1:], counts], axis=1))
    writer.close()


def _facts(trace: Trace) -> Iterator[tuple[str, float]]:
    """Rates and fractions of each layer call."""
    for row in count(trace).rows:
        for name in SCALARS:
            value = COLUMNS[name](row)
            if isinstance(value, int | float):
                yield f"{name}/{row.call.key}", float(value)


def _energies(priced: Report) -> Iterator[tuple[str, float]]:
    """Joules per inference of each line of a report."""
    frame = priced.to_dataframe(["device", "path", "energy_j"])
    lines: dict[str, float] = defaultdict(float)
    for device, path, energy_j in frame.itertuples(index=False):
        if np.isfinite(energy_j):
            lines[f"energy_j/{device}/{path}"] += energy_j
    yield from lines.items()


def _totals(priced: Report) -> Iterator[tuple[str, float]]:
    """Joules per inference of the whole network, with their range."""
    for device in priced.devices:
        total = priced.total(device)
        for name in ("energy_j", "low_j", "high_j"):
            if np.isfinite(getattr(total, name)):
                yield f"total_{name}/{device}", getattr(total, name)


def _over_layers(scalars: Mapping[str, float]) -> Iterator[tuple[str, Histogram]]:
    """How the values of each scalar spread over the layers."""
    groups: dict[str, list[float]] = defaultdict(list)
    for tag, value in scalars.items():
        name, _, layer = tag.partition("/")
        of = f"/{layer.partition('/')[0]}" if name == "energy_j" else ""
        groups[f"{name}_over_layers{of}"].append(value)
    for tag, values in groups.items():
        counts, edges = np.histogram(values, bins=BINS)
        yield tag, Histogram(edges, counts)


def _histograms(trace: Trace) -> Iterator[tuple[str, Histogram]]:
    for row in count(trace).rows:
        output = row.call.output
        if output is None:
            continue
        if output.events_by_step:
            yield f"events_by_timestep/{row.call.key}", _by_timestep(output)
        if output.rate_histogram:
            yield f"neuron_rates/{row.call.key}", Histogram(_FINITE_EDGES, np.array(output.rate_histogram))


_FINITE_EDGES = np.append(RATE_EDGES[:-1], 10**0.1)
"""The last bin, which holds exactly 1, as wide as the others; TensorBoard draws no infinity."""


def _by_timestep(output: Activity) -> Histogram:
    """Events of a sample in each timestep: one bin for each."""
    events = np.array(output.events_by_step, dtype=float)
    samples = np.array(output.samples_by_step or [output.samples] * len(events), dtype=float)
    return Histogram(np.arange(len(events) + 1.0), events / np.maximum(samples, 1))


def _write(tf: Any, tag: str, plugin: str, value: Any) -> None:
    """Write a value for a plugin of TensorBoard, which ``tf.summary.scalar`` would need to be installed."""
    data = tf.compat.v1.SummaryMetadata.PluginData(plugin_name=plugin)
    kind = "DATA_CLASS_SCALAR" if plugin == "scalars" else "DATA_CLASS_TENSOR"
    tf.summary.write(tag, value, metadata=tf.compat.v1.SummaryMetadata(plugin_data=data, data_class=kind))
