// The weights hash against the script of docs/weights-hash.md, and against its definition.

#include "training/weights_hash.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "xxhash.h"

namespace flowgrad {
namespace {

TEST(WeightsHashTest, IsWhatTheScriptComputes) {
  const TensorFile file = *LoadTensors("tests/training/testdata/python.safetensors");
  const std::vector<NamedTensor> tensors(file.tensors.begin(), file.tensors.end());
  EXPECT_EQ(WeightsHash(tensors), "479387f28a7eca72c1ee2f9e5941a735");
}

TEST(WeightsHashTest, HashesTheBytesOfItsDefinition) {
  const std::string bytes("a\0float\0\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\0\0\x80\x3f\0\0\0\xc0", 32);
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes.data(), bytes.size()));
  std::string digits;
  for (const unsigned char byte : canonical.digest) {
    digits += "0123456789abcdef"[byte >> 4];
    digits += "0123456789abcdef"[byte & 15];
  }
  EXPECT_EQ(WeightsHash({{"a", Tensor::Of<float>({2}, {1, -2})}}), digits);
}

TEST(WeightsHashTest, DoesNotDependOnOrderOrStrides) {
  const Tensor a = Tensor::Of<float>({2, 2}, {1, 2, 3, 4});
  const Tensor transposed = Tensor::Of<float>({2, 2}, {1, 3, 2, 4}).WithLayout({2, 2}, {1, 2}, 0);
  const Tensor b = Tensor::Scalar<int64_t>(7);
  EXPECT_EQ(WeightsHash({{"a", a}, {"b", b}}), WeightsHash({{"b", b}, {"a", transposed}}));
}

TEST(WeightsHashTest, DependsOnEverythingElse) {
  const std::string hash = WeightsHash({{"a", Tensor::Of<float>({2}, {0, 1})}});
  EXPECT_NE(hash, WeightsHash({{"b", Tensor::Of<float>({2}, {0, 1})}}));
  EXPECT_NE(hash, WeightsHash({{"a", Tensor::Of<float>({2}, {-0.0f, 1})}}));
  EXPECT_NE(hash, WeightsHash({{"a", Tensor::Of<float>({1, 2}, {0, 1})}}));
  EXPECT_NE(hash, WeightsHash({{"a", Tensor::Of<int32_t>({2}, {0, 0x3f800000})}}));
}

}  // namespace
}  // namespace flowgrad
