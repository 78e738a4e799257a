"""Device files of users: what they may say, and the error for each thing that is wrong."""

import re

import pytest

from energyprobe.costing.loading import find_line, load_device, parse_device
from energyprobe.errors import DeviceError

GOOD = """model = "constant"
name = "my-chip"
title = "My chip"
kind = "event-driven"
skips = "zero inputs"
graded_events = true
description = "A chip of mine."
also_cites = ["horowitz2014"]

[constants.macs]
value = 3
low = 2.5
high = 4
unit = "nJ"
source = "mine2026"
provenance = "primary"
verified = true
boundary = "chip"

[constants.neuron_kinds.lstm]
value = 70
unit = "pJ"
source = "mine2026"
provenance = "memory"
verified = false
boundary = "core"

[sources.mine2026]
type = "misc"
authors = ["Doe, Jo"]
title = "My measurements"
year = 2026
url = "https://example.org"
"""


def test_a_good_file(tmp_path):
    path = tmp_path / "my_chip.toml"
    path.write_text(GOOD, encoding="utf-8")
    chip = load_device(path)
    assert (chip.name, chip.title, chip.kind, chip.skips) == (
        "my-chip",
        "My chip",
        "event-driven",
        "zero inputs",
    )
    macs = chip.figures["macs"]
    assert (macs.value_si, macs.low_si, macs.high_si) == (3e-9, 2.5e-9, 4e-9)
    lstm = chip.figures["neuron_kinds.lstm"]
    assert lstm.value_si == lstm.low_si == lstm.high_si == pytest.approx(70e-12)
    assert chip.cites == ("mine2026", "horowitz2014")
    assert list(chip.sources) == ["mine2026", "horowitz2014"]
    assert chip.sources["mine2026"].title == "My measurements"
    assert not chip.verified
    assert chip.boundary == "chip, core"


def test_own_sources_come_before_those_of_the_catalog():
    text = GOOD.replace("[sources.mine2026]", "[sources.horowitz2014]").replace(
        '"mine2026"', '"horowitz2014"'
    )
    assert parse_device(text, "x.toml").sources["horowitz2014"].title == "My measurements"


