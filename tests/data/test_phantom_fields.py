import numpy as np
import pytest

from cellweave.data.phantom.fields import drawn_out, smooth_noise


def test_noise_is_standard_and_as_smooth_as_asked():
    fine, coarse = (smooth_noise((400, 400), scale, np.random.default_rng(0)) for scale in (2.0, 8.0))
    for values in (fine, coarse):
        assert values.shape == (400, 400)
        assert values.mean() == pytest.approx(0, abs=0.1)
        assert values.std() == pytest.approx(1, abs=0.2)
    # Four times the scale, a quarter of the slope.
    assert np.diff(fine).std() / np.diff(coarse).std() == pytest.approx(4, rel=0.15)


@pytest.mark.parametrize("angle", [0.0, 0.5, np.pi / 2])
def test_streaks_run_along_the_direction(angle):
    noise = np.random.default_rng(1).normal(size=(256, 256)).astype(np.float32)
    streaks = drawn_out(noise, np.full((256, 256), angle, np.float32), doublings=5)
    gradients = np.stack(np.gradient(streaks[40:-40, 40:-40])[::-1], axis=-1)
    along = gradients @ (np.cos(angle), np.sin(angle))
    across = gradients @ (-np.sin(angle), np.cos(angle))
    # 1 for white noise, about 3 for streaks the wrong way; 0.25 to 0.35 here, by the direction of the pixel grid.
    assert along.std() < 0.45 * across.std()


def test_one_doubling_by_hand():
    noise = np.arange(12, dtype=np.float32).reshape(3, 4)
    streaks = drawn_out(noise, np.zeros((3, 4), np.float32), doublings=1)
    # The mean with the right-hand neighbour, times sqrt(2).
    np.testing.assert_allclose(streaks[:, :3], (noise[:, :3] + noise[:, 1:]) / np.sqrt(2), rtol=1e-6)
