/* What the compiler flags of this variant allow: MG_VECTOR is the width of one vector register in bytes. */
#ifndef MINIGRAD_ISA_H
#define MINIGRAD_ISA_H
#if defined(__AVX512F__)
#define MG_VECTOR 64
#elif defined(__AVX2__)
#define MG_VECTOR 32
#else
#define MG_VECTOR 16
#endif
#endif
