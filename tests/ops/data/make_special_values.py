"""Writes special_values.json: points and values of the special functions, computed by mpmath at 40 digits.

Run with mpmath installed: `python make_special_values.py`. Points are exact in float32, so that one table serves both precisions.
"""

from __future__ import annotations

import json
import random
import struct
from pathlib import Path

import mpmath as mp

mp.mp.dps = 40
SQRT2 = mp.sqrt(2)


def phi(x):
    """The normal distribution function."""
    return mp.erfc(-x / SQRT2) / 2


# name: (low, high, value)
FUNCTIONS = {
    "erf": (-5, 5, mp.erf),
    "erfc": (-3, 9, mp.erfc),
    "erfcx": (-5, 20, lambda x: mp.exp(x * x) * mp.erfc(x)),
    "erfinv": (-1, 1, mp.erfinv),
    "ndtr": (-12, 5, phi),
    "log_ndtr": (-40, 5, lambda x: mp.log1p(-phi(-x)) if x > 0 else mp.log(phi(x))),
    "ndtri": (0, 1, lambda p: SQRT2 * mp.erfinv(2 * p - 1)),
    "entr": (0, 3, lambda x: -x * mp.log(x)),
    "gammaln": (0, 30, lambda x: mp.loggamma(x).real),
    "digamma": (0, 30, mp.digamma),
    "i0": (-20, 20, lambda x: mp.besseli(0, x)),
    "i0e": (-40, 40, lambda x: mp.besseli(0, x) * mp.exp(-abs(x))),
    "i1": (-20, 20, lambda x: mp.besseli(1, x)),
    "i1e": (-40, 40, lambda x: mp.besseli(1, x) * mp.exp(-abs(x))),
    "modified_bessel_k0": (0, 20, lambda x: mp.besselk(0, x)),
    "modified_bessel_k1": (0, 20, lambda x: mp.besselk(1, x)),
    "scaled_modified_bessel_k0": (0, 60, lambda x: mp.exp(x) * mp.besselk(0, x)),
    "scaled_modified_bessel_k1": (0, 60, lambda x: mp.exp(x) * mp.besselk(1, x)),
    "bessel_j0": (-5, 5, lambda x: mp.besselj(0, x)),
    "bessel_j1": (-5, 5, lambda x: mp.besselj(1, x)),
    "spherical_bessel_j0": (-3, 3, lambda x: mp.sin(x) / x),
    "airy_ai": (-2, 8, mp.airyai),
}
PAIRS = {
    "gammainc": (0.2, 40, lambda a, x: mp.gammainc(a, 0, x, regularized=True)),
    "gammaincc": (0.2, 40, lambda a, x: mp.gammainc(a, x, mp.inf, regularized=True)),
    "zeta": (1.25, 12, mp.zeta),
    "xlogy": (0.1, 9, lambda x, y: x * mp.log(y)),
    "xlog1py": (0.1, 9, lambda x, y: x * mp.log1p(y)),
}


def single(x: float) -> float:
    """`x` rounded to float32."""
    return struct.unpack("f", struct.pack("f", x))[0]


def main() -> None:
    """Write the table."""
    draw = random.Random(7)
    table = {}
    for name, (low, high, value) in FUNCTIONS.items():
        points = [single(draw.uniform(low, high)) for _ in range(40)]
        points += [single(p) for p in (draw.uniform(low, high) * 0.01 for _ in range(20)) if low < p < high]
        table[name] = [[x, float(value(mp.mpf(x)))] for x in points]
    for name, (low, high, value) in PAIRS.items():
        points = [(single(draw.uniform(low, high)), single(draw.uniform(low, high))) for _ in range(40)]
        table[name] = [[a, b, float(value(mp.mpf(a), mp.mpf(b)))] for a, b in points]
    text = ",\n".join(f'"{name}": {json.dumps(rows)}' for name, rows in table.items())
    (Path(__file__).parent / "special_values.json").write_text("{\n" + text + "\n}\n")


if __name__ == "__main__":
    main()
