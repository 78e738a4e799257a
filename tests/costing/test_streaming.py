"""Streams: one second of a network that runs on and on, its mean power and the energy of a timestep."""

import math

import pytest
from msgspec.structs import replace

import energyprobe as ep
from energyprobe.costing.lookup import device
from energyprobe.costing.scenario import Scenario
from energyprobe.errors import ScenarioError
from energyprobe.trace.operations import Dense, NeuronUpdate

STREAM = Scenario(streaming=True)
MS = 1e-3


@pytest.fixture
def controller(make_call, make_trace, spiking, make_activity):
    """40 timesteps of 2 ms of one sample: 7 spiking inputs -> 5 neurons, which fire 60 times in all."""

    def make(**facts):
        timing = {"timesteps": 40, "dt": 2 * MS} | facts
        seen, fired = make_activity(7 * 40, 120, spikes=120), make_activity(5 * 40, 60, spikes=60)
        return make_trace(
            make_call("a -> b", (Dense(inputs=7, units=5), spiking(600, activity=seen)), **timing),
            make_call(
                "b",
                (NeuronUpdate(neuron="lif", neurons=5), None),
                inputs=("a -> b",),
                output=fired,
                output_spiking=True,
                foldable_over_time=False,
                **timing,
            ),
        )

    return make


def test_a_second_has_as_many_timesteps_as_fit(controller, make_device):
    total = make_device(graded_events=False, acs=2, neuron_updates=50).cost(controller(), STREAM).total()
    # 80 ms were recorded: 12.5 times as much is done in a second, in 500 timesteps.
    assert total.energy_j == pytest.approx(12.5 * (600 * 2 + 200 * 50) * 1e-12)
    assert total.timesteps == pytest.approx(500)
    assert total.power_w == pytest.approx(total.energy_j)
    assert total.energy_per_timestep_j == pytest.approx((600 * 2 + 200 * 50) * 1e-12 / 40)


def test_the_length_of_a_timestep_can_be_given(controller, make_device):
    chip = make_device(graded_events=False, acs=2, neuron_updates=50)
    slow = chip.cost(controller(), Scenario(streaming=True, timestep_s=10 * MS)).total()
    assert slow.timesteps == pytest.approx(100)
    assert slow.energy_per_timestep_j == pytest.approx((600 * 2 + 200 * 50) * 1e-12 / 40)
    unknown = chip.cost(controller(dt=None), Scenario(streaming=True, timestep_s=10 * MS)).total()
    assert unknown.energy_j == pytest.approx(slow.energy_j)


def test_what_runs_once_an_inference_runs_once_a_timestep(controller, make_call, make_device, spiking):
    trace = controller()
    head = make_call("head", (Dense(inputs=5, units=3), spiking(4)), inputs=("b",))
    cost = make_device(acs=1, macs=1).cost(replace(trace, calls=(*trace.calls, head)), STREAM)
    assert cost.terms["acs"].operations[2] == pytest.approx(500 * 4)


@pytest.mark.parametrize("name", ["loihi", "truenorth"])
def test_a_chip_draws_its_static_power_all_the_time(controller, name):
    cost = device(name).cost(controller(), STREAM)
    total = cost.total()
    static_w = device(name).figures["static_w"].value_si
    assert total.time_per_inference_s == pytest.approx(1)
    assert total.terms["static"].energy_j == pytest.approx(static_w)
    assert total.power_w == pytest.approx(total.energy_j)
    assert total.power_w > static_w
    # An input has its result a timestep later, in one stage of cores.
    assert cost.timestep_s == pytest.approx(2 * MS)
    assert total.latency_s == pytest.approx(2 * MS)
    # The state goes on: nothing is reset.
    assert "reset" not in total.terms or total.terms["reset"].energy_j == 0


def test_a_processor_waits_for_the_next_timestep(controller):
    total = device("a100").cost(controller(), STREAM).total()
    idle_w = device("a100").figures["idle_w"].value_si
    assert total.time_per_inference_s == pytest.approx(1)
    busy_s = 1 - total.terms["idle"].energy_j / idle_w
    # 2 kernels in each of 500 timesteps, which the framework launches in 60 us, and hardly anything else.
    assert busy_s == pytest.approx(500 * 2 * 60e-6, rel=0.05)
    assert total.latency_s == pytest.approx(busy_s / 500)


