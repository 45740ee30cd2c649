// Backward passes that were written by hand: right ones agree with the derived gradients, and every
// slip is found, by the names of the gradients that it spoils.

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "scheduler/written_gradients.h"
#include "tests/examples/example.h"
#include "tests/testing/status_matchers.h"

namespace flowgrad {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<WrittenGradient> WrittenIn(absl::string_view path) {
  const Example example(path);
  const absl::StatusOr<std::vector<WrittenGradient>> gradients =
      CompareWrittenGradients(example.graph(), {"loss"}, {}, example.states(), {});
  EXPECT_THAT(gradients, IsOk());
  return gradients.ok() ? *gradients : std::vector<WrittenGradient>();
}

std::vector<std::string> WrongIn(absl::string_view path) {
  std::vector<std::string> wrong;
  for (const WrittenGradient& gradient : WrittenIn(path)) {
    if (!gradient.ok) wrong.push_back(gradient.value);
  }
  return wrong;
}

TEST(SlipsTest, RightDerivationsAgreeWithTheDerivedGradients) {
  EXPECT_THAT(WrittenIn("slips/rnn_step.pbtxt"), SizeIs(6));
  EXPECT_THAT(WrongIn("slips/rnn_step.pbtxt"), IsEmpty());
  EXPECT_THAT(WrittenIn("slips/rnn.pbtxt"), SizeIs(8));
  EXPECT_THAT(WrongIn("slips/rnn.pbtxt"), IsEmpty());
  EXPECT_THAT(WrittenIn("slips/lstm.pbtxt"), SizeIs(20));
  EXPECT_THAT(WrongIn("slips/lstm.pbtxt"), IsEmpty());
  EXPECT_THAT(WrittenIn("slips/sigmoid_layers.pbtxt"), SizeIs(9));
  EXPECT_THAT(WrongIn("slips/sigmoid_layers.pbtxt"), IsEmpty());
  EXPECT_THAT(WrongIn("two_sigmoid_layers/step.pbtxt"), IsEmpty());
  EXPECT_THAT(WrongIn("modulo3/step.pbtxt"), IsEmpty());
}

TEST(SlipsTest, TheWrongWeightMatrixSpoilsTheGradientOfTheInput) {
  EXPECT_THAT(WrongIn("slips/rnn_step_wrong_weight.pbtxt"), ElementsAre("x"));
}

TEST(SlipsTest, TheSlopeOfTheWrongStepSpoilsAllButTheLastState) {
  EXPECT_THAT(WrongIn("slips/rnn_wrong_slope.pbtxt"), ElementsAre("h1", "h2", "Wxh", "Whh", "b"));
}

TEST(SlipsTest, AForgottenSumOverTheStepsSpoilsEveryWeight) {
  EXPECT_THAT(WrongIn("slips/rnn_forgotten_sum.pbtxt"), ElementsAre("Wxh", "Whh", "b", "V", "c"));
}

TEST(SlipsTest, TheHiddenStateInPlaceOfTheCellSpoilsWhatComesBeforeTheLastStep) {
  EXPECT_THAT(WrongIn("slips/lstm_wrong_state.pbtxt"),
              ElementsAre("h1", "C1", "C2", "Wf", "Uf", "bf", "Wi", "Ui", "bi", "Wa", "Ua", "ba",
                          "Uo", "bo"));
}

TEST(SlipsTest, GatesWithoutTheirSlopesSpoilAllButTheLastStatesAndTheAnswer) {
  EXPECT_THAT(WrongIn("slips/lstm_wrong_gates.pbtxt"),
              ElementsAre("h1", "h2", "C1", "C2", "Wf", "Uf", "bf", "Wi", "Ui", "bi", "Wa", "Ua",
                          "ba", "Wo", "Uo", "bo"));
}

TEST(SlipsTest, ASlopeOutsideOfTheProductSpoilsTheGradientOfTheWeight) {
  EXPECT_THAT(WrongIn("slips/sigmoid_layers_slope_outside.pbtxt"), ElementsAre("W3"));
}

TEST(SlipsTest, AWrongGradientIsNamedWithBothValues) {
  // The numbers are those of numpy: dO·Whᵀ and dO·Wxᵀ.
  const std::vector<WrittenGradient> gradients = WrittenIn("slips/rnn_step_wrong_weight.pbtxt");
  ASSERT_THAT(gradients, SizeIs(6));
  EXPECT_EQ(WrongGradientText(gradients[1]),
            "gradient of \"x\" at [0,1] must be -0.34901617, but \"hand/dx\" in the file is "
            "0.53532473");
}

}  // namespace
}  // namespace flowgrad
