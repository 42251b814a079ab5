"""The bounds against channels whose truth is known: codebooks, ratio tests, algebra."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mizaru.ledger import bounds

Array = npt.NDArray[np.float64]
NORMAL = NormalDist()

sigmas = st.floats(0.05, 5)
clips = st.floats(0.1, 3)
widths = st.integers(1, 32)
lengths = st.integers(1, 300)
shares = st.floats(0, 0.99)


def codebook(rng: np.random.Generator, size: int, width: int, clip: float) -> Array:
    """Codewords on the sphere of radius C: the loudest a clipped μ can be."""
    words = rng.normal(size=(size, width))
    return np.asarray(clip * words / np.linalg.norm(words, axis=1, keepdims=True))


def covariance(fresh: float, sticky: float, frames: int) -> Array:
    return np.asarray(fresh * np.eye(frames) + sticky * np.ones((frames, frames)))


def listen(
    rng: np.random.Generator, words: Array, noise: Array, tries: int
) -> tuple[float, float, float]:
    """The truth by Monte-Carlo: who spoke, from T frames of Gaussian noise.

    Args:
        words: shape (N, T, D), what each of N equally likely people would give.
        noise: shape (T, T), covariance over time in each coordinate.

    Returns:
        Mutual information in nats, its standard error, and the Bayes attacker's top-1.
    """
    number, frames, width = words.shape
    white = np.linalg.inv(np.linalg.cholesky(noise))
    heard = np.einsum("st,ntd->nsd", white, words).reshape(number, -1)
    who = rng.integers(number, size=tries)
    z = heard[who] + rng.normal(size=(tries, frames * width))
    log_p = z @ heard.T - 0.5 * (heard**2).sum(axis=1)  # less what is common to all
    top = log_p.max(axis=1, keepdims=True)
    log_mean = top[:, 0] + np.log(np.exp(log_p - top).mean(axis=1))
    nats = log_p[np.arange(tries), who] - log_mean
    right = float((log_p.argmax(axis=1) == who).mean())
    return float(nats.mean()), float(nats.std() / math.sqrt(tries)), right


@pytest.mark.parametrize("number", [40, 1000])
@pytest.mark.parametrize("sigma", [0.2, 0.35, 0.7, 1.5])
@pytest.mark.parametrize("width", [1, 8])
def test_one_frame_of_a_codebook_says_and_names_no_more_than_the_bounds(
    number: int, sigma: float, width: int
) -> None:
    rng = np.random.default_rng(number + width)
    clip = 1.0
    words = codebook(rng, number, width, clip) * rng.uniform(0.2, 1, (number, 1))
    truth, error, right = listen(rng, words[:, None], np.array([[sigma**2]]), 4000)
    eigenvalues = np.linalg.eigvalsh(np.atleast_2d(np.cov(words.T, bias=True))).clip(0)
    lines = (bounds.capacity(width, clip, sigma), bounds.calibrated(eigenvalues, sigma))
    assert lines[1] <= lines[0] + 1e-12
    for nats in lines:
        assert truth <= nats + 4 * error
        best = bounds.top_1(nats, number)
        assert right <= best + 4 * math.sqrt(best * (1 - best) / 4000) + 1e-9
    assert truth >= 0.3 * lines[1] or truth >= 0.7 * math.log(number)  # nor is the line idle


@pytest.mark.parametrize("pattern", [(1, 1, 1, 1, 1, 1), (1, -1, 1, -1, 1, -1), (1, 0, 0, 0, 0, 0)])
@pytest.mark.parametrize("sigma", [0.35, 1.0])
def test_no_way_to_speak_over_time_beats_the_line_for_any_input(
    pattern: tuple[int, ...], sigma: float
) -> None:
    rng = np.random.default_rng(3)
    fresh = sticky = sigma**2 / 2
    words = codebook(rng, 1000, 8, 1.0)[:, None] * np.array(pattern)[None, :, None]
    noise = covariance(fresh, sticky, len(pattern))
    truth, error, right = listen(rng, words, noise, 3000)
    nats = bounds.capacity_over_time(8, 1.0, fresh, sticky, len(pattern))
    assert truth <= nats + 4 * error
    assert right <= bounds.top_1(nats, 1000) + 1e-9
    values = np.linalg.eigvalsh(np.cov(words[:, 0].T, bias=True)).clip(0)
    assert truth <= bounds.calibrated_over_time(values, fresh, sticky, len(pattern)) + 4 * error


def test_adding_up_single_frames_would_be_wrong_once_noise_is_sticky() -> None:
    """Why the conservative line is there: + then - is heard through the sticky part."""
    rng = np.random.default_rng(4)
    sigma, clip = 1.5, 1.0
    words = np.array([[[clip], [-clip]], [[-clip], [clip]]])
    noise = covariance(sigma**2 / 2, sigma**2 / 2, 2)
    truth, error, _ = listen(rng, words, noise, 60_000)
    assert truth - 4 * error > 2 * bounds.capacity(1, clip, sigma)
    assert truth + 4 * error < bounds.capacity_over_time(1, clip, sigma**2 / 2, sigma**2 / 2, 2)


@pytest.mark.parametrize("frames", [1, 5, 25, 625])
def test_averaging_what_stays_the_same_stops_at_the_sticky_floor(frames: int) -> None:
    rng = np.random.default_rng(5)
    fresh = sticky = 0.35**2 / 2
    words = codebook(rng, 1000, 8, 1.0)
    # The mean is sufficient (checked below by linear algebra), so one frame of it stands for all.
    sigma = bounds.static_sigma(fresh, sticky, frames)
    truth, error, right = listen(rng, words[:, None], np.array([[sigma**2]]), 3000)
    nats = bounds.capacity(8, 1.0, sigma)
    floor = bounds.capacity(8, 1.0, math.sqrt(sticky))
    assert truth - 4 * error <= nats < floor
    assert right <= bounds.top_1(nats, 1000) <= bounds.top_1(floor, 1000)


@given(fresh=st.floats(0.01, 2), sticky=st.floats(0, 2), frames=st.integers(1, 40))
def test_the_static_line_is_the_best_linear_unbiased_reader(
    fresh: float, sticky: float, frames: int
) -> None:
    ones = np.ones(frames)
    best = 1 / (ones @ np.linalg.solve(covariance(fresh, sticky, frames), ones))
    assert bounds.static_sigma(fresh, sticky, frames) ** 2 == pytest.approx(best, rel=1e-9)
    assert bounds.static_sigma(fresh, sticky, frames) > math.sqrt(sticky)


@given(
    fresh=st.floats(0.01, 2),
    sticky=st.floats(0, 2),
    frames=st.integers(1, 12),
    clip=clips,
    seed=st.integers(0, 2**32 - 1),
)
def test_no_pair_of_input_sequences_is_further_apart_than_the_line_says(
    fresh: float, sticky: float, frames: int, clip: float, seed: int
) -> None:
    d = np.random.default_rng(seed).normal(size=(frames, 2))
    d *= 2 * clip / np.linalg.norm(d, axis=1, keepdims=True)
    precision = np.linalg.inv(covariance(fresh, sticky, frames))

    def m(difference: Array) -> float:
        return math.sqrt(float(np.einsum("sd,st,td->", difference, precision, difference)))

    line = bounds.gdp(clip, bounds.any_input_sigma(fresh, sticky, frames))
    assert m(d) <= line * (1 + 1e-9)
    around = 2 * math.pi * np.arange(frames) / frames
    summing_to_zero = 2 * clip * np.column_stack((np.cos(around), np.sin(around)))
    assert m(summing_to_zero) == pytest.approx(line, rel=1e-6)  # reached


@given(power=st.floats(0.01, 5), fresh=st.floats(0.01, 2), sticky=st.floats(0, 2))
@pytest.mark.parametrize("frames", [1, 2, 3, 9, 60])
def test_water_filling_agrees_with_a_slow_search_of_the_level(
    frames: int, power: float, fresh: float, sticky: float
) -> None:
    noise = np.linalg.eigvalsh(covariance(fresh, sticky, frames))
    low, high = 0.0, float(noise.max()) + frames * power
    for _ in range(200):
        level = (low + high) / 2
        if np.maximum(level - noise, 0).sum() > frames * power:
            high = level
        else:
            low = level
    slow = 0.5 * np.log1p(np.maximum(low - noise, 0) / noise).sum()
    quick = bounds.capacity_over_time(1, math.sqrt(power), fresh, sticky, frames)
    assert quick == pytest.approx(float(slow), rel=1e-6)


@pytest.mark.parametrize("far", [0.01, 0.1, 0.5])
@pytest.mark.parametrize(
    ("pattern", "share"), [((1,), 0.5), ((1, 1, 1, 1), 0.5), ((1, -1, 1, -1), 0.5), ((1, 1), 0.0)]
)
def test_the_likelihood_ratio_reaches_the_verification_bound_and_nothing_passes_it(
    far: float, pattern: tuple[int, ...], share: float
) -> None:
    rng = np.random.default_rng(6)
    clip, sigma, tries = 1.0, 1.5, 40_000
    fresh, sticky = sigma**2 * (1 - share), sigma**2 * share
    frames = len(pattern)
    precision = np.linalg.inv(covariance(fresh, sticky, frames))
    root = np.linalg.cholesky(covariance(fresh, sticky, frames))
    signal = clip * np.array(pattern, float)  # against its negative: 2C apart
    scores = {}
    for sign in (-1, 1):
        z = sign * signal + rng.normal(size=(tries, frames)) @ root.T
        scores[sign] = z @ precision @ signal
    threshold = np.quantile(scores[-1], 1 - far)
    measured = float((scores[1] > threshold).mean())
    static = len(set(pattern)) == 1
    line = bounds.static_sigma if static else bounds.any_input_sigma
    expected = bounds.tar(bounds.gdp(clip, line(fresh, sticky, frames)), far)
    # Both the threshold and the rate are estimated.
    slope = NORMAL.pdf(NORMAL.inv_cdf(expected)) / NORMAL.pdf(NORMAL.inv_cdf(far))
    spread = math.sqrt((expected * (1 - expected) + slope**2 * far * (1 - far)) / tries)
    assert measured == pytest.approx(expected, abs=4 * spread)
    assert expected <= bounds.tar(
        bounds.gdp(clip, bounds.any_input_sigma(fresh, sticky, frames)), far
    )


def exact_epsilon(m: float, delta: float) -> float:
    """ε of the Gaussian mechanism by Balle and Wang (1805.06530, th. 8), the tight one."""

    def at(epsilon: float) -> float:
        return NORMAL.cdf(m / 2 - epsilon / m) - math.exp(epsilon) * NORMAL.cdf(
            -m / 2 - epsilon / m
        )

    low, high = 0.0, 200.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if at(middle) > delta else (low, middle)
    return high


@pytest.mark.parametrize("delta", [1e-3, 1e-5, 1e-8])
@pytest.mark.parametrize("sigma", [0.4, 1.0, 4.0])
def test_epsilon_lies_between_the_tight_value_and_the_simple_one(
    sigma: float, delta: float
) -> None:
    rho = bounds.zcdp(1.0, sigma)
    epsilon = bounds.epsilon(rho, delta)
    assert exact_epsilon(bounds.gdp(1.0, sigma), delta) <= epsilon
    assert epsilon <= rho + 2 * math.sqrt(rho * math.log(1 / delta))  # [BS16] prop. 1.3


@given(rho=st.floats(1e-3, 1e4), delta=st.floats(1e-12, 0.3), alpha=st.floats(1.0001, 1e4))
def test_no_other_order_gives_a_smaller_epsilon(rho: float, delta: float, alpha: float) -> None:
    other = (
        alpha * rho
        + math.log((alpha - 1) / alpha)
        - (math.log(delta) + math.log(alpha)) / (alpha - 1)
    )
    assert bounds.epsilon(rho, delta) <= max(0.0, other) + 1e-7 * (1 + abs(other))


def test_the_design_s_figures_come_out() -> None:
    assert bounds.capacity(8, 1, 0.2) == pytest.approx(5.67, abs=0.005)
    assert bounds.capacity(8, 1, 0.35) == pytest.approx(2.81, abs=0.005)
    assert bounds.zcdp(1, 0.2) == pytest.approx(50)
    assert 92 < exact_epsilon(bounds.gdp(1, 0.2), 1e-5) < bounds.epsilon(50, 1e-5) < 97


@given(width=widths, clip=clips, sigma=sigmas, more=st.floats(1.01, 3))
def test_more_noise_tells_less_and_more_room_tells_more(
    width: int, clip: float, sigma: float, more: float
) -> None:
    for line in (bounds.zcdp, bounds.gdp, lambda c, s: bounds.capacity(width, c, s)):
        assert line(clip, sigma * more) < line(clip, sigma) < line(clip * more, sigma)
    assert bounds.capacity(width, clip, sigma) < bounds.capacity(width + 1, clip, sigma)
    # However many numbers there are, the power is C².
    assert bounds.capacity(width, clip, sigma) < clip**2 / (2 * sigma**2)


@given(width=widths, clip=clips, sigma=sigmas, share=shares, frames=lengths)
def test_time_adds_and_lies_between_the_two_additive_lines(
    width: int, clip: float, sigma: float, share: float, frames: int
) -> None:
    fresh, sticky = sigma**2 * (1 - share), sigma**2 * share

    def over(number: int) -> float:
        return bounds.capacity_over_time(width, clip, fresh, sticky, number)

    single = bounds.capacity(width, clip, sigma)
    alone = bounds.capacity(width, clip, math.sqrt(fresh))
    assert over(0) == 0
    assert over(1) == pytest.approx(single, rel=1e-9)
    assert over(frames) <= frames * alone * (1 + 1e-9)
    assert over(frames) < over(frames + 1)
    independent = bounds.capacity_over_time(width, clip, sigma**2, 0.0, frames)
    assert independent == pytest.approx(frames * single, rel=1e-9)


@given(clip=clips, sigma=sigmas, share=shares, frames=lengths, visits=st.integers(1, 9))
def test_time_makes_any_line_of_a_single_release_worse_but_never_below_the_floor(
    clip: float, sigma: float, share: float, frames: int, visits: int
) -> None:
    fresh, sticky = sigma**2 * (1 - share), sigma**2 * share
    static = bounds.static_sigma(fresh, sticky, frames)
    assert math.sqrt(sticky) < static <= sigma * (1 + 1e-12)
    assert bounds.static_sigma(fresh, sticky, frames + 1) < static
    assert bounds.any_input_sigma(fresh, sticky, frames) <= static * (1 + 1e-12)
    assert bounds.static_sigma(fresh, sticky, frames, visits) == pytest.approx(
        static / math.sqrt(visits)
    )
    # zCDP and GDP of independent noise add.
    whole = bounds.static_sigma(sigma**2, 0.0, frames)
    assert bounds.zcdp(clip, whole) == pytest.approx(frames * bounds.zcdp(clip, sigma))
    parts = [bounds.gdp(clip, sigma)] * frames
    assert bounds.gdp(clip, whole) == pytest.approx(bounds.gdp_compose(parts))


@given(nats=st.floats(0, 8), among=st.integers(2, 5000), more=st.floats(0, 1))
def test_naming_obeys_the_divergence_exactly(nats: float, among: int, more: float) -> None:
    p = bounds.top_1(nats, among)
    assert 1 / among <= p <= 1
    assert p <= bounds.top_1(nats + more, among)
    assert p >= bounds.top_1(nats, among + 1)
    if p < 1 - 1e-6:
        q = 1 / among
        divergence = p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))
        assert divergence == pytest.approx(nats, abs=1e-6)
    else:
        assert nats >= math.log(among) - 1e-4


def test_the_best_unbiased_reader_of_a_linear_encoder_meets_dfil() -> None:
    rng = np.random.default_rng(8)
    sigma, pixels = 0.3, 6
    for scale, skewed in ((2.0, False), (1.0, True)):
        jacobian = scale * np.linalg.qr(rng.normal(size=(pixels, pixels)))[0]
        if skewed:
            jacobian = jacobian @ np.diag(np.linspace(0.5, 2, pixels))
        x = rng.normal(size=pixels)
        z = jacobian @ x + sigma * rng.normal(size=(20_000, pixels))
        guess = np.linalg.solve(jacobian, z.T).T
        error = ((guess - x) ** 2).mean()
        least = 1 / bounds.dfil(float((jacobian**2).sum()), sigma, pixels)
        if skewed:
            assert error > least
        else:
            assert error == pytest.approx(least, rel=0.05)


@pytest.mark.parametrize(
    "call",
    [
        lambda: bounds.capacity(0, 1, 1),
        lambda: bounds.capacity(True, 1, 1),
        lambda: bounds.capacity(8, 0, 1),
        lambda: bounds.capacity(8, 1, 0),
        lambda: bounds.capacity(8, math.inf, 1),
        lambda: bounds.capacity(8, 1, math.nan),
        lambda: bounds.calibrated([], 1),
        lambda: bounds.calibrated([1, -1e-9], 1),
        lambda: bounds.capacity_over_time(8, 1, 0, 1, 1),
        lambda: bounds.capacity_over_time(8, 1, 1, -1, 1),
        lambda: bounds.capacity_over_time(8, 1, 1, 1, -1),
        lambda: bounds.capacity_over_time(8, 1, 1, 1, 1.5),  # type: ignore[arg-type]
        lambda: bounds.calibrated_over_time([math.nan], 1, 1, 1),
        lambda: bounds.any_input_sigma(1, 1, 0),
        lambda: bounds.static_sigma(1, 1, 1, 0),
        lambda: bounds.zcdp(-1, 1),
        lambda: bounds.gdp(1, -1),
        lambda: bounds.gdp_compose([1, math.inf]),
        lambda: bounds.epsilon(-1, 0.1),
        lambda: bounds.epsilon(1, 0),
        lambda: bounds.epsilon(1, 1),
        lambda: bounds.tar(1, 0),
        lambda: bounds.tar(-1, 0.1),
        lambda: bounds.top_1(-0.1, 40),
        lambda: bounds.top_1(1, 1),
        lambda: bounds.top_1(math.nan, 40),
        lambda: bounds.dfil(-1, 1, 10),
        lambda: bounds.dfil(1, 1, 0),
    ],
)
def test_a_bad_argument_is_refused(call: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        call()
