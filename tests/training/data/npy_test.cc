// .npy files: NumPy's own, the same bytes written, and every way in which one can be wrong.

#include "training/data/npy.h"

#include <cstring>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace flowgrad {
namespace {

using ::testing::ElementsAre;

const Tensor& CorderTensor() {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  static const auto* tensor =
      new Tensor(Tensor::Of<float>({2, 3}, {1.5f, -2.0f, 0.0f, kInf, -0.0f, 1e-45f}));
  return *tensor;
}

std::string DataPath(absl::string_view name) {
  return absl::StrCat("tests/training/data/testdata/", name, ".npy");
}

void ExpectSameBits(const absl::StatusOr<Tensor>& a, const Tensor& b) {
  ASSERT_TRUE(a.ok()) << a.status();
  ASSERT_EQ(a->dtype(), b.dtype());
  ASSERT_EQ(a->dims(), b.dims());
  EXPECT_EQ(std::memcmp(a->bytes(), b.bytes(), b.num_bytes()), 0);
}

// The error of a file of version 1.0 with this header and this many bytes of values, without the
// path.
absl::Status RefusalOfBytes(absl::string_view bytes) {
  const std::string path = testing::TempDir() + "/refused.npy";
  EXPECT_TRUE(WriteFileAtomically(path, bytes).ok());
  const absl::Status status = ReadNpy(path).status();
  const std::string message(status.message());
  EXPECT_EQ(message.find(path + ": "), 0u) << status;
  return absl::Status(status.code(), message.substr(std::min(message.size(), path.size() + 2)));
}
absl::Status Refusal(absl::string_view header, int num_bytes) {
  const char begin[] = {1, 0, static_cast<char>(header.size()), 0};
  return RefusalOfBytes(
      absl::StrCat("\x93NUMPY", absl::string_view(begin, 4), header, std::string(num_bytes, '\1')));
}

TEST(NpyTest, ReadsFilesOfNumpy) {
  ExpectSameBits(ReadNpy(DataPath("c_order")), CorderTensor());
  ExpectSameBits(ReadNpy(DataPath("scalar")), Tensor::Scalar<int64_t>((int64_t{1} << 62) + 1));
  ExpectSameBits(ReadNpy(DataPath("bools")), Tensor::Of<bool>({3}, {true, false, true}));
  ExpectSameBits(ReadNpy(DataPath("version_2")), Tensor::Of<double>({2}, {1.0 / 3, 5e-324}));
  ExpectSameBits(ReadNpy(DataPath("version_3")), Tensor(DType::kFloat, {0, 4}));
}

TEST(NpyTest, LaysOutFortranOrder) {
  Tensor expected(DType::kInt32, {2, 3, 4});
  for (int i = 0; i < 24; ++i) expected.set(i, i);
  ExpectSameBits(ReadNpy(DataPath("fortran_order")), expected);
}

TEST(NpyTest, WritesTheBytesOfNumpy) {
  const std::pair<const char*, Tensor> files[] = {
      {"c_order", CorderTensor()},
      {"scalar", Tensor::Scalar<int64_t>((int64_t{1} << 62) + 1)},
      {"bools", Tensor::Of<bool>({3}, {true, false, true})},
  };
  for (const auto& [name, tensor] : files) {
    const std::string path = testing::TempDir() + "/written.npy";
    ASSERT_TRUE(WriteNpy(path, tensor).ok());
    EXPECT_EQ(*ReadFile(path, 1000), *ReadFile(DataPath(name), 1000)) << name;
  }
}

TEST(NpyTest, WritesAStridedTensorRowMajor) {
  const std::string path = testing::TempDir() + "/strided.npy";
  const Tensor tensor = Tensor::Of<float>({2, 3}, {1, 2, 3, 4, 5, 6}).WithLayout({3, 2}, {1, 3}, 0);
  ASSERT_TRUE(WriteNpy(path, tensor).ok());
  ExpectSameBits(ReadNpy(path), Tensor::Of<float>({3, 2}, {1, 4, 2, 5, 3, 6}));
}

TEST(NpyTest, RefusesOtherFilesAndVersions) {
  EXPECT_EQ(RefusalOfBytes("").message(), "is not a .npy file");
  EXPECT_EQ(RefusalOfBytes("\x93NUMP").message(), "is not a .npy file");
  EXPECT_EQ(RefusalOfBytes("\x93NUMPY\1").message(), "is cut off in its first 10 bytes");
  EXPECT_EQ(RefusalOfBytes(absl::StrCat("\x93NUMPY\4", absl::string_view("\0\0\0", 3))).message(),
            "has version 4.0, but this program knows 1.0 to 3.0");
  EXPECT_EQ(RefusalOfBytes(absl::StrCat("\x93NUMPY\1", absl::string_view("\0\5\0{", 4))).message(),
            "has a header of 5 bytes, but must have at most 1");
  EXPECT_EQ(RefusalOfBytes(absl::StrCat("\x93NUMPY\2", absl::string_view("\0\xff\xff\xff\xff{", 6)))
                .message(),
            "has a header of 4294967295 bytes, but must have at most 1");
}

TEST(NpyTest, RefusesDtypesThatItDoesNotTake) {
  for (const char* dtype : {">f4", "<f2", "|u1", "|O", "<U3"}) {
    EXPECT_EQ(Refusal(absl::StrCat("{'descr': '", dtype, "'"), 0),
              absl::InvalidArgumentError(absl::StrCat(
                  "must have dtype <f4, <f8, <i4, <i8, |b1, but has \"", dtype, "\"")));
  }
  EXPECT_EQ(Refusal("{'descr': [('x', '<f4')], ", 0),
            absl::InvalidArgumentError(
                "must have dtype <f4, <f8, <i4, <i8, |b1, but has a structured one"));
}

TEST(NpyTest, RefusesABadHeader) {
  const char no_dict[] = "has a header that is no Python dict as NumPy writes it";
  const std::pair<const char*, const char*> cases[] = {
      {"", no_dict},
      {"{", no_dict},
      {"{'descr", no_dict},
      {"{'fortran_order': 1}", no_dict},
      {"{'shape': 3}", no_dict},
      {"{'shape': (3", no_dict},
      {"{} x", no_dict},
      {"{}", "must have descr, fortran_order and shape in its header"},
      {"{'shape': (), 'shape': ()}", "has the key \"shape\" twice"},
      {"{'x': 1}", "has the unknown key \"x\""},
      {"{'shape': (-1,)}", "has the dim \"-\""},
      {"{'shape': (9223372036854775808,)}", "has the dim \"9223372036854775808\""},
  };
  for (const auto& [header, message] : cases) EXPECT_EQ(Refusal(header, 0).message(), message);
  EXPECT_EQ(Refusal("{'shape': (1,1,1,1,1,1,1,1,1)}", 0),
            absl::InvalidArgumentError("must have at most 8 dims, but has more"));
}

TEST(NpyTest, RefusesASizeThatDoesNotFitTheShape) {
  const auto refusal = [](absl::string_view shape) {
    return Refusal(
        absl::StrCat("{'descr': '<f4', 'fortran_order': False, 'shape': ", shape, ", }\n"), 8);
  };
  EXPECT_EQ(refusal("(3,)"), absl::DataLossError("float[3] takes 12 bytes, but the file has 8"));
  EXPECT_EQ(refusal("()"), absl::DataLossError("float[] takes 4 bytes, but the file has 8"));
  EXPECT_EQ(refusal("(0, 5)"), absl::DataLossError("float[0,5] takes 0 bytes, but the file has 8"));
  EXPECT_EQ(refusal("(4294967296, 4294967296)"),
            absl::DataLossError("has the shape [4294967296,4294967296], which cannot be counted"));
  EXPECT_EQ(
      refusal("(0, 4294967296, 4294967296)"),
      absl::DataLossError("has the shape [0,4294967296,4294967296], which cannot be counted"));
}

TEST(NpyTest, RefusesABoolThatIsNeitherTrueNorFalse) {
  std::string bytes = *ReadFile(DataPath("bools"), 1000);
  bytes.back() = 2;
  EXPECT_EQ(RefusalOfBytes(bytes), absl::DataLossError("has a bool that is neither 0 nor 1"));
}

TEST(NpyTest, RefusesEveryCut) {
  const std::string whole = *ReadFile(DataPath("c_order"), 1000);
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(RefusalOfBytes(whole.substr(0, size)).code(), absl::StatusCode::kDataLoss) << size;
  }
}

TEST(NpyTest, NamesAMissingFile) {
  EXPECT_EQ(ReadNpy("/no/x.npy").status(),
            absl::NotFoundError("/no/x.npy: no such file or directory"));
}

}  // namespace
}  // namespace flowgrad
