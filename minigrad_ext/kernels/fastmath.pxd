"""exp, log, tanh, the logistic function, and sine and cosine of an angle in turns, without branches or tables, so that
loops over them vectorise.

They are meant for float32 arguments and results, but compute in double precision: the error of the series, below 1e-11,
vanishes in the one rounding to float32 at the end, and double's range spares every special case of overflow and
denormal results.
"""

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>

    static inline double mg_double(uint64_t bits) { double x; memcpy(&x, &bits, 8); return x; }
    static inline uint64_t mg_bits(double x) { uint64_t bits; memcpy(&bits, &x, 8); return bits; }

    /* Adding it to a double leaves no room for a fraction: the sum's low bits are the nearest integer. */
    #define MG_ROUND 6755399441055744.0     /* 1.5 * 2^52 */

    /* e^x = 2^n e^r, where n is the integer nearest to x / log 2 and so |r| <= log(2) / 2: eleven terms of the
       series */
    static inline double fast_exp(double x) {
        double shifted, r, p;
        x = x < -400 ? -400 : x;        /* in this order NaN stays */
        x = x > 400 ? 400 : x;
        shifted = x * 1.4426950408889634 + MG_ROUND;
        r = x - (shifted - MG_ROUND) * 0.6931471805599453;
        p = 1 / 39916800.0;
        p = p * r + 1 / 3628800.0;  p = p * r + 1 / 362880.0;   p = p * r + 1 / 40320.0;    p = p * r + 1 / 5040.0;
        p = p * r + 1 / 720.0;      p = p * r + 1 / 120.0;      p = p * r + 1 / 24.0;       p = p * r + 1 / 6.0;
        p = p * r + 0.5;            p = p * r + 1;              p = p * r + 1;
        return p * mg_double((mg_bits(shifted) + 1023) << 52);
    }

    /* log(2^n m) = n log 2 + log m with m in [sqrt(1/2), sqrt(2)), and log m = 2 (s + s^3/3 + s^5/5 + ...) for
       s = (m - 1) / (m + 1) */
    static inline double fast_log(double x) {
        uint64_t bits = mg_bits(x);
        double m = mg_double((bits & 0x000FFFFFFFFFFFFFull) | 0x3FF0000000000000ull);
        double n = mg_double(bits >> 52 | 0x4330000000000000ull) - (4503599627370496.0 + 1023.0);
        int high = m > 1.4142135623730951;
        double s, z, p;
        m = high ? 0.5 * m : m;
        n = high ? n + 1 : n;
        s = (m - 1) / (m + 1);
        z = s * s;
        p = 1 / 13.0;
        p = p * z + 1 / 11.0;   p = p * z + 1 / 9.0;    p = p * z + 1 / 7.0;
        p = p * z + 1 / 5.0;    p = p * z + 1 / 3.0;    p = p * z + 1;
        p = n * 0.6931471805599453 + 2 * s * p;
        p = x < mg_double(0x7FF0000000000000ull) ? p : x;        /* inf and NaN stay */
        p = x == 0 ? mg_double(0xFFF0000000000000ull) : p;       /* -inf */
        return x < 0 ? mg_double(0x7FF8000000000000ull) : p;     /* NaN */
    }

    static inline double fast_sigmoid(double x) { return 1 / (1 + fast_exp(-x)); }

    /* (e^2x - 1) / (e^2x + 1), or near 0, where that cancels, x - x^3/3 */
    static inline double fast_tanh(double x) {
        double e = fast_exp(2 * x);
        return (x < 0.0005) & (x > -0.0005) ? x * (1 - x * x * (1 / 3.0)) : (e - 1) / (e + 1);
    }

    /* sin(2 pi v + ahead pi / 2): v = q / 4 + f with |f| <= 1/8, and the series at t = 2 pi f, |t| <= pi / 4, of the
       function that the quadrant q asks for */
    static inline double fast_quadrant_sin(double v, uint64_t ahead) {
        double shifted = 4 * v + MG_ROUND;
        uint64_t q = mg_bits(shifted) + ahead;
        double t = (v - (shifted - MG_ROUND) * 0.25) * 6.283185307179586;
        double z = t * t, s = 1 / 6227020800.0, c = 1 / 479001600.0;
        s = s * z - 1 / 39916800.0; s = s * z + 1 / 362880.0;   s = s * z - 1 / 5040.0;
        s = s * z + 1 / 120.0;      s = s * z - 1 / 6.0;        s = (s * z + 1) * t;
        c = c * z - 1 / 3628800.0;  c = c * z + 1 / 40320.0;    c = c * z - 1 / 720.0;
        c = c * z + 1 / 24.0;       c = c * z - 1 / 2.0;        c = c * z + 1;
        s = q & 1 ? c : s;
        return q & 2 ? -s : s;
    }
    static inline double fast_sin_turns(double v) { return fast_quadrant_sin(v, 0); }
    static inline double fast_cos_turns(double v) { return fast_quadrant_sin(v, 1); }
    """
    double fast_exp(double x) noexcept nogil
    double fast_log(double x) noexcept nogil
    double fast_sin_turns(double v) noexcept nogil
    double fast_cos_turns(double v) noexcept nogil
