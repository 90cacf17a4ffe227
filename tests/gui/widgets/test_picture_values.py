"""Values become pixels without smoothing, inverting or hiding what was clipped."""

import numpy as np
import pytest

from gui.widgets.picture_values import (
    NOISE_RAMP,
    as_values,
    channels_first,
    device_factor,
    enlarge,
    to_image,
    to_pixels,
    value_text,
)


def test_all_256_values_survive_the_way_through_floats() -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    assert (to_pixels(as_values(pixels)) == pixels[0]).all()


def test_grey_is_clipped_and_never_inverted() -> None:
    values = np.array([[[-3.0, -1.0, 0.0, 1.0, 3.0]]])
    assert to_pixels(values).tolist() == [[0, 0, 128, 255, 255]]


def test_noise_runs_from_near_black_over_blue_to_near_white() -> None:
    pixels = to_pixels(np.array([[[-2.6, 0.0, 2.6, 9.0]]]), "noise")
    assert pixels[0, 0].sum() < 60
    assert pixels[0, 1, 2] > 150 > pixels[0, 1, 0]
    assert pixels[0, 2].min() > 240
    assert (pixels[0, 3] == NOISE_RAMP[-1]).all()


def test_signed_zero_is_the_middle_and_more_is_brighter() -> None:
    low, middle, high = to_pixels(np.array([[[-0.2, 0.0, 0.2]]]), "signed")[0]
    assert (low, middle, high) == (0, 128, 255)
    assert to_pixels(np.zeros((1, 2, 2)), "signed").tolist() == [[128, 128], [128, 128]]


def test_colour_pictures_keep_their_channels() -> None:
    values = np.stack([np.full((2, 3), v) for v in (-1.0, 0.0, 1.0)])
    assert to_pixels(values).shape == (2, 3, 3)
    assert to_pixels(values)[0, 0].tolist() == [0, 128, 255]
    assert channels_first(np.zeros((4, 5, 3))).shape == (3, 4, 5)


def test_values_that_are_not_finite_do_not_stop_the_picture() -> None:
    assert to_pixels(np.array([[[np.nan, np.inf, -np.inf]]])).tolist() == [[128, 255, 0]]


def test_enlarged_pixels_are_whole_squares() -> None:
    large = enlarge(np.array([[1, 2], [3, 4]], dtype=np.uint8), 3)
    assert large.shape == (6, 6)
    assert (large[:3, 3:] == 2).all()
    assert to_image(large).pixelColor(5, 0).red() == 2


@pytest.mark.parametrize(("factor", "ratio", "wanted"), [(12, 1.0, 12), (9, 1.5, 13), (3, 1.25, 3), (1, 0.5, 1)])
def test_factor_is_a_whole_number_of_device_pixels(factor: int, ratio: float, wanted: int) -> None:
    assert device_factor(factor, ratio) == wanted


def test_the_true_value_is_told_with_a_true_minus() -> None:
    assert value_text(np.array([[[-1.734]]], dtype=np.float32), 0, 0) == "\u22121.73"
