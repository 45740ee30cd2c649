// Random numbers that are a function of what they are for: Philox 4x32-10, counter-based.
//
// Note [How random numbers are keyed]
// Nothing is drawn from a shared state: a number is Philox of a key and a counter, so it does not
// depend on order, threads, or how an op was cut, and none needs to be saved.
//
//   key (64 bits)       mix(seed + mix(stream)), low word first; `seed` is that of the run,
//                       `stream` the hash of the name of what draws, mix SplitMix64's finaliser
//   counter (128 bits)  word 0: block, bits 0-31     word 3: bits  0- 7: block, bits 32-39
//                       word 1: sample, bits 0-31            bits  8-15: sample, bits 32-39
//                       word 2: step, bits 0-31              bits 16-31: step, bits 32-47
//
// `step` counts training steps, `sample` runs over the whole batch, and a block holds four words:
// element e of a sample takes word e mod 4 of block e div 4 where one word will do, and
// halves e mod 2 of block e div 2 where it takes two. What does not change from step to step, or
// has no samples, puts 0 there. Different uses of one name need different streams.
//
// These definitions are part of the promise of equal bits: changing one changes every training run.

#ifndef FLOWGRAD_OPS_PHILOX_H_
#define FLOWGRAD_OPS_PHILOX_H_

#include <array>
#include <cmath>
#include <cstdint>

#include "Random123/philox.h"

namespace flowgrad {

inline uint64_t MixBits(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// The numbers of one seed and one stream.
class Philox {
 public:
  using Words = std::array<uint32_t, 4>;

  Philox(uint64_t seed, uint64_t stream) : key_(MixBits(seed + MixBits(stream))) {}

  // REQUIRES: 0 <= step < 2^48, 0 <= sample < 2^40, 0 <= block < 2^40
  Words Block(int64_t step, int64_t sample, int64_t block) const {
    const auto low = [](uint64_t x) { return static_cast<uint32_t>(x); };
    const uint32_t high =
        low(block >> 32 & 0xff) | low(sample >> 32 & 0xff) << 8 | low(step >> 32 & 0xffff) << 16;
    const philox4x32_ctr_t counter = {{low(block), low(sample), low(step), high}};
    const philox4x32_key_t key = {{low(key_), low(key_ >> 32)}};
    const philox4x32_ctr_t words = philox4x32_R(10, counter, key);
    return {words.v[0], words.v[1], words.v[2], words.v[3]};
  }

  // Word `element` of a sample.
  uint32_t Word(int64_t step, int64_t sample, int64_t element) const {
    return Block(step, sample, element / 4)[element % 4];
  }

  // Uniform in [0, 1): a multiple of 2^-24, exact in float; one word.
  float UniformFloat(int64_t step, int64_t sample, int64_t element) const {
    return static_cast<float>(Word(step, sample, element) >> 8) * 0x1p-24f;
  }

  // Uniform in [0, 1): a multiple of 2^-53; two words, the first being the low one.
  double UniformDouble(int64_t step, int64_t sample, int64_t element) const {
    const Words words = Block(step, sample, element / 2);
    return ToDouble(words, element % 2);
  }

  // Standard normal, in double, by Box-Muller: from the two uniform numbers of a block, u and v,
  // come r cos 2πv and r sin 2πv with r = sqrt(-2 log(1 - u)).
  double Normal(int64_t step, int64_t sample, int64_t element) const {
    const Words words = Block(step, sample, element / 2);
    const double r = std::sqrt(-2 * std::log(1 - ToDouble(words, 0)));
    const double angle = 2 * 3.141592653589793 * ToDouble(words, 1);
    return r * (element % 2 == 0 ? std::cos(angle) : std::sin(angle));
  }

 private:
  static double ToDouble(const Words& words, int half) {
    const uint64_t bits = uint64_t{words[2 * half + 1]} << 32 | words[2 * half];
    return static_cast<double>(bits >> 11) * 0x1p-53;
  }

  uint64_t key_;
};

}  // namespace flowgrad

#endif  // FLOWGRAD_OPS_PHILOX_H_
