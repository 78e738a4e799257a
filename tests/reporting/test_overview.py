"""A report's overview: what it tells of the network, without what holds of the devices."""

from __future__ import annotations

import energyprobe as ep


def test_it_is_the_beginning_of_the_report(snn) -> None:
    report = ep.report(snn, ["loihi", "45nm-int8"])
    titles = [section.title for section in report.overview.sections]
    assert titles[-1] == "Not counted" and not {"Assumptions", "Devices", "Sources"} & set(titles)
    assert report.document.sections[: len(titles)] == report.overview.sections
    assert str(report).startswith(str(report.overview))
