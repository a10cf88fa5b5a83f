"""What makes every run of the tests the same: the examples of Hypothesis, and the rates of plans."""

import os

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

os.environ["FFTCONV_PROFILE"] = "shipped"  # and not what somebody saved on this machine
