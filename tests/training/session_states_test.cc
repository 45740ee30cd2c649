// States of a session: read, written, frozen, saved and loaded, by name.

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/tensors.h"
#include "tests/training/session_nets.h"
#include "training/session.h"

namespace flowgrad {
namespace {

using ::testing::ElementsAre;

void Steps(Session& session, int steps) {
  for (int i = 0; i < steps; ++i) {
    const int64_t step = session.step();
    ASSERT_THAT(session.Step(BatchFor(SmallNet(), 8, step)), IsOk());
  }
}

std::string BitsOf(const Session& session, absl::string_view name) {
  const absl::StatusOr<Tensor> tensor = session.Get(name);
  EXPECT_THAT(tensor, IsOk());
  return std::string(reinterpret_cast<const char*>(tensor->bytes()), tensor->num_bytes());
}

TEST(SessionStatesTest, ListsTheModelsAndThenTheOptimizers) {
  const auto session = MakeSession(SmallNet(), Training());
  std::vector<std::string> texts;
  for (const Session::StateInfo& info : session->states()) {
    texts.push_back(info.name + " " + info.type.ToString() + (info.of_model ? " model" : ""));
  }
  EXPECT_THAT(texts, ElementsAre("encoder/w float[4,8] model", "encoder/b float[8] model",
                                 "head/w float[8,3] model", "head/b float[3] model",
                                 "optimizer/encoder/b/momentum float[8]",
                                 "optimizer/encoder/w/momentum float[4,8]",
                                 "optimizer/head/b/momentum float[3]",
                                 "optimizer/head/w/momentum float[8,3]"));
}

TEST(SessionStatesTest, GetsCopiesAndSetsAnyState) {
  const auto session = MakeSession(SmallNet(), Training());
  for (const char* name : {"head/b", "optimizer/head/b/momentum"}) {
    const std::vector<float> values = {1, 2, 3};
    ASSERT_THAT(session->Set(name, Tensor::Of<float>({3}, absl::MakeConstSpan(values))), IsOk());
    absl::StatusOr<Tensor> copy = session->Get(name);
    ASSERT_THAT(copy, IsOk());
    EXPECT_EQ(TensorText(*copy), "float[3]{1,2,3}");
    copy->set(0, 7);
    EXPECT_EQ(session->Get(name)->at(0), 1);
  }
}

TEST(SessionStatesTest, RefusesStatesOfOtherNamesAndTypes) {
  const auto session = MakeSession(SmallNet(), Training());
  EXPECT_THAT(session->Get("head/c"),
              StatusIs(absl::StatusCode::kNotFound,
                       "no state is named \"head/c\"; did you mean \"head/w\"?"));
  EXPECT_THAT(session->Set("body", Tensor::Scalar(1.0f)),
              StatusIs(absl::StatusCode::kNotFound, "no state is named \"body\""));
  EXPECT_THAT(session->Set("head/b", Tensor::Scalar(1.0f)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "state \"head/b\" must be float[3], but is given float[]"));
  EXPECT_THAT(session->Set("head/b", Tensor()),
              StatusIs(absl::StatusCode::kInvalidArgument, "state \"head/b\" is given no value"));
}

TEST(SessionStatesTest, FrozenParametersKeepTheirValuesAndMomenta) {
  const auto session = MakeSession(SmallNet(), Training());
  Steps(*session, 2);
  const std::string w = BitsOf(*session, "encoder/w");
  const std::string momentum = BitsOf(*session, "optimizer/encoder/w/momentum");
  const std::string head = BitsOf(*session, "head/w");
  ASSERT_THAT(session->Freeze("encoder/*"), IsOk());
  EXPECT_TRUE(session->states()[0].frozen);
  EXPECT_FALSE(session->states()[2].frozen);
  Steps(*session, 2);
  EXPECT_EQ(BitsOf(*session, "encoder/w"), w);
  EXPECT_EQ(BitsOf(*session, "optimizer/encoder/w/momentum"), momentum);
  EXPECT_NE(BitsOf(*session, "head/w"), head);
  ASSERT_THAT(session->Freeze("*"), IsOk());  // nothing left: a step gives the loss alone
  const std::string before = HashOf(*session);
  Steps(*session, 1);
  EXPECT_EQ(HashOf(*session), before);
  ASSERT_THAT(session->Unfreeze("encoder/w"), IsOk());
  EXPECT_EQ(BitsOf(*session, "optimizer/encoder/w/momentum"), momentum);
  Steps(*session, 1);
  EXPECT_NE(BitsOf(*session, "encoder/w"), w);
  EXPECT_EQ(session->step(), 6);
}

TEST(SessionStatesTest, RefusesToFreezeNothing) {
  const auto session = MakeSession(SmallNet(), Training());
  EXPECT_THAT(session->Freeze("head/q"),
              StatusIs(absl::StatusCode::kNotFound,
                       "no parameter matches \"head/q\"; did you mean \"head/w\"?"));
  EXPECT_THAT(session->Unfreeze("optimizer/*"),
              StatusIs(absl::StatusCode::kNotFound, "no parameter matches \"optimizer/*\""));
  EXPECT_THAT(MakeSession(SmallNet(), {})->Freeze("*"),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       "the session has no loss: nothing changes its parameters"));
}

TEST(SessionStatesTest, UnfreezesWhatTheModelCallsFrozen) {
  const auto session = MakeSession(SmallNet(), Training());
  ASSERT_THAT(session->Freeze("head/*"), IsOk());
  const auto other = MakeSession(SmallNet(), Training());
  Steps(*session, 1);
  ASSERT_THAT(session->Unfreeze("*"), IsOk());
  session->set_step(0);
  ASSERT_THAT(other->Freeze("head/*"), IsOk());
  Steps(*other, 1);
  EXPECT_EQ(HashOf(*session), HashOf(*other));
}

TEST(SessionStatesTest, TrainingGoesOnFromBytesAsIfItHadNotStopped) {
  const auto whole = MakeSession(SmallNet(), Training());
  Steps(*whole, 3);
  const absl::StatusOr<std::string> bytes = whole->SaveToBytes(Session::Saved::kAll);
  ASSERT_THAT(bytes, IsOk());
  Steps(*whole, 3);
  SessionOptions options = Training();
  options.seed = 2;  // other initial values
  const auto resumed = MakeSession(SmallNet(), options);
  ASSERT_THAT(resumed->LoadFromBytes(*bytes), IsOk());
  EXPECT_EQ(resumed->step(), 3);
  Steps(*resumed, 3);
  EXPECT_TRUE(*whole->SaveToBytes(Session::Saved::kAll) ==
              *resumed->SaveToBytes(Session::Saved::kAll));
}

TEST(SessionStatesTest, ASessionThatOnlyRunsTakesWhatTrainingSaved) {
  const auto trained = MakeSession(SmallNet(), Training());
  Steps(*trained, 2);
  const std::string path = testing::TempDir() + "/weights.safetensors";
  for (const Session::Saved saved : {Session::Saved::kModel, Session::Saved::kAll}) {
    ASSERT_THAT(trained->Save(path, saved), IsOk());
    const auto runs = MakeSession(SmallNet(), {});
    EXPECT_NE(HashOf(*runs), HashOf(*trained));
    ASSERT_THAT(runs->Load(path), IsOk());
    EXPECT_EQ(HashOf(*runs), HashOf(*trained));
  }
}

TEST(SessionStatesTest, LoadsThePartThatPatternsName) {
  const auto from = MakeSession(SmallNet(), Training());
  Steps(*from, 2);
  const std::string bytes = *from->SaveToBytes(Session::Saved::kAll);
  const auto session = MakeSession(SmallNet(), Training());
  const std::string head = BitsOf(*session, "head/w");
  const std::string momentum = BitsOf(*session, "optimizer/encoder/w/momentum");
  ASSERT_THAT(session->LoadFromBytes(bytes, {"encoder/*", "head/b"}), IsOk());
  EXPECT_EQ(BitsOf(*session, "encoder/w"), BitsOf(*from, "encoder/w"));
  EXPECT_EQ(BitsOf(*session, "head/b"), BitsOf(*from, "head/b"));
  EXPECT_EQ(BitsOf(*session, "head/w"), head);
  EXPECT_EQ(BitsOf(*session, "optimizer/encoder/w/momentum"), momentum);
  EXPECT_EQ(session->step(), 0);
  EXPECT_THAT(session->LoadFromBytes(bytes, {"encoder/*", "tail/*"}),
              StatusIs(absl::StatusCode::kNotFound, "weights: no state matches \"tail/*\""));
}

TEST(SessionStatesTest, ListsEveryDifferenceAndTakesNothing) {
  const auto session = MakeSession(SmallNet(), Training());
  const std::string before = HashOf(*session);
  const std::string bytes = *TensorsToBytes({{"encoder/w", Tensor(DType::kFloat, {4, 9})},
                                             {"encoder/b", Tensor(DType::kFloat, {8})},
                                             {"head/v", Tensor(DType::kFloat, {8, 3})},
                                             {"head/b", Tensor(DType::kDouble, {3})}},
                                            {});
  EXPECT_THAT(
      session->LoadFromBytes(bytes),
      StatusIs(absl::StatusCode::kInvalidArgument,
               "weights: tensor \"encoder/w\" must be float[4,8], but is float[4,9]\n"
               "weights: tensor \"head/w\" is missing\n"
               "weights: tensor \"head/b\" must be float[3], but is double[3]\n"
               "weights: tensor \"head/v\" is no variable of the model; did you mean \"head/w\"?"));
  EXPECT_THAT(session->LoadFromBytes(bytes, {"head/*"}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "weights: tensor \"head/w\" is missing\n"
                       "weights: tensor \"head/b\" must be float[3], but is double[3]\n"
                       "weights: tensor \"head/v\" is no variable of the model; did you mean "
                       "\"head/w\"?"));
  EXPECT_THAT(session->LoadFromBytes("cut off"),
              StatusIs(absl::StatusCode::kDataLoss,
                       "weights: is not a safetensors file: it has 7 bytes, fewer than 8"));
  EXPECT_THAT(session->Load("no/such.safetensors"),
              StatusIs(absl::StatusCode::kNotFound, testing::StartsWith("no/such.safetensors: ")));
  EXPECT_EQ(HashOf(*session), before);
}

TEST(SessionStatesTest, AsksForTheOptimizersStatesOnlyOfAFileThatHasSome) {
  const auto from = MakeSession(SmallNet(), Training());
  SessionOptions adam = Training();
  adam.optimizer = Optimizer::Adam(0.01);
  const auto session = MakeSession(SmallNet(), adam);
  EXPECT_THAT(session->LoadFromBytes(*from->SaveToBytes()), IsOk());
  EXPECT_THAT(session->LoadFromBytes(*from->SaveToBytes(Session::Saved::kAll)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       testing::HasSubstr("tensor \"optimizer/step\" is missing")));
}

TEST(SessionStatesTest, RefusesAStepCountThatIsNone) {
  const auto session = MakeSession(SmallNet(), Training());
  const std::string bytes = *TensorsToBytes(*session->Weights(), {{"step", "-3"}});
  EXPECT_THAT(session->LoadFromBytes(bytes),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "weights: metadata \"step\" must be a number from 0 on, but is \"-3\""));
}

}  // namespace
}  // namespace flowgrad
