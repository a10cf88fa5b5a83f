"""Where the words and the marks of a figure are, for tests that they do not meet."""

from itertools import combinations

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg


def all_axes(figure):
    """The axes with those inside of them."""
    waiting = list(figure.axes)
    while waiting:
        ax = waiting.pop()
        waiting += ax.child_axes
        yield ax


def words_of(figure):
    """Box and text of everything that is written: titles, labels, numbers beside marks, ticks, legends."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    found = [figure._suptitle, figure._supxlabel]
    for ax in all_axes(figure):
        if not ax.axison:
            found.append(ax.title)
            continue
        found += [ax.title, ax.xaxis.label, ax.yaxis.label, *ax.texts]
        found += ax.get_legend().get_texts() if ax.get_legend() else []
        for axis in (ax.xaxis, ax.yaxis):
            low, high = sorted(axis.get_view_interval())
            slack = 1e-9 * (high - low if axis.get_scale() == "linear" else low)
            for tick in axis.get_major_ticks():
                if low - slack <= tick.get_loc() <= high + slack:
                    found += [label for label in (tick.label1, tick.label2) if label.get_visible()]
    written = [text for text in found if text and text.get_text()]
    return [(text.get_window_extent(renderer), text.get_text()) for text in written]


def assert_legible(figure):
    """No two words meet, and none sticks out of the picture; returns them."""
    words = words_of(figure)
    for box, text in words:
        past = max(-box.x0, -box.y0, box.x1 - figure.bbox.x1, box.y1 - figure.bbox.y1)
        assert past < 1, f"{text!r} sticks out by {past:.1f}"
    for (one, first), (other, second) in combinations(words, 2):
        common = [
            min(one.x1, other.x1) - max(one.x0, other.x0),
            min(one.y1, other.y1) - max(one.y0, other.y0),
        ]
        assert min(common) < 1, f"{first!r} and {second!r} meet"
    return words


def marks_of(ax):
    """The centres of all dots, diamonds and ends of lines of an axes, in pixels."""
    places = [collection.get_offsets() for collection in ax.collections if len(collection.get_offsets())]
    places += [np.concatenate(collection.get_segments()) for collection in ax.collections
               if hasattr(collection, "get_segments") and collection.get_segments()]  # fmt: skip
    places += [line.get_xydata() for line in ax.lines if line.get_marker() not in ("None", None, "")]
    if not places:
        return np.empty((0, 2))
    points = np.concatenate([np.ma.filled(np.ma.asarray(place, float), np.nan) for place in places])
    return ax.transData.transform(points[np.isfinite(points).all(axis=1)])
