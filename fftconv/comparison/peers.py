"""What other libraries have for a convolution, and which of it they can do.

Each entry makes a function without arguments that does the work, or says in an `Unable` why it cannot.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from fftconv._arguments import Array, Problem
from fftconv._boundary import FILLED
from fftconv._checks import read_list

Run = Callable[[], Array]


class Unable(Exception):  # noqa: N818 (no error: it is shown in the table)
    """Why a library cannot do this."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A function of another library."""

    library: str
    module: str
    prepare: Callable[[Any, Problem], Run]
    seconds_per_product: float = 0.0
    """About, of those that take a time in proportion to the products."""
    note: str = ""
    """What its result is, if that is an approximation."""
    in_place_of: str = ""
    """A general function of the same library that nobody would call where this one can be called."""

    def seconds(self, problem: Problem) -> float:
        """About how long it takes, to leave out what would take minutes."""
        geometry = problem.options.geometry
        products = math.prod(geometry.signal_shape) * geometry.taps
        return self.seconds_per_product * products


def _numpy(module: Any, problem: Problem) -> Run:
    signal, kernel = problem.signal, problem.kernel
    _need(signal.ndim == 1, "one axis only")
    _need_zeros(problem)
    mode = problem.options.geometry.mode
    _need(mode != "same" or signal.size >= kernel.size, "its 'same' has the length of the longer array")
    return lambda: module.convolve(signal, kernel, mode)


def _scipy_signal(name: str) -> Callable[[Any, Problem], Run]:
    def prepare(module: Any, problem: Problem) -> Run:
        signal, kernel, geometry = problem.signal, problem.kernel, problem.options.geometry
        _need_zeros(problem)
        function = getattr(module, name)
        options: dict[str, Any] = {"mode": geometry.mode}
        if name == "convolve":  # over all axes; along the others of one tap that is nothing
            beside = [axis for axis in range(signal.ndim) if axis not in geometry.axes]
            _need(all(kernel.shape[axis] == 1 for axis in beside), "all axes only")
        else:
            options["axes"] = geometry.axes
        return lambda: np.asarray(function(signal, kernel, **options))

    return prepare


_NDIMAGE = {name: name for name in ("constant", "nearest", "reflect", "mirror", "wrap")} | {
    "zero": "constant"
}


def _scipy_ndimage(module: Any, problem: Problem) -> Run:
    options, geometry = problem.options, problem.options.geometry
    signal, kernel = problem.signal, problem.kernel
    _need(geometry.mode == "same", "mode='same' only")
    _need(signal.dtype.kind != "O", "no objects")
    _need(options.boundary in _NDIMAGE, f"no {options.boundary!r} boundary")
    # The centre of an even kernel is one further on there.
    origin = [-1 if kernel.shape[axis] % 2 == 0 else 0 for axis in range(signal.ndim)]
    fill = options.fill_value if options.boundary == "constant" else 0
    mode = _NDIMAGE[options.boundary]
    _need(all(k <= s for k, s in zip(kernel.shape, signal.shape, strict=True)), "no kernel longer than it")
    return lambda: np.asarray(
        module.convolve(signal, kernel, output=options.dtype, mode=mode, cval=fill, origin=origin)
    )


_CV2_BORDERS = {
    "zero": "BORDER_CONSTANT",
    "nearest": "BORDER_REPLICATE",
    "reflect": "BORDER_REFLECT",
    "mirror": "BORDER_REFLECT_101",
}


