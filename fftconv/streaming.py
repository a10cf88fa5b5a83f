"""Convolution block by block, for signals that do not end or are not there yet."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from fftconv._arguments import (
    Array,
    check_out,
    native_dtype,
    read_array,
    read_plain,
    refuse_dtype,
    refuse_scalar,
)
from fftconv._arrays import check_array_kind
from fftconv._checks import check_choice, check_count, check_finite, shown
from fftconv._copies import set_state, state_without
from fftconv._engines.stream import Connection, lengths, make_stream, restore_state, save_state
from fftconv._nonfinite_stream import NonFiniteSamples
from fftconv._partitions import LONGEST_BLOCK, PARTITIONS, Partitions, partition

__all__ = ["StreamingConvolver"]


def __dir__() -> list[str]:
    return __all__


_DTYPES = (np.dtype(np.float32), np.dtype(np.float64))
_MOST_CHANNELS = 1024
_LEAST_STEP = 4096  # frames of the tail that are computed together


class StreamingConvolver:
    r"""A convolution that is fed blocks of a signal and gives as many samples back, at once.

    .. math:: y[n] = \sum_{i=0}^{m-1} h[i] \, x[n - i]

    with x[n] = 0 before the first block. All that `process` returned and what `flush` returns is
    ``convolve(x, h, mode="full")``, however the signal was cut into blocks.

    The first taps are added up one by one, or transformed with each block of `block_size`; later ones in
    longer blocks, whose work is spread over the samples that follow, so that no call does much more than
    another. With the native core `process` allocates nothing if `out` is given and no crossfade runs.

    Parameters
    ----------
    kernel : array_like
        Impulse response: taps h of shape (m,) for all channels, (m, channels) one for each, or (m,
        channels, outputs) from each channel to each output, (m, 2, 2) for true stereo. Finite real numbers.
    block_size : int
        Frames that `process` is mostly called with, from 1 to 1048576: the fast path. Blocks of any other
        size are right too.
    channels : int, default 1
        Of the signal.
    dtype : {float32, float64}, optional
        Of the arithmetic and the result; by default float32 for a float32 kernel, else float64.
    latency : int, default 0
        0: every sample is answered at once. `block_size`: outputs are delayed by so many samples, which
        spares work where blocks are of another size.
    partitions : {"auto", "direct", "uniform", "nonuniform"}, default "auto"
        All taps that are not 0 one by one; in blocks of `block_size`; in longer and longer blocks; or what
        is predicted to cost least a sample.

    Raises
    ------
    ValueError
        If the kernel is empty, is not finite or has other channels than the signal, or a number or a choice
        is not accepted.
    TypeError
        If the kernel or a block is not of real numbers.

    See Also
    --------
    Filter : For signals that are all there.
    fftconv.audio.filter_file : From file to file.

    Notes
    -----
    A sample that is NaN or infinite reaches the outputs whose window holds it, and no other; while one is
    in reach, calls take longer and allocate. A convolver belongs to one thread at a time, but `set_kernel`
    may be called from any.

    Pickle and copy take all that it has taken in: a copy goes on where the original stands, to the same
    bits. In the middle of a signal it is opened on the same core alone, as others round otherwise.

    References
    ----------
    W. G. Gardner, "Efficient convolution without input-output delay", J. Audio Eng. Soc. 43 (1995) 127-136.

    Examples
    --------
    >>> import numpy as np, fftconv
    >>> echo = fftconv.StreamingConvolver([1, 0, 0.5], block_size=2)
    >>> echo.process([4.0, 2.0]), echo.process([1.0]), echo.flush()
    (array([4., 2.]), array([3.]), array([1. , 0.5]))
    >>> room = np.random.default_rng(0).normal(size=480_000)
    >>> print(fftconv.StreamingConvolver(room, block_size=4096, dtype="float32").partitioning)
    8 blocks of 4096 taps, 28 blocks of 16384 taps
    """

    def __init__(
        self,
        kernel: ArrayLike,
        *,
        block_size: int,
        channels: int = 1,
        dtype: DTypeLike | None = None,
        latency: int = 0,
        partitions: Partitions = "auto",
    ) -> None:
        self._block_size = check_count("block_size", block_size)
        if self._block_size > LONGEST_BLOCK:
            raise ValueError(
                f"block_size={shown(block_size)} is not accepted; pass at most {LONGEST_BLOCK}"
            )
        self._channels = check_count("channels", channels)
        if self._channels > _MOST_CHANNELS:
            raise ValueError(f"channels={shown(channels)} is not accepted; pass at most {_MOST_CHANNELS}")
        self._latency = check_count("latency", latency, 0)
        if self._latency not in (0, self._block_size):
            raise ValueError(
                f"latency={shown(latency)} is not accepted; pass 0 or block_size={self._block_size}"
            )
        check_choice("partitions", partitions, PARTITIONS)
        self._partitions = partitions
        taps = read_array("kernel", kernel)
        self._dtype = _read_dtype(dtype, taps.dtype)
        voice = self._make_voice(taps)
        self._outputs = voice.outputs
        self._voices = [voice]
        self._lock = threading.Lock()
        waiting = self._latency
        self._waiting = np.zeros((waiting, self._channels), self._dtype)
        self._ready = np.zeros((waiting, self._outputs), self._dtype)
        self._scratch = np.empty((0, self._channels + self._outputs), self._dtype)
        self._start()

    def _start(self) -> None:
        self._flat = self._channels == self._outputs == 1
        self._frames = 0
        self._filled = 0
        self._fade = self._faded = 0

    # ------------------------------------------------------------------------------------------ what it is

    @property
    def block_size(self) -> int:
        """Frames of the blocks it is made for."""
        return self._block_size

    @property
    def channels(self) -> int:
        """Of the signal."""
        return self._channels

    @property
    def outputs(self) -> int:
        """Channels of the result."""
        return self._outputs

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the arithmetic and the result."""
        return self._dtype

    @property
    def latency(self) -> int:
        """Samples by which outputs are delayed."""
        return self._latency

    @property
    def taps(self) -> int:
        """Of the kernel; `flush` gives one frame less, and the latency."""
        return self._voices[-1].taps

    @property
    def partitioning(self) -> str:
        """How the kernel is cut."""
        return str(self._voices[-1].parts)

    @property
    def nbytes(self) -> int:
        """Memory that it holds."""
        held = self._waiting.nbytes + self._ready.nbytes + self._scratch.nbytes
        return held + sum(voice.stream.nbytes for voice in self._voices)

    def __repr__(self) -> str:
        return (
            f"StreamingConvolver({self.taps} taps, block_size={self._block_size}, "
            f"channels={self._channels}, dtype={self._dtype}, latency={self._latency}: {self.partitioning})"
        )

    def error_bound(self, norm: float) -> float:
        r"""How far an output can be from the true one.

        Parameters
        ----------
        norm : float
            :math:`\sqrt{\sum x^2}` over all samples of the channel where it is largest, as channels may
            share transforms; or a bound on it, such as the square root of their number times the largest.

        Returns
        -------
        float
            The same as for `fftconv.convolve` with accuracy "normwise": a multiple of unit roundoff,
            :math:`\log_2` of the longest transform, the norm and that of the taps, added up over the
            channels that lead to an output.

        Examples
        --------
        >>> import fftconv
        >>> fftconv.StreamingConvolver([1, 0, 0.5], block_size=2).error_bound(10.0) < 1e-13
        True
        """
        size = check_finite("norm", norm)
        if size < 0:
            raise ValueError(f"norm={norm!r} is not accepted; pass a number from 0")
        return max(voice.error_factor for voice in self._voices) * size

    # ------------------------------------------------------------------------------------ what it does

    def process(self, block: ArrayLike, *, out: Array | None = None) -> Array:
        """Take a block and give as many frames of the result.

        Parameters
        ----------
        block : array_like, shape (frames,) or (frames, channels)
            The next samples, of any number; one axis for one channel only. Converted to `dtype`.
        out : numpy.ndarray, optional
            Where to write the result; of `dtype` and the shape of the result.

        Returns
        -------
        numpy.ndarray, shape (frames,) or (frames, outputs)
            One axis if the block has one and there is one output.

        Raises
        ------
        ValueError, TypeError
            If the shape is another, or the block is not of real numbers.
        """
        samples = self._read_block(block)
        frames = len(samples)
        flat = samples.ndim == 1 and self._outputs == 1
        shape = (frames,) if flat else (frames, self._outputs)
        if out is None:
            out = np.empty(shape, self._dtype)
        else:
            check_out(out, shape, self._dtype)
            if not out.dtype.isnative:
                out[...] = self.process(samples)
                return out
            if np.may_share_memory(samples, out):
                samples = samples.copy()
        columns = samples[:, None] if samples.ndim == 1 else samples
        with self._lock:
            self._flat = flat
            self._frames += frames
            self._pass_on(columns, out[:, None] if flat else out)
        return out

    def flush(self) -> Array:
        """The tail: what is left after the last sample, and a new beginning.

        Returns
        -------
        numpy.ndarray, shape (taps - 1 + latency,) or (taps - 1 + latency, outputs)
            With axes as the last block had; nothing if there was no sample since the beginning. Longer if
            an earlier and longer kernel still rings out.
        """
        with self._lock:
            tail = max(voice.tail for voice in self._voices) + self._latency if self._frames else 0
            result = np.empty((tail, self._outputs), self._dtype)
            step = max(_LEAST_STEP, self._block_size)
            silence = np.zeros((min(step, tail), self._channels), self._dtype)
            for start in range(0, tail, step):
                part = result[start : start + step]
                self._pass_on(silence[: len(part)], part)
            flat = self._flat
            self._reset()
        return result[:, 0] if flat else result

    def reset(self) -> None:
        """Forget all samples; the kernel, the newest one, is kept."""
        with self._lock:
            self._reset()

    def set_kernel(self, kernel: ArrayLike, *, crossfade: int = 0) -> None:
        r"""Go over to another kernel, without a click and without cutting off what still sounds.

        The samples from now on move from the old kernel to the new one,

        .. math:: y = h_{old} * (x \, (1 - g)) + h_{new} * (x \, g), \qquad
            g[n] = \min(1, (n + 1/2) / \text{crossfade}),

        so that the old one rings out for its whole length.

        Parameters
        ----------
        kernel : array_like
            As at the beginning, with as many outputs; of any length.
        crossfade : int, default 0
            Samples over which g goes from 0 to 1; 0 is a switch between two samples. A second call during a
            crossfade goes on from where the first has come to.

        Notes
        -----
        May be called from another thread: the spectra of the new kernel are found while `process` goes on.
        While earlier kernels ring out each costs its own work. With a latency, samples that still wait go
        the new way too.
        """
        crossfade = check_count("crossfade", crossfade, 0)
        voice = self._make_voice(read_array("kernel", kernel))
        if voice.outputs != self._outputs:
            raise ValueError(
                f"kernel has {voice.outputs} outputs and the one before {self._outputs}; make a new "
                "StreamingConvolver"
            )
        with self._lock:
            progress = self._progress(self._faded)
            for older in self._voices[:-1]:
                older.weight *= 1 - progress
            newest = self._voices[-1]
            newest.weight += (1 - newest.weight) * progress
            self._fade, self._faded = crossfade, 0
            voice.weight = 0.0
            self._voices = [*(older for older in self._voices if not older.is_over), voice]
            if crossfade == 0:
                self._end_fade()

    # ----------------------------------------------------------------------------------------------- inside

    def _make_voice(self, taps: Array) -> _Voice:
        kernel = _read_kernel(taps, self._channels, self._dtype)
        return _Voice(kernel, self._channels, self._block_size, self._partitions)

    def __getstate__(self) -> dict[str, Any]:
        """Return what pickle and copy take: what makes the results to come, and nothing made of it."""
        with self._lock:
            state = state_without(self, ("_lock", "_scratch"))
            state["_waiting"], state["_ready"] = self._waiting.copy(), self._ready.copy()
            state["_voices"] = [voice.state() for voice in self._voices]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        try:
            set_state(self, state)  # with what a subclass has added
            StreamingConvolver.__init__(
                self,
                state["_voices"][-1]["kernel"],
                block_size=state["_block_size"],
                channels=state["_channels"],
                dtype=state["_dtype"],
                latency=state["_latency"],
                partitions=state["_partitions"],
            )
            self._restore(state)
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise ValueError(f"this is not the whole state of a StreamingConvolver: {error!r}") from None

    def _restore(self, state: dict[str, Any]) -> None:
        """Go on where the convolver was whose state this is."""
        *older, newest = state["_voices"]
        self._voices = [*(self._make_voice(each["kernel"]) for each in older), self._voices[-1]]
        for voice, of_voice in zip(self._voices, [*older, newest], strict=True):
            voice.restore(of_voice, self._outputs)
        for name, array in (("_waiting", self._waiting), ("_ready", self._ready)):
            if state[name].shape != array.shape or state[name].dtype != array.dtype:
                raise ValueError(f"{name} of the state is not of shape {array.shape} and {array.dtype}")
            array[...] = state[name]
        self._flat = bool(state["_flat"]) and self._outputs == 1
        self._frames = check_count("_frames", state["_frames"], 0)
        self._filled = check_count("_filled", state["_filled"], 0)
        self._fade = check_count("_fade", state["_fade"], 0)
        self._faded = check_count("_faded", state["_faded"], 0)
        if self._filled >= max(self._latency, 1) or self._faded > self._fade:
            raise ValueError("_filled or _faded of the state is more than there is")

    def _read_block(self, block: ArrayLike) -> Array:
        """The samples in the dtype of the arithmetic, with one axis only for one channel."""
        samples = block if type(block) is np.ndarray else read_plain("block", block)
        shape = samples.shape
        if not shape and samples.dtype.kind in "biuf":
            refuse_scalar("block", samples)
        if not ((len(shape) == 2 and shape[1] == self._channels) or len(shape) == 1 == self._channels):
            accepted = f"(frames, {self._channels})" + (" or (frames,)" if self._channels == 1 else "")
            raise ValueError(
                f"block has shape {shape}; accepted is {accepted}, as this convolver has "
                f"channels={self._channels}"
            )
        if samples.dtype != self._dtype:
            check_array_kind("block", samples)  # of objects, too
            if samples.dtype.kind == "c":
                raise TypeError(f"block has dtype {samples.dtype}; {_REAL}")
            if samples.dtype.kind not in "biuf":
                refuse_dtype("block", block, samples)
            samples = samples.astype(self._dtype)
        return samples

    def _reset(self) -> None:
        self._voices = self._voices[-1:]
        self._voices[0].reset()
        self._waiting[...] = 0
        self._ready[...] = 0
        self._start()

    def _pass_on(self, samples: Array, out: Array) -> None:
        """With the latency: what waits is worked on when the block is full."""
        if not self._latency:
            self._convolve(samples, out)
            return
        done = 0
        while done < len(samples):
            step = min(len(samples) - done, self._latency - self._filled)
            filled = slice(self._filled, self._filled + step)
            out[done : done + step] = self._ready[filled]
            self._waiting[filled] = samples[done : done + step]
            done += step
            self._filled = (self._filled + step) % self._latency
            if self._filled == 0:
                self._convolve(self._waiting, self._ready)

    def _convolve(self, samples: Array, out: Array) -> None:
        if len(self._voices) == 1:
            self._voices[0].process(samples, out)
            return
        done = 0
        while len(self._voices) > 1 and done < len(samples):
            step = len(samples) - done
            if self._faded < self._fade:
                step = min(step, self._fade - self._faded)
            self._convolve_all(samples[done : done + step], out[done : done + step])
            done += step
        if done < len(samples):
            self._voices[0].process(samples[done:], out[done:])

    @np.errstate(invalid="ignore", over="ignore")  # of samples that are infinite, or nearly
    def _convolve_all(self, samples: Array, out: Array) -> None:
        """With all kernels, of which the last fades in."""
        if len(self._scratch) < len(samples):
            self._scratch = np.empty((len(samples), self._channels + self._outputs), self._dtype)
        faded, part = np.hsplit(self._scratch[: len(samples)], [self._channels])
        out[...] = 0
        fading = self._faded < self._fade
        for voice in self._voices:
            target = 1.0 if voice is self._voices[-1] else 0.0
            if fading and (voice.weight or target):
                gain = self._progress(self._faded + np.arange(len(samples)))
                np.multiply(samples, (voice.weight + (target - voice.weight) * gain)[:, None], out=faded)
            elif target:
                faded[...] = samples
            else:
                faded[...] = 0
                voice.silent += len(samples)
            voice.process(faded, part)
            out += part
        if fading:
            self._faded += len(samples)
            if self._faded == self._fade:
                self._end_fade()
        else:
            self._voices = [*(voice for voice in self._voices[:-1] if not voice.is_over), self._voices[-1]]

    def _progress(self, faded: Any) -> Any:
        """How far a crossfade is after so many samples."""
        return np.minimum(1.0, (faded + 0.5) / self._fade) if self._fade else 1.0

    def _end_fade(self) -> None:
        for voice in self._voices[:-1]:
            voice.weight = 0.0
        self._voices[-1].weight = 1.0
        self._fade = self._faded = 0


