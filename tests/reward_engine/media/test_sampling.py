"""Which frames are chosen, as pure functions of their times."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reward_engine.media import AllFrames, Bursts, EverySecond, Together, Uniform, Window


def _times(count: int, rate: float) -> np.ndarray:
    return np.arange(count) * (1000.0 / rate)


def test_every_second_takes_the_frame_nearest_to_each_whole_second() -> None:
    assert EverySecond().indices(_times(73, 24)).tolist() == [0, 24, 48, 72]
    uneven = np.array([0.0, 400.0, 990.0, 1020.0, 1900.0, 2200.0])
    assert EverySecond().indices(uneven).tolist() == [0, 2, 4]


def test_every_second_stops_at_its_maximum() -> None:
    chosen = EverySecond(max_frames=24).indices(_times(24 * 60, 24))
    assert chosen.tolist() == [24 * second for second in range(24)]


def test_every_second_repeats_a_frame_that_stands_for_more_than_a_second() -> None:
    assert EverySecond().indices(np.array([0.0, 3000.0])).tolist() == [0, 0, 1, 1]


def test_uniform_spreads_from_first_to_last() -> None:
    assert Uniform(3).indices(_times(11, 10)).tolist() == [0, 5, 10]
    assert Uniform(1).indices(_times(11, 10)).tolist() == [5]
    assert Uniform(8).indices(_times(3, 10)).tolist() == [0, 1, 2]


def test_window_takes_neighbors() -> None:
    assert Window(start_ms=500, count=3, stride=2).indices(_times(20, 10)).tolist() == [5, 7, 9]
    assert Window(start_ms=1900, count=3).indices(_times(20, 10)).tolist() == [19]


def test_bursts_are_runs_of_neighbors_over_the_whole_clip() -> None:
    chosen = Bursts(bursts=3, frames=4).indices(_times(100, 25))
    assert chosen.tolist() == [0, 1, 2, 3, 48, 49, 50, 51, 96, 97, 98, 99]


@given(
    st.lists(st.floats(min_value=0.5, max_value=4000), max_size=80),
    st.sampled_from(
        [
            EverySecond(),
            EverySecond(3),
            Uniform(1),
            Uniform(7),
            Window(100, 5, 2),
            Bursts(1, 5),
            Bursts(4, 12),
            AllFrames(9),
            Together((EverySecond(), Bursts(2, 3))),
        ]
    ),
)
def test_every_sampler_answers_with_ascending_indices_that_exist(steps: list[float], sampler: Uniform) -> None:
    times = np.concatenate([[0.0], np.cumsum(steps)])
    chosen = sampler.indices(times)
    assert chosen.dtype == np.int64
    assert len(chosen) >= 1
    assert chosen[0] >= 0
    assert chosen[-1] < len(times)
    assert np.all(np.diff(chosen) >= 0)


@pytest.mark.parametrize(
    "make", [lambda: EverySecond(0), lambda: Uniform(0), lambda: Window(count=0), lambda: Bursts(0, 1)]
)
def test_a_count_below_one_is_refused(make: object) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        make()  # type: ignore[operator]
