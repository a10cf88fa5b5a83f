"""Every public function and method with arguments that are right, for tests of arguments that are wrong.

`FUNCTIONS` is read off the package. A new public function has to get an entry in `CALLS`.
"""

import dataclasses
import inspect

import numpy as np
from scipy import stats

import fftconv
import fftconv.audio
import fftconv.image
import fftconv.kernels
import fftconv.layers
import fftconv.plotting
import fftconv.probability

_SPECIAL = ("__init__", "__call__")


def _functions(instances):
    """Functions and methods by name; methods of an instance, class methods of the class."""
    modules = ("audio", "image", "kernels", "layers", "plotting", "probability")
    found = {}
    for module in (fftconv, *(getattr(fftconv, name) for name in modules)):
        prefix = module.__name__.removeprefix("fftconv").removeprefix(".")
        for name in module.__all__:
            member, path = getattr(module, name), f"{prefix}.{name}".removeprefix(".")
            if inspect.isfunction(member):
                found[path] = member
            elif inspect.isclass(member) and not issubclass(member, tuple):
                made = dataclasses.is_dataclass(member)  # results, which nobody makes by hand
                for each, raw in vars(member).items():
                    if each == "__init__" and not made:
                        found[path] = member
                    elif isinstance(raw, classmethod) and not each.startswith("_"):
                        found[f"{path}.{each}"] = getattr(member, each)
                    elif inspect.isfunction(raw) and (not each.startswith("_") or each in _SPECIAL[1:]):
                        if path in instances and len(inspect.signature(raw).parameters) > 1:
                            found[f"{path}.{each}"] = _method(instances[path], each)
                        elif len(inspect.signature(raw).parameters) > 1 and not made:
                            raise AssertionError(f"{path}.{each} needs an instance in INSTANCES")
    return found


def _method(make, name):
    def call(*args, **options):
        return getattr(make(), name)(*args, **options)

    call.__signature__ = inspect.signature(getattr(make(), name))
    return call


INSTANCES = {
    "Filter": lambda: fftconv.Filter([1.0, 2.0]),
    "FilterBank": lambda: fftconv.FilterBank([[1.0, 2.0], [3.0, 4.0]]),
    "StreamingConvolver": lambda: fftconv.StreamingConvolver([1.0, 2.0], block_size=4),
    "plotting.SlidingAnimation": lambda: fftconv.plotting.animate_sliding([1, 2, 3], [1, 1], frames=2),
    "probability.Pmf": lambda: fftconv.probability.Pmf([0.25, 0.5, 0.25]),
    "probability.Density": lambda: fftconv.probability.Density.from_pdf(
        lambda x: 0 * x + 1, 0, 1, step=0.1
    ),
}
FUNCTIONS = _functions(INSTANCES)


def _and_run(make):
    """A filter is made with its options, which some signals fit and others do not, and then called."""

    def call(**options):
        return make(**options)(FIELD)

    call.__signature__ = inspect.signature(make)
    return call


FUNCTIONS |= {name: _and_run(FUNCTIONS[name]) for name in ("Filter", "FilterBank")}

LINE = np.arange(12.0)
FIELD = np.arange(63.0).reshape(7, 9)
TAPS = np.ones((3, 3))
BYTES = np.arange(63, dtype=np.uint8).reshape(7, 9)
SOUND = 0.5 * np.sin(np.arange(400.0))
BATCH = np.arange(72.0).reshape(1, 2, 6, 6)
WEIGHTS = np.ones((3, 2, 3, 3))
DIE = fftconv.probability.die(6)

_PLANNED = {
    "axes": ((0, 1), {}),
    "stride": ((1, 2), {}),
    "dilation": ((2, 1), {}),
    "workers": (1, {}),
    "max_memory": (10**7, {}),
    "accuracy": (1e-9, {}),
}
_FILLED = {"fill_value": (1.0, {"boundary": "constant"})}
_MASKED = {"mask": (np.ones(FIELD.shape, bool), {})}
_CONVOLVED = {**_PLANNED, **_FILLED, **_MASKED}
_IMAGE = {"mask": (np.ones(BYTES.shape, bool), {}), "workers": (1, {})}
_STEPS = {
    "stride": ((1, 2), {}),
    "padding": ((1, (0, 2)), {}),
    "dilation": ((2, 1), {}),
    "groups": (1, {}),
}
_LAYER = {**_STEPS, **_FILLED, "workers": (1, {})}

