"""Elementary functions without branches or tables, so that loops over them vectorise; for results in float32.

Two ways lead there.  Functions of `double` compute in double precision: the error of their series, below 1e-8, vanishes
in the one rounding to float32 at the end, and double's range spares every special case of overflow and denormal
results.  Those that networks spend time in, with an `f` behind their names as in C, compute in float32: twice the lanes
and shorter series, for errors of one to two units in the last place.  `python -m benchmarks.accuracy` measures the
errors of all, over all arguments.

float64 results come from the C library: a `real_...` function is the one or the other.
"""

from libc cimport math
from libc.math cimport copysign, copysignf, fabs, fabsf, rint, sqrt
from libc.stdint cimport int32_t, uint32_t, uint64_t
from libc.string cimport memcpy
from minigrad_ext.types cimport real

cdef enum:
    LIFT = 64       # float32 results are 2^64 times too large until their last rounding, so that none is denormal before

cdef extern from *:
    """
    #define MG_LIFTED 0x1p64f
    #define MG_LOWERED 0x1p-64f
    """
    const float MG_LIFTED, MG_LOWERED


# ---- in double precision

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


cdef inline double fast_expm1(double x) noexcept nogil:
    return x * (1 + x * (0.5 + x * (1 / 6.0))) if fabs(x) < 0.0001 else fast_exp(x) - 1


cdef inline double fast_sinh(double x) noexcept nogil:
    e = fast_exp(x)
    return x * (1 + x * x * (1 / 6.0 + x * x * (1 / 120.0))) if fabs(x) < 0.01 else 0.5 * (e - 1 / e)


cdef inline double fast_cosh(double x) noexcept nogil:
    e = fast_exp(x)
    return 0.5 * (e + 1 / e)


cdef inline double fast_asinh(double x) noexcept nogil:
    z = fabs(x)
    return x * (1 - x * x * (1 / 6.0)) if z < 0.001 else copysign(fast_log(z + sqrt(z * z + 1)), x)


cdef inline double fast_acosh(double x) noexcept nogil:
    return fast_log(x + sqrt(x - 1) * sqrt(x + 1))


cdef inline double fast_atanh(double x) noexcept nogil:
    return x * (1 + x * x * (1 / 3.0)) if fabs(x) < 0.001 else 0.5 * fast_log((1 + x) / (1 - x))


cdef inline double fast_pow(double a, double b) noexcept nogil:
    """e^(b log |a|), and the cases of IEEE 754 that this does not give."""
    y = fast_exp(b * fast_log(fabs(a)))
    cdef bint whole = rint(b) == b, odd = whole & (2 * rint(0.5 * b) != b)
    y = copysign(y, a) if odd else y
    y = as_double(0x7FF8000000000000ull) if (a < 0) & (whole == 0) & (a - a == 0) else y        # NaN
    return 1 if (b == 0) | (a == 1) | (a == -1) & (fabs(b) == math.INFINITY) else y


cdef inline double fast_atan(double x) noexcept nogil:
    """pi/2 - atan(1/x) beyond 1, and a polynomial, the best of its degree, up to there."""
    cdef bint large = fabs(x) > 1
    w = 1 / x if large else x
    z = w * w
    p = horner(-0.00175391707460016, z, 0.010726885383727208, -0.030804487503597586, 0.05755199166026258)
    p = horner(p, z, -0.08377308979285768, 0.10942028438775837, -0.14261932675126782)
    p = horner(p, z, 0.19998265999810755, -0.33333283640141365, 0.9999999976305328) * w
    return copysign(1.5707963267948966, x) - p if large else p


cdef inline double fast_asin(double x) noexcept nogil:
    return fast_atan(x / sqrt((1 - x) * (1 + x)))


cdef inline double fast_acos(double x) noexcept nogil:
    return 2 * fast_atan(sqrt((1 - x) / (1 + x)))


