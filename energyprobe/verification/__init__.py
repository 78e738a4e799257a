"""`energyprobe.verify`: every count of a small run, counted once more by brute force.

`check` runs the model with a probe and, in the same run, keeps what each layer read and gave (`capture`). The
recount (`recount`, by `synapses`, `attention` and `elementwise`) knows nothing of the rules of the frontends,
of geometry or of counting: it multiplies masks of what was read with masks of weights, and adds up (`masks`).
`result` sets both side by side.
"""
