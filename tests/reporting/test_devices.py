"""The list of devices, and the page of one: every figure, its range, provenance and source, in 80 columns."""

import re

import pytest

import energyprobe as ep
from energyprobe.costing.lookup import catalog
from energyprobe.reporting.device_page import DevicePage
from energyprobe.reporting.document import Lines, Table
from energyprobe.reporting.terminal import to_text

OWN = """
model = "chip"
name = "mine"
title = "My chip"
kind = "event-driven"
skips = "zero inputs"
graded_events = false
description = "A chip."
aliases = ["own"]
process_nm = 22

[constants.acs]
value = 12.5
low = 10
high = 15
unit = "uJ"
source = "me2026"
provenance = "primary"
verified = true
boundary = "core"
note = "measured"

[constants.cores_per_chip]
value = 123456
unit = "1"
source = "me2026"
via = "davies2018"
provenance = "secondary"
verified = false
boundary = "chip"
note = "measured"

[sources.me2026]
type = "misc"
authors = ["Doe, Jo"]
title = "My measurements"
year = 2026
url = "https://example.org"
"""


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(OWN, encoding="utf-8")
    return path


def section(document, title):
    return next(each for each in document.sections if each.title == title)


def columns(table):
    return {column.name: column.cells for column in table.columns}


def test_a_page_has_every_figure_as_published(mine):
    page = ep.devices(mine)
    assert columns(section(page.document, "Figures")) == {
        "figure": ("accumulates", "cores of a chip"),
        "value": ("12.5 µJ", "123,456 †"),
        "range": ("10–15", "—"),
        "covers": ("core", "chip"),
        "read": ("primary", "quote"),
        "source": ("[1]", "[1, 2]"),
    }
    assert page.document.heading == "My chip"
    assert page.document.subheading == "mine, own, event-driven, 22 nm"
    assert section(page.document, "Notes").lines[0] == "accumulates, cores of a chip: measured"
    assert (
        section(page.document, "Sources").lines[0]
        == "[1] me2026: Doe (2026), My measurements, https://example.org"
    )


def test_a_page_ends_with_bibtex_to_paste(mine):
    page = ep.devices(mine)
    bibtex = page.device.bibtex()
    assert "@misc{me2026,\n  author = {Doe, Jo}," in bibtex
    assert str(page).endswith(f"\n\nBibTeX\n\n{bibtex}")
    assert "Doe, Jo" in page._repr_html_()


def test_a_device_in_short(mine):
    device = ep.load_device(mine)
    assert repr(device) == "EventDrivenChip('mine')"
    assert str(device).splitlines() == [
        "My chip (mine, own): event-driven, 22 nm",
        "A chip.",
        "2 figures (1 not verified) of 2 sources",
        "They cover: chip, core. energyprobe.devices(device) shows them all.",
    ]


def test_an_average_over_an_operating_point_is_said():
    notes = section(ep.devices("xylo-audio2").document, "Notes").lines
    assert any("average over an operating point, static power included" in line for line in notes)


def test_held_out_error_is_said():
    facts = section(ep.devices("rpi4").document, "Device").lines
    held_out = catalog()["raspberry-pi-4"].held_out
    assert any(f"factor of {held_out.factor:.3g}" in line for line in facts)


@pytest.mark.parametrize("name", catalog())
def test_a_page_fits_80_columns_and_leaves_out_nothing(name):
    device = catalog()[name]
    document = DevicePage(device).document
    text = to_text(document, 80)
    assert max(map(len, text.splitlines())) <= 80
    table = section(document, "Figures")
    assert table.rows == len(device.figures)
    unverified = sum(not figure.verified for figure in device.figures.values())
    assert sum("†" in cell for cell in columns(table)["value"]) == unverified
    for key in device.cites:
        assert key in text
        assert f"{{{key}," in device.bibtex()


def test_the_list_is_a_mapping_that_prints_itself():
    listed = ep.devices()
    assert list(listed) == list(catalog())
    assert listed["loihi"] is ep.device("loihi")
    assert len(listed) == len(catalog())
    assert list(listed.to_dataframe()["name"]) == list(catalog())
    assert "@article{davies2018," in listed.bibtex()
    assert "loihi" in listed._repr_html_()
    assert repr(listed).startswith("DeviceList(['45nm-fp16', ")


def test_the_list_fits_80_columns_and_leaves_out_nobody():
    document = ep.devices().document
    text = to_text(document, 80)
    assert max(map(len, text.splitlines())) <= 80
    names = [
        cell.removesuffix(" †")
        for table in document.sections
        if isinstance(table, Table)
        for cell in table.columns[0].cells
    ]
    assert sorted(names) == list(catalog())
    assert re.search(r"^loihi †\s+Intel Loihi\s+14\s+board\s+23.6 pJ$", text, flags=re.MULTILINE)
    assert re.search(
        r"^45nm-fp32\s+45 nm arithmetic, fp32\s+45\s+operation\s+4.60 pJ$", text, flags=re.MULTILINE
    )
    assert isinstance(document.sections[-1], Lines)


def test_rich_prints_both():
    from rich.console import Console

    console = Console(width=80, record=True)
    with console.capture() as page:
        console.print(ep.devices(), ep.devices("odin"))
    assert "Event-driven chips" in page.get()
    assert "@article{frenkel2019" in page.get()


def test_no_such_device():
    with pytest.raises(ep.UnknownDeviceError, match="did you mean 'loihi'"):
        ep.devices("lohi")


def test_one_measurement_is_no_share_of_several() -> None:
    pages = {name: " ".join(str(ep.devices(name)).split()) for name in ("loihi", "raspberry-pi-4")}
    assert "· the one measurement that it was not fitted to lay within a factor of 1.24" in pages["loihi"]
    assert "· 90 % of 52 measurements that it was not fitted to lay within" in pages["raspberry-pi-4"]
