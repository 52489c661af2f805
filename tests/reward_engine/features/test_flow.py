"""Optical flow: the motion that was planted, and what scikit-image finds."""

import numpy as np
import pytest
from scipy import ndimage
from skimage.registration import optical_flow_ilk

from reward_engine.features.flow import optical_flow, warped


def textured(seed, shape=(54, 72)):
    noise = np.random.default_rng(seed).normal(0.5, 0.5, shape)
    return np.clip(ndimage.gaussian_filter(noise, 2.0), 0, 1).astype(np.float32)


@pytest.mark.parametrize("planted", [(0.0, 0.0), (0.7, -0.4), (-2.0, 1.5)], ids=str)
def test_a_planted_shift_is_found(planted):
    b = textured(1)
    a = np.asarray(ndimage.shift(b, [-planted[0], -planted[1]], order=3, mode="nearest"), np.float32)
    flow = optical_flow(a, b)
    inner = flow[:, 8:-8, 8:-8]
    np.testing.assert_allclose(np.median(inner, axis=(1, 2)), planted, atol=0.1)
    assert np.abs(warped(b, flow) - a)[8:-8, 8:-8].mean() < 0.01


@pytest.mark.parametrize("shape", [(72, 72), (54, 72), (40, 71), (17, 33)], ids=str)
def test_it_agrees_with_scikit_image(shape):
    b = textured(2, shape)
    a = np.asarray(ndimage.zoom(b, 1.06, order=1)[: shape[0], : shape[1]], np.float32)
    expected = optical_flow_ilk(a, b, radius=4, num_warp=4, dtype=np.float32)
    np.testing.assert_allclose(optical_flow(a, b), expected, atol=2e-3)


def test_nothing_moves_where_nothing_can_be_seen():
    flat = np.full((30, 40), 0.5, np.float32)
    assert not optical_flow(flat, flat).any()
