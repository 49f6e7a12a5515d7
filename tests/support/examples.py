"""How much Hypothesis tries: in CI the same few examples each time, in `make test-long` many that
are new each time. Never by the clock: a machine's speed must not fail a test."""

import os

from hypothesis import HealthCheck, settings

MANY_FOR_ONE = 20
_profile = os.environ.get("DADC_TEST_EXAMPLES", "few")

settings.register_profile("few", derandomize=True, deadline=None)
settings.register_profile(
    "many",
    max_examples=100 * MANY_FOR_ONE,
    derandomize=False,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def choose() -> None:
    """Load the profile that the environment names."""
    settings.load_profile(_profile)


def examples(few: int) -> int:
    """How many to try where a hundred are too slow."""
    return few * MANY_FOR_ONE if _profile == "many" else few
