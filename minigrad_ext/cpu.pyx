"""Which of the compiled instruction-set variants this machine can run.

The levels are those of the x86-64 psABI: "v3" is AVX2 with FMA, "v4" AVX-512.  The compiler's own run-time check also
asks whether the operating system saves the wide registers, without which the instructions would fault.
"""

cdef extern from *:
    """
    #if (defined(__x86_64__) || defined(__i386__)) && defined(__GNUC__)
        #include <cpuid.h>
        /* Not every compiler knows these two by name; their registers are AVX's, which the others have checked. */
        static int mg_has_f16c(void) {
            unsigned a, b, c, d;
            return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
        }
        static int mg_has_lzcnt(void) {
            unsigned a, b, c, d;
            return __get_cpuid(0x80000001, &a, &b, &c, &d) && (c & bit_LZCNT);
        }
        static int mg_has_v3(void) {
            __builtin_cpu_init();
            return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi")
                && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt")
                && mg_has_f16c() && mg_has_lzcnt();
        }
        static int mg_has_v4(void) {
            return mg_has_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
                && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")
                && __builtin_cpu_supports("avx512cd");
        }
    #else
        static int mg_has_v3(void) { return 0; }
        static int mg_has_v4(void) { return 0; }
    #endif
    """
    bint mg_has_v3()
    bint mg_has_v4()


def levels():
    """The names of the variants this machine can run, lowest first; "base" runs everywhere.

    >>> levels()[0]
    'base'
    """
    found = ["base"]
    if mg_has_v3():
        found.append("v3")
    if mg_has_v4():
        found.append("v4")
    return tuple(found)
