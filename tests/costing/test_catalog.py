"""The devices that come along: every figure is cited, has a unit, and does not claim more than it knows."""

import math

import pytest

from energyprobe.costing.figures import VERIFIABLE
from energyprobe.costing.loading import CATALOG, shared_sources
from energyprobe.costing.lookup import catalog, device

DEVICES = list(catalog().values())
FIGURES = [
    pytest.param(each, term, figure, id=f"{each.name}-{term}")
    for each in DEVICES
    for term, figure in each.figures.items()
]

KERAS_SPIKING = {"cpu", "gpu", "arm", "loihi", "spinnaker", "spinnaker2"}
ARITHMETIC = {"45nm-fp32", "45nm-fp16", "45nm-int8", "45nm-int8-add8", "7nm-fp32", "7nm-bf16", "7nm-int8"}
ACCELERATORS = {"lemaire-45nm-32bit", "lemaire-45nm-8bit"}
CHIPS = {
    "loihi-constant",
    "loihi-sanafe",
    "loihi2-proxy",
    "truenorth",
    "spinnaker-tang2023",
    "spinnaker2-22fdx",
    "odin",
    "seneca",
    "speck",
    "xylo-audio2",
    "northpole",
    "reckon",
    "mubrain",
    "tianjic",
    "neuronflow",
    "sne",
}
PROCESSORS = {
    "xeon-gold-5120",
    "xeon-e5-2630",
    "raspberry-pi-4",
    "raspberry-pi-4-armnn",
    "raspberry-pi-4-armnn-21.02",
    "raspberry-pi-4-tflite-2.4",
    "odroid-n2",
    "odroid-n2-int8",
    "agx-xavier-cpu",
    "cortex-m4",
    "cortex-m7",
    "cortex-m33",
    "cortex-m33-u385",
    "gap9",
    "ndp9120",
    "v100",
    "a100",
    "h100",
    "h200",
    "t4",
    "l4",
    "a10",
    "rtx2080ti",
    "rtx3090",
    "rtx4090",
    "quadro-k4000",
    "jetson-nano",
    "jetson-xavier-nx",
    "jetson-agx-xavier",
    "jetson-agx-xavier-mlperf",
    "a100-80gb",
    "a100-pcie-40gb",
    "a100-pcie-80gb",
    "jetson-agx-orin",
    "amd-epyc-1-thread",
    "amd-epyc-1-thread-numpy",
}
STAND_INS = {("xylo-audio2", "static_w")}
NAMES = KERAS_SPIKING | ARITHMETIC | CHIPS | PROCESSORS | ACCELERATORS


def test_the_devices():
    assert {device(name).name for name in NAMES} == set(catalog())
    assert list(catalog()) == sorted(catalog())


@pytest.mark.parametrize("each", DEVICES, ids=lambda each: each.name)
def test_a_device_is_one_file_of_its_name(each):
    assert (CATALOG / f"{each.name}.toml").is_file()


def test_no_two_devices_share_a_name():
    names = [name for each in DEVICES for name in (each.name, *each.aliases)]
    assert len(names) == len(set(names))
    assert names == [name.lower() for name in names]


@pytest.mark.parametrize("each", DEVICES, ids=lambda each: each.name)
def test_a_device_says_what_it_is_and_cites(each):
    assert each.title
    assert each.description.endswith(".")
    assert each.cites
    assert set(each.sources) == set(each.cites)
    assert each.figures


@pytest.mark.parametrize(("each", "term", "figure"), FIGURES)
def test_a_figure_has_value_range_source_and_boundary(each, term, figure):
    assert 0 < figure.low_si <= figure.value_si <= figure.high_si
    if term in ("macs", "acs", "neuron_updates"):
        assert figure.high_si < 1e-6
    # What was read in a publication, but stands for something else here, is not verified.
    assert figure.verified == (figure.provenance in VERIFIABLE and (each.name, term) not in STAND_INS)
    assert figure.source in each.sources
    assert figure.note
    # A figure that was read in another publication cannot be verified through it.
    assert figure.via is None or figure.provenance == "secondary"


def test_every_source_is_cited():
    cited = {key for each in DEVICES for key in each.cites}
    assert set(shared_sources()) == {key for key in cited if not key.startswith("measured-")}