@pytest.mark.parametrize(
    ("unit", "joules"), [("J", 3), ("mJ", 3e-3), ("uJ", 3e-6), ("nJ", 3e-9), ("pJ", 3e-12), ("fJ", 3e-15)]
)
def test_units(unit, joules):
    assert parse_device(GOOD.replace('"nJ"', f'"{unit}"'), "x.toml").figures[
        "macs"
    ].value_si == pytest.approx(joules)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'unit = "nJ"',
            'unit = "kJ"',
            "line 14: constants.macs.unit: 'kJ' is no known unit, did you mean 'J' or 'uJ' or 'pJ'?",
        ),
        (
            'unit = "nJ"',
            'unit = "s"',
            "line 14: constants.macs.unit: 's' is a unit of time, expected one of energy: "
            "J, mJ, uJ, nJ, pJ, fJ",
        ),
        (
            "value = 3",
            "value = -3",
            "line 11: constants.macs.value: expected a finite number of at least 0, got -3",
        ),
        (
            "value = 3",
            "value = nan",
            "line 11: constants.macs.value: expected a finite number of at least 0, got nan",
        ),
        (
            "high = 4",
            "high = inf",
            "line 13: constants.macs.high: expected a finite number of at least 0, got inf",
        ),
        (
            "low = 2.5",
            "low = 3.5",
            "line 11: constants.macs.value: expected low <= value <= high, got 3.5 <= 3 <= 4",
        ),
        (
            "high = 4",
            "high = 1",
            "line 11: constants.macs.value: expected low <= value <= high, got 2.5 <= 3 <= 1",
        ),
        ("value = 3", 'value = "3"', "line 11: constants.macs.value: expected a number, got text"),
        ("value = 3\n", "", "line 10: constants.macs.value: missing"),
        ('unit = "nJ"\n', "", "line 10: constants.macs.unit: missing"),
        ("verified = true\n", "", "line 10: constants.macs.verified: missing"),
        ("low = 2.5", "lo = 2.5", "line 12: constants.macs.lo: unknown field, did you mean 'low'?"),
        (
            'provenance = "primary"',
            'provenance = "first-hand"',
            "line 16: constants.macs.provenance: 'first-hand' is not allowed, "
            "known are derived, memory, primary, secondary, secondary-multiple",
        ),
        (
            'provenance = "primary"',
            'provenance = "secondary"',
            "line 17: constants.macs.verified: a figure of provenance 'secondary' cannot be verified, "
            "only primary, derived, secondary-multiple can",
        ),
        (
            'boundary = "chip"',
            'boundary = "wall"',
            "line 18: constants.macs.boundary: 'wall' is not allowed, known are board, chip, core",
        ),
        (
            'source = "mine2026"\nprovenance = "primary"',
            'source = "mine2062"\nprovenance = "primary"',
            "line 15: constants.macs.source: no source 'mine2062', did you mean 'mine2026'",
        ),
        (
            'source = "mine2026"\nprovenance = "memory"',
            'source = "nobody"\nprovenance = "memory"',
            "line 23: constants.neuron_kinds.lstm.source: no source 'nobody', ",
        ),
        (
            '["horowitz2014"]',
            '["horowitz2041"]',
            "line 8: also_cites: no source 'horowitz2041', did you mean",
        ),
        (
            "[constants.macs]",
            "[constants.mac]",
            "line 10: constants.mac: unknown term, did you mean 'macs' or 'acs'?",
        ),
        (
            "[constants.macs]",
            "[constants.elementwise]",
            "constants.macs: missing, a device with graded_events = true needs the energy of its "
            "multiply-accumulates",
        ),
        ("value = 70", "value = -70", "line 21: constants.neuron_kinds.lstm.value: expected a finite number"),
        ("value = 70", "worth = 70", "line 21: constants.neuron_kinds.lstm.worth: unknown field, "),
        ('name = "my-chip"\n', "", "my_chip.toml: name: missing"),
        ('name = "my-chip"', "name = 7", "line 2: name: expected text, got a number"),
        (
            'kind = "event-driven"',
            'kind = "magic"',
            "line 4: kind: 'magic' is not allowed, known are arithmetic, conventional, event-driven",
        ),
        (
            'skips = "zero inputs"',
            'skips = "zeros"',
            "line 5: skips: 'zeros' is not allowed, did you mean 'zero inputs'",
        ),
        (
            "graded_events = true",
            'graded_events = "yes"',
            "line 6: graded_events: expected true or false, got text",
        ),
        ('title = "My chip"', 'titel = "My chip"', "line 3: titel: unknown field, did you mean 'title'?"),
        (
            'model = "constant"\n',
            "",
            "my_chip.toml: model: missing, known are chip, constant, cpu, gpu, lemaire, processor",
        ),
        (
            'model = "constant"',
            'model = "constants"',
            "line 1: model: no device model 'constants', did you mean 'consta",
        ),
        (
            'model = "constant"',
            "model = 3",
            "line 1: model: no device model 3, known are chip, constant, cpu, gpu, lemaire, processor",
        ),
        (
            'type = "misc"',
            'type = "web"',
            "line 29: sources.mine2026.type: 'web' is not allowed, known are article, inproceedings, misc",
        ),
        (
            'authors = ["Doe, Jo"]',
            "authors = []",
            "line 30: sources.mine2026.authors: expected at least one author",
        ),
        ("year = 2026\n", "", "line 28: sources.mine2026.year: missing"),
        (
            'url = "https://example.org"\n',
            "",
            "line 28: sources.mine2026.doi: expected a doi or a url, got neither",
        ),
        ("[sources.mine2026]", "[other]", "line 28: other: unknown field, known are"),
        ("[constants.macs]", "[constants.macs", "not valid TOML: "),
        ("value = 3", "value = = 3", "not valid TOML: "),
        ('skips = "zero inputs"', 'skips = "zero inputs"\nskips = "nothing"', "not valid TOML: "),
    ],
)
def test_every_fault_has_file_line_and_field(tmp_path, old, new, message):
    assert GOOD.count(old) >= 1
    path = tmp_path / "my_chip.toml"
    path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DeviceError) as caught:
        load_device(path)
    text = str(caught.value)
    assert text.startswith(str(path))
    assert message in text


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("constants = 3\n", "line 1: constants: expected a table, got a number"),
        ("sources = 3\n", "line 1: sources: expected a table, got 3"),
        ("[constants]\nmacs = 3\n", "line 2: constants.macs: expected a table, got a number"),
        ("[sources]\nmine2026 = 3\n", "line 2: sources.mine2026: expected a table, got a number"),
        ("[constants.macs]\n", "line 1: constants.macs.value: missing"),
    ],
)
def test_values_where_tables_belong(head, message):
    scalars = GOOD[: GOOD.index("[constants.macs]")]
    if head.startswith("["):
        text, lines = scalars + head, scalars.count("\n")
        message = re.sub(r"\d+", lambda number: str(int(number[0]) + lines), message, count=1)
    else:
        text = head + scalars
    with pytest.raises(DeviceError, match=re.escape(f"x.toml, {message}")):
        parse_device(text, "x.toml")


def test_toml_errors_name_the_line():
    with pytest.raises(DeviceError, match=r"x\.toml: not valid TOML: .* \(at line 11, column 9\)"):
        parse_device(GOOD.replace("value = 3", "value = = 3"), "x.toml")


def test_no_such_file(tmp_path):
    path = tmp_path / "none.toml"
    with pytest.raises(
        DeviceError, match=rf"{re.escape(str(path))}: cannot be read as a device file: .*No such file"
    ):
        load_device(path)


def test_a_folder(tmp_path):
    with pytest.raises(DeviceError, match="cannot be read as a device file"):
        load_device(tmp_path)


def test_not_text(tmp_path):
    path = tmp_path / "photo.toml"
    path.write_bytes(b"\xff\xd8\xff")
    with pytest.raises(DeviceError, match="cannot be read as a device file: 'utf-8' codec"):
        load_device(path)


def test_a_device_file_has_one_wrong_value_error_like_the_builtin():
    with pytest.raises(ValueError, match="model: missing"):
        parse_device("", "x.toml")


@pytest.mark.parametrize(
    ("field", "line"),
    [
        ("name", 2),
        ("constants.macs", 10),
        ("constants.macs.unit", 14),
        ("constants.neuron_kinds.lstm.unit", 22),
        ("constants.macs.absent", 10),
        ("constants.absent.value", None),
        ("absent", None),
    ],
)
def test_find_line(field, line):
    assert find_line(GOOD, field) == line


def test_find_line_reads_quoted_names():
    assert find_line('[sources."a b"]\n"title" = 3\n', "sources.a b.title") is None
    assert find_line('[ sources."ab" ]\n"title" = 3\n', "sources.ab.title") == 2
