// Which instructions kernels use.
//
// Everything is compiled for x86-64-v3 (AVX2 and fused multiply-adds). Where it pays, a function
// exists a second time for x86-64-v4 (AVX-512) and is chosen once, when it is registered. Law 1
// (ops/kernel.h) holds across the two: the same operations in the same order per element, only more
// elements to an instruction.
//
// The second copy is marked FLOWGRAD_AVX512: all that it calls is inlined into it, and what cannot
// be stays x86-64-v3 code. So no function that other files share is ever compiled for AVX-512 and
// then taken by the linker for a machine that lacks it.

#ifndef FLOWGRAD_OPS_ISA_H_
#define FLOWGRAD_OPS_ISA_H_

#if defined(__clang__)
#define FLOWGRAD_AVX512 \
  __attribute__((target("avx512f,avx512bw,avx512cd,avx512dq,avx512vl"), flatten))
#else
#define FLOWGRAD_AVX512                                                                         \
  __attribute__((target("avx512f,avx512bw,avx512cd,avx512dq,avx512vl,prefer-vector-width=512"), \
                 flatten))
#endif

namespace flowgrad {

// Whether kernels use AVX-512: the processor and the system have it, and the environment does not
// say FLOWGRAD_ISA=x86-64-v3. The same for the whole process.
bool UsesAvx512();

}  // namespace flowgrad

#endif  // FLOWGRAD_OPS_ISA_H_
