"""The names of modes, boundaries and methods, what other libraries call the same, and checks of names.

The command line lists these names in its help, so NumPy is not imported here: it takes 0.1 s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

from fftconv._geometry import MODES

Boundary = Literal["zero", "constant", "nearest", "reflect", "mirror", "wrap", "missing"]
Method = Literal["auto", "direct", "separable", "running_sum", "overlap_save", "fft"]
Parameter = Literal["mode", "boundary", "method"]

BOUNDARIES = get_args(Boundary)
METHODS = get_args(Method)

# What other libraries call these rules, and () for rules that do not exist here. "reflect" of numpy.pad,
# torch and TensorFlow is "mirror" here, as in scipy.ndimage. In all of them a fill value is 0 by default.
BOUNDARIES_ELSEWHERE: dict[str, dict[str, tuple[Boundary, ...]]] = {
    "numpy.pad": {
        "constant": ("constant",),
        "edge": ("nearest",),
        "symmetric": ("reflect",),
        "reflect": ("mirror",),
        "wrap": ("wrap",),
        "linear_ramp": (),
        "maximum": (),
        "mean": (),
        "median": (),
        "minimum": (),
        "empty": (),
    },
    "scipy.ndimage": {
        "reflect": ("reflect",),
        "constant": ("constant",),
        "nearest": ("nearest",),
        "mirror": ("mirror",),
        "wrap": ("wrap",),
        "grid-mirror": ("reflect",),
        "grid-constant": ("constant",),
        "grid-wrap": ("wrap",),
    },
    "scipy.signal": {
        "fill": ("zero", "constant"),
        "pad": ("zero", "constant"),
        "wrap": ("wrap",),
        "circular": ("wrap",),
        "symm": ("reflect",),
        "symmetric": ("reflect",),
        "interp": (),
    },
    "OpenCV": {
        "BORDER_CONSTANT": ("constant",),
        "BORDER_REPLICATE": ("nearest",),
        "BORDER_REFLECT": ("reflect",),
        "BORDER_WRAP": ("wrap",),
        "BORDER_REFLECT_101": ("mirror",),
        "BORDER_DEFAULT": ("mirror",),
        "BORDER_ISOLATED": (),
        "BORDER_TRANSPARENT": (),
        "replicate": ("nearest",),
        "reflect_101": ("mirror",),
        "isolated": (),
        "transparent": (),
    },
    "torch": {
        "zeros": ("zero",),
        "constant": ("constant",),
        "reflect": ("mirror",),
        "replicate": ("nearest",),
        "circular": ("wrap",),
    },
    "TensorFlow": {"CONSTANT": ("constant",), "REFLECT": ("mirror",), "SYMMETRIC": ("reflect",)},
    "astropy": {"fill": ("zero", "constant"), "extend": ("nearest",), "wrap": ("wrap",)},
    "MATLAB": {"symmetric": ("reflect",), "replicate": ("nearest",), "circular": ("wrap",)},
    "dask": {"reflect": ("reflect",), "periodic": ("wrap",), "nearest": ("nearest",)},
    "libvips": {
        "black": ("zero",),
        "copy": ("nearest",),
        "repeat": ("wrap",),
        "mirror": ("reflect",),
        "white": (),
        "background": (),
    },
    "SVG": {"duplicate": ("nearest",), "wrap": ("wrap",)},
    "ImageMagick": {
        "edge": ("nearest",),
        "mirror": ("reflect",),
        "tile": ("wrap",),
        "black": ("zero",),
        "white": (),
        "gray": (),
        "background": (),
        "transparent": (),
    },
    "OpenGL": {
        "clamp": ("nearest",),
        "clamp_to_edge": ("nearest",),
        "mirrored_repeat": ("reflect",),
        "repeat": ("wrap",),
        "clamp_to_border": ("constant",),
    },
}

_OWN: dict[str, Sequence[str]] = {"mode": MODES, "boundary": BOUNDARIES, "method": METHODS}
_ELSEWHERE: dict[str, Mapping[str, Mapping[str, Sequence[str]]]] = {
    "mode": {
        "TensorFlow": {"SAME": ("same",), "VALID": ("valid",)},
        "JAX": {"SAME": ("same",), "VALID": ("valid",), "SAME_LOWER": ("same",)},
    },
    "boundary": BOUNDARIES_ELSEWHERE,
    "method": {
        "scipy.signal": {"fftconvolve": ("fft",), "oaconvolve": ("overlap_save",)},
        "MATLAB": {"fftfilt": ("overlap_save",)},
        "the literature": {"overlap_add": ("overlap_save",), "ola": ("overlap_save",)},
    },
}


def check_name(parameter: Parameter, value: Any, accepted: Sequence[str] | None = None) -> None:
    """Refuse what is none of our names, and say what it is here if it is one of another library.

    `accepted` are those that the function takes, all of them by default.
    """
    names = _OWN[parameter] if accepted is None else accepted
    if isinstance(value, str):
        if value in names:
            return
        advice = find_advice(parameter, value, names)
        if advice is not None:
            raise ValueError(f"{parameter}={value!r} {advice}")
    from fftconv._checks import check_choice  # with NumPy

    check_choice(parameter, value, names)


def check_mode(value: Any) -> None:
    """Do the same for a mode beside which there are a boundary and a method."""
    if isinstance(value, str) and value not in MODES:
        for other in ("boundary", "method"):
            of_others = (name for _, names in _found(other, value) for name in names)
            meant = value if value in _OWN[other] else next(of_others, None)
            if meant is not None:
                raise ValueError(
                    f"mode={value!r} is a {other}, and mode is the size of the output; pass "
                    f"{other}={meant!r}, and as mode one of {_listed(MODES)}"
                )
    check_name("mode", value)


def find_advice(parameter: Parameter, value: str, accepted: Sequence[str]) -> str | None:
    """Return what to say of a name that is not accepted; None if it is ours or not known from elsewhere."""
    if value in _OWN[parameter]:
        return None
    found = _found(parameter, value)
    if not found:
        name = next((name for name in accepted if _plain(name) == _plain(value)), None)
        case = ", in lower case" if name == value.lower() else ""
        return name and f"is not accepted; pass {name!r}{case}"
    libraries = [library for library, _ in found]
    whose = f"{libraries[0]}'s name" if len(libraries) == 1 else f"the name of {_and(libraries)}"
    meant = [name for name in found[0][1] if name in accepted]
    if meant:
        first, *others = map(repr, meant)
        filled = "".join(f", or {name} with fill_value" for name in others)
        return f"is {whose}; here it is {first}{filled}"
    missing = found[0][1][0] if found[0][1] else None
    what = "there is no such one here" if missing is None else f"{missing!r} is not accepted here"
    return f"is {whose}, and {what}; choose one of {_listed(accepted)}"


def _found(parameter: str, value: str) -> list[tuple[str, Sequence[str]]]:
    """Return the libraries that have this name, and what it is here.

    Case, hyphens and underscores make no difference, unless the word is also one of ours.
    """
    same = str if value.lower() in _OWN[parameter] else _plain
    return [
        (library, meant)
        for library, names in _ELSEWHERE[parameter].items()
        for name, meant in names.items()
        if same(name) == same(value)
    ]


def _plain(name: str) -> str:
    """Return the name without case, hyphens, underscores, spaces and the prefix of a library."""
    bare = name.lower().removeprefix("cv2.").removeprefix("gl_")
    return bare.replace("-", "").replace("_", "").replace(" ", "")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))


def _and(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
