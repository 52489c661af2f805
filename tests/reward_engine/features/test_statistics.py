"""Each statistic orders the degradation that it is named for, on real photographs."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

from reward_engine.features.statistics import image_statistics, statistic_names

Picture = NDArray[np.uint8]


def _blurred(picture: Picture, amount: float) -> Picture:
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(amount)))


def _noisy(picture: Picture, amount: float) -> Picture:
    noise = np.random.default_rng(0).normal(0, amount, picture.shape)
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)


def _darkened(picture: Picture, amount: float) -> Picture:
    return np.asarray(ImageEnhance.Brightness(Image.fromarray(picture)).enhance(1 / amount))


def _desaturated(picture: Picture, amount: float) -> Picture:
    return np.asarray(ImageEnhance.Color(Image.fromarray(picture)).enhance(1 - amount))


def _flattened(picture: Picture, amount: float) -> Picture:
    return np.asarray(ImageEnhance.Contrast(Image.fromarray(picture)).enhance(1 - amount))


def _peppered(picture: Picture, amount: float) -> Picture:
    hit = np.random.default_rng(0).random(picture.shape[:2]) < amount
    return np.asarray(np.where(hit[..., None], np.uint8(255), picture), dtype=np.uint8)


def _in_blocks(picture: Picture, amount: float) -> Picture:
    """A share of each 8 × 8 block's mean, as a codec short of bits leaves it."""
    height, width = picture.shape[0] // 8 * 8, picture.shape[1] // 8 * 8
    cells = picture[:height, :width].astype(float).reshape(height // 8, 8, width // 8, 8, 3)
    mixed: NDArray[np.float64] = (1 - amount) * cells + amount * cells.mean(axis=(1, 3), keepdims=True)
    return np.asarray(np.rint(mixed).reshape(height, width, 3), dtype=np.uint8)


def _tinted(picture: Picture, amount: float) -> Picture:
    return np.asarray(np.clip(picture * (1 + np.array([amount, 0, -amount])), 0, 255), dtype=np.uint8)


def _barred(picture: Picture, amount: float) -> Picture:
    rows = int(picture.shape[0] * amount)
    result = picture.copy()
    result[:rows] = result[-rows:] = 0
    return result


@pytest.mark.parametrize(
    ("degrade", "amounts", "names", "direction"),
    [
        (
            _blurred,
            (0.7, 1.5, 3, 6),
            ("laplacian_0", "tenengrad", "edge_peak", "native_laplacian", "sharpest_tile"),
            -1,
        ),
        (_blurred, (0.7, 1.5, 3, 6), ("blur_effect", "native_blur_effect"), +1),
        (_noisy, (3, 8, 20, 40), ("noise", "noise_flat", "noise_color"), +1),
        (_darkened, (1.3, 2, 4, 8), ("luma_mean", "luma_log_mean", "luma_p50", "luma_p95"), -1),
        (_desaturated, (0.25, 0.5, 0.75, 1), ("colorfulness", "saturation_mean"), -1),
        (_desaturated, (0.25, 0.5, 0.75, 1), ("grayness",), +1),
        (_flattened, (0.2, 0.4, 0.6, 0.8), ("luma_deviation", "luma_range", "tile_contrast"), -1),
        (_peppered, (0.01, 0.03, 0.1), ("noise_impulse",), +1),
        (_in_blocks, (0.3, 0.6, 0.9), ("blockiness",), +1),
        (_tinted, (0.1, 0.25, 0.5), ("cast_yellow_blue", "cast_red_green"), +1),
        (_barred, (0.1, 0.2, 0.3), ("flat_border",), +1),
    ],
)
def test_more_of_a_degradation_moves_its_statistics_one_way(
    photographs: dict[str, Picture], degrade: object, amounts: tuple[float, ...], names: tuple[str, ...], direction: int
) -> None:
    for title, picture in photographs.items():
        series = [image_statistics(picture)] + [image_statistics(degrade(picture, a)) for a in amounts]  # type: ignore[operator]
        for name in names:
            steps = direction * np.diff([values[name] for values in series])
            assert np.all(steps > 0), f"{name} of {title}: {[round(values[name], 3) for values in series]}"


def test_noise_is_not_taken_for_blur_nor_blur_for_noise(photographs: dict[str, Picture]) -> None:
    for picture in photographs.values():
        assert image_statistics(_blurred(picture, 2))["noise"] < image_statistics(picture)["noise"]
        assert image_statistics(_noisy(picture, 15))["blur_effect"] < image_statistics(picture)["blur_effect"]


def test_a_mirrored_picture_is_symmetric(photographs: dict[str, Picture]) -> None:
    for picture in photographs.values():
        half = picture[:, : picture.shape[1] // 2]
        both = np.concatenate([half, half[:, ::-1]], axis=1)
        assert image_statistics(both)["mirror_left_right"] > 0.99
        assert image_statistics(picture)["mirror_left_right"] < 0.95


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (2, 5000), (9, 9), (700, 3), (64, 64)])
@pytest.mark.parametrize("level", [0, 77, 255])
def test_every_statistic_of_every_picture_is_finite(shape: tuple[int, int], level: int) -> None:
    values = image_statistics(np.full((*shape, 3), level, dtype=np.uint8))
    assert tuple(values) == statistic_names()
    assert np.isfinite(list(values.values())).all()


def test_the_size_of_the_file_differs_from_that_of_the_pixels(photographs: dict[str, Picture]) -> None:
    picture = photographs["coffee"]
    values = image_statistics(picture, (1920, 1080))
    assert values["log_pixels"] == pytest.approx(np.log(1920 * 1080))
    assert values["laplacian_0"] == image_statistics(picture)["laplacian_0"]