class _Voice:
    """A kernel at work: it has `weight` of the input, or none any more and rings out."""

    def __init__(self, kernel: Array, channels: int, block_size: int, partitions: Partitions) -> None:
        self.kernel = kernel
        connections, outputs = _connections(kernel, channels)
        dtype = kernel.dtype
        self.taps = len(kernel)
        self.outputs = outputs
        spikes = max(int(np.count_nonzero(each.taps)) for each in connections)
        self.parts = partition(self.taps, spikes, block_size, partitions, dtype.itemsize, lengths())
        self.stream = make_stream(connections, channels, outputs, self.parts, dtype)
        self._lost = NonFiniteSamples(connections)
        norms = np.zeros(outputs)
        with np.errstate(over="ignore"):  # an infinite bound, of taps whose squares are beyond all floats
            for each in connections:
                norms[each.output] += float(np.linalg.norm(each.taps.astype(np.float64)))
        self.error_factor = self.parts.error_factor(dtype) * float(norms.max())
        self.weight = 1.0
        self.silent = 0

    @property
    def tail(self) -> int:
        """Frames that are still to come after the last sample."""
        return max(self.taps - 1 - self.silent, 0)

    @property
    def is_over(self) -> bool:
        return self.silent >= self.taps - 1 and self.weight == 0

    def reset(self) -> None:
        self.stream.reset()
        self._lost.clear()
        self.weight, self.silent = 1.0, 0

    def state(self) -> dict[str, Any]:
        """Return the kernel and all that was taken in."""
        return {
            "kernel": self.kernel,
            "partitioning": str(self.parts),
            "weight": self.weight,
            "silent": self.silent,
            "stream": save_state(self.stream, self.kernel.dtype),
            "not_finite": self._lost.state(),
        }

    def restore(self, state: dict[str, Any], outputs: int) -> None:
        """Go on where the same kernel was in a convolver with so many outputs."""
        if self.outputs != outputs:
            raise ValueError(f"a kernel of the state has {self.outputs} outputs, and the newest {outputs}")
        if state["stream"] is not None and state["partitioning"] != str(self.parts):
            raise ValueError(
                f"a StreamingConvolver in the middle of a signal was copied by another version of fftconv, "
                f"which cut its kernel into {state['partitioning']}, and not {self.parts}; copy it after "
                f"flush() or reset()"
            )
        self.weight = check_finite("weight", state["weight"])
        self.silent = check_count("silent", state["silent"], 0)
        restore_state(self.stream, state["stream"])
        self._lost.restore(state["not_finite"])

    def process(self, samples: Array, out: Array) -> None:
        finite = self.stream.process(samples, out)
        if not finite or self._lost.in_reach:
            self._lost.put_back(samples, out)


