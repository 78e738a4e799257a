"""A paragraph for the methods of a paper that compares models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from energyprobe.reporting import methods_sentences as sentences
from energyprobe.reporting.cells import Case
from energyprobe.reporting.document import printable
from energyprobe.reporting.listing import enumerated
from energyprobe.reporting.methods_sentences import MethodsText, Writer
from energyprobe.reporting.quality import Quality
from energyprobe.reporting.ratio_words import ratio_figure, ratio_words
from energyprobe.reporting.running import per_words, scenario_words

if TYPE_CHECKING:
    from energyprobe.reporting.comparison import Comparison


def comparison_methods(comparison: Comparison, format: Literal["text", "latex"]) -> MethodsText:
    """Write the methods of a comparison; see `Comparison.methods`.

    Parameters
    ----------
    comparison : Comparison
        What was compared.
    format : {"text", "latex"}
        How the paragraph is written.

    Returns
    -------
    MethodsText
        Paragraph and entries.

    Raises
    ------
    ReportError
        If there is no such format.
    """
    costs = next(iter(comparison.reports.values())).costs.values()
    return sentences.methods_text(_sentences(comparison, sentences.writer(format)), costs)


def _sentences(comparison: Comparison, write: Writer) -> Iterator[str]:
    names = write.text(printable(enumerated(comparison.models)))
    yield f"The energies of {names} were {sentences.estimated(write)}."
    for name in comparison.models:
        yield _model(comparison, name, write)
    yield from _scenario(comparison, write)
    for device in comparison.devices:
        yield from _device(comparison, device, write)
    yield "Ranges of energies take every constant at the low and the high end of its range."
    first = next(iter(comparison.reports.values()))
    yield from sentences.doubts(list(first.costs.values()), write)
    yield write.text(
        f"Ranges of ratios are 5–95 % of {comparison.draws} joint draws of the constants (seed "
        f"{comparison.seed}), in which all models have the same constants."
    )


def _model(comparison: Comparison, name: str, write: Writer) -> str:
    report = comparison.reports[name, comparison.batch_sizes[0]]
    network = "" if report.trace.model == name else f" ({report.trace.model})"
    facts = [f"{write.text(printable(name + network))} is priced from {sentences.recording(report, write)}"]
    facts.append(sentences.synops(report, write))
    if name in comparison.quality:
        facts.append(_quality(comparison.quality[name], write))
    if uncounted := sentences.uncounted(report, write):
        facts.append(f"Not counted: {uncounted}; the totals are lower bounds")
    return " ".join(f"{fact}." for fact in facts)


def _quality(quality: Quality, write: Writer) -> str:
    of = "" if quality.n_test is None else f" on {quality.n_test:,} samples"
    interval = f" (95 % interval {quality.interval_words})" if quality.interval else ""
    return write.text(f"Its {quality.metric}{of} is {quality.words}{interval}")


def _scenario(comparison: Comparison, write: Writer) -> Iterator[str]:
    sizes = comparison.batch_sizes
    yield f"Energies are {per_words(comparison.scenario(comparison.baseline))}, {_at(sizes)}."
    models: dict[str, list[str]] = {}
    for name in comparison.models:
        models.setdefault(scenario_words(comparison.scenario(name), batch_size=False), []).append(name)
    for words, names in models.items():
        if words:
            yield f"Of {write.text(printable(enumerated(names)))}: {write.text(words)}."


def _device(comparison: Comparison, device: str, write: Writer) -> Iterator[str]:
    sizes = comparison.batch_sizes
    costs = [comparison.reports[name, sizes[0]].costs[device] for name in comparison.models]
    yield from sentences.device(costs, write)
    if not any(cost.total().energy_j > 0 for cost in costs):
        return
    where: dict[str, list[int]] = {}
    for size in sizes:
        where.setdefault(_energies(comparison, device, size, write), []).append(size)
    for told, of in where.items():
        yield f"{_at(of).capitalize()} this gives {told}." if len(where) > 1 else f"This gives {told}."


def _at(batch_sizes: Sequence[int]) -> str:
    return f"at batch size{'s' if len(batch_sizes) > 1 else ''} {enumerated(map(str, batch_sizes))}"


def _energies(comparison: Comparison, device: str, size: int, write: Writer) -> str:
    """Energies of all models, and the ratios that are known."""
    energies = enumerated(_energy(comparison, Case(name, device, size), write) for name in comparison.models)
    ratios = [
        write.text(_ratio(comparison, Case(name, device, size)))
        for name in comparison.others
        if comparison.ratio(name, device, size).is_known
    ]
    return f"{energies}{f'; {enumerated(ratios)}' if ratios else ''}"


def _energy(comparison: Comparison, case: Case, write: Writer) -> str:
    total = comparison.cells[case].total
    if total.does_not_fit:
        energy = "none, for it does not fit,"
    elif total.energy_j > 0:
        energy = sentences.energy(total, write)
    else:
        energy = "no price"
    return f"{energy} for {write.text(printable(case.model))}"


def _ratio(comparison: Comparison, case: Case) -> str:
    ratio = comparison.ratio(*case)
    value, ends = ratio_figure(ratio.value), ratio_words(ratio)
    interval = f" ({ends})" if ends != value else ""
    of = " of what is priced" if any(cell.is_lower_bound for cell in comparison.pair(case)) else ""
    return printable(f"{case.model} / {comparison.baseline} is {value}{interval}{of}")
