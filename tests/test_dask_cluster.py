"""dask on worker processes of this machine: equality, a worker that is killed, and a limit of memory."""

import os
import signal
import time

import numpy as np
import pytest

import fftconv

distributed = pytest.importorskip("distributed")
da = pytest.importorskip("dask.array")

# Workers that end complain of sockets and threads of theirs; a test that fails still does.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.xdist_group("cluster")]


@pytest.fixture(scope="module")
def client():
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0",
            host="127.0.0.1", memory_limit="600MB", silence_logs=50,
        ) as cluster,
        distributed.Client(cluster) as connected,
    ):  # fmt: skip
        yield connected


@pytest.mark.parametrize("boundary", ["zero", "mirror", "wrap", "missing"])
def test_the_same_as_in_memory(client, boundary):
    rng = np.random.default_rng(4)
    x, k = rng.normal(size=(300, 200)), rng.random((9, 12))
    x[40, 50] = np.nan
    lazy = da.from_array(x, chunks=(64, 90))
    result = client.compute(fftconv.convolve(lazy, k, mode="same", boundary=boundary)).result(timeout=60)
    expected = fftconv.convolve(x, k, mode="same", boundary=boundary)
    np.testing.assert_allclose(result, expected, rtol=1e-12, equal_nan=True)


def go_on(convolver, samples):
    """What a stream gives, and the stream after it."""
    return convolver.process(samples), convolver


def test_filters_and_streams_go_to_workers_and_back(client):
    rng = np.random.default_rng(6)
    signal, kernel = rng.normal(size=3000), rng.normal(size=900)
    smooth = fftconv.Filter(kernel)
    np.testing.assert_array_equal(client.submit(smooth, signal).result(timeout=60), smooth(signal))
    here = fftconv.StreamingConvolver(kernel, block_size=64)
    there = fftconv.StreamingConvolver(kernel, block_size=64)
    here.process(signal[:1000])
    there.process(signal[:1000])
    for start in (1000, 1700):
        result, there = client.submit(go_on, there, signal[start : start + 700]).result(timeout=60)
        np.testing.assert_array_equal(result, here.process(signal[start : start + 700]))
    np.testing.assert_array_equal(there.flush(), here.flush())


def slowly(block):
    time.sleep(0.05)
    return block


def test_a_worker_may_be_killed(client):
    x = np.random.default_rng(5).normal(size=(400, 400))
    lazy = da.from_array(x, chunks=40).map_blocks(slowly)
    future = client.compute(fftconv.convolve(lazy, np.ones((5, 7)), mode="same"))
    time.sleep(1)
    assert not future.done()
    workers = client.run(os.getpid)
    os.kill(next(iter(workers.values())), signal.SIGKILL)
    np.testing.assert_allclose(
        future.result(timeout=120), fftconv.convolve(x, np.ones((5, 7)), mode="same"), atol=1e-10
    )


def peak():
    with open("/proc/self/status", encoding="ascii") as file:
        return int(next(line.split()[1] for line in file if line.startswith("VmHWM"))) * 1024


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="the system does not tell")
def test_workers_stay_within_their_memory(client):
    """An array of 0.8 GB goes through two workers of 0.6 GB, of which 0.2 are Python with its libraries."""
    client.restart()
    lazy = da.random.default_rng(6).random((14_000, 14_000), chunks=1400, dtype="float32")
    total = fftconv.convolve(
        lazy, np.full((15, 15), 1 / 225, "float32"), mode="same", boundary="wrap"
    ).mean()
    before = set(client.run(os.getpid).values())
    assert client.compute(total).result(timeout=120) == pytest.approx(0.5, abs=1e-4)
    assert set(client.run(os.getpid).values()) == before  # none had to be started anew
    assert max(client.run(peak).values()) < 600e6


def test_threads_are_those_of_dask(client):
    """A chunk is computed by the thread that it is given to, and by no other."""
    from fftconv._recording import recorded_plans

    with recorded_plans() as plans:
        lazy = da.ones((2000, 2000), chunks=1000)
        fftconv.convolve(lazy, np.ones((51, 51)) + np.eye(51), mode="same").compute(scheduler="sync")
    assert {plan.workers for plan in plans} == {1}
    with recorded_plans() as plans:
        fftconv.convolve(lazy, np.ones((51, 51)) + np.eye(51), mode="same", workers=2).compute(
            scheduler="sync"
        )
    assert {plan.workers for plan in plans} == {2}
