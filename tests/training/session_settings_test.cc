// What a session is told beside its loss and optimizer: a norm to clip to, parameters to freeze;
// from C++ and from a file.

#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/tensors.h"
#include "tests/training/session_nets.h"
#include "training/session.h"

namespace flowgrad {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> FrozenIn(const Session& session) {
  std::vector<std::string> names;
  for (const Session::StateInfo& info : session.states()) {
    if (info.frozen) names.push_back(info.name);
  }
  return names;
}

// A model file with this training section.
std::string FileWith(const std::string& name, const std::string& training) {
  const std::string path = absl::StrCat(testing::TempDir(), "/", name, ".pbtxt");
  std::ofstream(path) << R"(
      format_version: 1
      graph {
        input { name: "x" type: "float[N]" }
        parameter { name: "a/w" type: "float[]" init { constant: 1 } }
        parameter { name: "b/w" type: "float[]" init { constant: 1 } }
        node { name: "ax" op: "Mul" input: ["x", "a/w"] }
        node { name: "bax" op: "Mul" input: ["ax", "b/w"] }
        node {
          name: "loss" op: "ReduceSum" input: "bax"
          attribute { name: "keepdims" i: 0 }
        }
        output: "loss"
      }
      training { )" << training
                      << " }";
  return path;
}

TEST(SessionSettingsTest, FreezesWhatMatchesAPattern) {
  SessionOptions options = Training();
  options.freeze = {"encoder/*", "head/b"};
  const auto session = MakeSession(SmallNet(), options);
  EXPECT_THAT(FrozenIn(*session), ElementsAre("encoder/w", "encoder/b", "head/b"));
  const Tensor before = *session->Get("encoder/w"), trained = *session->Get("head/w");
  ASSERT_THAT(session->Step(BatchFor(SmallNet(), 8, 1)), IsOk());
  EXPECT_EQ(BitDifference(*session->Get("encoder/w"), before), "");
  EXPECT_NE(BitDifference(*session->Get("head/w"), trained), "");
  EXPECT_THAT(session->Unfreeze("encoder/*"), IsOk());
  EXPECT_THAT(FrozenIn(*session), ElementsAre("head/b"));
}

TEST(SessionSettingsTest, SaysEveryPatternThatMatchesNoParameter) {
  SessionOptions options = Training();
  options.freeze = {"encodr/w", "head/*", "tail/*"};
  EXPECT_THAT(Session::Make(SmallNet(), options),
              StatusIs(absl::StatusCode::kNotFound,
                       "training.freeze: no parameter matches \"encodr/w\"; did you mean "
                       "\"encoder/w\"?\n"
                       "training.freeze: no parameter matches \"tail/*\""));
}

TEST(SessionSettingsTest, RefusesANormThatIsNone) {
  SessionOptions options = Training();
  options.clip_norm = -1;
  EXPECT_THAT(Session::Make(SmallNet(), options),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "training.clip_norm must be from 0 on and finite, but is -1"));
}

TEST(SessionSettingsTest, AFileSaysWhatIsClippedAndFrozen) {
  // The gradient of a/w is 3 + 4, that of b/w as well: 7 is clipped to 1, and a/w only moves.
  const std::string path = FileWith("clipped",
                                    "loss: 'loss' optimizer { sgd { learning_rate: 1 } } "
                                    "clip_norm: 1 freeze: 'b/*'");
  const TensorMap batch = {{"x", Tensor::Of<float>({2}, {3, 4})}};
  const auto session = Session::Open(path);
  ASSERT_THAT(session, IsOk());
  EXPECT_THAT(FrozenIn(**session), ElementsAre("b/w"));
  ASSERT_THAT((*session)->Step(batch), IsOk());
  EXPECT_NEAR((*session)->Get("a/w")->at(0), 0, 1e-6);
  EXPECT_EQ((*session)->Get("b/w")->at(0), 1);

  SessionOptions options;
  options.clip_norm = 0;
  options.freeze = {"a/*"};
  const auto other = Session::Open(path, options);
  ASSERT_THAT(other, IsOk());
  EXPECT_THAT(FrozenIn(**other), ElementsAre("a/w"));
  ASSERT_THAT((*other)->Step(batch), IsOk());
  EXPECT_EQ((*other)->Get("b/w")->at(0), -6);
}

TEST(SessionSettingsTest, AFileOfAWrongPatternIsNamed) {
  const std::string path = FileWith("wrong", "loss: 'loss' freeze: 'a/v'");
  EXPECT_THAT(Session::Open(path),
              StatusIs(absl::StatusCode::kNotFound,
                       absl::StrCat(path,
                                    ": training.freeze: no parameter matches \"a/v\"; did "
                                    "you mean \"a/w\"?")));
}

TEST(SessionSettingsTest, BitsDoNotDependOnThreads) {
  const Optimizer optimizers[] = {Optimizer::Sgd(0.1, 0.9, /*nesterov=*/true, 0.01),
                                  Optimizer::AdamW(0.01), Optimizer::RmsProp(0.01, 0.9, 1e-8, 0.5),
                                  Optimizer::Adagrad(0.1, 1e-10, 0.1, 0.01)};
  const Graph net = WideNet();
  for (const Optimizer& optimizer : optimizers) {
    std::string expected;
    for (const int threads : {1, 2, 3}) {
      SessionOptions options = Training(threads);
      options.optimizer = optimizer;
      options.clip_norm = 0.1;
      const auto session = MakeSession(net, options);
      for (int step = 0; step < 5; ++step) {
        ASSERT_THAT(session->Step(BatchFor(net, 128, step)), IsOk());
      }
      if (threads == 1) expected = HashOf(*session);
      EXPECT_EQ(HashOf(*session), expected) << threads << " threads";
    }
  }
}

}  // namespace
}  // namespace flowgrad
