"""Prints the coefficients of `ops/_chebyshev_tables.py`: interpolation at 72 Chebyshev nodes with mpmath at 40 digits.

Run with mpmath installed: `python make_chebyshev_tables.py`.
"""

from __future__ import annotations

import mpmath as mp

mp.mp.dps = 40
NODES = 72
EDGE = mp.mpf("2.09")  # of the middle part of the Airy function
EDGE_Z = mp.mpf(2) / 3 * EDGE ** mp.mpf("1.5")
ZERO_OF_J0, ZERO_OF_J1 = mp.besseljzero(0, 1), mp.besseljzero(1, 1)
ZERO_OF_DIGAMMA = mp.findroot(mp.digamma, 1.4616)


def coefficients(f):
    """Chebyshev coefficients of `f` on [-1, 1], cut where the rest adds less than 2**-56 of the largest."""
    angles = [mp.pi * (k + mp.mpf(1) / 2) / NODES for k in range(NODES)]
    values = [f(mp.cos(a)) for a in angles]
    c = [mp.mpf(2) / NODES * mp.fsum(v * mp.cos(j * a) for v, a in zip(values, angles, strict=True)) for j in range(NODES)]
    c[0] /= 2
    rest, largest = mp.mpf(0), max(map(abs, c))
    while rest + abs(c[-1]) <= mp.mpf(2) ** -56 * largest:
        rest += abs(c.pop())
    return [float(x) for x in c]


def hankel(order, x):
    """The slowly varying factor of `J + i Y`."""
    phase = x - order * mp.pi / 2 - mp.pi / 4
    return (mp.besselj(order, x) + 1j * mp.bessely(order, x)) * mp.sqrt(mp.pi * x / 2) * mp.expj(-phase)


def airy_pair(z):
    """The two slowly varying factors of Ai and Bi at the negative argument whose phase is `z`."""
    x = (z * 3 / 2) ** (mp.mpf(2) / 3)
    ai, bi, s, c = mp.airyai(-x), mp.airybi(-x), mp.sin(z + mp.pi / 4), mp.cos(z + mp.pi / 4)
    size = mp.sqrt(mp.pi) * x ** mp.mpf("0.25")
    return size * (ai * s + bi * c), size * (bi * s - ai * c)


def airy_decaying(z):
    """The slowly varying factor of Ai at the positive argument with exponent `z`."""
    x = (z * 3 / 2) ** (mp.mpf(2) / 3)
    return mp.airyai(x) * 2 * mp.sqrt(mp.pi) * x ** mp.mpf("0.25") * mp.exp(z)


def beyond(edge):
    """x from t = 2 edge / x - 1."""
    return lambda t: 2 * edge / (t + 1)


def beyond_squared(edge):
    """x from t = 2 (edge / x)**2 - 1."""
    return lambda t: edge * mp.sqrt(2 / (t + 1))


def within_squared(end):
    """x from t = 2 (x / end)**2 - 1."""
    return lambda t: end * mp.sqrt((t + 1) / 2)


# name: (x from t, the function of x)
TABLES = {
    "LGAMMA_2": (lambda t: t / 2, lambda z: mp.loggamma(2 + z) / z),
    "DIGAMMA_1": (lambda t: (t + 3) / 2, lambda x: mp.digamma(x) / (x - ZERO_OF_DIGAMMA)),
    "I0_SMALL": (lambda t: 4 * (t + 1), lambda x: mp.exp(-x) * mp.besseli(0, x)),
    "I0_LARGE": (beyond(8), lambda x: mp.exp(-x) * mp.sqrt(x) * mp.besseli(0, x)),
    "I1_SMALL": (lambda t: 4 * (t + 1), lambda x: mp.exp(-x) * mp.besseli(1, x) / x),
    "I1_LARGE": (beyond(8), lambda x: mp.exp(-x) * mp.sqrt(x) * mp.besseli(1, x)),
    "K0_SMALL": (within_squared(2), lambda x: mp.besselk(0, x) + mp.log(x / 2) * mp.besseli(0, x)),
    "K0_LARGE": (beyond(2), lambda x: mp.exp(x) * mp.sqrt(x) * mp.besselk(0, x)),
    "K1_SMALL": (within_squared(2), lambda x: x * (mp.besselk(1, x) - mp.log(x / 2) * mp.besseli(1, x))),
    "K1_LARGE": (beyond(2), lambda x: mp.exp(x) * mp.sqrt(x) * mp.besselk(1, x)),
    "J0_SMALL": (within_squared(5), lambda x: mp.besselj(0, x) / (x * x - ZERO_OF_J0**2)),
    "J1_SMALL": (within_squared(5), lambda x: mp.besselj(1, x) / x / (x * x - ZERO_OF_J1**2)),
    "Y0_SMALL": (within_squared(5), lambda x: mp.bessely(0, x) - 2 / mp.pi * mp.log(x) * mp.besselj(0, x)),
    "Y1_SMALL": (within_squared(5), lambda x: (mp.bessely(1, x) - 2 / mp.pi * (mp.log(x) * mp.besselj(1, x) - 1 / x)) / x),
    "H0_P": (beyond_squared(5), lambda x: mp.re(hankel(0, x))),
    "H0_Q": (beyond_squared(5), lambda x: x * mp.im(hankel(0, x))),
    "H1_P": (beyond_squared(5), lambda x: mp.re(hankel(1, x))),
    "H1_Q": (beyond_squared(5), lambda x: x * mp.im(hankel(1, x))),
    "AIRY_MIDDLE": (lambda t: EDGE * t, mp.airyai),
    "AIRY_LARGE": (beyond(EDGE_Z), airy_decaying),
    "AIRY_P": (beyond_squared(EDGE_Z), lambda z: airy_pair(z)[0]),
    "AIRY_Q": (beyond_squared(EDGE_Z), lambda z: z * airy_pair(z)[1]),
}

if __name__ == "__main__":
    for name, (point, function) in TABLES.items():
        print(f"{name} = {tuple(coefficients(lambda t, f=function, x=point: f(x(t))))}")
