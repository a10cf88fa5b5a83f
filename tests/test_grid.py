"""Every engine gives the definition's result on the whole grid, made from the live engine table."""

import numpy as np
import pytest
from cases import ENGINES, FAMILIES, FLOATS, GRID, INTEGERS, assert_within_bound, case, naming, refuses

import fftconv

RESULT_DTYPE = {"float16": "float32"} | dict.fromkeys(INTEGERS, "int64") | {"uint64": "uint64"}


@pytest.mark.parametrize(("shapes", "mode", "boundary"), GRID, ids=str)
def test_engine_gives_the_definition(shapes, mode, boundary):
    """Engines and dtypes in a loop: as tests of their own they took two minutes to be told apart."""
    for engine in ENGINES:
        for dtype in FLOATS + INTEGERS:
            with naming(engine, dtype):
                check(engine, mode, boundary, shapes, dtype)


def check(engine, mode, boundary, shapes, dtype):
    family = FAMILIES.get(engine, "any")
    signal, kernel, options, expected = case(shapes, mode, boundary, dtype, family)
    if refuses(engine, shapes, dtype):
        with pytest.raises(ValueError, match=f"method='{engine}' cannot do this: .*; use method='auto'"):
            fftconv.convolve(signal, kernel, method=engine, **options)
        return
    plan = fftconv.explain(signal, kernel, method=engine, **options)
    result = fftconv.convolve(signal, kernel, method=engine, **options)
    assert plan.method == engine
    assert result.dtype == plan.dtype == np.dtype(RESULT_DTYPE.get(dtype, dtype))
    assert result.shape == plan.output_shape
    assert_within_bound(result, expected, plan)
