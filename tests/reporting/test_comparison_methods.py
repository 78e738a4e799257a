"""The paragraph for a paper that compares: what it states, and that what it cites has an entry."""

from __future__ import annotations

import re

import pytest

import energyprobe as ep
from energyprobe.costing.device import Device
from energyprobe.errors import ReportError
from energyprobe.reporting.comparison import Comparison
from energyprobe.trace.records import Trace


@pytest.fixture
def compared(counted_ann: Trace, counted_snn: Trace, chip: Device, cpu: Device) -> Comparison:
    return ep.compare(
        {"cnn_1": counted_ann, "snn": counted_snn},
        [cpu, chip],
        batch_sizes=[1, 64],
        quality={"cnn_1": ep.Quality(0.982, n_test=450), "snn": ep.Quality(0.963)},
        draws=100,
        seed=3,
    )


def test_the_paragraph_word_for_word(compared: Comparison) -> None:
    missing = "memory traffic, messages between cores, synchronisation, static power, idle power"
    ratio = compared.ratio("snn", "dense-cpu")
    assert compared.methods().paragraph == (
        f"The energies of cnn_1 and snn were estimated with energyprobe {ep.__version__} [energyprobe]. "
        "cnn_1 (digits_cnn) is priced from a recording (100 samples recorded; fingerprint ann). "
        "As recorded, an inference has 18.3 k synaptic operations, of which 9.23 k have a non-zero input. "
        "Its accuracy on 450 samples is 98.2 % (95 % interval 96.5–99.1 %). "
        "snn (digits_snn) is priced from a recording (100 samples recorded, 30 timesteps each of 1.00 ms; "
        "fingerprint snn). As recorded, an inference has 231 k synaptic operations, of which 59.5 k have a "
        "non-zero input. Its accuracy is 96.3 %. Energies are per inference, at batch sizes 1 and 64. "
        "On Dense CPU (dense-cpu; boundary: chip), every synaptic operation is paid for, those of zero "
        "inputs included. Constants: multiply-accumulates 2.00 nJ [hopper]; elementwise operations 500 pJ "
        f"(400–800 pJ) [hopper]; neuron updates 3.00 nJ [hopper]. Not modelled: {missing}, host, input and "
        "output. This gives 38.2 µJ (37.9–39.2 µJ) for cnn_1 and 473 µJ (473–475 µJ) for snn; "
        f"snn / cnn_1 is {ratio.value:.1f} ({ratio.low:.1f}–{ratio.high:.1f}). "
        "On Spike Chip (spike-chip, 14 nm; boundary: core), only synaptic operations of non-zero inputs are "
        "paid for. Constants: accumulates 20.0 pJ (10.0–40.0 pJ) [lovelace]; neuron updates 100 pJ "
        f"[lovelace]. Not modelled: multiply-accumulates, {missing}, host, input and output. "
        "This gives no price for cnn_1 and ≥ 547 nJ (418–806 nJ of what is priced) for snn. "
        "Ranges of energies take every constant at the low and the high end of its range. "
        "Not all figures of Dense CPU are verified in their publications. Ranges of ratios are 5–95 % of 100 "
        "joint draws of the constants (seed 3), in which all models have the same constants."
    )


def test_latex_cites_and_escapes(compared: Comparison) -> None:
    paragraph, bibtex = compared.methods("latex")
    assert r"The energies of cnn\_1 and snn were" in paragraph and r"\qty{38.2}{\micro\joule}" in paragraph
    assert paragraph.isascii() and "[" not in paragraph
    cited = {key for keys in re.findall(r"\\cite\{(.*?)\}", paragraph) for key in keys.split(",")}
    assert cited == {"energyprobe", "lovelace", "hopper"}
    assert set(re.findall(r"^@\w+\{(.*),$", bibtex, flags=re.MULTILINE)) == cited


def test_what_differs_between_batch_sizes_and_models_is_told_apart(ann: Trace, snn: Trace) -> None:
    scenario = {"snn": ep.Scenario(timesteps=7)}
    compared = ep.compare({"ann": ann, "snn": snn}, "a100", batch_sizes=[1, 64], scenario=scenario)
    paragraph = compared.methods().paragraph
    assert "Of snn: timesteps 7." in paragraph and "Of ann:" not in paragraph
    assert paragraph.count("Not counted: spectrum; the totals are lower bounds.") == 1
    # Of the 64 samples of a batch, each takes the 64th part of the same launches.
    assert re.search(r"At batch size 1 this gives ≥ \S+ mJ \(.*\) for ann and ≥ 177 mJ ", paragraph)
    assert re.search(r"At batch size 64 this gives ≥ \S+ µJ \(.*\) for ann and ≥ 2.78 mJ ", paragraph)
    assert " of what is priced. " in paragraph


def test_a_device_without_any_price(ann: Trace, chip: Device, cpu: Device) -> None:
    paragraph = ep.compare({"a": ann, "b": ann}, [chip]).methods().paragraph
    assert "Spike Chip (spike-chip, 14 nm; boundary: " in paragraph
    assert "has no price for any of them." in paragraph


def test_another_format_is_refused(compared: Comparison) -> None:
    with pytest.raises(ReportError, match="no methods in the format 'html': known are latex, text"):
        compared.methods("html")
