#ifndef CVECTORWIDTH_H
#define CVECTORWIDTH_H

// How many Float lanes one vector register of this CPU has, as a constant that Swift sees when
// compiling, and whether it multiplies and adds in one instruction. Without the instruction
// SIMD.addProduct would become a library call per lane.
#if defined(__AVX512F__)
#define VECTOR_FLOAT_LANES 16
#define VECTOR_HAS_FUSED_MULTIPLY_ADD 1
#elif defined(__AVX2__) && defined(__FMA__)
#define VECTOR_FLOAT_LANES 8
#define VECTOR_HAS_FUSED_MULTIPLY_ADD 1
#elif defined(__ARM_NEON)
#define VECTOR_FLOAT_LANES 4
#define VECTOR_HAS_FUSED_MULTIPLY_ADD 1
#else
#define VECTOR_FLOAT_LANES 4
#define VECTOR_HAS_FUSED_MULTIPLY_ADD 0
#endif

// Ask for the line of the cache around an address, which will soon be read or written to, and do
// not wait for it. Swift has no word for this.
static inline void prefetch_for_reading(const void *address) { __builtin_prefetch(address, 0, 3); }
static inline void prefetch_for_writing(const void *address) { __builtin_prefetch(address, 1, 3); }

#endif
