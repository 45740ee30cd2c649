// Data sets of .npy and .npz files: NumPy's own, and hostile ones.

#include "training/data/npy_data.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/training/data/data_files.h"

namespace flowgrad {
namespace {

using ::testing::ElementsAre;

std::string Testdata(absl::string_view name) {
  return absl::StrCat("tests/training/data/testdata/", name);
}

class NpyDataTest : public DataFilesTest {
 protected:
  absl::StatusOr<DataParts> Open(absl::string_view bytes, int64_t memory_bytes = 1000) const {
    return OpenNpy({{"x", Put("x.npy", bytes)}}, {.memory_bytes = memory_bytes});
  }
  absl::StatusOr<DataParts> OpenArchive(absl::string_view bytes, int64_t memory_bytes = 10'000,
                                        const std::string& field = "") const {
    return OpenNpy({{field, Put("x.npz", bytes)}}, {.memory_bytes = memory_bytes});
  }
};

TEST_F(NpyDataTest, ReadsEveryTypeOfNumbers) {
  const auto numbers = [&](absl::string_view descr, const std::string& values) {
    const absl::StatusOr<DataParts> parts = Open(NpyBytes(
        absl::StrCat("'descr': '", descr, "', 'fortran_order': False, 'shape': (2,)"), values));
    EXPECT_THAT(parts, IsOk());
    return AllNumbers(parts->train, "x", DType::kDouble);
  };
  EXPECT_THAT(numbers("<f4", BytesOf<float>({1.5f, -2})), ElementsAre(1.5, -2));
  EXPECT_THAT(numbers("<f8", BytesOf<double>({0.1, -2})), ElementsAre(0.1, -2));
  EXPECT_THAT(numbers("|i1", BytesOf<int8_t>({-128, 5})), ElementsAre(-128, 5));
  EXPECT_THAT(numbers("<i2", BytesOf<int16_t>({-300, 5})), ElementsAre(-300, 5));
  EXPECT_THAT(numbers("<i4", BytesOf<int32_t>({-70000, 5})), ElementsAre(-70000, 5));
  EXPECT_THAT(numbers("<i8", BytesOf<int64_t>({int64_t{-1} << 40, 5})),
              ElementsAre(-1099511627776.0, 5));
  EXPECT_THAT(numbers("|u1", BytesOf<uint8_t>({255, 5})), ElementsAre(255, 5));
  EXPECT_THAT(numbers("<u2", BytesOf<uint16_t>({65535, 5})), ElementsAre(65535, 5));
  EXPECT_THAT(numbers("<u4", BytesOf<uint32_t>({4294967295u, 5})), ElementsAre(4294967295.0, 5));
  EXPECT_THAT(numbers("|b1", std::string("\1\0", 2)), ElementsAre(1, 0));
}

TEST_F(NpyDataTest, ReadsArchivesOfNumpy) {
  for (const char* name : {"stored.npz", "deflated.npz"}) {
    for (const int64_t memory_bytes : {0, 10'000}) {
      const absl::StatusOr<DataParts> parts =
          OpenNpy({{"", Testdata(name)}}, {.memory_bytes = memory_bytes});
      ASSERT_THAT(parts, IsOk());
      EXPECT_EQ(Dump(*parts),
                "train columns int64[N,2,4] 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,"
                "21,22,23\n"
                "train label int64[N] 2,0,1\n"
                "train mask bool[N] 1,0,1\n"
                "train pixels int64[N,2,2] 0,1,2,3,4,5,6,7,8,9,10,11\n"
                "train x float[N,2] 0.5,-1.5,2,3.25,-0,1.4013e-45\n");
      EXPECT_EQ(parts->train.Where("label", 1),
                absl::StrCat(Testdata(name), ": member \"label.npy\", byte 136"));
    }
  }
}

TEST_F(NpyDataTest, ReadsOneMemberByName) {
  const absl::StatusOr<DataParts> parts = OpenNpy({{"label", Testdata("stored.npz")}});
  ASSERT_THAT(parts, IsOk());
  EXPECT_THAT(parts->train.field_names(), ElementsAre("label"));
  EXPECT_EQ(OpenNpy({{"lable", Testdata("stored.npz")}}).status(),
            absl::NotFoundError(absl::StrCat(Testdata("stored.npz"),
                                             ": has no member \"lable.npy\"; did you mean "
                                             "\"label\"?")));
}

TEST_F(NpyDataTest, LaysOutFortranOrderThatIsLargerThanABlock) {
  // [3000,2,300]: 14.4 MB of doubles, with the number i in place i of row-major order.
  constexpr int kSamples = 3000, kRows = 2, kColumns = 300;
  std::vector<double> values(kSamples * kRows * kColumns);
  for (int n = 0; n < kSamples; ++n) {
    for (int r = 0; r < kRows; ++r) {
      for (int c = 0; c < kColumns; ++c) {
        values[n + kSamples * (r + kRows * c)] = (n * kRows + r) * kColumns + c;
      }
    }
  }
  const std::string bytes =
      NpyBytes("'descr': '<f8', 'fortran_order': True, 'shape': (3000, 2, 300)", BytesOf(values));
  for (const int64_t memory_bytes : {int64_t{0}, kDataMemoryBytes}) {
    const absl::StatusOr<DataParts> parts = Open(bytes, memory_bytes);
    ASSERT_THAT(parts, IsOk());
    const std::vector<double> numbers = AllNumbers(parts->train, "x", DType::kDouble);
    for (size_t i = 0; i < numbers.size(); ++i) ASSERT_EQ(numbers[i], i);
  }
}

TEST_F(NpyDataTest, NoticesANumberThatDoesNotFit) {
  const DataSet data = Open(NpyBytes("'descr': '<i8', 'fortran_order': False, 'shape': (2,)",
                                     BytesOf<int64_t>({5, int64_t{1} << 31})))
                           ->train;
  EXPECT_EQ(
      Plain(data.Batch("x", {0, 1}, DType::kInt32).status()),
      absl::InvalidArgumentError("x.npy: byte 74: has a number that does not fit into int32"));
  EXPECT_EQ(AllNumbers(data, "x", DType::kInt64)[1], 2147483648.0);
}

TEST_F(NpyDataTest, RefusesWhatIsNoArrayOfSamples) {
  const auto refusal = [&](absl::string_view shape, int bytes) {
    return Plain(
        Open(NpyBytes(absl::StrCat("'descr': '<f4', 'fortran_order': False, 'shape': ", shape),
                      std::string(bytes, '\0')))
            .status());
  };
  EXPECT_EQ(refusal("()", 4),
            absl::InvalidArgumentError(
                "x.npy: field \"x\" must have a first dim, the samples, but is a scalar"));
  EXPECT_EQ(refusal("(0,)", 0).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(refusal("(4611686018427387904, 0)", 0).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(refusal("(1099511627776, 0)", 0).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(refusal("(3,)", 8),
            absl::DataLossError("x.npy: float[3] takes 12 bytes, but the file has 8"));
  EXPECT_EQ(Plain(OpenNpy({{"", Path("x.npy")}}).status()),
            absl::InvalidArgumentError(
                "x.npy: needs the name of its field, for a .npy file gives it none"));
  EXPECT_EQ(Plain(Open("abc").status()), absl::DataLossError("x.npy: is not a .npy file"));
}

TEST_F(NpyDataTest, RefusesEveryCut) {
  for (const char* name : {"c_order.npy", "fortran_order.npy"}) {
    const std::string whole = *ReadFile(Testdata(name), 10'000);
    for (size_t size = 0; size < whole.size(); ++size) {
      EXPECT_EQ(Open(whole.substr(0, size)).status().code(), absl::StatusCode::kDataLoss)
          << name << " " << size;
    }
  }
}

// Only the length of the comment at the end of an archive can be spared.
TEST_F(NpyDataTest, RefusesEveryCutOfAnArchiveButTheLast) {
  for (const char* name : {"stored.npz", "deflated.npz"}) {
    const std::string whole = *ReadFile(Testdata(name), 10'000);
    const std::string expected = Dump(*OpenArchive(whole));
    for (size_t size = 0; size < whole.size(); ++size) {
      const absl::StatusOr<DataParts> parts = OpenArchive(whole.substr(0, size));
      ASSERT_EQ(parts.ok(), size + 3 >= whole.size()) << name << " " << size;
      if (parts.ok()) {
        EXPECT_EQ(Dump(*parts), expected);
      } else {
        EXPECT_EQ(Plain(parts.status()).message().substr(0, 7), "x.npz: ");
      }
    }
  }
}

// Whatever a changed byte does, the result is an error or a data set that can be read.
TEST_F(NpyDataTest, SurvivesEveryChangedByte) {
  for (const char* name : {"stored.npz", "deflated.npz"}) {
    const std::string whole = *ReadFile(Testdata(name), 10'000);
    int refused = 0;
    for (size_t i = 0; i < whole.size(); ++i) {
      for (const char flip : {'\x01', '\xff'}) {
        std::string bytes = whole;
        bytes[i] ^= flip;
        const absl::StatusOr<DataParts> parts = OpenArchive(bytes, i % 2 * 10'000);
        refused += !parts.ok();
        if (parts.ok()) {
          EXPECT_NE(Dump(*parts), "");
        } else {
          EXPECT_THAT(parts.status().message(), testing::Not(testing::IsEmpty()));
        }
      }
    }
    EXPECT_GT(refused, 500);
  }
}

TEST_F(NpyDataTest, NoticesAWrongChecksum) {
  std::string bytes = *ReadFile(Testdata("stored.npz"), 10'000);
  // The values of "label": three int64, of which the first is 2.
  const size_t place = bytes.find(BytesOf<int64_t>({2, 0, 1}));
  ASSERT_NE(place, std::string::npos);
  bytes[place] = 1;
  EXPECT_EQ(Plain(OpenArchive(bytes).status()),
            absl::DataLossError("x.npz: member \"label.npy\" does not have its checksum"));
}

TEST_F(NpyDataTest, TakesNoNameOfAMemberForAPath) {
  std::string bytes = *ReadFile(Testdata("stored.npz"), 10'000);
  bytes = absl::StrReplaceAll(bytes, {{"columns.npy", "../../a.npy"}});
  const absl::StatusOr<DataParts> parts = OpenArchive(bytes);
  ASSERT_THAT(parts, IsOk());
  EXPECT_THAT(parts->train.field_names(), ElementsAre("../../a", "label", "mask", "pixels", "x"));
}

TEST_F(NpyDataTest, RefusesMembersThatItDoesNotRead) {
  const std::string whole = *ReadFile(Testdata("stored.npz"), 10'000);
  EXPECT_EQ(Plain(OpenArchive(absl::StrReplaceAll(whole, {{"mask.npy", "mask.txt"}})).status()),
            absl::InvalidArgumentError("x.npz: member \"mask.txt\": must be a .npy file"));
  // In the central directory: 10 bytes after the signature the method, 8 the flags.
  std::string bytes = whole;
  const size_t entry = bytes.find("PK\x01\x02");
  bytes[entry + 10] = 12;
  EXPECT_EQ(Plain(OpenArchive(bytes).status()),
            absl::InvalidArgumentError(
                "x.npz: member \"x.npy\" must be stored or deflated, but is packed by method 12"));
  bytes = whole;
  bytes[entry + 8] |= 1;
  EXPECT_EQ(Plain(OpenArchive(bytes).status()),
            absl::InvalidArgumentError("x.npz: member \"x.npy\" must not be encrypted"));
  EXPECT_EQ(Plain(OpenArchive("PK\5\6" + std::string(18, '\0')).status()),
            absl::DataLossError("x.npz: is no whole zip file"));
}

TEST_F(NpyDataTest, RefusesASizeThatTheMemberDoesNotHave) {
  std::string bytes = *ReadFile(Testdata("deflated.npz"), 10'000);
  const size_t entry = bytes.find("PK\x01\x02");
  bytes[entry + 24 + 3] = 0x7f;  // of the unpacked size: almost 2 GB
  EXPECT_EQ(Plain(OpenArchive(bytes).status()),
            absl::DataLossError("x.npz: member \"x.npy\" is damaged"));
}

}  // namespace
}  // namespace flowgrad