_BOTH = {"signal": FIELD, "kernel": TAPS}

# What is needed for a call, and for each other parameter a value with what else it needs. Texts, choices,
# flags, callables and random seeds are left out.
CALLS = {
    "clear_spectra": ({}, {}),
    "compare": (
        {"signal": FIELD, "kernel": TAPS, "peers": (), "memory": False, "methods": ["direct"]},
        {"axes": ((0, 1), {}), "workers": (1, {}), "repeats": (1, {}), "max_seconds": (1.0, {})},
    ),
    "compare_sizes": (
        {"signals": [20, 30], "kernels": [3], "repeats": 1, "methods": ["direct"]},
        {"workers": (1, {}), "max_ratio": (2.0, {})},
    ),
    "convolve": (_BOTH, {**_CONVOLVED, "out": (np.empty((9, 11)), {})}),
    "correlate": (_BOTH, {**_CONVOLVED, "out": (np.empty((9, 11)), {})}),
    "explain": (_BOTH, _CONVOLVED),
    "interpolate_missing": (
        _BOTH,
        {**_MASKED, **_FILLED, "axes": ((0, 1), {}), "workers": (1, {}), "max_memory": (10**7, {})},
    ),
    "machine_profile": ({}, {}),
    "plan_convolution": (
        {"signal_shape": (20, 30), "kernel_shape": (3, 4)},
        _PLANNED,
    ),
    "show_config": ({}, {}),
    "tune": ({"save": False, "seconds": 1e-3}, {}),
    "verify_convolution": ({"result": [1, 3, 5, 3], "signal": [1, 2, 3], "kernel": [1, 1]}, {}),
    "Filter": ({"kernel": TAPS}, {**_PLANNED, **_FILLED}),
    "Filter.__call__": (
        {"signal": LINE},
        {"mask": (np.ones(12, bool), {}), "out": (np.empty(12), {})},
    ),
    "Filter.explain": ({"signal": LINE}, {"mask": (np.ones(12, bool), {})}),
    "FilterBank": ({"kernels": [TAPS, 2 * TAPS]}, {**_PLANNED, **_FILLED}),
    "FilterBank.__call__": (
        {"signal": LINE},
        {"mask": (np.ones(12, bool), {}), "out": (np.empty((2, 12)), {})},
    ),
    "StreamingConvolver": (
        {"kernel": [1.0, 2.0], "block_size": 4},
        {"channels": (1, {}), "latency": (4, {})},
    ),
    "StreamingConvolver.error_bound": ({"norm": 1.0}, {}),
    "StreamingConvolver.process": ({"block": LINE}, {"out": (np.empty(12), {})}),
    "StreamingConvolver.set_kernel": ({"kernel": [1.0, 3.0]}, {"crossfade": (2, {})}),
    "audio.decaying_noise": ({"sample_rate": 100, "decay_time": 0.5}, {"channels": (2, {})}),
    "audio.detect": (
        {"signal": SOUND, "template": SOUND[50:70], "sample_rate": 100},
        {"threshold": (0.5, {})},
    ),
    "audio.echo": (
        {"signal": SOUND, "sample_rate": 100, "delay": 0.1, "decay": 0.5},
        {"repeats": (2, {}), "mix": (0.5, {})},
    ),
    "audio.filter_file": (
        {"source": "samples/melody.wav", "target": "TARGET.wav", "filter": [1.0, 0.5]},
        {"headroom": (1.0, {})},
    ),
    "audio.fir": (
        {"signal": SOUND, "sample_rate": 1000, "cutoff": (100.0, 200.0), "band": "bandpass"},
        {"transition": (50.0, {})},
    ),
    "audio.info": ({"path": "samples/melody.wav"}, {}),
    "audio.read": ({"path": "samples/melody.wav"}, {"sample_rate": (11025, {"resample": True})}),
    "audio.read_with_metadata": ({"path": "samples/melody.wav"}, {}),
    "audio.reverb": (
        {"signal": SOUND, "impulse_response": [1.0, 0.5]},
        {
            "mix": (0.5, {}),
            "sample_rate": (8000, {"response_rate": 4000}),
            "response_rate": (4000, {"sample_rate": 8000}),
        },
    ),
    "audio.smooth": ({"signal": SOUND, "width": 5}, {"order": (2, {"window": "savitzky_golay"})}),
    "audio.write": ({"path": "TARGET.wav", "signal": SOUND, "sample_rate": 8000}, {"headroom": (1.0, {})}),
    "image.apply_kernel": (
        {"image": BYTES, "kernel": TAPS},
        {**_IMAGE, "scale": (0.5, {}), "bias": (1.0, {})},
    ),
    "image.box_blur": ({"image": BYTES, "size": (3, 2)}, _IMAGE),
    "image.deconvolve": (
        {"image": BYTES, "kernel": TAPS},
        {"noise": (0.1, {}), "iterations": (2, {"algorithm": "richardson_lucy"}), "workers": (1, {})},
    ),
    "image.difference_of_gaussians": (
        {"image": BYTES, "sigma": 1.0, "wider": 2.0},
        {**_IMAGE, "bias": (1.0, {})},
    ),
    "image.disk_blur": ({"image": BYTES, "radius": 1.5}, _IMAGE),
    "image.edge_directions": ({"image": BYTES}, {"gain": (2.0, {}), "workers": (1, {})}),
    "image.edges": (
        {"image": BYTES},
        {**_IMAGE, "sigma": (1.0, {"operator": "log"}), "gain": (2.0, {})},
    ),
    "image.emboss": ({"image": BYTES}, {**_IMAGE, "depth": (1.0, {})}),
    "image.filter_file": (
        {"source": "samples/cutout.png", "target": "TARGET.png", "filter": "emboss"},
        {"quality": (90, {"target": "TARGET.webp"}), "max_pixels": (10**8, {}), "max_memory": (10**9, {})},
    ),
    "image.filter_files": (
        {"sources": ["samples/cutout.png"], "folder": "FOLDER", "filter": "emboss"},
        {
            "quality": (90, {"sources": ["samples/melody_echo.jpg"]}),
            "jobs": (1, {}),
            "max_pixels": (10**8, {}),
            "max_memory": (10**9, {}),
        },
    ),
    "image.gaussian_blur": ({"image": BYTES, "sigma": 1.0}, {**_IMAGE, "truncate": (2.0, {})}),
    "image.gradient": ({"image": BYTES}, {"workers": (1, {})}),
    "image.high_pass": ({"image": BYTES, "sigma": 1.0}, {**_IMAGE, "bias": (1.0, {})}),
    "image.match_template": (
        {"image": BYTES, "template": BYTES[2:4, 3:6]},
        {"mask": (np.ones((2, 3)), {}), "threshold": (0.5, {})},
    ),
    "image.motion_blur": ({"image": BYTES, "length": 3.0, "angle": 20.0}, _IMAGE),
    "image.pipeline": ({"image": BYTES, "steps": "blur 1"}, {"workers": (1, {})}),
    "image.read": ({"path": "samples/cutout.png"}, {"max_pixels": (10**8, {})}),
    "image.read_frames": ({"path": "samples/cutout.png"}, {"max_pixels": (10**8, {})}),
    "image.read_with_metadata": ({"path": "samples/cutout.png"}, {"max_pixels": (10**8, {})}),
    "image.sharpen": ({"image": BYTES}, {**_IMAGE, "amount": (1.0, {}), "sigma": (1.0, {})}),
    "image.write": ({"path": "TARGET.png", "image": BYTES}, {"quality": (90, {"path": "TARGET.jpg"})}),
    "image.write_frames": (
        {"path": "TARGET.tif", "frames": [BYTES, BYTES]},
        {"quality": (90, {"path": "TARGET.webp", "frames": [np.dstack([BYTES] * 3)]})},
    ),
    "kernels.box": ({"size": (1, 7)}, {}),
    "kernels.difference": ({}, {"axis": (0, {}), "ndim": (2, {})}),
    "kernels.disk": ({"radius": 1.5}, {}),
    "kernels.echo": ({"delay": 3, "decay": 0.5}, {"repeats": (2, {})}),
    "kernels.emboss": ({}, {"depth": (1.0, {})}),
    "kernels.exponential": ({"smoothing": 0.5}, {"length": (3, {})}),
    "kernels.gabor": (
        {"sigma": 2.0, "wavelength": 4.0},
        {"angle": (10.0, {}), "phase": (90.0, {}), "aspect": (1.0, {}), "truncate": (2.0, {})},
    ),
    "kernels.gaussian": ({"sigma": (1.0, 2.0)}, {"truncate": (2.0, {})}),
    "kernels.laplace": ({}, {"neighbours": (4, {})}),
    "kernels.laplacian_of_gaussian": ({"sigma": 1.0}, {"truncate": (2.0, {})}),
    "kernels.motion": ({"length": 3.0}, {"angle": (20.0, {})}),
    "kernels.moving_average": ({"length": 3}, {}),
    "kernels.prewitt": ({}, {"axis": (0, {}), "ndim": (2, {})}),
    "kernels.scharr": ({}, {"axis": (0, {}), "ndim": (2, {})}),
    "kernels.sharpen": ({}, {"amount": (1.0, {}), "sigma": (1.0, {}), "truncate": (2.0, {"sigma": 1.0})}),
    "kernels.sobel": ({}, {"axis": (0, {}), "ndim": (2, {})}),
    "layers.conv_layer": ({"x": BATCH, "weights": WEIGHTS}, {**_LAYER, "bias": (np.ones(3), {})}),
    "layers.conv_layer_backward": (
        {"gradient": np.ones((1, 3, 4, 4)), "x": BATCH, "weights": WEIGHTS},
        {
            "stride": ((1, 2), {"gradient": np.ones((1, 3, 4, 2))}),
            "padding": ((1, (0, 2)), {"gradient": np.ones((1, 3, 6, 6))}),
            "dilation": ((2, 1), {"gradient": np.ones((1, 3, 2, 4))}),
            **{name: _LAYER[name] for name in ("groups", "fill_value", "workers")},
        },
    ),
    "layers.count_parameters": (
        {"input_shape": (3, 8, 8), "kernels": 2, "receptive_field": (3, 2)},
        _STEPS,
    ),
    "layers.output_size": (
        {"input": (9, 10), "receptive_field": (3, 2), "strict": False},
        {name: _STEPS[name] for name in ("stride", "padding", "dilation")},
    ),
    "layers.pool": ({"x": BATCH, "size": (2, 3)}, {"stride": ((1, 2), {}), "padding": ((1, (0, 1)), {})}),
    "layers.toeplitz_matrix": (
        {"kernel": TAPS, "shape": (5, 4)},
        {"stride": ((1, 2), {}), "dilation": ((2, 1), {"shape": (9, 9)})},
    ),
    "plotting.animate_sliding": (
        {"f": LINE, "g": [1.0, 2.0]},
        {"step": (0.5, {}), "starts": ((0.0, 1.0), {}), "labels": (("a", "b"), {}), "frames": (2, {})},
    ),
    "plotting.plot_image_pair": (
        {"before": BYTES, "after": BYTES},
        {"kernels": ([TAPS], {}), "titles": (("a", "b"), {})},
    ),
    "plotting.plot_kernel": ({"kernel": TAPS}, {}),
    "plotting.plot_signals": ({"signals": LINE}, {"sample_rate": (10.0, {}), "start": (1.0, {})}),
    "plotting.plot_sliding": (
        {"f": FIELD, "g": TAPS},
        {"at": ((3.0, 4.0), {}), "step": (0.5, {}), "starts": ((0.0, 1.0), {}), "labels": (("a", "b"), {})},
    ),
    "plotting.plot_toeplitz": ({"matrix": TAPS}, {}),
    "plotting.SlidingAnimation.plot": ({"number": 1}, {}),
    "plotting.SlidingAnimation.save": ({"path": "TARGET.gif"}, {"frames_per_second": (8.0, {})}),
    "plotting.SlidingAnimation.to_gif": ({}, {"frames_per_second": (8.0, {})}),
    "probability.Pmf": ({"probabilities": [0.25, 0.75]}, {"start": (1, {}), "step": (2, {})}),
    "probability.Pmf.from_counts": ({"counts": [1, 3]}, {"start": (1, {}), "step": (2, {})}),
    "probability.Pmf.from_dict": ({"weights": {0: 0.5, 1: 0.5}}, {}),
    "probability.Pmf.from_samples": ({"samples": [1, 2, 2]}, {}),
    "probability.Pmf.from_scipy": ({"distribution": stats.binom(5, 0.5)}, {}),
    "probability.Pmf.parse": ({"notation": "2d6"}, {}),
    "probability.Pmf.pmf": ({"x": [0, 1]}, {}),
    "probability.Pmf.log_pmf": ({"x": [0, 1]}, {}),
    "probability.Pmf.cdf": ({"x": [0, 1]}, {}),
    "probability.Pmf.sf": ({"x": [0, 1]}, {}),
    "probability.Pmf.at_least": ({"x": 1}, {}),
    "probability.Pmf.log_sf": ({"x": 1}, {}),
    "probability.Pmf.shift": ({"by": 1}, {}),
    "probability.Pmf.scale": ({"by": 2}, {}),
    "probability.Pmf.entropy": ({}, {}),
    "probability.Pmf.quantile": ({"q": 0.5}, {}),
    "probability.Pmf.interval": ({}, {"level": (0.5, {})}),
    "probability.Pmf.sample": ({"rng": np.random.default_rng(1)}, {}),
    "probability.Pmf.condition": ({"holds": lambda x: x > 0}, {}),
    "probability.Pmf.truncate": ({}, {"low": (1, {}), "high": (1, {})}),
    "probability.Pmf.plot": ({}, {}),
    "probability.Density": ({"make": lambda step: DIE, "step": 1, "lost_mass": 0.0}, {}),
    "probability.Density.from_pdf": (
        {"pdf": lambda x: 2 * x, "low": 0, "high": 1},
        {"points": ([0.25, 0.5], {}), "mass": (1.0, {})},
    ),
    "probability.Density.from_samples": ({"samples": LINE}, {"bandwidth": (1.0, {})}),
    "probability.Density.from_scipy": ({"distribution": stats.norm()}, {}),
    "probability.Density.refined": ({"tolerance": 0.1}, {}),
    "probability.Density.shift": ({"by": 1.0}, {}),
    "probability.Density.scale": ({"by": 2.0}, {}),
    "probability.Density.pdf": ({"x": [0.1, 0.5]}, {}),
    "probability.Density.cdf": ({"x": [0.1, 0.5]}, {}),
    "probability.Density.sf": ({"x": [0.1, 0.5]}, {}),
    "probability.Density.quantile": ({"q": [0.1, 0.5]}, {}),
    "probability.Density.plot": ({}, {}),
    "probability.bernoulli": ({"p": 0.5}, {}),
    "probability.binomial": ({"n": 5, "p": 0.5}, {}),
    "probability.compound": ({"frequency": DIE, "severity": DIE}, {}),
    "probability.degenerate": ({"value": 3}, {}),
    "probability.die": ({"sides": 6}, {}),
    "probability.geometric": ({"p": 0.5}, {}),
    "probability.maximum": ({"variables": [DIE, DIE]}, {}),
    "probability.minimum": ({"variables": [DIE, DIE]}, {}),
    "probability.mixture": ({"variables": [DIE, DIE], "weights": [0.5, 0.5]}, {}),
    "probability.p_value": ({"null": DIE, "observed": 5}, {}),
    "probability.poisson": ({"mean": 2.0}, {"lost_mass": (0.01, {}), "accuracy": (0.01, {})}),
    "probability.poisson_binomial": ({"p": [0.5, 0.25]}, {}),
    "probability.rank_sum": ({"n": 3, "m": 4}, {}),
    "probability.sum_independent": ({"variables": [DIE, DIE]}, {}),
    "probability.uniform": ({"low": 1, "high": 6}, {}),
}
