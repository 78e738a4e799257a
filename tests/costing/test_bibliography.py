"""BibTeX that can be pasted, and sources in one line."""

import re

import msgspec
import pytest

from energyprobe.costing.bibliography import bibliography, bibtex, citation
from energyprobe.costing.figures import Source
from energyprobe.costing.loading import shared_sources
from energyprobe.costing.lookup import catalog, device

PAPER = Source(
    type="article",
    authors=("Doe, Jo", "Roe, Al"),
    title="Energy & Spikes: 100% of $5",
    venue="Journal of #1 Results",
    volume="7",
    number="2",
    pages="11--13",
    year=2026,
    doi="10.1000/a_b",
)


def test_an_article():
    assert bibtex("doe2026", PAPER) == (
        "@article{doe2026,\n"
        "  author = {Doe, Jo and Roe, Al},\n"
        "  title = {{Energy \\& Spikes: 100\\% of \\$5}},\n"
        "  year = {2026},\n"
        "  journal = {Journal of \\#1 Results},\n"
        "  volume = {7},\n"
        "  number = {2},\n"
        "  pages = {11--13},\n"
        "  doi = {10.1000/a_b},\n"
        "}"
    )


def test_proceedings_and_software():
    sources = shared_sources()
    horowitz = bibtex("horowitz2014", sources["horowitz2014"])
    assert horowitz.startswith("@inproceedings{horowitz2014,\n  author = {Horowitz, Mark},")
    assert "  booktitle = {IEEE International Solid-State Circuits Conference" in horowitz
    software = bibtex("kerasspiking", sources["kerasspiking"])
    assert software.startswith("@software{kerasspiking,\n  author = {{Applied Brain Research}},")
    assert "  version = {0.3.0},\n  url = {https://www.nengo.ai/keras-spiking/},\n}" in software


def test_sources_of_devices_come_once_and_in_order():
    text = bibliography([device("cpu"), device("gpu"), device("loihi-constant")])
    keys = re.findall(r"@\w+\{(\w+),", text)
    assert keys == ["blouw2019", "davies2018", "degnan2016", "kerasspiking", "sanafe2025"]
    assert text.count("\n\n") == 4
    assert bibliography([]) == ""


@pytest.mark.parametrize("key", sorted(shared_sources()))
def test_every_source_makes_a_whole_entry(key):
    entry = bibtex(key, shared_sources()[key])
    assert entry.count("{") == entry.count("}")
    assert re.search(r"^  (doi|url) = \{\S+\},$", entry, re.MULTILINE)
    assert "None" not in entry


def test_one_line():
    assert citation(PAPER) == "Doe and Roe (2026), Journal of #1 Results 7(2):11–13, doi:10.1000/a_b"
    sources = shared_sources()
    assert citation(sources["davies2018"]) == (
        "Davies et al. (2018), IEEE Micro 38(1):82–99, doi:10.1109/MM.2018.112130359"
    )
    assert citation(sources["kerasspiking"]) == (
        "Applied Brain Research (2021), KerasSpiking 0.3.0, https://www.nengo.ai/keras-spiking/"
    )
    assert citation(sources["tang2023"]) == (
        "Tang et al. (2023), Frontiers in Neuroscience 17:1187252, doi:10.3389/fnins.2023.1187252"
    )
    assert citation(sources["horowitz2014"]).startswith("Horowitz (2014), IEEE International Solid-State")


def test_authors_that_are_not_named() -> None:
    cut = msgspec.structs.replace(PAPER, authors=("Doe, Jane", "others"))
    assert citation(cut).startswith("Doe et al. (2026), ")
    assert "  author = {Doe, Jane and others}," in bibtex("doe", cut)
    unknown = msgspec.structs.replace(PAPER, authors=("others",))
    assert citation(unknown).startswith(f"{PAPER.title} (2026), Journal of #1 Results 7(2)")
    assert "author" not in bibtex("doe", unknown)


def test_all_devices_together():
    own = {key for device in catalog().values() for key in device.cites} - set(shared_sources())
    assert own == {"measured-amd-epyc-1-thread", "measured-amd-epyc-1-thread-numpy"}
    assert bibliography(catalog().values()).count("@") == len(shared_sources()) + len(own)
