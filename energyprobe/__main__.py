"""``python -m energyprobe``: the command line."""

from __future__ import annotations

from energyprobe.cli import main

if __name__ == "__main__":
    main()
