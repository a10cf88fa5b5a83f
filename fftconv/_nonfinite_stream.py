"""Where NaN and infinities go that a stream has met: as the definition says, and nowhere else."""

from __future__ import annotations

import numpy as np

from fftconv._arguments import Array
from fftconv._engines.stream import Connection
from fftconv.convolution import convolve

_FEW = 32  # infinite samples whose products are added one by one


class NonFiniteSamples:
    """Those that are still in reach of a kernel, by channel; the stream itself has taken them for 0.

    All products with a NaN are NaN; of an infinity the taps decide.
    """

    def __init__(self, connections: list[Connection]) -> None:
        self._connections = connections
        self._reach = max(each.taps.size for each in connections)
        self._inputs = sorted({each.input for each in connections})
        self.clear()

    def clear(self) -> None:
        """Forget all."""
        self.in_reach = False
        self._since_nan = dict.fromkeys(self._inputs, self._reach)  # frames since the last
        self._infinities: dict[int, Array] = {channel: np.empty((0, 2)) for channel in self._inputs}

    def state(self) -> dict[int, tuple[int, Array]]:
        """Return what `restore` takes: by channel, the frames since the last NaN, and the infinities."""
        return {
            channel: (since, self._infinities[channel].copy()) for channel, since in self._since_nan.items()
        }

    def restore(self, state: dict[int, tuple[int, Array]]) -> None:
        """Take over the samples of a stream with the same connections."""
        for channel in self._inputs:
            since, infinities = state[channel]
            places = np.array(infinities, float)
            if not (0 <= since <= self._reach and places.ndim == 2 and places.shape[1] == 2):
                raise ValueError(f"channel {channel} has other samples that are not finite")
            if not (np.isfinite(places[:, 0]) & (places[:, 0] > -self._reach) & (places[:, 0] < 0)).all():
                raise ValueError(f"channel {channel} has infinities outside of the reach of the kernel")
            self._since_nan[channel], self._infinities[channel] = int(since), places
        self._look()

    def put_back(self, samples: Array, out: Array) -> None:
        """Add what these samples and earlier ones give to the outputs of the block."""
        frames = len(samples)
        for channel in self._inputs:
            column = samples[:, channel]
            since = self._frames_since_nan(channel, np.isnan(column))
            infinities = self._infinities_until(channel, column)
            for each in self._connections:
                if each.input == channel:
                    result = out[:, each.output]
                    result[since < each.taps.size] = np.nan
                    _add_infinities(infinities, each.taps, result)
            if frames:
                self._since_nan[channel] = min(int(since[-1]) + 1, self._reach)
            infinities[:, 0] -= frames
            self._infinities[channel] = infinities[infinities[:, 0] > -self._reach]
        self._look()

    def _look(self) -> None:
        self.in_reach = any(infinities.size for infinities in self._infinities.values()) or any(
            since < self._reach for since in self._since_nan.values()
        )

    def _frames_since_nan(self, channel: int, is_nan: Array) -> Array:
        """For each output how long ago the last NaN was."""
        frames = np.arange(is_nan.size)
        last = np.maximum.accumulate(np.where(is_nan, frames, -self._since_nan[channel]))
        return np.asarray(frames - last)

    def _infinities_until(self, channel: int, column: Array) -> Array:
        """Place, counted from the block's beginning, and value of each."""
        (places,) = np.nonzero(np.isinf(column))
        found = np.column_stack([places, column[places]]).astype(float)
        return np.concatenate([self._infinities[channel], found])


@np.errstate(invalid="ignore")
def _add_infinities(infinities: Array, taps: Array, result: Array) -> None:
    if len(infinities) <= _FEW:
        for place, value in infinities:
            start, first = max(int(place), 0), max(-int(place), 0)
            part = result[start : start + max(taps.size - first, 0)]
            part += value * taps[first : first + part.size]
        return
    window = np.zeros(taps.size - 1 + result.size)
    places = infinities[:, 0].astype(int) + taps.size - 1
    window[places[places >= 0]] = infinities[places >= 0, 1]
    result += convolve(window, taps.astype(float), mode="valid")
