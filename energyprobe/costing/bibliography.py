"""Sources of devices as BibTeX, ready to paste."""

from __future__ import annotations

import re
from collections.abc import Iterable

from energyprobe.costing.device import Device
from energyprobe.costing.figures import Source

_FIELDS = ("version", "volume", "number", "pages", "doi", "url")


def bibtex(key: str, source: Source) -> str:
    """One BibTeX entry.

    Parameters
    ----------
    key : str
        Citation key.
    source : Source
        The publication.

    Returns
    -------
    str
        ``@article{key, …}``; UTF-8, the title protected from lower-casing.
    """
    venue = {"article": "journal", "inproceedings": "booktitle"}.get(source.type, "howpublished")
    fields = {
        "author": " and ".join(source.authors) if _named(source) else "",
        "title": f"{{{_escaped(source.title)}}}",
        "year": str(source.year),
        venue: source.venue and _escaped(source.venue),
        **{field: getattr(source, field) for field in _FIELDS},
    }
    lines = [f"  {field} = {{{text}}}," for field, text in fields.items() if text]
    return "\n".join([f"@{source.type}{{{key},", *lines, "}"])


def bibliography(devices: Iterable[Device]) -> str:
    """BibTeX entries of everything that some devices cite.

    Parameters
    ----------
    devices : iterable of Device
        The devices.

    Returns
    -------
    str
        The entries in the order of their keys, each once, with blank lines between.
    """
    sources = {key: source for device in devices for key, source in device.sources.items()}
    return "\n\n".join(bibtex(key, sources[key]) for key in sorted(sources))


def citation(source: Source) -> str:
    """A publication in one line: ``Davies et al. (2018), IEEE Micro 38(1):82–99, doi:…``.

    Parameters
    ----------
    source : Source
        The publication.

    Returns
    -------
    str
        Authors, year, venue (or title where it has none) and DOI or URL; the title first where no author
        is known.
    """
    issue = (source.volume or "") + (f"({source.number})" if source.number else "")
    pages = (source.pages or "").replace("--", "–")
    where = " ".join(part for part in (source.venue, ":".join(filter(None, (issue, pages)))) if part)
    title = " ".join(part for part in (source.title, source.version) if part)
    address = f"doi:{source.doi}" if source.doi else source.url
    names = _named(source)
    if not names:
        return ", ".join(filter(None, (f"{title} ({source.year})", where, address)))
    surnames = [author.partition(",")[0].strip("{}") for author in names]
    several = len(source.authors) > 2 or len(names) < len(source.authors)
    who = f"{surnames[0]} et al." if several else " and ".join(surnames)
    return f"{who} ({source.year}), {where or title}, {address}"


def _named(source: Source) -> list[str]:
    """Authors without what BibTeX makes "et al." of."""
    return [author for author in source.authors if author != "others"]


def _escaped(text: str) -> str:
    return re.sub(r"([&%#_$])", r"\\\1", text)
