#include "tests/training/data/data_files.h"

#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace flowgrad {
namespace {

std::vector<int64_t> AllSamples(const DataSet& data) {
  std::vector<int64_t> samples(data.num_samples());
  std::iota(samples.begin(), samples.end(), 0);
  return samples;
}

std::string DumpPart(const std::string& name, const DataSet& data) {
  std::string text;
  for (const std::string& field : data.field_names()) {
    const DType dtype = data.FieldType(field)->dtype;
    absl::StrAppend(&text, name, " ", field, " ", data.FieldType(field)->ToString(), " ",
                    absl::StrJoin(AllNumbers(data, field, dtype), ","), "\n");
  }
  return text;
}

}  // namespace

DataFilesTest::DataFilesTest()
    : folder_(
          absl::StrCat(testing::TempDir(), "/",
                       testing::UnitTest::GetInstance()->current_test_info()->test_suite_name())) {
  std::filesystem::remove_all(folder_);
  std::filesystem::create_directory(folder_);
}

std::string DataFilesTest::Path(absl::string_view name) const {
  return absl::StrCat(folder_, "/", name);
}

std::string DataFilesTest::Put(absl::string_view name, absl::string_view bytes) const {
  // Not flushed to the disk: some tests write thousands of files.
  std::ofstream(Path(name), std::ios::binary) << bytes;
  return Path(name);
}

absl::Status DataFilesTest::Plain(const absl::Status& status) const {
  return absl::Status(status.code(),
                      absl::StrReplaceAll(status.message(), {{absl::StrCat(folder_, "/"), ""}}));
}

std::string Gzipped(absl::string_view bytes) {
  constexpr int kGzip = 15 + 16;
  z_stream stream = {};
  deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, kGzip, 9, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = bytes.size();
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = packed.size();
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(packed.size() - stream.avail_out);
  deflateEnd(&stream);
  return packed;
}

std::string NpyBytes(absl::string_view header, absl::string_view values) {
  const std::string text = absl::StrCat("{", header, "}\n");
  const char begin[] = {1, 0, static_cast<char>(text.size()), static_cast<char>(text.size() >> 8)};
  return absl::StrCat("\x93NUMPY", absl::string_view(begin, 4), text, values);
}

std::vector<double> AllNumbers(const DataSet& data, absl::string_view field, DType dtype) {
  const absl::StatusOr<Tensor> batch = data.Batch(field, AllSamples(data), dtype);
  EXPECT_TRUE(batch.ok()) << batch.status();
  std::vector<double> numbers;
  if (!batch.ok()) return numbers;
  for (int64_t i = 0; i < batch->num_elements(); ++i) numbers.push_back(batch->at(i));
  return numbers;
}

std::string Dump(const DataParts& parts) {
  return absl::StrCat(DumpPart("train", parts.train),
                      parts.test ? DumpPart("test", *parts.test) : "");
}

}  // namespace flowgrad
