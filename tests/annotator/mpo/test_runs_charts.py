"""What charts are drawn from: round numbers that hold the data, points that stay inside, dots on the right side."""

import itertools
import math

from hypothesis import given, settings
from hypothesis import strategies as st

from annotator.core.charts import HEIGHT, LEFT, WIDTH, dot_row, dot_scale, line_chart, nice_ticks
from annotator.core.curves import Curve, thinned

NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)


@settings(max_examples=60, deadline=None)
@given(NUMBERS, st.floats(1e-6, 1e6))
def test_ticks_hold_what_is_shown(low: float, span: float) -> None:
    ticks = nice_ticks(low, low + span)
    steps = {round(after - before, 9) for before, after in itertools.pairwise(ticks)}
    assert ticks[0] <= low + 1e-6 * span + 1e-9
    assert ticks[-1] >= low + span - 1e-6 * span - 1e-9
    assert 2 <= len(ticks) <= 8
    assert max(steps) <= 1.01 * min(steps) + 1e-9


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 1000), NUMBERS), min_size=1, max_size=50, unique_by=lambda p: p[0]))
def test_a_curve_stays_inside_its_frame(points: list[tuple[int, float]]) -> None:
    curve = Curve("loss", tuple((float(step), value) for step, value in sorted(points)), ((5.0, points[0][1]),))
    chart = line_chart(curve, steps=1000, level=0.0)
    assert chart is not None
    places = [tuple(map(float, point.split(","))) for point in chart.line.split()]
    assert len(places) == len(points)
    assert all(LEFT <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in places)
    assert line_chart(Curve("loss", ()), steps=10) is None
    assert line_chart(Curve("loss", ((1.0, math.nan),)), steps=10) is None, "a loss that is no number draws nothing"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(NUMBERS, st.floats(0, 1e3)), min_size=1, max_size=4))
def test_dots_stand_on_their_side_of_zero(changes: list[tuple[float, float]]) -> None:
    spans = [(value, value - half, value + half) for value, half in changes]
    scale = dot_scale((low, high) for _, low, high in spans)
    row = dot_row(spans, scale)
    for (value, low, high), span in zip(spans, row.spans, strict=True):
        assert -1e-6 <= span.low <= span.at + 1e-6 <= span.high + 2e-6 <= 100 + 4e-6
        assert (span.at > row.zero - 1e-6) if value >= 0 else (span.at < row.zero + 1e-6)
        assert (span.low > row.zero - 1e-6) if low >= 0 else True
        assert (span.high < row.zero + 1e-6) if high <= 0 else True


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(), st.floats(-10, 10)), max_size=200), st.integers(1, 50))
def test_thinning_keeps_the_mean_and_the_end(points: list[tuple[int, float]], most: int) -> None:
    thin = thinned(points, most)
    assert len(thin) <= most or len(points) <= most
    if points:
        assert thin[-1][0] == points[-1][0]
    if points and len(points) % len(thin) == 0 and len(points) // len(thin) == -(-len(points) // most):
        mean = sum(value for _, value in points) / len(points)
        assert math.isclose(sum(value for _, value in thin) / len(thin), mean, abs_tol=1e-9)
