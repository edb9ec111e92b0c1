"""Which of the compiled instruction-set variants this machine can run.

The levels are those of the x86-64 psABI: "v3" is AVX2 with FMA, "v4" AVX-512.  The compiler's own run-time check also
asks whether the operating system saves the wide registers, without which the instructions would fault.
"""

cdef extern from *:
    """
    #if (defined(__x86_64__) || defined(__i386__)) && defined(__GNUC__)
        #include <cpuid.h>
        #define HAS(name) __builtin_cpu_supports(name)
        static int mg_level(void) {
            unsigned a, b, c, d;
            __builtin_cpu_init();
            if (!(HAS("avx2") && HAS("fma") && HAS("bmi") && HAS("bmi2") && HAS("popcnt")
                  /* Not every compiler knows these two by name; their registers are AVX's. */
                  && __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C)
                  && __get_cpuid(0x80000001, &a, &b, &c, &d) && (c & bit_LZCNT)))
                return 0;
            return HAS("avx512f") && HAS("avx512bw") && HAS("avx512dq") && HAS("avx512vl") && HAS("avx512cd") ? 2 : 1;
        }
    #else
        static int mg_level(void) { return 0; }
    #endif
    """
    int mg_level()


def levels():
    """The names of the variants this machine can run, lowest first; "base" runs everywhere.

    >>> levels()[0]
    'base'
    """
    return ("base", "v3", "v4")[:1 + mg_level()]
