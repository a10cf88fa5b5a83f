"""Hypothesis strategies for arrays to convolve."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

SMALL_INTEGERS = st.integers(-50, 50)


def integer_arrays(min_dims=1, max_dims=2, max_side=9):
    """Arrays of small integers, whose convolutions are exact whichever engine runs."""
    shapes = hnp.array_shapes(min_dims=min_dims, max_dims=max_dims, max_side=max_side)
    return hnp.arrays(np.int64, shapes, elements=SMALL_INTEGERS)


@st.composite
def integer_arrays_of_equal_rank(draw, count, max_dims=2, max_side=7):
    """As many arrays as asked for, all with the same number of axes."""
    ndim = draw(st.integers(1, max_dims))
    return [draw(integer_arrays(ndim, ndim, max_side)) for _ in range(count)]


@st.composite
def floats_with_holes(draw, max_side=12):
    """A line of floats, some of them NaN or infinite."""
    ordinary = st.sampled_from([-2.0, -1.0, 0.0, 0.5, 1.0, 3.0])
    odd = st.sampled_from([np.nan, np.inf, -np.inf])
    size = draw(st.integers(1, max_side))
    elements = st.one_of(ordinary, ordinary, ordinary, odd)
    return np.array(draw(st.lists(elements, min_size=size, max_size=size)))