def _cv2(module: Any, problem: Problem) -> Run:
    options, geometry = problem.options, problem.options.geometry
    signal, kernel = problem.signal, problem.kernel
    _need(geometry.axes == (0, 1) and signal.ndim in (2, 3), "images only")
    _need(geometry.mode == "same", "mode='same' only")
    _need(options.boundary in _CV2_BORDERS, f"no {options.boundary!r} boundary")
    _need(options.dtype.char in "fd", "results of float32 and float64 only")
    samples = signal if signal.dtype.char in "BHfd" else signal.astype(options.dtype)
    border = getattr(module, _CV2_BORDERS[options.boundary])
    rows, columns = kernel.shape[:2]
    # It lays the kernel on as it is written, and counts its anchor from the first tap.
    taps = np.ascontiguousarray(kernel.reshape(rows, columns)[::-1, ::-1].astype(options.dtype))
    anchor = (columns // 2, rows // 2)
    depth = module.CV_32F if options.dtype.char == "f" else module.CV_64F
    return lambda: np.asarray(
        module.filter2D(samples, depth, taps, anchor=anchor, borderType=border)
    ).reshape(signal.shape)


@dataclass(frozen=True, slots=True)
class _Gaussian:
    """Standard deviation and reach of a Gaussian kernel along each axis, 0 where it has one tap."""

    sigmas: tuple[float, ...]
    reaches: tuple[int, ...]


def _read_gaussian(problem: Problem) -> _Gaussian:
    """Return the Gaussian that the kernel is, to the rounding of its taps."""
    kernel, geometry, dtype = problem.kernel, problem.options.geometry, problem.options.dtype
    why = "kernels that are Gaussians only"
    _need(dtype.char in "fd" and kernel.dtype.kind == "f" and bool(np.isfinite(kernel).all()), why)
    taps = kernel.astype(np.float64)
    sigmas, reaches, product = [], [], np.ones(())
    for axis in range(taps.ndim):
        line = taps.sum(axis=tuple(other for other in range(taps.ndim) if other != axis))
        reach = line.size // 2
        sigma = 0.0
        if line.size > 1:
            _need(line.size % 2 == 1 and bool(line[reach] > line[reach + 1] > 0), why)
            sigma = _deviation(line[reach:])
            # The further tap tells more digits, until it gets too small.
            sigma = _deviation(line[reach:], min(reach, max(1, round(2 * sigma))))
            line = np.exp(-(np.arange(-reach, reach + 1.0) ** 2) / (2 * sigma**2))
            line /= line.sum()
        sigmas.append(sigma)
        reaches.append(reach)
        product = np.multiply.outer(product, line)
    _need(bool(np.abs(product - taps).max() <= 16 * np.finfo(kernel.dtype).eps * product.max()), why)
    _need(geometry.mode == "same", "mode='same' only")
    return _Gaussian(tuple(sigmas), tuple(reaches))


def _deviation(half: Array, place: int = 1) -> float:
    """Return the standard deviation of a Gaussian from its middle and the tap so far from it."""
    ratio = float(half[place] / half[0])
    return place / math.sqrt(-2 * math.log(ratio)) if 0 < ratio < 1 else 1.0


def _gaussian_filter(module: Any, problem: Problem) -> Run:
    bell, options = _read_gaussian(problem), problem.options
    _need(options.boundary in _NDIMAGE, f"no {options.boundary!r} boundary")
    fill = options.fill_value if options.boundary == "constant" else 0
    mode = _NDIMAGE[options.boundary]
    signal = problem.signal.astype(options.dtype, copy=False)
    return lambda: np.asarray(
        module.gaussian_filter(signal, bell.sigmas, mode=mode, cval=fill, radius=bell.reaches)
    )


def _skimage(module: Any, problem: Problem) -> Run:
    bell, options = _read_gaussian(problem), problem.options
    _need(options.boundary in _NDIMAGE, f"no {options.boundary!r} boundary")
    pairs = [(s, r) for s, r in zip(bell.sigmas, bell.reaches, strict=True) if s]
    truncate = max((reach / sigma for sigma, reach in pairs), default=0.0)
    _need(all(int(truncate * s + 0.5) == r for s, r in pairs), "the same reach in deviations for all axes")
    fill = options.fill_value if options.boundary == "constant" else 0
    mode = _NDIMAGE[options.boundary]
    signal = problem.signal.astype(options.dtype, copy=False)
    return lambda: np.asarray(
        module.gaussian(signal, bell.sigmas, mode=mode, cval=fill, truncate=truncate, preserve_range=True)
    )


def _gaussian_blur(module: Any, problem: Problem) -> Run:
    bell, options, signal = _read_gaussian(problem), problem.options, problem.signal
    _need(options.geometry.axes == (0, 1) and signal.ndim in (2, 3), "images only")
    _need(options.boundary in _CV2_BORDERS, f"no {options.boundary!r} boundary")
    border = getattr(module, _CV2_BORDERS[options.boundary])
    rows, columns = (2 * reach + 1 for reach in bell.reaches[:2])
    down, along = (sigma or 1.0 for sigma in bell.sigmas[:2])  # 0 would be one that it chooses
    pixels = signal.astype(options.dtype, copy=False)
    return lambda: np.asarray(
        module.GaussianBlur(pixels, (columns, rows), along, sigmaY=down, borderType=border)
    ).reshape(signal.shape)


_PILLOW_CHANNELS = ((2,), (3,), (4,))  # grey has no axis of channels, unless it has opacity


def _pillow(module: Any, problem: Problem) -> Run:
    bell, signal, geometry = _read_gaussian(problem), problem.signal, problem.options.geometry
    _need(
        geometry.axes == (0, 1) and (signal.ndim == 2 or signal.shape[2:] in _PILLOW_CHANNELS),
        "pictures only",
    )
    _need(bool(signal.min() >= 0 and signal.max() <= 255), "numbers from 0 to 255 only")
    from PIL import Image

    picture = Image.fromarray(np.rint(signal).astype(np.uint8))
    down, along = bell.sigmas[:2]
    blur = module.GaussianBlur((along, down))
    return lambda: np.asarray(picture.filter(blur))


def _torch(module: Any, problem: Problem) -> Run:
    geometry, options = problem.options.geometry, problem.options
    signal, kernel = problem.signal, problem.kernel
    ndim = signal.ndim
    _need(len(geometry.axes) == ndim <= 3, "one to three axes, all of them")
    _need_zeros(problem)
    _need(options.dtype.char in "fd", "results of float32 and float64 only")
    function = getattr(module.nn.functional, f"conv{ndim}d")
    x, w = (
        module.from_numpy(np.ascontiguousarray(array.astype(options.dtype)))[None, None]
        for array in (signal, np.flip(kernel))
    )
    padding = 0 if geometry.mode == "valid" else tuple(taps - 1 for taps in kernel.shape)
    crop = tuple(
        slice(w.start, w.stop) if geometry.mode == "same" else slice(None) for w in geometry.windows
    )

    def run() -> Array:
        with module.no_grad():
            return np.asarray(function(x, w, padding=padding)[0, 0].numpy()[crop])

    return run


# Seconds for each product were measured on a Cascade Lake Xeon with one thread, in float64.
PEERS: dict[str, Peer] = {
    "numpy.convolve": Peer("numpy", "numpy", _numpy, 3e-10),
    "scipy.signal.convolve": Peer("scipy.signal", "scipy.signal", _scipy_signal("convolve")),
    "scipy.signal.fftconvolve": Peer("scipy.signal", "scipy.signal", _scipy_signal("fftconvolve")),
    "scipy.signal.oaconvolve": Peer("scipy.signal", "scipy.signal", _scipy_signal("oaconvolve")),
    "scipy.ndimage.convolve": Peer("scipy.ndimage", "scipy.ndimage", _scipy_ndimage, 1.5e-9),
    "scipy.ndimage.gaussian_filter": Peer(
        "scipy.ndimage", "scipy.ndimage", _gaussian_filter, in_place_of="scipy.ndimage.convolve"
    ),
    "skimage.filters.gaussian": Peer("skimage", "skimage.filters", _skimage),
    "cv2.filter2D": Peer("cv2", "cv2", _cv2),
    "cv2.GaussianBlur": Peer("cv2", "cv2", _gaussian_blur, in_place_of="cv2.filter2D"),
    "PIL.GaussianBlur": Peer(
        "PIL",
        "PIL.ImageFilter",
        _pillow,
        note="approximation: 8 bits, boxes in place of the Gaussian, edges repeated",
    ),
    "torch.conv": Peer("torch", "torch", _torch, 5e-10),
}
LIBRARIES = tuple(dict.fromkeys(peer.library for peer in PEERS.values()))
_PACKAGES = {
    "cv2": "opencv-python-headless",
    "scipy.signal": "scipy",
    "scipy.ndimage": "scipy",
    "skimage": "scikit-image",
    "PIL": "pillow",
}


def installed_peers() -> tuple[str, ...]:
    """Other libraries that `compare` knows and finds here.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> from fftconv.comparison import installed_peers
    >>> "scipy.signal" in installed_peers()
    True
    """
    return tuple(name for name in LIBRARIES if find_spec(name.split(".")[0]) is not None)


def read_peers(peers: str | Sequence[str]) -> tuple[str, ...]:
    """The names of functions of the libraries asked for."""
    installed = installed_peers()
    if isinstance(peers, str):
        if peers != "installed":
            raise ValueError(
                f"peers={peers!r} is not accepted; pass 'installed', or a list of some of "
                f"{', '.join(map(repr, installed))}"
            )
        asked: Sequence[str] = installed
    else:
        asked = read_list("peers", peers, "'installed', or a list of libraries")
    for name in asked:
        if name not in LIBRARIES:
            raise ValueError(
                f"peers={peers!r}: {name!r} is not known; of those that are, there are here "
                + ", ".join(map(repr, installed))
            )
        if name not in installed:
            raise ImportError(
                f"peers={peers!r}: {name!r} is not installed; pip install {_PACKAGES.get(name, name)}, or "
                f"choose of {', '.join(map(repr, installed))}"
            )
    return tuple(name for name, peer in PEERS.items() if peer.library in asked)


def prepare_peer(name: str, problem: Problem) -> Run:
    """The work as this function does it, ready to run."""
    peer = PEERS[name]
    geometry = problem.options.geometry
    _need(all(w.stride == w.dilation == 1 for w in geometry.windows), "no stride or dilation")
    _need(not geometry.kernel_varies, "one kernel for all slices only")
    return peer.prepare(import_module(peer.module), problem)


def _need(condition: bool, otherwise: str) -> None:
    if not condition:
        raise Unable(otherwise)


def _need_zeros(problem: Problem) -> None:
    _need(
        problem.options.boundary in FILLED and problem.options.fill_value == 0,
        "zeros beyond the edges only",
    )
