"""Decoding ahead: order, errors in their place, bounded, and gone when the consumer goes."""

import threading
import time

import pytest

from reward_engine.media import decode_ahead


def test_results_come_in_order_with_errors_in_their_place() -> None:
    def decode(number: int) -> int:
        time.sleep(0.002 * (5 - number % 5))
        if number == 3:
            raise ValueError("three")
        return number * number

    results = list(decode_ahead(range(10), decode, workers=3, ahead=4))
    assert [item for item, _ in results] == list(range(10))
    assert isinstance(results[3][1], ValueError)
    assert [value for item, value in results if item != 3] == [n * n for n in range(10) if n != 3]


def test_no_more_than_ahead_are_held() -> None:
    begun: list[int] = []
    iterator = decode_ahead(range(100), begun.append, workers=2, ahead=5)
    next(iterator)
    time.sleep(0.05)
    assert len(begun) <= 5
    iterator.close()
    assert len(begun) <= 5
    assert not any(thread.name.startswith("decode") for thread in threading.enumerate())


def test_no_items_and_nonsense() -> None:
    assert list(decode_ahead([], str)) == []
    with pytest.raises(ValueError, match="at least 1"):
        next(decode_ahead([1], str, workers=0))