cdef inline real tail_ratio(real z, real scale=1) noexcept nogil:
    """P(N > z) e^(z^2/2) scale for a standard normal N: the best quotient of its degrees for z in [0, 14.6], within
    6e-9.  The scale is a constant and costs nothing."""
    cdef real p0 = scale * <real>0.5, p1 = scale * <real>0.4384975685194151, p2 = scale * <real>0.18338543481414357
    cdef real p3 = scale * <real>0.040683946294953574, p4 = scale * <real>0.0041238526515934735
    cdef real q0 = 1, q1 = 1.674880123464749, q2 = 1.2031270172569748, q3 = 0.4698674490583449, q4 = 0.10198590837568094, q5 = 0.010336847604364305
    return ((((p4 * z + p3) * z + p2) * z + p1) * z + p0) / (((((q5 * z + q4) * z + q3) * z + q2) * z + q1) * z + q0)


cdef inline double fast_erfc(double x) noexcept nogil:
    """2 P(N > x sqrt 2)."""
    z = fabs(x)
    z = 10.3 if z > 10.3 else z
    y = 2 * fast_exp(-z * z) * <double>tail_ratio(z * 1.4142135623730951)
    return 2 - y if x < 0 else y


cdef inline double fast_erf(double x) noexcept nogil:
    """1 - erfc(x), or near 0, where that cancels, the series."""
    z = x * x
    p = horner(1 / 9360.0, z, -1 / 1320.0, 1 / 216.0, -1 / 42.0)
    p = horner(p, z, 1 / 10.0, -1 / 3.0, 1) * 1.1283791670955126 * x
    return p if fabs(x) < 0.5 else 1 - fast_erfc(x)


# Sine and cosine of x = q pi / 2 + t, |t| <= pi / 4: the series at t of the function that the quadrant q asks for.

cdef inline double quadrant_sin(double t, uint64_t q) noexcept nogil:
    """sin(t + q pi / 2)."""
    z = t * t
    s = horner(1 / 6227020800.0, z, -1 / 39916800.0, 1 / 362880.0, -1 / 5040.0)
    s = horner(s, z, 1 / 120.0, -1 / 6.0, 1) * t
    c = horner(1 / 479001600.0, z, -1 / 3628800.0, 1 / 40320.0, -1 / 720.0)
    c = horner(c, z, 1 / 24.0, -1 / 2.0, 1)
    s = c if q & 1 else s
    return -s if q & 2 else s


cdef inline double sin_turns(double v, uint64_t ahead) noexcept nogil:
    """sin(2 pi v + ahead pi / 2)."""
    shifted = 4 * v + 6755399441055744.0
    return quadrant_sin((v - (shifted - 6755399441055744.0) * 0.25) * 6.283185307179586, as_bits(shifted) + ahead)


cdef inline double fast_sin(double x, uint64_t ahead) noexcept nogil:
    """sin(x + ahead pi / 2) for |x| < 10^6: the 33 bits of the first constant times q are exact."""
    shifted = x * 0.6366197723675814 + 6755399441055744.0
    q = shifted - 6755399441055744.0
    return quadrant_sin(x - q * 1.5707963267341256 - q * 6.077100506506192e-11, as_bits(shifted) + ahead)


# ---- in float32

cdef inline float as_float(uint32_t bits) noexcept nogil:
    cdef float x
    memcpy(&x, &bits, 4)
    return x


cdef inline uint32_t float_bits(float x) noexcept nogil:
    cdef uint32_t bits
    memcpy(&bits, &x, 4)
    return bits


cdef inline float hornerf(float p, float x, float a, float b, float c) noexcept nogil:
    return ((p * x + a) * x + b) * x + c


cdef inline float nearest(float x, int32_t* k) noexcept nogil:
    """The integer k nearest to x, |x| < 2^22: adding 1.5 * 2^23 leaves no room for a fraction."""
    cdef float magic = 12582912.0
    shifted = x + magic
    k[0] = <int32_t>(float_bits(shifted) - 0x4B400000u)
    return shifted - magic


