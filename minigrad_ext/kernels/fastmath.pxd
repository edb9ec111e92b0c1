"""exp, log, tanh, the logistic function, and sine and cosine of an angle in turns, without branches or tables, so that
loops over them vectorise.

They are meant for float32 arguments and results, but compute in double precision: the error of the series, below 1e-11,
vanishes in the one rounding to float32 at the end, and double's range spares every special case of overflow and
denormal results.
"""

from libc.stdint cimport uint64_t
from libc.string cimport memcpy


cdef inline double as_double(uint64_t bits) noexcept nogil:
    cdef double x
    memcpy(&x, &bits, 8)
    return x


cdef inline uint64_t as_bits(double x) noexcept nogil:
    cdef uint64_t bits
    memcpy(&bits, &x, 8)
    return bits


cdef inline double horner(double p, double x, double a, double b, double c) noexcept nogil:
    """The value of a polynomial, from the value p that its higher terms have, and three more coefficients."""
    return ((p * x + a) * x + b) * x + c


cdef inline double fast_exp(double x) noexcept nogil:
    """e^x = 2^n e^r, where n is the integer nearest to x / log 2 and so |r| <= log(2) / 2: eleven terms of the series.

    Adding 1.5 * 2^52 to x / log 2 leaves no room for a fraction, so the sum's low bits are n.
    """
    x = -400 if x < -400 else x     # in this order NaN stays
    x = 400 if x > 400 else x
    shifted = x * 1.4426950408889634 + 6755399441055744.0
    r = x - (shifted - 6755399441055744.0) * 0.6931471805599453
    p = horner(1 / 39916800.0, r, 1 / 3628800.0, 1 / 362880.0, 1 / 40320.0)
    p = horner(p, r, 1 / 5040.0, 1 / 720.0, 1 / 120.0)
    p = horner(p, r, 1 / 24.0, 1 / 6.0, 0.5)
    p = (p * r + 1) * r + 1
    return p * as_double((as_bits(shifted) + 1023) << 52)


cdef inline double fast_log(double x) noexcept nogil:
    """log(2^n m) = n log 2 + log m with m in [sqrt(1/2), sqrt(2)), and log m = 2 (s + s^3/3 + s^5/5 + ...) for
    s = (m - 1) / (m + 1)."""
    bits = as_bits(x)
    m = as_double(bits & 0x000FFFFFFFFFFFFFull | 0x3FF0000000000000ull)
    n = as_double(bits >> 52 | 0x4330000000000000ull) - (4503599627370496.0 + 1023.0)
    cdef bint high = m > 1.4142135623730951
    m = 0.5 * m if high else m
    n = n + 1 if high else n
    s = (m - 1) / (m + 1)
    p = horner(1 / 13.0, s * s, 1 / 11.0, 1 / 9.0, 1 / 7.0)
    p = horner(p, s * s, 1 / 5.0, 1 / 3.0, 1)
    p = n * 0.6931471805599453 + 2 * s * p
    p = p if x < as_double(0x7FF0000000000000ull) else x        # inf and NaN stay
    p = as_double(0xFFF0000000000000ull) if x == 0 else p       # -inf
    return as_double(0x7FF8000000000000ull) if x < 0 else p     # NaN


cdef inline double fast_sigmoid(double x) noexcept nogil:
    return 1 / (1 + fast_exp(-x))


cdef inline double fast_tanh(double x) noexcept nogil:
    """(e^2x - 1) / (e^2x + 1), or near 0, where that cancels, x - x^3/3."""
    e = fast_exp(2 * x)
    return x * (1 - x * x * (1 / 3.0)) if (x < 0.0005) & (x > -0.0005) else (e - 1) / (e + 1)


# Sine and cosine of v turns: v = q / 4 + f with |f| <= 1/8, and the series at t = 2 pi f, |t| <= pi / 4, of the
# function that the quadrant q asks for.

cdef inline double quadrant_sin(double v, uint64_t ahead) noexcept nogil:
    """sin(2 pi v + ahead pi / 2)."""
    shifted = 4 * v + 6755399441055744.0
    q = as_bits(shifted) + ahead
    t = (v - (shifted - 6755399441055744.0) * 0.25) * 6.283185307179586
    z = t * t
    s = horner(1 / 6227020800.0, z, -1 / 39916800.0, 1 / 362880.0, -1 / 5040.0)
    s = horner(s, z, 1 / 120.0, -1 / 6.0, 1) * t
    c = horner(1 / 479001600.0, z, -1 / 3628800.0, 1 / 40320.0, -1 / 720.0)
    c = horner(c, z, 1 / 24.0, -1 / 2.0, 1)
    s = c if q & 1 else s
    return -s if q & 2 else s
