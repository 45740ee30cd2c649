// The code that pages of docs/ show, compiled and run; cpp_page_test.sh compares the two.

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "flowgrad.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace flowgrad {
namespace {

// What the page leaves to the reader.
void ShowToUser(absl::string_view line) { EXPECT_NE(line, ""); }

absl::StatusOr<std::unique_ptr<Session>> OpenModel(const std::string& path) {
  SessionOptions options;
  options.workers = Workers(2);
  options.loss = "loss";
  options.optimizer = Optimizer::Sgd(/*learning_rate=*/0.1, /*momentum=*/0.9);
  options.log = [](absl::string_view line) { ShowToUser(line); };
  return Session::Open(path, options);
}

// Thirty-two pictures, as a camera or a decoder leaves them.
struct Frame {
  float pixels[32 * 784] = {};
  int64_t labels[32] = {};
  float scores[32 * 10] = {};
};

absl::Status TrainOnFrames(Session& session, Frame& frame, int frames) {
  const TensorMap batch = {{"images", Tensor::Borrow(DType::kFloat, {32, 784}, frame.pixels)},
                           {"labels", Tensor::Borrow(DType::kInt64, {32}, frame.labels)}};
  for (int i = 0; i < frames; ++i) {
    // ... new pixels and labels are written to the same memory ...
    ASSIGN_OR_RETURN(const double loss, session.Step(batch));
    ShowToUser(absl::StrCat("loss ", loss));
  }
  return absl::OkStatus();
}

absl::Status ScoreFrame(Session& session, Frame& frame) {
  const TensorMap feeds = {{"images", Tensor::Borrow(DType::kFloat, {32, 784}, frame.pixels)}};
  const std::vector<std::string> fetches = {"logits"};
  std::vector<Tensor> outputs = {Tensor::Borrow(DType::kFloat, {32, 10}, frame.scores)};
  return session.Run(feeds, fetches, absl::MakeSpan(outputs));
}

absl::Status LookAtStates(Session& session) {
  for (const Session::StateInfo& state : session.states()) {
    ShowToUser(absl::StrCat(state.name, " ", state.type.ToString()));
  }
  ASSIGN_OR_RETURN(Tensor bias, session.Get("b3"));
  bias.set(0, 0.5);
  RETURN_IF_ERROR(session.Set("b3", bias));
  session.set_learning_rate(0.01);
  RETURN_IF_ERROR(session.Freeze("w1"));
  return session.Unfreeze("*");
}

absl::Status GoOnElsewhere(Session& session, Session& other) {
  ASSIGN_OR_RETURN(const std::string bytes, session.SaveToBytes(Session::Saved::kAll));
  return other.LoadFromBytes(bytes);
}

absl::Status TakeTheFirstLayers(Session& session, const std::string& path) {
  return session.Load(path, {"w1", "b1", "w2", "b2"});
}

absl::Status TellUser(const absl::Status& status) {
  if (absl::IsAborted(status)) ShowToUser("the loss is not finite: try a smaller learning rate");
  return status;
}

absl::StatusOr<Graph> LineNet() {
  GraphBuilder g;
  const Value x = g.Input("x", "float[N,1]"), y = g.Input("y", "float[N,1]");
  const Value w = g.Parameter("w", "float[1,1]", Normal(0, 0.1));
  const Value b = g.Parameter("b", "float[1]", Zeros());
  const Value line = (MatMul(x, w) + b).As("line");
  Call("MeanSquaredError", {line, y}).As("loss");
  g.Output(line);
  return std::move(g).Build();
}

absl::Status TrainAFile(const std::string& model, const std::string& weights,
                        const std::string& table) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Trainer> trainer, Trainer::Open(model, {}));
  RETURN_IF_ERROR(trainer->Train([&](double loss) { ShowToUser(absl::StrCat("loss ", loss)); }));
  RETURN_IF_ERROR(trainer->session().Save(weights));
  return trainer->history().WriteCsv(table);
}

absl::StatusOr<double> TrainOnOwnData(const Graph& net, const Tensor& xs, const Tensor& ys) {
  ASSIGN_OR_RETURN(const DataSet data, DataSet::OfTensors({{"x", xs}, {"y", ys}}));
  constexpr char kTraining[] = R"(
      loss: "loss"
      optimizer { sgd { learning_rate: 0.05 } }
      batch_size: 2
      epochs: 200
      data { feed { input: "x" } feed { input: "y" } })";
  ASSIGN_OR_RETURN(const std::unique_ptr<Trainer> trainer, Trainer::Make(net, kTraining, {data}));
  RETURN_IF_ERROR(trainer->Train());
  return trainer->history().rows().back().loss;
}

TEST(SnippetsTest, TrainAsThePageSays) {
  const std::string weights = testing::TempDir() + "/trained.safetensors";
  const std::string table = testing::TempDir() + "/trained.csv";
  EXPECT_THAT(TrainAFile("examples/modulo3/modulo3.pbtxt", weights, table), IsOk());
  const absl::StatusOr<History> history = History::ReadCsv(table);
  ASSERT_THAT(history, IsOk());
  EXPECT_EQ(history->rows().back().metrics[0], 1);
  const absl::StatusOr<Graph> net = LineNet();
  ASSERT_THAT(net, IsOk());
  const absl::StatusOr<double> loss = TrainOnOwnData(*net, Tensor::Of<float>({4, 1}, {0, 1, 2, 3}),
                                                     Tensor::Of<float>({4, 1}, {1, 3, 5, 7}));
  ASSERT_THAT(loss, IsOk());
  EXPECT_LT(*loss, 1e-3);
}

TEST(SnippetsTest, DoWhatThePageSays) {
  const std::string path = "examples/fashion_mnist/mlp.pbtxt";
  const auto session = OpenModel(path), other = OpenModel(path);
  ASSERT_THAT(session, IsOk());
  ASSERT_THAT(other, IsOk());
  static Frame frame;
  ASSERT_THAT(TrainOnFrames(**session, frame, 2), IsOk());
  ASSERT_THAT(ScoreFrame(**session, frame), IsOk());
  ASSERT_THAT(LookAtStates(**session), IsOk());
  ASSERT_THAT(GoOnElsewhere(**session, **other), IsOk());
  EXPECT_EQ((*other)->step(), 2);
  EXPECT_EQ((*other)->WeightsHash().value(), (*session)->WeightsHash().value());
  const std::string weights = testing::TempDir() + "/weights.safetensors";
  ASSERT_THAT((*session)->Save(weights), IsOk());
  EXPECT_THAT(TakeTheFirstLayers(**other, weights), IsOk());
  EXPECT_THAT(TellUser(absl::AbortedError("loss")), StatusIs(absl::StatusCode::kAborted, "loss"));
}

}  // namespace
}  // namespace flowgrad