@pytest.mark.parametrize("name", ["a100", "cortex-m4"])
def test_timesteps_that_are_still_to_come_are_not_run_with_this_one(controller, name):
    recorded = replace(controller(), versions={"framework": "keras"})
    # Recorded in Keras, which runs a layer over all timesteps: those of a stream come one by one.
    layer_by_layer = device(name).cost(recorded, Scenario())
    assert "timesteps run folded" in layer_by_layer.notes
    stream, loop = (device(name).cost(each, STREAM) for each in (recorded, controller()))
    assert "timesteps run stepwise" in stream.notes
    assert stream.total() == loop.total()
    assert stream.total().latency_s < layer_by_layer.total().latency_s


@pytest.mark.parametrize("execution", ["folded", "fused"])
def test_a_stream_cannot_wait_for_later_timesteps(execution):
    with pytest.raises(ScenarioError) as caught:
        Scenario(streaming=True, execution=execution)
    assert str(caught.value) == (
        f"the timesteps of a stream come one by one: give streaming or execution='{execution}', not both"
    )


def test_what_cannot_keep_up_takes_longer(controller):
    fast = Scenario(streaming=True, timestep_s=1e-6)
    cost = device("a100").cost(controller(), fast)
    assert cost.time_per_inference_s == pytest.approx(1e6 * 2 * 60e-6, rel=0.05)
    assert "it cannot keep up with timesteps of this length" in cost.notes
    assert cost.total().power_w == pytest.approx(cost.total().energy_j / cost.time_per_inference_s)
    assert (
        "it cannot keep up with timesteps of this length"
        not in device("a100").cost(controller(), STREAM).notes
    )


def test_power_of_inferences_is_their_mean_power(controller):
    total = device("loihi").cost(controller(), Scenario(inferences_per_second=2)).total()
    assert total.power_w == pytest.approx(2 * total.energy_j)
    assert math.isnan(device("45nm-fp32").cost(controller()).total().power_w)


def test_timesteps_of_unknown_length(controller, make_device):
    with pytest.raises(ScenarioError) as caught:
        make_device(macs=1).cost(controller(dt=None), STREAM)
    assert str(caught.value) == "streaming: the trace of 'net' has no dt: give timestep_s, the length of one"


def test_timesteps_of_several_lengths(controller, make_device):
    first, second = controller().calls
    trace = replace(controller(), calls=(first, replace(second, dt=MS)))
    with pytest.raises(
        ScenarioError, match=r"the trace of 'net' has timesteps of 0\.001 s, 0\.002 s: give timestep_s"
    ):
        make_device(macs=1).cost(trace, STREAM)


def test_a_network_without_timesteps(make_call, make_trace, spiking, make_device):
    trace = make_trace(make_call("dense", (Dense(inputs=7, units=5), spiking(30)), dt=MS))
    with pytest.raises(ScenarioError, match="streaming: the trace of 'net' has no timesteps"):
        make_device(macs=1).cost(trace, STREAM)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("timesteps", 5),
        ("new_samples_per_inference", 1),
        ("inferences_per_second", 2.0),
        ("converted_timesteps", 8),
    ],
)
def test_a_stream_has_no_inferences(field, value):
    with pytest.raises(ScenarioError) as caught:
        Scenario(streaming=True, **{field: value})
    assert str(caught.value) == f"a stream has no inferences: give streaming or {field}, not both"


def test_streaming_is_yes_or_no():
    with pytest.raises(ScenarioError, match="streaming must be True or False, got 'yes'"):
        Scenario(streaming="yes")


def test_a_report_says_what_a_stream_costs(controller):
    report = ep.report(controller(), "loihi", streaming=True)
    total = report.total("loihi")
    assert total.power_w > 0
    text = str(report)
    assert "Totals, per second" in text
    assert "Layers, per second" in text
    assert "batch size 1, a stream" in text
    assert "energy of a timestep" in text
    assert "power" in text
    usual = str(ep.report(controller(), "loihi"))
    assert "Totals, per inference" in usual and "energy of a timestep" not in usual


def test_a_comparison_of_streams_is_per_second(controller):
    trace = controller()
    busier = replace(trace, model="busier", fingerprint="busier")
    text = str(ep.compare({"one": trace, "two": busier}, "loihi", streaming=True))
    assert "Each model on each device, per second" in text
