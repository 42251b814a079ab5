"""What a noisy representation can say at most: the formulas, one function each.

The channel is z = quantise(clip_C(μ(x)) + n). μ has D numbers, clip_C scales it into the ball of
radius C (Euclidean), n is Gaussian. Quantisation looks only at clip_C(μ) + n, so that it is
post-processing: no line below grows by it, and all are computed as if it were absent.

Sticky noise. Per coordinate, a track's noise in frame t is f_t + s: f_t ~ N(0, σ_i²) is fresh,
s ~ N(0, σ_s²) is drawn once per track, σ² = σ_i² + σ_s². Then frames are correlated, and the
lines of single frames do **not** add up. Two frames suffice to see it: z₁ - z₂ is free of s, so
that inputs which differ in opposite ways meet noise of variance 2σ_i² only. Hence there are
three ways to read every line, and each holds under its own condition:

- one frame seen alone: noise σ. Any input.
- T frames, **any input**: whoever knows s sees T independent frames with noise σ_i, and not
  knowing s is less. zCDP, GDP and dFIL are those of one release with noise
  σ (T = 1) or σ_i/√T (T ≥ 2), see `any_input_sigma`; mutual information is `capacity_over_time`.
  These hold always: whatever depends on what, whoever comes and goes. Sticky noise costs here:
  σ_i² stands where σ² stood.
- T frames, **what stays the same**: the mean of T frames has noise of variance σ_s² + σ_i²/T,
  that is T/σ² becomes T/(σ_i² + T σ_s²), see `static_sigma`. This holds for a secret y (who it
  is) that shows as one constant vector, clip_C(μ_t) = a(y) + b_t, where the b_t are independent
  of y (the attacker may know them). Nothing tests that condition but an attack (`mizaru audit`);
  where gait, say, makes b_t depend on y, only the line above is left.

Each new track draws a new s: V visits of one person divide the static variance by V, if an
attacker knows that they are of one person.

Several people in one frame: each present track adds its own s in full, so that for each of them
the above holds whatever the others do (their noise only helps). Dividing the sum by √k for k
tracks would keep the variance at σ² but breaks the static line: alone one sees a + s, with
companions a + s/√k, and the two together tell a and s apart.

Units: nats, unless a name says otherwise. Bad arguments raise `ValueError`.
Sources: [MSR] design/representation.md §1; [CT] Cover, Thomas, Elements of Information Theory,
2nd ed.; [BS16] Bun, Steinke, arXiv 1605.02065; [CKS20] Canonne, Kamath, Steinke, arXiv
2004.00010; [DRS19] Dong, Roth, Su, arXiv 1905.02383; [PAC] Xiao, Devadas, arXiv 2210.03458;
[FIL] Maeng et al., arXiv 2305.04146.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import NormalDist
from typing import Final

_NORMAL: Final = NormalDist()


def capacity(width: int, clip: float, sigma: float) -> float:
    """I(x; z) ≤ (D/2) ln(1 + C²/(Dσ²)), for any distribution of the input x.

    The capacity of D parallel Gaussian channels under E‖c‖² ≤ C² ([CT] §9.4; [MSR]).

    Args:
        width: D ≥ 1.
        clip: C > 0.
        sigma: σ > 0, standard deviation per coordinate.
    """
    _count("width", width)
    return width * _gaussian(_positive("clip", clip) ** 2 / width, _positive("sigma", sigma) ** 2)


def calibrated(eigenvalues: Iterable[float], sigma: float) -> float:
    """I(x; z) ≤ ½ Σ ln(1 + λ_i/σ²) for inputs like those of a calibration set.

    λ_i are the eigenvalues of Cov clip_C(μ) over that set. Of all distributions with one
    covariance the Gaussian has the greatest entropy ([CT] th. 8.6.5), so that this bounds every
    distribution with that covariance. It says nothing about other inputs: name the set.

    Args:
        eigenvalues: λ_i ≥ 0, one per coordinate.
        sigma: σ > 0.
    """
    variance = _positive("sigma", sigma) ** 2
    return math.fsum(_gaussian(value, variance) for value in _spectrum(eigenvalues))


def capacity_over_time(
    width: int, clip: float, fresh_variance: float, sticky_variance: float, frames: int
) -> float:
    """I(x; z_1 … z_T) for any input whatever, by water-filling.

    Noise over time has the covariance Σ = σ_i² I + σ_s² 11ᵀ per coordinate: one eigenvalue
    σ_i² + T σ_s² along the mean, T - 1 of σ_i² across it. The power of T frames, ≤ T C²/D per
    coordinate, goes where noise is least ([CT] §9.5). With ν = C²/D + σ²:

    - ν ≥ σ_i² + T σ_s²:  (D/2) [T ln ν - (T-1) ln σ_i² - ln(σ_i² + T σ_s²)],
    - else:  (D/2) (T-1) ln(1 + T C² / (D (T-1) σ_i²)).

    T = 1 gives `capacity`, σ_s = 0 gives T times it; always between T times it with σ² and T
    times it with σ_i².

    Args:
        width: D ≥ 1.
        clip: C > 0.
        fresh_variance: σ_i² > 0, per coordinate.
        sticky_variance: σ_s² ≥ 0, per coordinate.
        frames: T ≥ 0.
    """
    _count("width", width)
    power = _positive("clip", clip) ** 2 / width
    return width * _over_time(power, fresh_variance, sticky_variance, frames)


def calibrated_over_time(
    eigenvalues: Iterable[float], fresh_variance: float, sticky_variance: float, frames: int
) -> float:
    """I(x; z_1 … z_T) for inputs each frame of which is like the calibration set.

    As `capacity_over_time`, with λ_i in place of C²/D in each coordinate of the eigenbasis: the
    noise looks the same in every basis, and how frames hang together is left open.
    """
    return math.fsum(
        _over_time(value, fresh_variance, sticky_variance, frames)
        for value in _spectrum(eigenvalues)
    )


def any_input_sigma(fresh_variance: float, sticky_variance: float, frames: int) -> float:
    """σ of the one release that tells as much as T frames, for zCDP, GDP and dFIL, any input.

    Two sequences of inputs differ by d_t, ‖d_t‖ ≤ 2C. What counts is
    Σ_{s,t} d_s·d_t (Σ⁻¹)_{st} = (Σ‖d_t‖² - σ_s²/(σ_i² + T σ_s²) ‖Σ d_t‖²)/σ_i²
    ≤ T (2C)²/σ_i² (Sherman–Morrison), so σ_i/√T; for T ≥ 2 and D ≥ 2 it is reached by any d_t
    that sum to zero. For T = 1 it is σ.

    Args:
        fresh_variance, sticky_variance: σ_i² > 0 and σ_s² ≥ 0.
        frames: T ≥ 1.
    """
    _variances(fresh_variance, sticky_variance)
    _count("frames", frames)
    if frames == 1:
        return math.sqrt(fresh_variance + sticky_variance)
    return math.sqrt(fresh_variance / frames)


def static_sigma(
    fresh_variance: float, sticky_variance: float, frames: int, visits: int = 1
) -> float:
    """σ of the one release that tells as much as T frames do about what stays the same.

    √((σ_s² + σ_i²/T) / V): put it into any line of a single release ([MSR]: T/σ² becomes
    T/(σ_i² + T σ_s²)). Condition: see the module. The mean of the frames is a sufficient
    statistic for a; E b = 0 can be had by moving E b into a, and then E‖a‖² ≤ E‖a + b‖² ≤ C²
    for `capacity`, and two values of y are at most 2C apart for `zcdp` and `gdp`.

    Args:
        fresh_variance, sticky_variance: σ_i² > 0 and σ_s² ≥ 0.
        frames: T ≥ 1, of each visit.
        visits: V ≥ 1 tracks, each with its own s, that the attacker knows to be of one person.
    """
    _variances(fresh_variance, sticky_variance)
    _count("frames", frames)
    _count("visits", visits)
    return math.sqrt((sticky_variance + fresh_variance / frames) / visits)


def zcdp(clip: float, sigma: float) -> float:
    """ρ = Δ²/(2σ²) = 2C²/σ² with Δ = 2C: any input against any other ([BS16] prop. 1.6).

    ρ of releases with independent noise add ([BS16] lemma 1.7).
    """
    return 2 * (_positive("clip", clip) / _positive("sigma", sigma)) ** 2


def epsilon(rho: float, delta: float) -> float:
    """Smallest ε known of ρ-zCDP at a given δ.

    ε(δ) = inf_{α>1} [αρ + ln((α-1)/α) - (ln δ + ln α)/(α-1)]  ([CKS20] prop. 12 and cor. 13).
    Every α gives a valid ε, so that the search can only err to the safe side.

    Args:
        rho: ρ ≥ 0.
        delta: δ in (0, 1).
    """
    if not (math.isfinite(rho) and rho >= 0):
        raise ValueError(f"rho must be ≥ 0, got {rho}")
    _inside("delta", delta)
    if rho == 0:
        return 0.0

    def at(log_excess: float) -> float:
        excess = math.exp(log_excess)  # α - 1
        log_alpha = math.log1p(excess)
        return (1 + excess) * rho + log_excess - log_alpha - (math.log(delta) + log_alpha) / excess

    # A grid finds the valley, golden sections its floor.
    step = 0.25
    best = min((number * step for number in range(-100, 101)), key=at)
    low, high = best - step, best + step
    golden = (math.sqrt(5) - 1) / 2
    while high - low > 1e-10:
        left, right = high - golden * (high - low), low + golden * (high - low)
        low, high = (low, right) if at(left) < at(right) else (left, high)
    return max(0.0, min(at(best), at((low + high) / 2)))


def gdp(clip: float, sigma: float) -> float:
    """m = Δ/σ = 2C/σ: telling any two inputs apart is as hard as N(0, 1) from N(m, 1).

    ([DRS19] th. 2.7.) Exact for the Gaussian mechanism, so never worse than `epsilon`.
    """
    return 2 * _positive("clip", clip) / _positive("sigma", sigma)


def gdp_compose(parts: Iterable[float]) -> float:
    """m_T = √Σ m_t² of releases with independent noise ([DRS19] cor. 3.3)."""
    return math.hypot(*(_least("m", part) for part in parts))


def tar(m: float, far: float) -> float:
    """Largest true acceptance rate of any verifier: Φ(m + Φ⁻¹(FAR)) ([DRS19] eq. 6).

    Args:
        m: ≥ 0, of `gdp`.
        far: its false acceptance rate, in (0, 1).
    """
    return _NORMAL.cdf(_least("m", m) + _NORMAL.inv_cdf(_inside("far", far)))


def top_1(nats: float, among: int) -> float:
    """Largest p_max with KL(p ‖ 1/N) ≤ I: nobody names one of N better than that.

    KL(p ‖ q) = p ln(p/q) + (1-p) ln((1-p)/(1-q)); ([PAC] th. 1: data processing, applied to
    "the guess was right" under the true joint distribution and under independence). For N
    equally likely people; 1 as soon as I ≥ ln N.

    Args:
        nats: I ≥ 0, mutual information of who it is and everything seen.
        among: N ≥ 2.
    """
    _least("nats", nats)
    if isinstance(among, bool) or not isinstance(among, int) or among < 2:
        raise ValueError(f"among must be a whole number ≥ 2, got {among}")
    if nats >= math.log(among):
        return 1.0

    low, high = 1 / among, 1.0
    while high - low > 1e-12:
        middle = (low + high) / 2
        if _binary_divergence(middle, 1 / among) <= nats:
            low = middle
        else:
            high = middle
    return high  # the safe end


def dfil(squared_jacobian: float, sigma: float, pixels: int) -> float:
    """dFIL = tr(JᵀJ)/(σ² d) of one input ([FIL] §3, Gaussian noise).

    Any unbiased reconstruction has a mean squared error per pixel of at least 1/dFIL (Cramér–Rao,
    [FIL] §3). A biased one, which has seen many pictures, is not bound by it.

    Args:
        squared_jacobian: tr(JᵀJ) ≥ 0, J = ∂ clip_C(μ(x))/∂x at that input.
        sigma: σ > 0.
        pixels: d ≥ 1, numbers in x.
    """
    _count("pixels", pixels)
    return _least("squared_jacobian", squared_jacobian) / (_positive("sigma", sigma) ** 2 * pixels)


def _gaussian(power: float, variance: float) -> float:
    return 0.5 * math.log1p(power / variance)


def _over_time(power: float, fresh: float, sticky: float, frames: int) -> float:
    """Water-filling of T frames in one coordinate; ``power`` is that of one frame."""
    _variances(fresh, sticky)
    if isinstance(frames, bool) or not isinstance(frames, int) or frames < 0:
        raise ValueError(f"frames must be a whole number ≥ 0, got {frames}")
    if frames == 0:
        return 0.0
    level, along = power + fresh + sticky, fresh + frames * sticky
    across = frames - 1
    if level >= along:
        return 0.5 * (across * math.log(level / fresh) + math.log(level / along))
    return 0.5 * across * math.log1p(frames * power / (across * fresh))


def _binary_divergence(p: float, q: float) -> float:
    """KL(p ‖ q) of two coins, 0 < p, q < 1."""
    return p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))


def _variances(fresh: float, sticky: float) -> None:
    _positive("fresh_variance", fresh)
    _least("sticky_variance", sticky)


def _spectrum(eigenvalues: Iterable[float]) -> tuple[float, ...]:
    spectrum = tuple(_least("an eigenvalue", value) for value in eigenvalues)
    if not spectrum:
        raise ValueError("eigenvalues must not be empty")
    return spectrum


def _count(name: str, value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} must be a whole number ≥ 1, got {value}")


def _positive(name: str, value: float) -> float:
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name} must be > 0, got {value}")
    return value


def _least(name: str, value: float) -> float:
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{name} must be ≥ 0, got {value}")
    return value


def _inside(name: str, value: float) -> float:
    if not 0 < value < 1:
        raise ValueError(f"{name} must lie between 0 and 1, got {value}")
    return value
