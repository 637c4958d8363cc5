import pytest
import torch

from training.randomness import Draws
from training.scenes import render_scenes
from training.textures import spectral_noise


@pytest.fixture(scope="module")
def scenes() -> torch.Tensor:
    return render_scenes(Draws(7), 16, 96)


def test_scenes_are_uint8_rgb_of_the_size_asked_for(scenes):
    assert scenes.shape == (16, 3, 96, 96)
    assert scenes.dtype == torch.uint8


def test_the_same_seed_gives_the_same_scenes(scenes):
    assert torch.equal(render_scenes(Draws(7), 16, 96), scenes)


def test_another_seed_gives_other_scenes(scenes):
    assert not torch.equal(render_scenes(Draws(8), 16, 96), scenes)


def test_no_scene_is_flat(scenes):
    assert (scenes.float().std(dim=(2, 3)).amax(1) > 5).all()


def test_scenes_differ_from_one_another(scenes):
    flat = scenes.float().flatten(1)
    distance = torch.cdist(flat, flat) / flat.shape[1] ** 0.5
    distance.fill_diagonal_(torch.inf)
    assert distance.min() > 10


def test_exposure_is_moderate(scenes):
    mean = scenes.float().mean(dim=(1, 2, 3)) / 255
    assert mean.min() > 0.1
    assert mean.max() < 0.8


def test_amplitude_spectrum_falls_about_as_one_over_f():
    luminance = render_scenes(Draws(3), 64, 128).float().mean(1)
    luminance = luminance - luminance.mean(dim=(1, 2), keepdim=True)
    taper = torch.hann_window(128)
    amplitude = torch.fft.fft2(luminance * taper * taper.view(-1, 1)).abs().mean(0)
    frequency = torch.fft.fftfreq(128)
    radius = torch.hypot(frequency, frequency.view(-1, 1))
    band = (radius > 3 / 128) & (radius < 0.3)
    x, y = radius[band].log(), amplitude[band].log()
    slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    assert -1.9 < slope < -0.8  # photographs: about -1.2


def test_spectral_noise_has_zero_mean_and_unit_variance():
    noise = spectral_noise(Draws(1), 5, 64, low=1, high=1.5)
    assert torch.allclose(noise.mean(dim=(1, 2)), torch.zeros(5), atol=1e-4)
    assert torch.allclose(noise.std(dim=(1, 2)), torch.ones(5), atol=1e-3)
