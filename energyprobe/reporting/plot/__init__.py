"""Charts of reports with matplotlib, one function each: ``ep.plot.energy_by_layer(report, ax=…)``.

Each draws into given axes or a new figure, gives the axes back, and has units on them; colours are those that
colour-blind readers tell apart, and never the only difference.
"""

from energyprobe.reporting.plot.activity import firing_rate_by_layer, sparsity_by_layer
from energyprobe.reporting.plot.comparing import energy_ratios, pareto_front
from energyprobe.reporting.plot.energy import energy_by_layer
from energyprobe.reporting.plot.kernels import breakeven, breakeven_figure
from energyprobe.reporting.plot.layer_curves import breakeven_of_layer
from energyprobe.reporting.plot.models import energy_by_device
from energyprobe.reporting.plot.pays import breakeven_by_layer
from energyprobe.reporting.plot.roof import roofline
from energyprobe.reporting.plot.time import events_over_time

__all__ = [
    "breakeven",
    "breakeven_by_layer",
    "breakeven_figure",
    "breakeven_of_layer",
    "energy_by_device",
    "energy_by_layer",
    "energy_ratios",
    "events_over_time",
    "firing_rate_by_layer",
    "pareto_front",
    "roofline",
    "sparsity_by_layer",
]
