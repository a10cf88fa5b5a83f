"""Names that other libraries have for boundaries, modes and methods: what they are here, and the errors."""

import inspect
import re
from pathlib import Path

import click
import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st
from public_calls import CALLS, FUNCTIONS
from test_public_arguments import COMMANDS, call

import fftconv
from fftconv._geometry import MODES
from fftconv._names import BOUNDARIES, BOUNDARIES_ELSEWHERE, METHODS
from fftconv.cli.main import cli, run

FOREIGN = sorted(
    {name for names in BOUNDARIES_ELSEWHERE.values() for name in names if name not in BOUNDARIES}
)
FILL = 0.75


def extended(signal, before, after, boundary):
    """The signal with so many samples around it, by shifting it within a full convolution."""
    kernel = np.zeros([low + high + 1 for low, high in zip(before, after, strict=True)])
    kernel[tuple(before)] = 1.0
    fill = {"fill_value": FILL} if boundary == "constant" else {}
    return fftconv.convolve(signal, kernel, boundary=boundary, method="direct", **fill)


def numpy_pad(signal, before, after, name):
    fill = {"constant_values": FILL} if name == "constant" else {}
    return np.pad(signal, list(zip(before, after, strict=True)), mode=name, **fill)


def scipy_ndimage(signal, before, after, name):
    """By shifts, each a correlation with a kernel of odd length that holds a single 1."""
    for axis, (low, high) in enumerate(zip(before, after, strict=True)):
        taps = np.zeros(2 * max(low, high) + 1)
        parts = []
        for offset in (-low, high):
            taps[:] = 0
            taps[max(low, high) + offset] = 1
            parts.append(scipy.ndimage.correlate1d(signal, taps, axis, mode=name, cval=FILL))
        size = signal.shape[axis]
        first, last = (
            part.take(range(*ends), axis)
            for part, ends in zip(parts, ((0, min(low, size)), (max(size - high, 0), size)), strict=True)
        )
        signal = np.concatenate([first, signal, last], axis)
    return signal


def scipy_signal(signal, before, after, name):
    rows = np.atleast_2d(signal)
    low, high = ((0, *ends)[-2:] for ends in (before, after))
    reach = max(*low, *high)
    shape = rows.shape
    result = np.empty((shape[0] + low[0] + high[0], shape[1] + low[1] + high[1]))
    for row in range(result.shape[0]):
        for column in range(result.shape[1]):
            at = [
                min(max(place - less, 0), size - 1)
                for place, less, size in zip((row, column), low, shape, strict=True)
            ]
            kernel = np.zeros((2 * reach + 1,) * 2)
            kernel[reach + at[0] + low[0] - row, reach + at[1] + low[1] - column] = 1
            full = scipy.signal.convolve2d(rows, kernel, "same", boundary=name, fillvalue=FILL)
            result[row, column] = full[tuple(at)]
    return result.reshape([n + b + a for n, b, a in zip(signal.shape, before, after, strict=True)])


def opencv(signal, before, after, name):
    cv2 = pytest.importorskip("cv2")
    rows = np.atleast_2d(signal)
    low, high = ((0, *ends)[-2:] for ends in (before, after))
    kind = getattr(cv2, name if name.startswith("BORDER") else f"BORDER_{name.upper()}")
    sides = (low[0], high[0], low[1], high[1])
    padded = cv2.copyMakeBorder(rows, *sides, kind, value=[FILL])
    return padded.reshape([n + b + a for n, b, a in zip(signal.shape, before, after, strict=True)])


def torch(signal, before, after, name):
    torch = pytest.importorskip("torch")
    sides = [side for ends in zip(reversed(before), reversed(after), strict=True) for side in ends]
    batch = torch.from_numpy(signal)[None, None]
    if name == "zeros":
        name, fill = "constant", 0.0
    else:
        fill = FILL
    fill = {"value": fill} if name == "constant" else {}
    return torch.nn.functional.pad(batch, sides, mode=name, **fill)[0, 0].numpy()


