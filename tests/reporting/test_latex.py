"""LaTeX: quantities in the macros of siunitx, names as they are, tables no wider than a page."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest

from energyprobe.costing.device import Device
from energyprobe.reporting.comparing import compare
from energyprobe.reporting.document import Column, Document, Table
from energyprobe.reporting.latex import escaped, quantity, to_latex
from energyprobe.reporting.pricing import report
from energyprobe.trace.records import Trace


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("4.56 µJ", r"\qty{4.56}{\micro\joule}"),
        ("0 J", r"\qty{0}{\joule}"),
        ("1.20 kB", r"\qty{1.20}{\kilo\byte}"),
        ("62.5 Hz", r"\qty{62.5}{\hertz}"),
        ("387 pJ·s", r"\qty{387}{\pico\joule\second}"),
        ("3.10 ms", r"\qty{3.10}{\milli\second}"),
        ("≥ 4.56 µJ", r"$\geq$ \qty{4.56}{\micro\joule}"),
        ("310–620 µJ", r"\qtyrange{310}{620}{\micro\joule}"),
        ("3.10 nJ – 1.62 mJ", r"\qty{3.10}{\nano\joule}--\qty{1.62}{\milli\joule}"),
        ("93.8 %", r"\qty{93.8}{\percent}"),
        ("<0.1 %", r"\textless{}0.1 \%"),
        ("480", r"\num{480}"),
        ("1.44 k", r"\num{1.44e3}"),
        ("≥ 59.5 M", r"$\geq$ \num{59.5e6}"),
        ("—", "---"),
        ("not modelled", "not modelled"),
        ("30×48", r"30$\times$48"),
        ("", ""),
    ],
)
def test_figures_are_macros_of_siunitx(cell: str, expected: str) -> None:
    assert quantity(cell) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("conv_1", r"conv\_1"),
        (r"\input{/etc/passwd}", r"\textbackslash{}input\{/etc/passwd\}"),
        ("50 % & $x^2$ #1 ~", r"50 \% \& \$x\textasciicircum{}2\$ \#1 \textasciitilde{}"),
    ],
)
def test_names_are_text(text: str, expected: str) -> None:
    assert escaped(text) == expected


def test_rows_of_a_table() -> None:
    layers = Column(name="layer", header="layer", cells=("[x]", "b_1"), total="total", text=True)
    energy = Column(name="e", header="dense\nsynops", cells=("1.00 µJ", "free"), total="≥ 1.00 µJ")
    text = to_latex(Document("Net", "batch size 1", (Table("Layers, per inference", (layers, energy)),)))
    start = text.index(r"\begin{table}")
    assert (
        text[start:]
        == r"""\begin{table}
  \caption{Layers, per inference}
  \label{tab:net-layers-per-inference}
  \centering\footnotesize\setlength{\tabcolsep}{4pt}
  \sisetup{range-units = single, range-phrase = --}
  \begin{tabular}{@{}lr@{}}
    \toprule
    {}layer & \shortstack[r]{dense \\ synops} \\
    \midrule
    {}[x] & \qty{1.00}{\micro\joule} \\
    {}b\_1 & free \\
    \midrule
    {}total & $\geq$ \qty{1.00}{\micro\joule} \\
    \bottomrule
  \end{tabular}
\end{table}
"""
    )


def test_long_text_goes_on_several_lines() -> None:
    words = Column(name="w", header="words", cells=("so short", "a word or two " * 3), text=True)
    text = to_latex(Document("Net", "", (Table("Words", (words,)),)))
    assert r"\begin{tabular}{@{}>{\raggedright\arraybackslash}p{13em}@{}}" in text


def test_a_report_is_ascii_but_for_names_and_wide_tables_are_split(
    snn: Trace, chip: Device, cpu: Device, tmp_path: Path
) -> None:
    first, *others = snn.calls
    calls = (msgspec.structs.replace(first, path="a&b_{c}"), *others)
    report(msgspec.structs.replace(snn, calls=calls), [chip, cpu]).save(tmp_path / "report.tex")
    text = (tmp_path / "report.tex").read_text(encoding="utf-8")
    assert text.isascii()
    assert text.count(r"{}a\&b\_\{c\} & ") == 3
    assert re.findall(r"\\label\{(.*)\}", text) == [
        "tab:energy-of-digits-snn-layers-per-inference-structure",
        "tab:energy-of-digits-snn-layers-per-inference-activity",
        "tab:energy-of-digits-snn-layers-per-inference-energy",
        "tab:energy-of-digits-snn-totals-per-inference",
    ]
    for table in re.findall(r"\\begin\{tabular\}\{@\{\}([lr]+)@\{\}\}(.*?)\\end", text, flags=re.DOTALL):
        rows = [line for line in table[1].splitlines() if line.endswith(r"\\")]
        assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {len(table[0]) - 1}


PAPER = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage{array, textcomp, booktabs, siunitx, url}
\begin{document}
\input{report.tex}
\input{comparison.tex}
METHODS
\end{document}
"""


needs_latex = pytest.mark.skipif(
    shutil.which("pdflatex") is None,
    reason="no LaTeX is installed (apt-get install texlive-latex-recommended texlive-science)",
)


@needs_latex
def test_a_paper_with_hostile_names_compiles(snn: Trace, chip: Device, tmp_path: Path) -> None:
    name = r"a_b{\input{x}}[1]%$#&~^" + '"<>|'
    calls = tuple(
        msgspec.structs.replace(call, path=f"{name}{place}", layer=name)
        for place, call in enumerate(snn.calls)
    )
    hostile = msgspec.structs.replace(snn, calls=calls, model=name)
    priced = report(hostile, [chip, "a100", "cortex-m4"])
    priced.save(tmp_path / "report.tex")
    compared = compare({"snn": snn, name: hostile}, [chip, "cortex-m4"])
    compared.save(tmp_path / "comparison.tex")
    methods = "\n\n".join(each.methods("latex").paragraph for each in (priced, compared))
    paper = PAPER.replace("METHODS", methods)
    (tmp_path / "paper.tex").write_text(paper, encoding="utf-8")
    compiled(tmp_path)


@needs_latex
def test_tables_are_as_wide_as_a_page_of_text(ann: Trace, snn: Trace, chip: Device, tmp_path: Path) -> None:
    devices = [chip, "loihi", "a100", "cortex-m4", "raspberry-pi-4"]
    report(snn, devices).save(tmp_path / "report.tex")
    traces = {"conventional": ann, "spiking_one": snn, "spiking_two": snn}
    accuracy = {"conventional": 0.98, "spiking_one": 0.97}
    compare(traces, devices, batch_sizes=[1, 64], accuracy=accuracy).save(tmp_path / "comparison.tex")
    (tmp_path / "paper.tex").write_text(PAPER.replace("METHODS", ""), encoding="utf-8")
    too_wide = re.findall(r"Overfull \\hbox \((\d+)", compiled(tmp_path))
    assert not [each for each in too_wide if int(each) > 1]


def compiled(folder: Path) -> str:
    """What LaTeX says of the paper in a folder."""
    run = subprocess.run(
        ["pdflatex", "-draftmode", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"],
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
    )
    assert run.returncode == 0, run.stdout[-2000:]
    return run.stdout
