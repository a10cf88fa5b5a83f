"""What is known of this machine: its cores, and the rates behind every predicted time.

The shipped rates were fitted by `tests/benchmarks/fit_cost_model.py`, which times the engines and
writes the file read here. `fftconv.tune` measures the machine at hand and saves what it found in the cache
folder of the user; a file that is damaged, or was made on another machine, is not used.

The environment variable FFTCONV_PROFILE=shipped leaves a saved profile alone; any other value is the
folder to keep it in.
"""

from __future__ import annotations

import json
import os
import platform
import warnings
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from fftconv._files import complete_file
from fftconv._native import core, level_or_reason
from fftconv._threads import available_cores

Rates = dict[str, dict[str, dict[str, float]]]

# Machines of other kinds have vectors as wide as this level's.
_LEVEL_OF_UNKNOWN = "x86_64"
SHIPPED = Path(__file__).with_name("default_profile.json")
ENVIRONMENT_VARIABLE = "FFTCONV_PROFILE"


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """What plans know of a machine.

    Attributes
    ----------
    source : str
        Where it comes from.
    thread_gain : dict
        The part of a second thread's time that counts, in the native core ("core") and in transforms
        ("fft"): w threads are as fast as ``1 + thread_gain * (w - 1)``.
    rates : dict
        Seconds per unit of work of one thread: ``rates[code path][dtype][count]``.
    wisdom : tuple of str
        What FFTW knows of its fastest plans here, in its own words; empty if it was not asked.
    """

    source: str
    thread_gain: dict[str, float]
    rates: Rates = field(repr=False)
    wisdom: tuple[str, ...] = field(default=(), repr=False)


_in_use: list[Profile] = []  # at most one: what `tune` found in this process


def machine_profile() -> Profile:
    """The profile that plans use: the one that `tune` made for this machine, or else the one shipped.

    Returns
    -------
    Profile
        Rates of work and the gain by threads.

    Warns
    -----
    UserWarning
        Once, if there is a saved profile that cannot be used.

    Examples
    --------
    >>> import fftconv
    >>> fftconv.machine_profile().source  # doctest: +ELLIPSIS
    '...'
    """
    return _in_use[0] if _in_use else _found_profile()


@lru_cache(maxsize=1)
def _found_profile() -> Profile:
    return _saved_profile() or shipped_profile()


def use_profile(profile: Profile | None) -> None:
    """Let plans use this one from now on; None looks for a saved one again."""
    _found_profile.cache_clear()
    _in_use[:] = [] if profile is None else [profile]


def shipped_profile() -> Profile:
    """The rates that come with the package, with those of the core in use."""
    content: dict[str, Any] = json.loads(SHIPPED.read_text(encoding="utf-8"))
    rates: Rates = content["rates"]
    if core is not None:
        levels: dict[str, Rates] = content["core"]
        rates = rates | levels.get(level_or_reason, levels[_LEVEL_OF_UNKNOWN])
    return Profile(content["source"], content["thread_gain"], rates)


def profile_path() -> Path | None:
    """Where a profile of this machine is kept; None if none is to be used."""
    chosen = os.environ.get(ENVIRONMENT_VARIABLE, "")
    if chosen == "shipped":
        return None
    if chosen:
        return Path(chosen) / "profile.json"
    from platformdirs import user_cache_path  # not needed before the first plan

    return user_cache_path("fftconv") / "profile.json"


def save_profile(profile: Profile, path: Path) -> None:
    """Write it whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"made for": _made_for(), **asdict(profile)}
    with complete_file(path) as file:
        file.write((json.dumps(content, indent=1) + "\n").encode())


def _saved_profile() -> Profile | None:
    path = profile_path()
    if path is None or not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        made_for = content.pop("made for")
        profile = Profile(**content | {"wisdom": tuple(content["wisdom"])})
        _check_rates(profile)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        _warn(path, f"is damaged ({type(error).__name__}: {error})")
        return None
    here = _made_for()
    if made_for != here:
        unlike = [f"{name} {made_for.get(name)!r} and not {value!r}" for name, value in here.items()
                  if made_for.get(name) != value]  # fmt: skip
        _warn(path, f"was made for {', '.join(unlike)}")
        return None
    return profile


def _check_rates(profile: Profile) -> None:
    """A saved profile has every rate that the shipped one has, and they are numbers from 0."""
    shipped = shipped_profile()
    for name in shipped.thread_gain:
        if not 0 <= profile.thread_gain[name] <= 1:
            raise ValueError(f"thread_gain {name} is {profile.thread_gain[name]}")
    for path, of_dtypes in shipped.rates.items():
        for dtype, counts in of_dtypes.items():
            for name in counts:
                if not 0 <= profile.rates[path][dtype][name] < 1e3:
                    raise ValueError(f"rate {path}, {dtype}, {name} is {profile.rates[path][dtype][name]}")


def _warn(path: Path, why: str) -> None:
    warnings.warn(
        f"the profile {path} {why}; plans use the shipped rates until `fftconv tune` makes a new one",
        stacklevel=2,
    )


def _made_for() -> dict[str, Any]:
    """What must be the same for a profile to be of use."""
    from fftconv._version import __version__  # 15 ms where a profile is kept alone

    return {
        "version": __version__,
        "processor": processor(),
        "core": level_or_reason,
        "threads": available_cores(),
    }


def processor() -> str:
    """The name of the CPU."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