def astropy(signal, before, after, name):
    convolution = pytest.importorskip("astropy.convolution")
    reach = max(*before, *after)
    shifted = {}
    for offset in np.ndindex(*(2 * reach + 1,) * signal.ndim):
        kernel = np.zeros((2 * reach + 1,) * signal.ndim)
        kernel[offset] = 1
        shifted[offset] = convolution.convolve(
            signal, kernel, boundary=name, fill_value=FILL, normalize_kernel=False
        )
    result = np.empty([n + b + a for n, b, a in zip(signal.shape, before, after, strict=True)])
    for place in np.ndindex(result.shape):
        at = tuple(min(max(p - b, 0), n - 1) for p, b, n in zip(place, before, signal.shape, strict=True))
        offset = tuple(reach + a + b - p for a, b, p in zip(at, before, place, strict=True))
        result[place] = shifted[offset][at]
    return result


def dask(signal, before, after, name):
    da = pytest.importorskip("dask.array")
    depth = max(*before, *after)
    whole = da.overlap.overlap(da.from_array(signal, chunks=-1), depth, name).compute()
    inside = tuple(
        slice(depth - b, depth + n + a) for n, b, a in zip(signal.shape, before, after, strict=True)
    )
    return whole[inside]


def libvips(signal, before, after, name):
    pyvips = pytest.importorskip("pyvips")
    rows = np.atleast_2d(signal)
    low, high = ((0, *ends)[-2:] for ends in (before, after))
    picture = pyvips.Image.new_from_array(rows.tolist())
    height, width = (n + b + a for n, b, a in zip(rows.shape, low, high, strict=True))
    padded = picture.embed(low[1], low[0], width, height, extend=name).numpy()
    return padded.reshape([n + b + a for n, b, a in zip(signal.shape, before, after, strict=True)])


PADDING = {
    "numpy.pad": numpy_pad,
    "scipy.ndimage": scipy_ndimage,
    "scipy.signal": scipy_signal,
    "OpenCV": opencv,
    "torch": torch,
    "astropy": astropy,
    "dask": dask,
    "libvips": libvips,
}


def has_one(library, name):
    return bool(BOUNDARIES_ELSEWHERE[library][name])


NAMED = [(library, name) for library in PADDING for name in BOUNDARIES_ELSEWHERE[library]]


@pytest.mark.parametrize(("library", "name"), [pair for pair in NAMED if has_one(*pair)])
def test_a_name_of_a_library_is_the_boundary_that_stands_beside_it(library, name):
    rng = np.random.default_rng(0)
    for shape, before, after in (((5,), (2,), (3,)), ((4, 5), (2, 1), (3, 2)), ((6, 4), (0, 3), (1, 0))):
        if library == "torch" and 0 in before + after and name != "constant":
            continue  # it pads all axes
        signal = rng.uniform(1, 2, shape)
        padded = PADDING[library](signal, before, after, name)
        meant = BOUNDARIES_ELSEWHERE[library][name]
        filled = "constant" if "constant" in meant else meant[0]
        np.testing.assert_array_equal(padded, extended(signal, before, after, filled))


def test_names_of_others_mean_one_thing_and_ours_stay_ours():
    for name in FOREIGN:
        meanings = {names[name] for names in BOUNDARIES_ELSEWHERE.values() if name in names}
        assert len(meanings) == 1, name
    for boundary in BOUNDARIES:
        fill = {"fill_value": 1.0} if boundary == "constant" else {}
        fftconv.convolve([1.0, 2.0], [1.0, 1.0], "same", boundary=boundary, **fill)


@given(
    parameter=st.sampled_from(["method", "mode", "boundary"]),
    data=st.data(),
)
def test_case_and_hyphens_are_told_of(parameter, data):
    ours = data.draw(st.sampled_from({"method": METHODS, "mode": MODES, "boundary": BOUNDARIES}[parameter]))
    between = data.draw(st.sampled_from(["_", "-", " ", ""]))
    change = data.draw(st.sampled_from([str, str.upper, str.title, str.swapcase]))
    typed = change(ours.replace("_", between))
    if typed == ours or (parameter, ours) == ("boundary", "reflect"):
        return  # REFLECT is a name of TensorFlow, of another boundary
    with pytest.raises(ValueError, match=f"^{parameter}='{typed}' is ") as caught:
        fftconv.convolve([1.0, 2.0], [1.0], **{parameter: typed})
    assert ours_in(str(caught.value)) == ours


def ours_in(message):
    """The name that an error says to pass."""
    return re.search(r"(?:; here it is|; pass|; choose one of) '(\w+)'", message)[1]


