"""A communication channel of spiking neurons whose decoders are learned while it runs.

One ensemble represents a slow signal, and the connection to the next learns to hand it on (PES). A network of
this kind has no inferences: the report prices the run of one second as a whole, in both readings.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# NengoProbe comes first: from TensorFlow 2.13 on it is what makes nengo_dl importable.
from energyprobe import NengoProbe, counts, report

# isort: split
import nengo
import nengo_dl
import numpy as np

DEVICES = ["loihi", "spinnaker", "gpu"]
SECONDS = 1.0


def channel() -> nengo.Network:
    """Build the network; `error` says how far the channel is from what went in."""
    with nengo.Network(label="channel", seed=1) as net:
        stimulus = nengo.Node(lambda t: np.sin(2 * np.pi * t), label="stimulus")
        pre = nengo.Ensemble(100, 1, label="pre")
        post = nengo.Ensemble(100, 1, label="post")
        error = nengo.Ensemble(100, 1, label="error")
        nengo.Connection(stimulus, pre)
        learned = nengo.Connection(
            pre, post, function=lambda x: 0 * x, learning_rule_type=nengo.PES(learning_rate=3e-4)
        )
        nengo.Connection(post, error)
        nengo.Connection(pre, error, transform=-1)
        nengo.Connection(error, learned.learning_rule)
        net.sent, net.received = nengo.Probe(stimulus), nengo.Probe(post, synapse=0.03)
    return net


def main() -> None:
    """Run the channel and print what it did and what that costs."""
    net = channel()
    with nengo_dl.Simulator(net, progress_bar=False, seed=1) as sim:
        with NengoProbe(sim) as probe:
            sim.run(SECONDS, progress_bar=False)
        last = slice(-200, None)
        distance = np.abs(sim.data[net.sent][last] - sim.data[net.received][last]).mean()
    print(f"After {SECONDS:g} s the channel is {distance:.2f} away from its input.\n")
    table = counts(probe.trace)
    print(
        table[["layer", "event_synops", "neuron_updates", "spikes", "silent_fraction"]].to_string(index=False)
    )
    print()
    print(report(probe.trace, devices=DEVICES))


if __name__ == "__main__":
    main()
