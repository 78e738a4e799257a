"""The HTML page: it parses, escapes what users name, links what it cites, and asks for nothing elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from energyprobe.costing.device import Device
from energyprobe.reporting.document import Column, Document, Lines, Table
from energyprobe.reporting.html import to_fragment, to_html
from energyprobe.reporting.pricing import report
from energyprobe.reporting.result import Report
from energyprobe.trace.records import Trace

HOSTILE = "</script><img src=x onerror=alert(1)>\"'&{{7*7}}$x^2$"
VOID = {"meta", "link", "br", "img", "input"}


class Page(HTMLParser):
    """A page whose elements are closed in the order in which they were opened."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def of_snn(snn: Trace, chip: Device, cpu: Device) -> Report:
    return report(snn, [chip, cpu])


@pytest.fixture(scope="module")
def page(of_snn: Report) -> Page:
    return Page(to_html(of_snn.document, of_snn.charts, of_snn.bibtex))


def test_the_page_says_what_the_document_says(page: Page, of_snn: Report) -> None:
    words = "".join(page.words)
    for section in of_snn.document.sections:
        assert section.title in words
        if isinstance(section, Lines):
            assert all(line in words for line in section.lines)
        else:
            assert all(cell in page.words for column in section.columns for cell in column.cells if cell)
    assert "@article{lovelace," in words


def test_the_page_loads_nothing(page: Page) -> None:
    (policy,) = (each["content"] for each in page.all("meta") if "http-equiv" in each)
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
    loading = ("link", "img", "iframe", "object", "embed", "audio", "video", "source", "base", "form")
    assert [tag for tag, _ in page.elements if tag in loading] == []
    assert [each for each in page.all("script") if "src" in each] == []
    assert [each["href"] for each in page.all("use") if not (each["href"] or "").startswith("#")] == []


def test_sources_are_linked(page: Page) -> None:
    links = [each["href"] for each in page.all("a")]
    assert "https://doi.org/10.1000/chips" in links
    assert "https://example.org/processors" in links


def test_identifiers_are_unique_and_found(page: Page) -> None:
    names = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(names) == len(set(names))
    asked = [each["href"] for each in (*page.all("a"), *page.all("use")) if (each["href"] or "")[0] == "#"]
    asked += [f"#{each[key]}" for each in page.all("svg") for key in ("aria-labelledby", "aria-describedby")]
    styles = " ".join(str(value) for _, attributes in page.elements for value in attributes.values())
    asked += re.findall(r"url\((#[^)]*)\)", styles)
    assert len(asked) > 20
    assert {str(each) for each in asked} <= {f"#{name}" for name in names}


def test_tables_are_marked_up_for_screen_readers(page: Page, of_snn: Report) -> None:
    tables = [each for each in of_snn.document.sections if isinstance(each, Table)]
    tables += [chart.table for chart in of_snn.charts]
    scopes = [each["scope"] for each in page.all("th")]
    assert scopes.count("col") == sum(len(table.columns) for table in tables)
    assert scopes.count("row") == sum(table.rows + table.has_total for table in tables)
    assert len(page.all("caption")) == len(page.all("table")) == len(tables)


def test_only_tables_without_details_can_be_sorted(page: Page) -> None:
    sortable = [each.get("class") == "sortable" for each in page.all("table")]
    # layers; totals, whose terms are details; the tables of charts
    assert sortable == [True, False] + [False] * (len(sortable) - 2)


def test_cells_hold_what_they_are_sorted_by() -> None:
    names = Column(name="layer", header="layer", cells=("a", "b", "c"), text=True)
    energy = Column(name="e", header="energy", cells=("999 nJ", "1.00 µJ", "—"), values=(9.99e-7, 1e-6, None))
    page = Page(to_html(Document("d", "", (Table("t", (names, energy)),))))
    assert [each.get("data-key") for each in page.all("td")] == ["9.99e-07", "1e-06", None]


@pytest.mark.parametrize("whole", [True, False])
def test_names_are_escaped(whole: bool, snn: Trace, chip: Device, cpu: Device) -> None:
    calls = tuple(
        msgspec.structs.replace(call, layer=HOSTILE, path=f"{HOSTILE}{place}", type=HOSTILE)
        for place, call in enumerate(snn.calls)
    )
    told = report(msgspec.structs.replace(snn, calls=calls, model=HOSTILE, notes=(HOSTILE,)), [chip, cpu])
    text = to_html(told.document, told.charts, told.bibtex) if whole else to_fragment(told.document)
    page = Page(text)
    assert page.all("img") == []
    assert len(page.all("script")) == whole
    assert page.words.count(f"{HOSTILE}0") >= 1
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)


def test_saved_html_is_the_page_and_the_same_every_time(of_snn: Report, tmp_path: Path) -> None:
    of_snn.save(tmp_path / "one.html")
    of_snn.save(tmp_path / "two.html")
    text = (tmp_path / "one.html").read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>\n")
    assert text == (tmp_path / "two.html").read_text(encoding="utf-8")


def test_a_notebook_shows_the_tables_without_script(of_snn: Report) -> None:
    page = Page(of_snn._repr_html_())
    assert page.all("script") == []
    assert len(page.all("table")) == 2
    assert "spike-chip" in page.words
