"""Files of every format, read back."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pandas as pd
import pytest

from energyprobe.costing.device import Device
from energyprobe.errors import ReportError
from energyprobe.reporting.markdown import escaped
from energyprobe.reporting.pricing import report
from energyprobe.reporting.result import Report
from energyprobe.trace.records import Trace


@pytest.fixture
def of_snn(snn: Trace, chip: Device, cpu: Device) -> Report:
    return report(snn, [chip, cpu], batch_size=8)


def renamed(trace: Trace, path: str) -> Trace:
    """The same trace with another name of its first layer."""
    first, *others = trace.calls
    calls = (msgspec.structs.replace(first, layer=path, path=path), *others)
    return msgspec.structs.replace(trace, calls=calls)


def test_csv_is_the_frame(of_snn: Report, tmp_path: Path) -> None:
    of_snn.save(tmp_path / "report.csv")
    pd.testing.assert_frame_equal(
        pd.read_csv(tmp_path / "report.csv"), of_snn.to_dataframe(), check_dtype=False, check_exact=False
    )


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@a", "\t=1"])
def test_no_name_is_a_formula_in_csv(snn: Trace, cpu: Device, name: str, tmp_path: Path) -> None:
    report(renamed(snn, name), cpu).save(tmp_path / "report.csv")
    first = pd.read_csv(tmp_path / "report.csv").iloc[0]
    assert first["layer"] == first["path"] == f"'{name}"


def test_json_holds_numbers_and_null_for_what_is_unknown(of_snn: Report, tmp_path: Path) -> None:
    of_snn.save(str(tmp_path / "report.JSON"))
    data = json.loads((tmp_path / "report.JSON").read_text(encoding="utf-8"))
    assert data["schema"] == 2
    assert data["scenario"] == {"batch_size": 8}
    assert data["devices"]["spike-chip"]["total"]["energy_j"] == of_snn.total("spike-chip").energy_j
    assert data["devices"]["spike-chip"]["sources"] == {
        "lovelace": "Lovelace (2020), Journal of Chips 1:2–3, doi:10.1000/chips"
    }
    encode = data["rows"][0]
    assert (encode["layer"], encode["device"], encode["energy_j"], encode["latency_s"]) == (
        "encode", "spike-chip", None, None,
    )  # fmt: skip
    (noise,) = data["uncounted"]
    assert (noise["layer"], noise["reasons"], noise["entirely"]) == ("noise", ["unknown layer"], True)
    assert noise["parameter_share"] == 48 / (64 * 48 + 48 + 48 * 48 + 48 + 48 + 48 + 48 * 10 + 10)


def test_text_and_markdown_are_the_document(of_snn: Report, tmp_path: Path) -> None:
    of_snn.save(tmp_path / "report.txt")
    of_snn.save(tmp_path / "report.md")
    text, markdown = ((tmp_path / name).read_text(encoding="utf-8") for name in ("report.txt", "report.md"))
    assert text.startswith("Energy of digits_snn\n100 samples recorded, 30 timesteps each, batch size 8\n")
    assert markdown.startswith("## Energy of digits_snn\n")
    assert "\x1b" not in text


def test_other_suffixes_are_refused(of_snn: Report, tmp_path: Path) -> None:
    with pytest.raises(ReportError) as caught:
        of_snn.save(tmp_path / "report.docx")
    assert str(caught.value) == (
        "cannot save as 'report.docx': the suffix says the format, one of "
        ".csv, .html, .json, .md, .pdf, .png, .svg, .tex, .txt"
    )
    assert not list(tmp_path.iterdir())


def test_missing_folders_and_folders_are_refused(of_snn: Report, tmp_path: Path) -> None:
    missing = tmp_path / "none" / "report.md"
    with pytest.raises(ReportError) as caught:
        of_snn.save(missing)
    assert str(caught.value) == (
        f"cannot save as '{missing}': there is no folder '{missing.parent}'; make it first"
    )
    folder = tmp_path / "folder.md"
    folder.mkdir()
    with pytest.raises(ReportError) as caught:
        of_snn.save(folder)
    assert str(caught.value) == f"cannot save as '{folder}': it is a folder; give the name of a file"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("conv_1", "conv_1"),
        ("_private_", r"\_private\_"),
        ("a|b*c", r"a\|b\*c"),
        ("<b>[x](y)`z`\\", r"\<b\>\[x\](y)\`z\`\\"),
    ],
)
def test_markdown_shows_names_as_they_are(text: str, expected: str) -> None:
    assert escaped(text) == expected


def test_names_with_line_breaks_break_no_table(snn: Trace, cpu: Device, tmp_path: Path) -> None:
    report(renamed(snn, "a\nb\x1b[31m"), cpu).save(tmp_path / "report.md")
    assert "| a\ufffdb\ufffd\\[31m | TimeDistributed |" in (tmp_path / "report.md").read_text(
        encoding="utf-8"
    )