cdef inline float bounded(float x, float low, float high) noexcept nogil:
    """x moved into [low, high]; in this order NaN stays."""
    x = low if x < low else x
    return high if x > high else x


cdef inline float reduced_expm1(float x, float* rest, int32_t* k) noexcept nogil:
    """e^r - 1 less a `rest`, where x = k log 2 + r, |r| <= log(2) / 2.

    k times the upper part of log 2, of 15 bits, is exact; the lower part is subtracted where the sum is small.
    """
    cdef float log2e = 1.44269504, upper = 0.693145751953125, lower = 1.428606765330187e-06, half = 0.5
    n = nearest(x * log2e, k)
    above, below = x - n * upper, n * lower
    r = above - below
    p = hornerf(0.0013946678955107927, r, 0.008366716094315052, 0.04166628047823906, 0.16666541993618011)
    rest[0] = r * r * (p * r + half) - below
    return above


cdef inline float reduced_exp(float x, int32_t* k) noexcept nogil:
    """e^r: what 1 + above loses in rounding goes to the rest."""
    cdef float one = 1, rest
    above = reduced_expm1(x, &rest, k)
    p = one + above
    return p + ((above - (p - one)) + rest)


cdef inline float exp2_fraction(float f) noexcept nogil:
    """2^f for |f| <= 1/2."""
    p = hornerf(0.00015476857, f, 0.00134008007, 0.009618002, 0.05550326407)
    return hornerf(p, f, 0.24022650719, 0.6931471825, 1)


cdef inline float two_to(int32_t k) noexcept nogil:
    """2^k, where that is a normal number."""
    return as_float(<uint32_t>(k + 127) << 23)


cdef inline float scaled(float p, int32_t k) noexcept nogil:
    """2^k p, in two steps, since neither 2^128 nor 2^-149 is a normal number."""
    return p * two_to(k >> 1) * two_to(k - (k >> 1))


cdef inline float lifted_expf(float x) noexcept nogil:
    """2^LIFT e^x for x in [-104, 40]; what 1 + above loses is left out: a quarter of a unit, for 7 % of sigmoid's time."""
    cdef float one = 1, rest
    cdef int32_t k
    above = reduced_expm1(x, &rest, &k)
    return (one + (above + rest)) * two_to(k + LIFT)


cdef inline float fast_expf(float x) noexcept nogil:
    cdef int32_t k
    p = reduced_exp(bounded(x, -104, 89), &k)
    return scaled(p, k)


cdef inline float fast_exp2f(float x) noexcept nogil:
    cdef int32_t k
    x = bounded(x, -151, 129)
    f = x - nearest(x, &k)
    return scaled(exp2_fraction(f), k)


cdef inline float fast_expm1f(float x) noexcept nogil:
    """2^k (e^r - 1) + (2^k - 1), computed as twice its half, since 2^128 is no float32."""
    cdef float half = 0.5, rest
    cdef int32_t k
    q = reduced_expm1(bounded(x, -18, 89), &rest, &k) + rest
    scale = two_to(k - 1)
    y = scale * q + (scale - half)
    return x if x == 0 else y + y


cdef inline float fast_log1pf(float x) noexcept nogil:
    """log(1 + x) = k log 2 + log(1 + m), where 1 + m = 2^-k (1 + x) lies in [3/4, 3/2)."""
    cdef float one = 1, half = 0.5, third = 0.33333450556, quarter = 0.25, ln2 = 0.693147181, unit = 1.1920929e-07     # 2^-23
    cdef float p, y
    cdef uint32_t exponent
    u = one + x
    exponent = (float_bits(u) - 0x3F400000u) & 0xFF800000u          # 2^23 k
    m = as_float(float_bits(x) - exponent) + (quarter * as_float(0x40800000u - exponent) - one)
    p = hornerf(-0.04510005936026573, m, 0.10469533503055573, -0.13165603578090668, 0.144789457321167)
    p = hornerf(p, m, -0.1664697676897049, 0.1999078392982483, -0.2500010132789612) * m + third
    y = <float><int32_t>exponent * unit * ln2 + (m + (m * m) * (m * p - half))
    y = y if u < <float>math.INFINITY else u        # inf and NaN stay
    y = -<float>math.INFINITY if u == 0 else y
    y = as_float(0x7FC00000u) if u < 0 else y       # NaN
    return x if x == 0 else y


