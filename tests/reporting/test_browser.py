"""The HTML page in a real Chromium: sorted by mouse and keys, on a phone, in the dark, without scripts."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from energyprobe.costing.device import Device
from energyprobe.reporting.comparing import compare
from energyprobe.reporting.pricing import report
from energyprobe.reporting.result import Report
from energyprobe.trace.records import Trace

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--remote-debugging-pipe", "about:blank",
)  # fmt: skip
SECONDS = 20
KEYS = {"Tab": 9, "Enter": 13, " ": 32}
HOSTILE = "<script>alert(1)</script>"

pytestmark = pytest.mark.skipif(
    CHROMIUM is None,
    reason="Chromium is not installed (apt-get install chromium; scripts/setup does where it may)",
)


class Tab:
    """A tab of Chromium, driven through the DevTools protocol on a pipe."""

    def __init__(self, folder: Path) -> None:
        reading, to_browser = os.pipe()
        from_browser, writing = os.pipe()
        command = f'exec "$0" "$@" 3<&{reading} 4>&{writing}'
        self.errors = folder / "errors.txt"
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                ["bash", "-c", command, str(CHROMIUM), f"--user-data-dir={folder}", *OPTIONS],
                pass_fds=(reading, writing),
                stderr=errors,
            )
        os.close(reading)
        os.close(writing)
        self.to_browser, self.from_browser = to_browser, from_browser
        self.received = b""
        self.count = 0
        self.session: str | None = None
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility", "DOM"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self.count += 1
        message = {"id": self.count, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to_browser, json.dumps(message).encode() + b"\0")
        while (answer := self.next_message()).get("id") != self.count:
            self.events.append(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def next_message(self) -> dict[str, Any]:
        end = time.monotonic() + SECONDS
        while b"\0" not in self.received:
            ready, _, _ = select.select([self.from_browser], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"Chromium said nothing for {SECONDS} s"
            chunk = os.read(self.from_browser, 1 << 20)
            assert chunk, f"Chromium ended: {self.errors.read_text()}"
            self.received += chunk
        text, _, self.received = self.received.partition(b"\0")
        return json.loads(text)

    def load(self, page: Path) -> None:
        self.events.clear()
        self.call("Page.navigate", url=page.as_uri())
        while not self.seen("Page.loadEventFired"):
            self.events.append(self.next_message())

    def seen(self, method: str) -> list[dict[str, Any]]:
        return [event["params"] for event in self.events if event.get("method") == method]

    def evaluate(self, script: str) -> Any:
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def click(self, element: str) -> None:
        script = f"(() => {{ const e = {element}; e.scrollIntoView({{block: 'center', behavior: 'instant'}});"
        script += " const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2] })()"
        x, y = self.evaluate(script)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def press(self, key: str) -> None:
        code = KEYS[key]
        text = {"Enter": "\r", " ": " "}.get(key, "")
        typed = {"text": text} if text else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **typed)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def screenshot(self, path: Path, *, height: int) -> None:
        width = self.evaluate("innerWidth")
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        shot = self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def close(self) -> None:
        self.session = None
        self.call("Browser.close")
        self.process.wait(SECONDS)
        os.close(self.to_browser)
        os.close(self.from_browser)


@pytest.fixture(scope="module")
def of_snn(timed_snn: Trace, chip: Device, cpu: Device) -> Report:
    first, *others = timed_snn.calls
    hostile = msgspec.structs.replace(first, path=HOSTILE, layer=HOSTILE)
    return report(msgspec.structs.replace(timed_snn, calls=(hostile, *others)), [chip, cpu, "cortex-m4"])


@pytest.fixture(scope="module")
def page(of_snn: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    of_snn.save(path)
    return path


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    tab = Tab(tmp_path_factory.mktemp("profile"))
    yield tab
    tab.close()


@pytest.fixture
def tab(browser: Tab, page: Path) -> Iterator[Tab]:
    browser.call(
        "Emulation.setDeviceMetricsOverride", width=1280, height=900, deviceScaleFactor=1, mobile=False
    )
    browser.load(page)
    yield browser
    browser.call("Emulation.setEmulatedMedia", features=[])
    browser.call("Emulation.setScriptExecutionDisabled", value=False)


TABLE = "document.querySelector('table.sortable')"
LAYERS = f"[...{TABLE}.tBodies[0].rows].map((row) => row.cells[0].textContent)"


def header(name: str) -> str:
    return f"[...{TABLE}.tHead.rows[0].cells].find((each) => each.textContent === '{name}')"


def sorting(tab: Tab, name: str) -> str | None:
    return tab.evaluate(f"{header(name)}.getAttribute('aria-sort')")


def test_nothing_is_asked_for_and_nothing_goes_wrong(tab: Tab, page: Path) -> None:
    tab.click(f"{header('event synops')}.querySelector('button')")
    tab.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true })")
    tab.evaluate("new Promise((done) => setTimeout(done, 200))")
    assert {each["request"]["url"] for each in tab.seen("Network.requestWillBeSent")} == {page.as_uri()}
    assert tab.seen("Log.entryAdded") == []
    assert tab.seen("Runtime.exceptionThrown") == []
    assert tab.seen("Runtime.consoleAPICalled") == []


def test_the_policy_of_the_page_stops_requests(tab: Tab) -> None:
    # So that the test before this one can fail: a request is seen, and stopped.
    tab.evaluate("fetch('https://example.org/').catch(() => 'stopped')")
    assert any("Content Security Policy" in each["entry"]["text"] for each in tab.seen("Log.entryAdded"))


def test_a_click_sorts_another_one_turns_round_a_third_one_undoes(tab: Tab, of_snn: Report) -> None:
    button = f"{header('event synops')}.querySelector('button')"
    before = tab.evaluate(LAYERS)
    # Events x fan-out in 30 steps; what has no synops, or no count, comes last or keeps its place.
    synops = {HOSTILE: 32 * 48 * 30, "mix": 9 * 48 * 30, "readout": 48 * 10, "neurons": 0, "smooth": 0}
    tab.click(button)
    down = tab.evaluate(LAYERS)
    assert sorting(tab, "event synops") == "descending"
    assert down[:3] == sorted(synops, key=lambda name: -synops[name])[:3]
    assert (
        tab.evaluate("document.getElementById('status').textContent") == "Sorted by event synops, descending"
    )
    tab.click(button)
    up = tab.evaluate(LAYERS)
    assert sorting(tab, "event synops") == "ascending"
    assert [name for name in up if synops.get(name)] == ["readout", "mix", HOSTILE]
    # The uncounted layer, and what no layer causes, are last either way.
    network = before[len(of_snn.layers) :]
    assert network
    assert up[-1 - len(network) :] == down[-1 - len(network) :] == ["noise", *network]
    tab.click(button)
    assert tab.evaluate(LAYERS) == before
    assert before[: len(of_snn.layers)] == [layer.path for layer in of_snn.layers]
    assert sorting(tab, "event synops") is None


def test_sorting_goes_by_value_and_totals_stay_below(tab: Tab) -> None:
    tab.click(f"{header('dense-cpu †')}.querySelector('button')")
    cells = tab.evaluate(
        f"[...{TABLE}.tBodies[0].rows].map((row) => row.cells[{header('dense-cpu †')}.cellIndex].textContent)"
    )
    # mix 278 uJ, encode 185 uJ, twice 4.32 uJ, readout 965 nJ, smooth 720 nJ
    assert cells[:6] == ["278 µJ", "185 µJ", "4.32 µJ", "4.32 µJ", "965 nJ", "720 nJ"]
    assert tab.evaluate(f"{TABLE}.tFoot.rows[0].cells[0].textContent") == "total"
    tab.click(f"{header('layer')}.querySelector('button')")
    assert sorting(tab, "dense-cpu †") is None and sorting(tab, "layer") == "ascending"
    assert tab.evaluate(LAYERS)[:2] == [HOSTILE, "mix"]


def test_the_keyboard_reaches_and_sorts_everything(tab: Tab) -> None:
    tab.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to the report"
    assert tab.evaluate("document.activeElement.getBoundingClientRect().x") >= 0
    for _ in range(40):
        tab.press("Tab")
        if tab.evaluate("document.activeElement.textContent") == "type":
            break
    assert tab.evaluate("document.activeElement.tagName") == "BUTTON"
    assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    tab.press("Enter")
    assert sorting(tab, "type") == "ascending"
    tab.press(" ")
    assert sorting(tab, "type") == "descending"


def tree(tab: Tab) -> list[tuple[str, str]]:
    """Role and name of everything that a screen reader is told."""
    nodes = tab.call("Accessibility.getFullAXTree")["nodes"]
    return [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if not node["ignored"]
    ]


def test_a_screen_reader_is_told_tables_headers_and_charts(tab: Tab, of_snn: Report) -> None:
    told = tree(tab)
    _, layers, totals = of_snn.document.sections[:3]
    assert ("table", layers.title) in told and ("table", totals.title) in told
    assert {("button", column.heading) for column in layers.columns} <= set(told)
    assert ("rowheader", HOSTILE) in told
    assert {("image", chart.title) for chart in of_snn.charts} <= {
        (role.replace("img", "image"), name) for role, name in told
    }
    assert ("navigation", "Sections") in told and ("main", "") in told
    assert [name for role, name in told if role == "heading"][:2] == ["Energy of digits_snn", "Summary"]


def test_bibtex_is_copied(tab: Tab, of_snn: Report) -> None:
    tab.call("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    tab.click("document.querySelector('.copy')")
    assert tab.evaluate("getSelection().toString()").split() == of_snn.bibtex.split()
    tab.evaluate("new Promise((done) => setTimeout(done, 200))")
    assert tab.evaluate("document.querySelector('.copy').textContent") == "Copied"
    assert tab.evaluate("navigator.clipboard.readText()") == of_snn.bibtex


def test_a_phone_scrolls_down_only_and_tables_scroll_by_themselves(tab: Tab, page: Path) -> None:
    tab.call("Emulation.setDeviceMetricsOverride", width=360, height=740, deviceScaleFactor=2, mobile=True)
    tab.load(page)
    assert tab.evaluate("[innerWidth, document.documentElement.scrollWidth]") == [360, 360]
    assert tab.evaluate(f"{TABLE}.parentElement.scrollWidth > {TABLE}.parentElement.clientWidth")
    # Names of layers stay in sight.
    tab.evaluate(f"{TABLE}.parentElement.scrollTo({{left: 300, behavior: 'instant'}})")
    assert tab.evaluate(f"{TABLE}.tBodies[0].rows[0].cells[0].getBoundingClientRect().x") >= 0
    assert tab.evaluate("parseFloat(getComputedStyle(document.body).fontSize)") >= 16


CONTRASTS = """
(() => {
  const linear = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const part = (value) => linear(value / 255);
  const light = (colour) => {
    const [r, g, b] = colour.match(/[0-9.]+/g).map(Number);
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const ratio = (one, two) => (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
  const page = light(getComputedStyle(document.body).backgroundColor);
  const parts = ['body', 'header p', 'a', 'tbody td', 'figcaption', 'caption', 'pre'];
  const texts = parts.map((each) => ratio(page, light(getComputedStyle(document.querySelector(each)).color)));
  texts.push(ratio(page, light(getComputedStyle(document.querySelector('svg text')).fill)));
  return [page, texts];
})()
"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_texts_stand_out_in_either_theme(tab: Tab, theme: str) -> None:
    tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
    page, contrasts = tab.evaluate(CONTRASTS)
    assert page > 0.9 if theme == "light" else page < 0.05
    # WCAG 2.2, 1.4.3: 4.5 to 1
    assert min(contrasts) >= 4.5


def test_without_javascript_everything_is_there(tab: Tab, page: Path, of_snn: Report) -> None:
    tab.call("Emulation.setScriptExecutionDisabled", value=True)
    tab.load(page)
    told = tree(tab)
    assert not [name for role, name in told if role == "button"]
    layers = of_snn.document.sections[1]
    assert {("columnheader", column.heading) for column in layers.columns} <= set(told)
    assert {("rowheader", cell) for cell in layers.columns[0].cells} <= set(told)
    assert {role for role, _ in told} >= {"table", "image", "link"}
    assert any("@article{lovelace," in name for _, name in told)


def test_a_comparison_is_such_a_page_too(
    tab: Tab, counted_ann: Trace, counted_snn: Trace, cpu: Device, tmp_path: Path
) -> None:
    page = tmp_path / "comparison.html"
    models = {"cnn": counted_ann, HOSTILE: counted_snn}
    compare(models, [cpu, "cortex-m4"], accuracy={"cnn": 0.98, HOSTILE: 0.97}).save(page)
    tab.load(page)
    tab.click(f"{TABLE}.tHead.rows[0].cells[1].querySelector('button')")
    energies = tab.evaluate(f"[...{TABLE}.tBodies[0].rows].map((row) => row.cells[1].dataset.key)")
    assert len(energies) > 1 and energies == sorted(energies, key=float, reverse=True)
    assert {each["request"]["url"] for each in tab.seen("Network.requestWillBeSent")} == {page.as_uri()}
    assert tab.seen("Log.entryAdded") == tab.seen("Runtime.exceptionThrown") == []
    assert {role for role, _ in tree(tab)} >= {"table", "image", "button"}


def test_screenshots_are_not_empty(tab: Tab, tmp_path: Path) -> None:
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path))
    height = int(tab.evaluate("document.documentElement.scrollHeight"))
    for name, width, theme in (("desktop", 1280, "light"), ("dark", 1280, "dark"), ("phone", 360, "light")):
        tab.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
        tab.screenshot(folder / f"{name}.png", height=height)
        assert (folder / f"{name}.png").stat().st_size > 20_000
