"""Tables of elementwise kernels, one row each: a name, then the formula of an element.

A formula is C, which has macros: it says what out[j] is, given the elements a[j], b[j], c[j] of up to three operands,
and T is the type at hand.  The row's kind says for which dtypes it becomes a loop.  A module writes

    #define ROWS(ROW)  ROW(REAL, exp2, exp2(a[j]))  ROW(WRAPPING, sub, a[j] - b[j])  ...
    MG_TABLE(ROWS)

and turns the table ROWS into kernels with `kernels_of`.
"""

from minigrad_ext.kernel cimport new_family
from minigrad_ext.types cimport N_DTYPES, kernel_t

cdef extern from *:
    """
    #include <stdint.h>

    typedef struct { const char* name; void* loops[6]; } MgRow;

    /* The loop of one dtype: the driver hands over contiguous blocks, never an out that is also an input. */
    #define MG_LOOP(name, code, OUT, A, B, formula)                                                             \\
        static void mg_##name##_##code(char** at, int64_t n, const void* params) {                              \\
            typedef B T;                                                                                        \\
            OUT* CYTHON_RESTRICT out = (OUT*)at[0];                                                             \\
            const A* a = (const A*)at[1]; const T* b = (const T*)at[2]; const T* c = (const T*)at[3];           \\
            (void)a; (void)b; (void)c; (void)params;                                                            \\
            for (int64_t j = 0; j < n; j++) out[j] = (OUT)(formula);                                            \\
        }
    #define MG_SAME(name, code, T, f) MG_LOOP(name, code, T, T, T, f)
    #define MG_NO(name, code) enum { mg_##name##_##code = 0 };

    /* Loops for some dtypes.  Words are unsigned integers of the same sizes, whose overflow is defined. */
    #define MG_BOOL(name, f) MG_SAME(name, 0, uint8_t, f)
    #define MG_INTS(name, f) MG_SAME(name, 1, uint8_t, f) MG_SAME(name, 2, int32_t, f) MG_SAME(name, 3, int64_t, f)
    #define MG_WORDS(name, f) MG_SAME(name, 1, uint8_t, f) MG_SAME(name, 2, uint32_t, f) MG_SAME(name, 3, uint64_t, f)
    #define MG_REALS(name, f) MG_SAME(name, 4, float, f) MG_SAME(name, 5, double, f)
    #define MG_NO_INTS(name) MG_NO(name, 1) MG_NO(name, 2) MG_NO(name, 3)
    #define MG_NO_REALS(name) MG_NO(name, 4) MG_NO(name, 5)

    /* The kinds of rows. */
    #define MG_REAL(name, f) MG_NO(name, 0) MG_NO_INTS(name) MG_REALS(name, f)
    #define MG_NUMBER(name, i, f) MG_NO(name, 0) MG_INTS(name, i) MG_REALS(name, f)
    #define MG_WRAPPING(name, f) MG_NO(name, 0) MG_WORDS(name, f) MG_REALS(name, f)
    #define MG_BOOL_NUMBER(name, b, f) MG_BOOL(name, b) MG_INTS(name, f) MG_REALS(name, f)
    #define MG_BOOL_WRAPPING(name, b, f) MG_BOOL(name, b) MG_WORDS(name, f) MG_REALS(name, f)
    #define MG_BITS(name, b, f) MG_BOOL(name, b) MG_WORDS(name, f) MG_NO_REALS(name)
    #define MG_INTEGER(name, f) MG_NO(name, 0) MG_INTS(name, f) MG_NO_REALS(name)
    /* a[j] of any dtype becomes an OUT, by the formula i of integers or r of reals */
    #define MG_CAST(name, OUT, i, r)                                                                            \\
        MG_LOOP(name, 0, OUT, uint8_t, uint8_t, i) MG_LOOP(name, 1, OUT, uint8_t, uint8_t, i)                   \\
        MG_LOOP(name, 2, OUT, int32_t, int32_t, i) MG_LOOP(name, 3, OUT, int64_t, int64_t, i)                   \\
        MG_LOOP(name, 4, OUT, float, float, r) MG_LOOP(name, 5, OUT, double, double, r)
    #define MG_TO_BOOL(name, f) MG_CAST(name, uint8_t, f, f)
    /* elements that are only moved; A64, A32, A8 are the types of a[j] beside those of the others */
    #define MG_MOVE(name, A64, A32, A8, f)                                                                      \\
        MG_LOOP(name, 0, uint8_t, A8, uint8_t, f) MG_LOOP(name, 1, uint8_t, A8, uint8_t, f)                     \\
        MG_LOOP(name, 2, uint32_t, A32, uint32_t, f) MG_LOOP(name, 3, uint64_t, A64, uint64_t, f)               \\
        MG_LOOP(name, 4, uint32_t, A32, uint32_t, f) MG_LOOP(name, 5, uint64_t, A64, uint64_t, f)

    #define MG_DEFINE(kind, name, ...) MG_##kind(name, __VA_ARGS__)
    #define MG_ENTRY(kind, name, ...)                                                                           \\
        {#name, {(void*)mg_##name##_0, (void*)mg_##name##_1, (void*)mg_##name##_2,                              \\
                 (void*)mg_##name##_3, (void*)mg_##name##_4, (void*)mg_##name##_5}},
    #define MG_TABLE(ROWS) ROWS(MG_DEFINE) static MgRow ROWS##_TABLE[] = {ROWS(MG_ENTRY) {NULL, {NULL}}};
    """
    ctypedef struct Row "MgRow":
        const char* name        # NULL ends a table
        void* loops[N_DTYPES]   # NULL for a dtype without a loop


cdef inline dict kernels_of(Row* row, kernel_t run, int by=0):
    """The kernels of a table: `run` runs the loop that the dtype of argument `by` chooses."""
    cdef dict made = {}
    while row.name != NULL:
        name = row.name.decode()
        made[name] = new_family(name, run, row.loops, by)
        row += 1
    return made