_REAL = (
    "accepted are real numbers; pass real and imaginary part as two channels with a kernel of (taps, 2, 2)"
)


def _read_dtype(dtype: DTypeLike | None, of_kernel: np.dtype[Any]) -> np.dtype[Any]:
    if dtype is None:
        return _DTYPES[0] if of_kernel == _DTYPES[0] else _DTYPES[1]
    try:
        chosen = native_dtype(np.dtype(dtype))
    except (TypeError, ValueError):
        raise TypeError(f"dtype={dtype!r} is not accepted; pass float32 or float64") from None
    if chosen not in _DTYPES:
        raise ValueError(f"dtype={dtype!r} is not accepted; pass float32 or float64")
    return chosen


def _read_kernel(taps: Array, channels: int, dtype: np.dtype[Any]) -> Array:
    """Return a copy of taps that fit so many channels, in the dtype of the arithmetic."""
    if taps.dtype.kind not in "bifu":
        raise TypeError(f"kernel has dtype {taps.dtype}; {_REAL}")
    if taps.ndim > 3:
        raise ValueError(
            f"kernel has shape {taps.shape}; accepted are (taps,), (taps, channels) and "
            "(taps, channels, outputs)"
        )
    if taps.ndim > 1 and taps.shape[1] != channels:
        raise ValueError(
            f"kernel has shape {taps.shape}, that is {taps.shape[1]} channels, and the signal has "
            f"channels={channels}; pass channels={taps.shape[1]}, or a kernel of shape (taps,) for all"
        )
    with np.errstate(over="ignore"):  # which is then refused
        taps = np.array(taps, dtype, order="F")
    if not np.isfinite(taps).all():
        raise ValueError(
            f"kernel holds a value that is not a finite {dtype}; replace it, as it would spoil every output"
        )
    if taps.ndim == 3 and taps.shape[2] > _MOST_CHANNELS:
        raise ValueError(f"kernel has {taps.shape[2]} outputs; accepted are at most {_MOST_CHANNELS}")
    return taps


def _connections(taps: Array, channels: int) -> tuple[list[Connection], int]:
    """Return which taps lead from which channel to which output, and the number of outputs."""
    if taps.ndim == 1:
        return [Connection(channel, channel, taps) for channel in range(channels)], channels
    if taps.ndim == 2:
        return [Connection(channel, channel, taps[:, channel]) for channel in range(channels)], channels
    outputs = taps.shape[2]
    return [
        Connection(channel, output, taps[:, channel, output])
        for channel in range(channels)
        for output in range(outputs)
    ], outputs