@pytest.mark.parametrize(
    ("name", "term", "low", "value", "high"),
    [
        # Degnan et al. 2016, as used by KerasSpiking 0.3.0.
        ("cpu", "macs", 8.6e-9, 8.6e-9, 8.6e-9),
        ("cpu", "neuron_updates", 8.6e-9, 8.6e-9, 8.6e-9),
        ("gpu", "macs", 0.3e-9, 0.3e-9, 0.3e-9),
        ("gpu", "neuron_updates", 0.3e-9, 0.3e-9, 0.3e-9),
        ("arm", "macs", 0.9e-9, 0.9e-9, 0.9e-9),
        ("arm", "neuron_updates", 0.9e-9, 0.9e-9, 0.9e-9),
        # Davies et al. 2018, Table 2; high end of a synop: SANA-FE's loihi.yaml, dense synapse.
        ("loihi", "acs", 23.6e-12, 23.6e-12, 35.5e-12),
        ("loihi", "neuron_updates", 52e-12, 81e-12, 81e-12),
        ("loihi-constant", "acs", 23.6e-12, 23.6e-12, 35.5e-12),
        ("loihi-constant", "neuron_updates", 52e-12, 81e-12, 81e-12),
        # Höppner et al. 2019, as used by KerasSpiking 0.3.0; low end: Tang et al. 2023, Table 3.
        ("spinnaker", "acs", 45e-12, 13.3e-9, 13.3e-9),
        ("spinnaker", "neuron_updates", 26e-9, 26e-9, 26e-9),
        ("spinnaker2", "acs", 450e-12, 450e-12, 450e-12),
        ("spinnaker2", "neuron_updates", 2.19e-9, 2.19e-9, 2.19e-9),
        # Akopyan et al. 2015, as quoted: a line at 0.8 V; 42 to 323 mW in all.
        ("truenorth", "static_w", 42e-3, 64.43e-3, 323e-3),
        # Horowitz 2014: multiplication and addition; int8 with sums of 32 and of 8 bits.
        ("45nm-fp32", "macs", 3.7e-12 + 0.9e-12, 3.7e-12 + 0.9e-12, 3.7e-12 + 0.9e-12),
        ("45nm-fp32", "acs", 0.9e-12, 0.9e-12, 0.9e-12),
        ("45nm-fp16", "macs", 1.1e-12 + 0.4e-12, 1.1e-12 + 0.4e-12, 1.1e-12 + 0.4e-12),
        ("45nm-fp16", "acs", 0.4e-12, 0.4e-12, 0.4e-12),
        ("45nm-int8", "macs", 0.2e-12 + 0.1e-12, 0.2e-12 + 0.1e-12, 0.2e-12 + 0.1e-12),
        ("45nm-int8", "acs", 0.1e-12, 0.1e-12, 0.1e-12),
        ("45nm-int8-add8", "macs", 0.2e-12 + 0.03e-12, 0.2e-12 + 0.03e-12, 0.2e-12 + 0.03e-12),
        ("45nm-int8-add8", "acs", 0.03e-12, 0.03e-12, 0.03e-12),
    ],
)
def test_published_figures(name, term, low, value, high):
    figure = device(name).figures[term]
    assert (figure.low_si, figure.value_si, figure.high_si) == pytest.approx((low, value, high), rel=1e-12)


def test_power_of_one_network_is_no_verified_static_power():
    xylo = device("xylo-audio2")
    assert not xylo.verified
    figure = xylo.figures["static_w"]
    assert (figure.value_si, figure.provenance, figure.verified) == (pytest.approx(291e-6), "primary", False)
    assert "dynamic power of one network" in figure.note and "static power comes on top" in xylo.description


def test_conventional_devices_skip_nothing_and_take_values():
    for each in DEVICES:
        assert (each.skips == "nothing") == (each.kind == "conventional")
        assert each.graded_events or each.kind == "event-driven"


def test_both_published_figures_of_spinnaker():
    ratio = device("spinnaker").figures["acs"].value_si / device("spinnaker-tang2023").figures["acs"].value_si
    assert ratio == pytest.approx(296, rel=0.01)


def test_no_device_without_a_published_figure():
    # No energy of an operation of Akida or DYNAP-SE could be read, and none of Loihi 2.
    assert not any(name.startswith(("akida", "dynap")) for name in catalog())
    assert not any(figure.verified for figure in device("loihi2-proxy").figures.values())


def test_int8_with_wide_sums_gives_an_accumulate_a_third_of_a_mac():
    figures = device("45nm-int8").figures
    assert figures["macs"].value_si / figures["acs"].value_si == pytest.approx(3)
    assert math.isclose(device("45nm-int8-add8").figures["macs"].value_si / 0.03e-12, 7.67, rel_tol=1e-3)