cdef inline float fast_sigmoidf(float x) noexcept nogil:
    """e / (1 + e) = e - e^2 / (1 + e) with e = e^-|x|, or for x >= 0, 1 / (1 + e)."""
    cdef float z = -fabsf(x), low = -104
    e = lifted_expf(low if z < low else z)
    y = (e if x < 0 else MG_LIFTED) / (MG_LIFTED + e)
    return (e - e * y) * MG_LOWERED if x < 0 else y


cdef inline float fast_tanhf(float x) noexcept nogil:
    """1 - 2 / (e^2x + 1), or near 0, where that cancels, a polynomial (Cephes')."""
    cdef float one = 1, two = 2, p0 = -3.33332819422e-1, p
    cdef int32_t k
    z = x * x
    p = hornerf(-5.70498872745e-3, z, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1)
    p = x + x * z * (p * z + p0)
    e = reduced_exp(bounded(two * fabsf(x), 0, 20), &k) * two_to(k)
    y = one - two / (e + one)
    return copysignf(p if fabsf(x) < <float>0.625 else y, x)


cdef inline float normal_tailf(float z, float* density) noexcept nogil:
    """P(N > z) for z >= 0, and 2^LIFT times the density e^(-z^2/2) without its factor.

    In powers of 2, e^(-z^2/2) = 2^(k + f) needs fewer steps; that the fraction f of a large exponent has few bits left
    costs tails their last digits: 5 units in the last place at z = 2, 13 at 5, 80 at 13, where x P(N < x) is 1e-37.  (To
    square z without rounding makes it 5 everywhere, for a tenth of GELU's time; 1 + erf, as usual, has none right at 6.)
    """
    cdef float base = -0.72134752, top = 14.6
    cdef int32_t k
    z = top if z > top else z
    u = z * z * base
    f = u - nearest(u, &k)
    density[0] = as_float(float_bits(exp2_fraction(f)) + (<uint32_t>(k + LIFT) << 23))
    return density[0] * <float>tail_ratio(z, MG_LOWERED)


# ---- in the precision of the argument

cdef inline real real_exp(real x) noexcept nogil:
    return <real>(fast_expf(x) if real is float else math.exp(x))


cdef inline real real_expm1(real x) noexcept nogil:
    return <real>(fast_expm1f(x) if real is float else math.expm1(x))


cdef inline real real_log1p(real x) noexcept nogil:
    return <real>(fast_log1pf(x) if real is float else math.log1p(x))


cdef inline real real_tanh(real x) noexcept nogil:
    return <real>(fast_tanhf(x) if real is float else math.tanh(x))


cdef inline real real_sigmoid(real x) noexcept nogil:
    return <real>(fast_sigmoidf(x) if real is float else 1 / (1 + math.exp(-x)))


cdef inline real normal_cdf(real x, real* density) noexcept nogil:
    """P(N < x) for a standard normal N, and the density at x, e^(-x^2/2) / sqrt(2 pi)."""
    cdef real one = 1, scale = <real>(0.3989422804014327 * (MG_LOWERED if real is float else 1))
    if real is float:
        tail = normal_tailf(fabsf(x), density)
        density[0] *= scale
        return tail if x < 0 else one - tail
    else:
        density[0] = scale * math.exp(-0.5 * x * x)
        return 0.5 * math.erfc(-0.7071067811865476 * x)
