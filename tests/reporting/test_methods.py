"""The paragraph for a paper: what it states, and that every publication it cites has an entry."""

from __future__ import annotations

import re

import msgspec
import pytest

import energyprobe
from energyprobe.costing.device import Device
from energyprobe.costing.lookup import device
from energyprobe.errors import ReportError
from energyprobe.reporting.pricing import report
from energyprobe.reporting.result import Report
from energyprobe.trace.records import Trace


@pytest.fixture
def of_snn(counted_snn: Trace, chip: Device, cpu: Device) -> Report:
    versions = {
        "energyprobe": "0.0.1",
        "framework": "keras",
        "keras": "3.15.1",
        "tensorflow": "2.21.0",
        "backend": "tensorflow",
        "precision": "float32",
    }
    trace = msgspec.structs.replace(counted_snn, versions=versions)
    return report(trace, [chip, cpu], batch_size=8)


def test_the_paragraph_word_for_word(of_snn: Report) -> None:
    version = energyprobe.__version__
    # 64 x 48 + 2 x 48 x 48 synapses in 30 steps, and 48 x 10: 230,880; spikes and graded values: 59,520
    assert of_snn.methods().paragraph == (
        f"The energy of digits_snn was estimated with energyprobe {version} [energyprobe] from a recording "
        "made with Keras 3.15.1 and TensorFlow 2.21.0 in float32 (100 samples recorded, 30 timesteps each of "
        "1.00 ms; fingerprint snn). As recorded, an inference has 231 k synaptic operations, of which 59.5 "
        "k have a non-zero input. Energies are per inference, with batch size 8. "
        "On Spike Chip (spike-chip, 14 nm; boundary: core), only synaptic operations of non-zero inputs are "
        "paid for. Constants: accumulates 20.0 pJ (10.0–40.0 pJ) [lovelace]; neuron updates 100 pJ "
        "[lovelace]. Not modelled: multiply-accumulates, memory traffic, messages between cores, "
        "synchronisation, static power, idle power, host, input and output. "
        "This gives ≥ 547 nJ (418–806 nJ of what is "
        "priced). "
        "On Dense CPU (dense-cpu; boundary: chip), every synaptic operation is paid for, those of zero "
        "inputs included. Constants: multiply-accumulates 2.00 nJ [hopper]; neuron updates 3.00 nJ "
        "[hopper]; elementwise operations 500 pJ (400–800 pJ) [hopper]. Not modelled: memory traffic, "
        "messages between cores, synchronisation, static power, idle power, host, input and output. "
        "This gives 473 µJ "
        "(473–475 µJ). "
        "Intervals take every constant at the low and the high end of its range. "
        "Not all figures of Dense CPU are verified in their publications."
    )


def test_latex_cites_and_writes_quantities(of_snn: Report) -> None:
    paragraph, bibtex = of_snn.methods("latex")
    assert r"The energy of digits\_snn was" in paragraph
    assert (
        r"accumulates \qty{20.0}{\pico\joule} (\qtyrange{10.0}{40.0}{\pico\joule})~\cite{lovelace}"
        in paragraph
    )
    assert r"$\geq$ \qty{547}{\nano\joule}" in paragraph
    assert paragraph.isascii() and "[" not in paragraph
    cited = {key for keys in re.findall(r"\\cite\{(.*?)\}", paragraph) for key in keys.split(",")}
    assert cited == {"energyprobe", "lovelace", "hopper"}
    assert set(re.findall(r"^@\w+\{(.*),$", bibtex, flags=re.MULTILINE)) == cited


@pytest.mark.parametrize("device", ["loihi", "a100", "cortex-m4", "spinnaker2"])
def test_what_devices_of_the_catalog_cite_has_entries(counted_snn: Trace, device: str) -> None:
    paragraph, bibtex = report(counted_snn, device).methods("latex")
    cited = {key for keys in re.findall(r"\\cite\{(.*?)\}", paragraph) for key in keys.split(",")}
    assert len(cited) >= 2
    assert cited <= set(re.findall(r"^@\w+\{(.*),$", bibtex, flags=re.MULTILINE))


def test_what_was_not_counted_or_has_no_price_is_said(ann: Trace, chip: Device) -> None:
    paragraph = report(ann, chip).methods().paragraph
    assert "Spike Chip (spike-chip, 14 nm; boundary: " in paragraph
    assert "has no price for it." in paragraph
    assert "Not counted: spectrum; the totals are lower bounds." in paragraph
    assert "As recorded, an inference has ≥ 18.3 k synaptic operations" in paragraph


def test_printed_it_is_the_paragraph_and_the_entries(of_snn: Report) -> None:
    told = of_snn.methods()
    assert str(told) == f"{told.paragraph}\n\n{told.bibtex}"


def test_another_format_is_refused(of_snn: Report) -> None:
    with pytest.raises(ReportError) as caught:
        of_snn.methods("html")
    assert str(caught.value) == "no methods in the format 'html': known are latex, text"


def test_names_are_escaped(of_snn: Report) -> None:
    trace = msgspec.structs.replace(of_snn.trace, model=r"a_b\input{x}")
    paragraph = report(trace, "loihi").methods("latex").paragraph
    assert r"The energy of a\_b\textbackslash{}input\{x\} was" in paragraph


def test_the_error_of_a_device_model_is_told(ann: Trace) -> None:
    held_out = device("raspberry-pi-4").held_out
    assert held_out is not None
    told = (
        "Those of Raspberry Pi 4, TensorFlow Lite 2.7 are widened by a factor of "
        f"{held_out.factor:.3g}, its error on held-out measurements."
    )
    assert told in report(ann, "raspberry-pi-4").methods().paragraph
    assert "widened" not in report(ann, "cortex-m4").methods().paragraph
