"""What is told by a document: printed as wide as the terminal, and shown in a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType

    from energyprobe.reporting.document import Document


class HasDocument(Protocol):
    """What says something in words."""

    @property
    def document(self) -> Document:
        """What it says."""


class Worded:
    """Base of what can be printed and shown in a notebook, as its document is."""

    def __str__(self: HasDocument) -> str:
        return str(self.document)

    def _repr_html_(self: HasDocument) -> str:
        return self.document._repr_html_()

    def __rich_console__(
        self: HasDocument, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        return self.document.__rich_console__(console, options)
