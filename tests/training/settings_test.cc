#include "training/settings.h"

#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "proto/model.pb.h"
#include "tests/testing/status_matchers.h"

namespace flowgrad {
namespace {

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TrainingDef Parse(const std::string& text) {
  TrainingDef training;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &training));
  return training;
}

// The section after the settings, in one line.
std::string After(const std::string& text, const std::vector<std::string>& settings) {
  TrainingDef training = Parse(text);
  EXPECT_THAT(ApplySettings(settings, training), IsOk());
  return training.ShortDebugString();
}

absl::Status Refused(const std::string& setting) {
  TrainingDef training = Parse("optimizer { adam { learning_rate: 0.1 } }");
  return ApplySettings({setting}, training);
}

TEST(SettingsTest, SetAFieldByItsPath) {
  EXPECT_EQ(After("", {"batch_size=32", "seed=7", "drop_last=true", "loss=nll", "clip_norm=1e-2"}),
            R"(loss: "nll" batch_size: 32 seed: 7 drop_last: true clip_norm: 0.01)");
  EXPECT_EQ(After("", {"optimizer.adam.beta1=0.5"}), "optimizer { adam { beta1: 0.5 } }");
  EXPECT_EQ(After("", {"sampling=WITH_REPLACEMENT"}), "sampling: WITH_REPLACEMENT");
}

TEST(SettingsTest, LeaveOutTheKindThatIsSet) {
  EXPECT_EQ(After("optimizer { adam { learning_rate: 0.1 } }", {"optimizer.learning_rate=0.01"}),
            "optimizer { adam { learning_rate: 0.01 } }");
  EXPECT_EQ(After("", {"optimizer.learning_rate=0.01"}),
            "optimizer { sgd { learning_rate: 0.01 } }");
}

TEST(SettingsTest, ReplaceAMessageByItsText) {
  EXPECT_EQ(After("schedule { cosine {} warm_up: 5 }", {"schedule=exponential { factor: 0.5 }"}),
            "schedule { exponential { factor: 0.5 } }");
  EXPECT_EQ(After("optimizer { sgd {} }", {"optimizer.adamw=learning_rate: 1"}),
            "optimizer { adamw { learning_rate: 1 } }");
}

TEST(SettingsTest, ReplaceAListByAllOfItsSettings) {
  EXPECT_EQ(After("freeze: 'a'", {"freeze=b", "freeze=c/*"}), R"(freeze: "b" freeze: "c/*")");
  EXPECT_EQ(After("metric { name: 'loss' }", {"metric=name: 'top_k' k: 3"}),
            R"(metric { name: "top_k" k: 3 })");
}

TEST(SettingsTest, StepsAndEpochsTakeEachOthersPlace) {
  EXPECT_EQ(After("epochs: 3", {"steps=5"}), "steps: 5");
  EXPECT_EQ(After("steps: 3", {"epochs=5"}), "epochs: 5");
}

TEST(SettingsTest, RefuseWhatIsNoSetting) {
  EXPECT_THAT(Refused("batch_size"),
              StatusIs(kInvalid, "must be FIELD=VALUE, but is \"batch_size\""));
  EXPECT_THAT(Refused("=3"), StatusIs(kInvalid, "must be FIELD=VALUE, but is \"=3\""));
}

TEST(SettingsTest, RefuseFieldsThatDoNotExist) {
  EXPECT_THAT(Refused("bach_size=3"),
              StatusIs(kInvalid,
                       "the training section has no field \"bach_size\"; did you mean "
                       "\"batch_size\"?"));
  EXPECT_THAT(Refused("optimizer.learning_rat=3"),
              StatusIs(kInvalid,
                       "the training section has no field \"optimizer.learning_rat\"; did you mean "
                       "\"learning_rate\"?"));
  EXPECT_THAT(
      Refused("loss.x=3"),
      StatusIs(kInvalid, "the training section has no field \"loss.x\": \"loss\" has no fields"));
  EXPECT_THAT(Refused("metric.name=3"),
              StatusIs(kInvalid,
                       "the training section has no field \"metric.name\": \"metric\" is a list, "
                       "which is set as a whole"));
}

TEST(SettingsTest, RefuseValuesOfAnotherType) {
  EXPECT_THAT(Refused("batch_size="),
              StatusIs(kInvalid, "batch_size must be a whole number, but is \"\""));
  for (const std::string value : {"0x10", "10abc", "1e99", "1.5", "9223372036854775808"}) {
    EXPECT_THAT(Refused("batch_size=" + value),
                StatusIs(kInvalid, "batch_size must be a whole number, but is \"" + value + "\""));
  }
  EXPECT_THAT(Refused("seed=-1"),
              StatusIs(kInvalid, "seed must be a whole number from 0 on, but is \"-1\""));
  EXPECT_THAT(Refused("clip_norm=one"),
              StatusIs(kInvalid, "clip_norm must be a number, but is \"one\""));
  EXPECT_THAT(Refused("drop_last=yes"),
              StatusIs(kInvalid, "drop_last must be true or false, but is \"yes\""));
  EXPECT_THAT(Refused("sampling=RANDOM"),
              StatusIs(kInvalid,
                       "sampling must be SHUFFLED, WITH_REPLACEMENT or IN_ORDER, but is "
                       "\"RANDOM\""));
  EXPECT_THAT(
      Refused("optimizer=adam { rate: 1 }"),
      StatusIs(kInvalid, ::testing::StartsWith("optimizer must be the text of OptimizerDef, but is "
                                               "\"adam { rate: 1 }\": ")));
}

}  // namespace
}  // namespace flowgrad
