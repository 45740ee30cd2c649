#include "training/batch_loader.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "graph/graph_builder.h"
#include "gtest/gtest.h"
#include "ops/functions.h"
#include "proto/model.pb.h"
#include "tests/testing/status_matchers.h"
#include "training/data/data_field.h"

namespace flowgrad {
namespace {

using ::testing::HasSubstr;

// A field whose value is the sample's number, but for one that cannot be read.
class CountingField : public DataField {
 public:
  CountingField(int64_t samples, int64_t bad)
      : DataField({.name = "x",
                   .num_samples = samples,
                   .sample_dims = {2},
                   .natural = DType::kFloat,
                   .dtypes = DTypeSet({DType::kFloat})}),
        bad_(bad) {}

  absl::Status Fill(absl::Span<const int64_t> samples, Tensor& batch) const override {
    float* out = batch.data<float>();
    for (const int64_t sample : samples) {
      if (sample == bad_) return absl::DataLossError(Where(sample) + ": cannot be read");
      *out++ = static_cast<float>(sample);
      *out++ = static_cast<float>(-sample);
    }
    return absl::OkStatus();
  }
  std::string Where(int64_t sample) const override { return "row " + std::to_string(sample); }

 private:
  int64_t bad_;
};

DataSet Counting(int64_t samples, int64_t bad = -1) {
  absl::StatusOr<DataSet> data = DataSet::OfFields({std::make_shared<CountingField>(samples, bad)});
  EXPECT_THAT(data, IsOk());
  return *data;
}

DataFeeds Feeds(const DataSet& data, const std::string& def, const std::string& type) {
  GraphBuilder g;
  g.Output(Relu(g.Input("input", type)));
  const Graph graph = *std::move(g).Build();
  DataDef section;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(def, &section));
  absl::StatusOr<DataFeeds> feeds = DataFeeds::Make(section, graph, data);
  EXPECT_THAT(feeds, IsOk());
  return feeds.ok() ? *feeds : DataFeeds();
}

constexpr char kFeed[] = "feed { input: 'input' field: 'x' }";

// Batch b has samples 3b, 3b + 1 and 3b + 2, and the last one less.
void Threes(int64_t batch, std::vector<int64_t>& samples) {
  for (int64_t sample = 3 * batch; sample < 3 * batch + 3; ++sample) {
    if (sample < 1000) samples.push_back(sample);
  }
}

TEST(BatchLoaderTest, GivesEveryBatchInOrder) {
  const DataSet data = Counting(1000);
  const DataFeeds feeds = Feeds(data, kFeed, "float[N,2]");
  BatchLoader loader(data, feeds, Threes, 5, 334);
  for (int64_t batch = 5; batch < 334; ++batch) {
    const absl::StatusOr<const TensorMap*> next = loader.Next();
    ASSERT_THAT(next, IsOk());
    const Tensor& tensor = (*next)->at("input");
    ASSERT_EQ(tensor.dims()[0], batch == 333 ? 1 : 3) << batch;
    for (int64_t row = 0; row < tensor.dims()[0]; ++row) {
      EXPECT_EQ(tensor.at(2 * row), 3 * batch + row);
      EXPECT_EQ(tensor.at(2 * row + 1), -(3 * batch + row));
    }
  }
}

TEST(BatchLoaderTest, AFailureComesAfterTheBatchesBeforeIt) {
  const DataSet data = Counting(1000, /*bad=*/700);
  const DataFeeds feeds = Feeds(data, kFeed, "float[N,2]");
  BatchLoader loader(data, feeds, Threes, 0, 334);
  for (int64_t batch = 0; batch < 233; ++batch) ASSERT_THAT(loader.Next(), IsOk());
  for (int again = 0; again < 2; ++again) {
    EXPECT_THAT(loader.Next(), StatusIs(absl::StatusCode::kDataLoss, "row 700: cannot be read"));
  }
}

TEST(BatchLoaderTest, MayBeLeftAtAnyTime) {
  const DataSet data = Counting(1000);
  const DataFeeds feeds = Feeds(data, kFeed, "float[N,2]");
  for (int batches = 0; batches < 20; ++batches) {
    BatchLoader loader(data, feeds, Threes, 0, 334);
    for (int i = 0; i < batches; ++i) ASSERT_THAT(loader.Next(), IsOk());
  }
}

TEST(BatchLoaderTest, WaitsWithABoundedNumberOfBatches) {
  const DataSet data = Counting(1000);
  const DataFeeds feeds = Feeds(data, kFeed, "float[N,2]");
  std::atomic<int64_t> made = 0;
  BatchLoader loader(
      data, feeds,
      [&](int64_t, std::vector<int64_t>& samples) {
        samples.assign(40'000, 0);  // 320,000 bytes: a block each
        ++made;
      },
      0, 1000);
  ASSERT_THAT(loader.Next(), IsOk());
  for (int i = 0; i < 200 && made < 3; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(made, 3);  // one in use, two ready
}

TEST(DataFeedsTest, FeedTheFirstSamplesToEveryBatch) {
  const DataSet data = Counting(10);
  const DataFeeds feeds = Feeds(data, "feed { input: 'input' field: 'x' first: 4 }", "float[M,2]");
  TensorMap batch;
  ASSERT_THAT(feeds.Fill(data, {7, 8}, batch), IsOk());
  ASSERT_EQ(batch.at("input").dims(), (Dims{4, 2}));
  EXPECT_EQ(batch.at("input").at(6), 3);
  EXPECT_EQ(feeds.FieldOf("input"), "");
}

TEST(DataFeedsTest, RefuseWhatDoesNotFit) {
  const DataSet data = Counting(10);
  const auto refused = [&](const std::string& def, const std::string& type) {
    GraphBuilder g;
    g.Output(Cast(g.Input("input", type), DType::kFloat));
    const Graph graph = *std::move(g).Build();
    DataDef section;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(def, &section));
    return DataFeeds::Make(section, graph, data).status();
  };
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  const std::string start = "training.data.feed: input \"input\": ";
  EXPECT_THAT(refused(kFeed, "float[N,3]"),
              StatusIs(kInvalid, start + "must be float[N,2] to take field \"x\", but is "
                                         "float[N,3]"));
  EXPECT_THAT(refused(kFeed, "int64[N,2]"), StatusIs(kInvalid, HasSubstr("but is int64[N,2]")));
  EXPECT_THAT(refused(kFeed, "float[10,2]"), StatusIs(kInvalid, HasSubstr("but is float[10,2]")));
  EXPECT_THAT(refused("feed { input: 'input' field: 'x' first: 4 }", "float[5,2]"),
              StatusIs(kInvalid, start + "must be float[4,2] to take field \"x\", but is "
                                         "float[5,2]"));
  EXPECT_THAT(refused("feed { input: 'input' field: 'x' first: 11 }", "float[N,2]"),
              StatusIs(kInvalid, start + "\"first\" must be from 0 to the 10 samples of the "
                                         "training part, but is 11"));
  EXPECT_THAT(refused("feed { input: 'input' }", "float[N,2]").message(),
              HasSubstr("no field \"input\""));
}

}  // namespace
}  // namespace flowgrad
