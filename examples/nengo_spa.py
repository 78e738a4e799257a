"""Binding of two vectors by circular convolution, as in semantic pointers: small ensembles, many relays.

The simulator multiplies along every connection between passthrough nodes (the literal reading). Event-driven
hardware has no such nodes: their transforms are parts of the weights between ensembles (the folded reading).
The report prices each device for the reading that it computes.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# NengoProbe comes first: from TensorFlow 2.13 on it is what makes nengo_dl importable.
from energyprobe import NengoProbe, counts, report

# isort: split
import nengo
import nengo_dl
import numpy as np

DIMENSIONS, STEPS = 8, 100
READINGS = ("literal", "folded")


def binding() -> nengo.Network:
    """Build a network that binds two vectors, held by arrays of ensembles, into a third."""
    with nengo.Network(label="binding", seed=1) as net:
        net.inputs = [nengo.Node(np.zeros(DIMENSIONS), label=label) for label in ("role", "filler")]
        arrays = [nengo.networks.EnsembleArray(30, DIMENSIONS, label=label) for label in ("a", "b", "result")]
        bind = nengo.networks.CircularConvolution(30, DIMENSIONS, label="bind")
        for node, array, side in zip(net.inputs, arrays, (bind.input_a, bind.input_b), strict=False):
            nengo.Connection(node, array.input, synapse=None)
            nengo.Connection(array.output, side)
        nengo.Connection(bind.output, arrays[-1].input)
        net.bound = nengo.Probe(arrays[-1].output, synapse=0.03)
    return net


def bound(role: np.ndarray, filler: np.ndarray) -> np.ndarray:
    """Circular convolution of each pair of vectors."""
    return np.fft.irfft(np.fft.rfft(role) * np.fft.rfft(filler), n=DIMENSIONS)


def main() -> None:
    """Bind a few random vectors and print what that took in both readings."""
    random = np.random.RandomState(0)
    vectors = random.normal(size=(2, 4, DIMENSIONS))
    vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
    net = binding()
    data = {
        node: np.repeat(each[:, np.newaxis], STEPS, 1) for node, each in zip(net.inputs, vectors, strict=True)
    }
    with nengo_dl.Simulator(net, minibatch_size=4, progress_bar=False, seed=1) as sim:
        with NengoProbe(sim) as probe:
            result = sim.predict(data, verbose=0)[net.bound][:, -1]
    expected = bound(*vectors)
    cosine = (
        np.sum(result * expected, -1) / np.linalg.norm(result, axis=-1) / np.linalg.norm(expected, axis=-1)
    )
    print(f"Similarity of the bound vectors to what they should be: {np.round(cosine, 2)}\n")
    for reading in READINGS:
        table = counts(probe.trace, reading=reading)
        totals = table[["dense_synops", "event_macs", "event_acs", "neuron_updates"]].sum()
        print(f"{reading}: {(table['type'] == 'Connection').sum()} connections, {totals.to_dict()}")
    print()
    print(report(probe.trace, devices=["loihi", "gpu"]))


if __name__ == "__main__":
    main()
