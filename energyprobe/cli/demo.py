"""``energyprobe demo``: the main job on handwritten digits."""

from __future__ import annotations

from energyprobe.cli.options import Outputs
from energyprobe.cli.output import save


def demo(output: Outputs = None) -> None:
    """Train two small networks on handwritten digits, record them, and compare what they cost.

    Takes a minute. Needs TensorFlow, KerasSpiking and scikit-learn. With -o, the comparison is kept, too.
    """
    from energyprobe.cli.digits import main

    save(main(), output)
