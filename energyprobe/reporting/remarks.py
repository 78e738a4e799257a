"""What the figures rest on, in a few lines; and who is cited."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from energyprobe.costing.bibliography import citation
from energyprobe.costing.device import Device
from energyprobe.costing.gpu import GpuDevice
from energyprobe.costing.titles import term_title
from energyprobe.reporting import units
from energyprobe.reporting.document import Lines
from energyprobe.reporting.layers import Layer
from energyprobe.reporting.listing import listed
from energyprobe.reporting.prices import Prices
from energyprobe.trace.records import Activity, LayerCall, Trace

LOWER_BOUND_MEANS = (
    f"{units.LOWER_BOUND.strip()}: at least so much; something in it was not counted or has no price"
)

SYNOPS_MEAN = (
    "a synop is one use of one weight; dense synops are all of them, event synops those of non-zero inputs"
)

PAID = {
    "nothing": "every synaptic operation is paid for, those of zero inputs included",
    "zero inputs": "only synaptic operations of non-zero inputs are paid for",
    "zero inputs and weights": "only synaptic operations of non-zero inputs and weights are paid for",
}
"""What a device skips to what it pays for."""


def paid(device: Device) -> str:
    """Which synaptic operations a device pays for: a sentence without full stop."""
    if isinstance(device, GpuDevice) and device.policy == "best":
        return "each matrix product runs on the kernel that takes the least energy; dense ones pay for zeros"
    return PAID[device.skips]


def assumptions(trace: Trace, layers: Sequence[Layer], prices: Sequence[Prices]) -> Lines:
    """Say what the figures rest on.

    Parameters
    ----------
    trace : Trace
        The recording.
    layers : sequence of Layer
        All layers.
    prices : sequence of Prices
        One for each device.

    Returns
    -------
    Lines
        A line for each statement; devices and layers of which the same is true share one.
    """
    statements = [
        SYNOPS_MEAN,
        *_by_device(prices, _paid),
        *_by_device(prices, _timesteps),
        *_by_device(prices, lambda price: price.cost.notes),
        *_by_device(prices, _remarks),
        *_not_modelled(prices),
        *_nonfinite(layers),
        *trace.notes,
    ]
    if not trace.complete:
        statements.append("the recording broke off: the figures are those of a part of the run")
    return Lines("Assumptions", tuple(statements))


def _paid(price: Prices) -> Iterator[str]:
    """Which synaptic operations a device pays for; of a placement each of its devices."""
    parts = price.cost.device.parts
    for part in parts:
        yield (f"{part.name}: " if len(parts) > 1 else "") + paid(part)


def devices(prices: Sequence[Prices]) -> Lines:
    """Say what every device is, and which publications its figures come from.

    Parameters
    ----------
    prices : sequence of Prices
        One for each device.

    Returns
    -------
    Lines
        One line for each device: what it is, what its figures cover and leave out, and keys of `sources`.
    """
    return Lines("Devices", tuple(map(_described, prices)))


def sources(prices: Sequence[Prices]) -> Lines:
    """Cite the publications that the figures come from.

    Parameters
    ----------
    prices : sequence of Prices
        One for each device.

    Returns
    -------
    Lines
        One line for each publication, with its key.
    """
    cited = {key: source for price in prices for key, source in price.cost.device.sources.items()}
    return Lines("Sources", tuple(f"{key}: {citation(source)}" for key, source in cited.items()))


def _by_device(prices: Sequence[Prices], statements: Callable[[Prices], Iterable[str]]) -> Iterator[str]:
    """Say once what is true of several devices."""
    labels: dict[str, list[str]] = {}
    for price in prices:
        for text in statements(price):
            labels.setdefault(text, []).append(price.label)
    for text, of in labels.items():
        yield f"{'all devices' if 1 < len(of) == len(prices) else ', '.join(of)}: {text}"


def _remarks(price: Prices) -> Iterator[str]:
    """Say once what is true of several calls, in words that may be true of other devices, too."""
    uncounted = {row.call.key for layer in price.layers for row in layer.rows if row.call.fate == "uncounted"}
    calls: dict[str, list[str]] = {}
    for remark in price.cost.remarks:
        key = price.keys[remark.row]
        if price.cost.kind[remark.row] == "network":
            yield remark.text
        elif key not in uncounted:
            text = re.sub(rf"(?<![\w/#]){re.escape(key)}(?![\w/#])", "…", remark.text, count=1)
            calls.setdefault(text.replace(price.cost.device.title, "the device"), []).append(key)
    for text, keys in calls.items():
        yield f"{text.removeprefix('… ')} ({listed(keys)})" if "…" in text else text


def _timesteps(price: Prices) -> Iterator[str]:
    """Say how long a timestep lasts, where it has a length."""
    length_s = price.cost.timestep_s
    if not units.is_unknown(length_s):
        yield f"a timestep takes {units.quantity(length_s, 's')}"


def _not_modelled(prices: Sequence[Prices]) -> Iterator[str]:
    missing = [price.cost.not_modelled for price in prices]
    everywhere = [term for term in missing[0] if len(prices) > 1 and all(term in terms for terms in missing)]
    if everywhere:
        yield f"not modelled on any device: {', '.join(map(term_title, everywhere))}"

    def others(price: Prices) -> Iterator[str]:
        terms = [_with_count(term, price) for term in price.cost.not_modelled if term not in everywhere]
        if terms:
            yield f"not modelled: {', '.join(terms)}"

    yield from _by_device(prices, others)


def _with_count(term: str, price: Prices) -> str:
    number = price.cost.left_out.get(term)
    return term_title(term) + (f" ({units.count(number)} per inference)" if number else "")


def _nonfinite(layers: Sequence[Layer]) -> Iterator[str]:
    calls = [row.call for layer in layers for row in layer.rows]
    if found := [call.key for call in calls if any(each.nonfinite for each in _observed(call))]:
        yield f"NaN or infinite values, counted as events, in: {listed(found)}"


def _observed(call: LayerCall) -> Iterator[Activity]:
    if call.output is not None:
        yield call.output
    for step in call.steps:
        if step.use is not None and step.use.activity is not None:
            yield step.use.activity


def _described(price: Prices) -> str:
    device = price.cost.device
    facts = [
        device.title,
        str(device.year) if device.year else "",
        f"{device.process_nm:g} nm" if device.process_nm else "",
        f"boundary of figures: {device.boundary}",
        "" if device.verified else "not all figures verified",
    ]
    cited = ", ".join(device.sources)
    return f"{price.label}: {', '.join(filter(None, facts))}. {device.description} [{cited}]"
