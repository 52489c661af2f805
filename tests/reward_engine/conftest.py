"""The two checklists, and consistent random levels for them."""

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from reward_engine import answers
from reward_engine.checklist import builtin

# A busy machine is no failure, and the suite says the same every time it runs.
settings.register_profile("engine", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("engine")


@pytest.fixture(scope="session", params=["image", "video"])
def checklist(request):
    return builtin(request.param)


@pytest.fixture
def random_levels():
    def make(checklist, n, seed=0, absent=0.1):
        rng = np.random.default_rng(seed)
        columns = [rng.integers(sub.lowest, sub.highest + 1, n) for sub in checklist.ordinal]
        levels = np.stack(columns, axis=1).astype(np.int8)
        levels[rng.random(levels.shape) < absent] = answers.ABSENT
        return answers.harmonize(checklist, levels)

    return make