VARIANTS = [
    *FOREIGN, "symm", "Edge", "grid_wrap", "Reflect101", "cv2.BORDER_REFLECT_101", "border_replicate",
    "GRID-MIRROR", "REFLECT", "Reflect", "WRAP",
]  # fmt: skip
WITH_BOUNDARY = [
    name for name, function in FUNCTIONS.items() if "boundary" in inspect.signature(function).parameters
]


@pytest.mark.parametrize("name", WITH_BOUNDARY)
def test_names_of_others_are_refused_with_ours_beside_them(name, tmp_path):
    cures = set()
    for foreign in VARIANTS:
        with pytest.raises(ValueError, match=rf"\bboundary={re.escape(repr(foreign))} is ") as caught:
            call(name, tmp_path, boundary=foreign)
        cures.add(ours_in(str(caught.value)))
    for cure in cures:
        call(name, tmp_path, boundary=cure)


@pytest.mark.parametrize(
    ("wrong", "parameter", "ours"),
    [
        ("symm", "boundary", "reflect"),
        ("nearest", "boundary", "nearest"),
        ("grid-constant", "boundary", "constant"),
        ("direct", "method", "direct"),
        ("auto", "method", "auto"),
        ("oaconvolve", "method", "overlap_save"),
    ],
)
def test_boundaries_and_methods_in_the_place_of_a_mode_are_told_apart(wrong, parameter, ours):
    words = f"^mode='{wrong}' is a {parameter}, .*; pass {parameter}='{ours}', and as mode one of 'full'"
    for function in (fftconv.convolve, fftconv.correlate):
        with pytest.raises(ValueError, match=words):
            function([1.0, 2.0], [1.0], wrong)
    with pytest.raises(ValueError, match=words):
        fftconv.Filter([1.0], mode=wrong)
    fftconv.convolve([1.0, 2.0], [1.0], "same", **{parameter: ours})


@pytest.mark.parametrize("name", [name for name in CALLS if name in FUNCTIONS])
def test_modes_and_methods_of_others_are_refused_with_ours(name, tmp_path):
    parameters = inspect.signature(FUNCTIONS[name]).parameters
    if "mode" in parameters:
        for foreign, ours in (("SAME", "same"), ("VALID", "valid"), ("Full", "full")):
            with pytest.raises(ValueError, match=f"mode='{foreign}' is .*'{ours}'"):
                call(name, tmp_path, mode=foreign)
    if str(parameters.get("method", "")).startswith("method: 'Method'"):
        for foreign in ("fftconvolve", "FFT"):
            with pytest.raises(ValueError, match=f"method='{foreign}' is .*'fft'"):
                call(name, tmp_path, method=foreign)


def boundary_commands(group, path=""):
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from boundary_commands(command, f"{name} ")
        elif any(option.name == "boundary" for option in command.params):
            yield f"{path}{name}", command


@pytest.mark.parametrize(("command", "made"), list(boundary_commands(cli)), ids=lambda item: str(item)[:20])
def test_the_command_line_says_the_same(command, made, tmp_path, capsys):
    accepted = next(option.type.choices for option in made.params if option.name == "boundary")
    known = {"image pipeline": "emboss {picture} -o {folder}/x.png"}
    needed = known.get(command) or COMMANDS.get(command, ("--signal 100 --kernel 3",))[0]
    names = {"sound": "samples/melody.wav", "picture": "samples/cutout.png", "folder": tmp_path}
    for foreign in ("symm", "edge", "circular", "linear_ramp", "BORDER_REFLECT_101", "Reflect"):
        words = f"{command} {needed}".format(**names).split()
        assert run([*words, "--boundary", foreign]) == 2
        printed = capsys.readouterr().err
        assert printed.count("\n") == 1
        assert ours_in(printed) in accepted
        assert not list(tmp_path.iterdir())


def test_the_table_of_the_readme_is_that_of_the_errors():
    rows = re.findall(r"^\| (\S+) \| (.*) \|$", Path("README.md").read_text(), re.M)
    told = {
        library: re.findall(r"`([^`]+)` = (\w+)", cell)
        for library, cell in rows
        if library in BOUNDARIES_ELSEWHERE
    }
    assert set(told) == set(BOUNDARIES_ELSEWHERE)
    for library, pairs in told.items():
        known = BOUNDARIES_ELSEWHERE[library]
        assert {name: known[name][0] for name, _ in pairs} == dict(pairs)
        differing = {name for name, meant in known.items() if meant and meant[0] != name}
        assert differing <= {name for name, _ in pairs} | {"pad", "reflect_101", "replicate"}
