"""Names of figures and terms: one for each, everywhere."""

import pytest
from msgspec.structs import replace

from energyprobe.costing import chip, processor
from energyprobe.costing.chip_figures import TERM_OF
from energyprobe.costing.lookup import catalog
from energyprobe.costing.titles import TERMS, figure_title, term_title, unverified_notes


def test_names_of_figures():
    assert figure_title("acs") == "accumulates"
    assert figure_title("neuron_kinds.lstm") == "neuron updates (lstm)"
    assert figure_title("types.int8.conv_s") == "time of convolutions (int8)"
    assert figure_title("types.float16.macs") == "multiply-accumulates (float16)"
    assert figure_title("launches.framework") == "time of a launch (framework)"
    assert figure_title("access_per_bit") == "access per bit"
    assert term_title("static") == "static power"


@pytest.mark.parametrize("device", catalog().values(), ids=lambda device: device.name)
def test_no_figure_is_shown_by_its_field_name(device):
    titles = [figure_title(name) for name in device.figures]
    assert not any(sign in title for title in titles for sign in "._")
    assert len(set(titles)) == len(titles)


def test_rows_that_no_layer_causes_are_called_as_their_terms():
    rows = {*chip.NETWORK, *processor.NETWORK} - {"run"}
    assert rows <= set(TERMS.values())
    assert len(set(TERMS.values())) == len(TERMS)
    assert set(TERM_OF.values()) <= set(TERMS)


def test_figures_that_are_not_verified():
    def notes(name):
        return unverified_notes(catalog()[name].figures)

    most = "figures are not verified in the publication itself (the device's figures say which)"
    assert notes("rtx2080ti") == [f"most {most}"]
    assert notes("spinnaker") == [f"no {most.replace('figures are not', 'figure is')}"]
    assert notes("cortex-m4") == []
    known = catalog()["cortex-m4"].figures
    guess = replace(known["static_w"], verified=False)
    figures = {**known, "static_w": guess, "types.int8.dense_s": guess}
    assert unverified_notes(figures) == [
        "not verified in the publication itself: time of matrices (int8), static power"
    ]
