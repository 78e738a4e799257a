"""Devices by name, path or as they are; the list of all; errors that name what is near."""

import pandas as pd
import pytest

from energyprobe.costing.loading import CATALOG
from energyprobe.costing.lookup import catalog, device, figures, frame_of, resolve_device
from energyprobe.errors import DeviceError, UnknownDeviceError


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("loihi", "loihi"),
        ("Loihi", "loihi"),
        (" cpu ", "intel-i7-4960x"),
        ("gpu", "gtx-titan-black"),
        ("arm", "arm-cortex-a"),
        ("spinnaker", "spinnaker"),
        ("spinnaker2", "spinnaker2-prototype"),
        ("45nm-fp32", "45nm-fp32"),
    ],
)
def test_names_and_aliases(given, name):
    assert device(given).name == name
    assert resolve_device(given) is device(given)


def test_unknown_device():
    with pytest.raises(UnknownDeviceError) as caught:
        device("lohi")
    assert str(caught.value) == (
        "no device 'lohi' (energyprobe.devices(), or 'energyprobe devices' in a shell, lists all; a file of "
        "your own is given by its path, which ends in .toml): "
        "did you mean 'loihi' or 'odin' or 'loihi2-proxy'?"
    )


def test_unknown_device_with_nothing_near():
    # A pointer to the list, not the list.
    with pytest.raises(KeyError, match=r"'energyprobe devices' in a shell, .*: none has a name like it$"):
        resolve_device("xyzzy")


@pytest.mark.parametrize("as_text", [True, False])
def test_a_file_of_ones_own(tmp_path, as_text):
    path = tmp_path / "mine.toml"
    path.write_text("name = 3", encoding="utf-8")
    with pytest.raises(DeviceError, match="model: missing"):
        resolve_device(str(path) if as_text else path)


def test_a_device_stays_as_it_is():
    assert resolve_device(device("loihi")) is device("loihi")


def test_neither_name_nor_file_nor_device():
    with pytest.raises(
        DeviceError, match=r"a device is a name, the path of a \.toml file or a Device, got 7"
    ):
        resolve_device(7)


def test_loading_a_device_registers_nothing(tmp_path):
    before = list(catalog())
    path = tmp_path / "too.toml"
    text = (CATALOG / "loihi.toml").read_text(encoding="utf-8")
    path.write_text(text.replace('"loihi"', '"loihi-too"'), encoding="utf-8")
    assert resolve_device(path).name == "loihi-too"
    assert list(catalog()) == before


def test_devices_in_a_table():
    table = frame_of(catalog().values())
    assert list(table.columns) == [
        "name",
        "aliases",
        "title",
        "kind",
        "year",
        "process_nm",
        "boundary",
        "skips",
        "graded_events",
        "macs_j",
        "acs_j",
        "neuron_updates_j",
        "elementwise_j",
        "verified",
        "sources",
    ]
    assert list(table["name"]) == list(catalog())
    loihi = table.set_index("name").loc["loihi-constant"]
    assert loihi["acs_j"] == pytest.approx(23.6e-12)
    assert pd.isna(loihi["macs_j"])
    assert (loihi["year"], loihi["process_nm"], loihi["boundary"]) == (2018, 14, "core")
    assert (loihi["verified"], loihi["sources"]) == (True, "davies2018, sanafe2025")
    cpu = table.set_index("name").loc["intel-i7-4960x"]
    assert (cpu["aliases"], cpu["verified"]) == ("cpu", False)
    assert table["elementwise_j"].isna().all()


def test_all_figures_of_a_device():
    table = figures("loihi").set_index("term")
    assert list(table.index) == list(device("loihi").figures)
    synop = table.loc["acs"]
    assert (synop["value"], synop["low"], synop["high"], synop["unit"]) == (23.6, 23.6, 35.5, "pJ")
    assert (synop["source"], synop["range_source"], synop["verified"]) == ("davies2018", "sanafe2025", True)
    assert table.loc["static_w", "via"] == "mimarsinan"
    assert set(table["boundary"]) == {"core", "chip", "board"}
