// The code that docs/embedding.md shows, compiled and run; embedding_page_test.sh compares the two.

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
