"""Methods side by side, on data of one's own: time, memory and error, of this package and of others.

`comparing` runs them and has the results, `peers` knows the other libraries, `timing` and `memory` measure,
`sizes` goes over many sizes, `drawing` and `report` show what came out.
"""

from fftconv.comparison.comparing import Comparison, Measurement, compare
from fftconv.comparison.peers import installed_peers
from fftconv.comparison.sizes import SizeComparison, compare_sizes

__all__ = ["Comparison", "Measurement", "SizeComparison", "compare", "compare_sizes", "installed_peers"]


def __dir__() -> list[str]:
    return __all__
