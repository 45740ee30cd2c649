#include "scheduler/numerics_check.h"

#include <cmath>
#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "graph/autodiff.h"
#include "gtest/gtest.h"
#include "ops/functions.h"
#include "scheduler/plan_options.h"
#include "tests/scheduler/planned_graphs.h"
#include "tests/testing/planned_run.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/tensors.h"

namespace flowgrad {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

PlanOptions SmallestPieces() {
  PlanOptions options = NodeByNode();
  options.task_ns = options.piece_ns = 1;
  options.serial_ns = 0;
  options.min_rows = 1;
  return options;
}

std::unique_ptr<PlannedRun> Checked(const PlannedGraph& planned, int threads,
                                    StepObserver* observer,
                                    const PlanOptions& options = NodeByNode()) {
  auto run = PlannedRun::Make(planned.graph, planned.feeds, planned.states, planned.fetches,
                              /*update_states=*/true, options, Workers(threads));
  EXPECT_THAT(run, IsOk());
  (*run)->run_state().set_observer(observer);
  return *std::move(run);
}

// Writes a number over the first element that a step gives, before the check sees it.
class WriteInto : public NumericsCheck {
 public:
  WriteInto(int step, int output, double number) : step_(step), output_(output), number_(number) {}

  absl::Status AfterStep(const Plan& plan, int step, const KernelContext& context) override {
    if (step == step_) {
      const View& view = context.outputs[output_];
      if (view.dtype == DType::kFloat) view.as<float>()[0] = static_cast<float>(number_);
      if (view.dtype == DType::kDouble) view.as<double>()[0] = number_;
    }
    return NumericsCheck::AfterStep(plan, step, context);
  }

 private:
  const int step_, output_;
  const double number_;
};

// All but the net that is fed nothing: the mean of no losses is 0 / 0.
std::vector<PlannedGraph> GraphsOfNumbers() {
  std::vector<PlannedGraph> graphs;
  for (PlannedGraph& planned : SmallGraphs()) {
    if (planned.name != "mlp0") graphs.push_back(std::move(planned));
  }
  return graphs;
}

bool HoldsFloats(const Plan& plan, const Step& step, int output) {
  const Operand& operand = plan.operands[step.operands + step.num_inputs + output];
  if (!operand.present || operand.space == Space::kNone) return false;
  const auto dims = absl::MakeConstSpan(plan.numbers).subspan(operand.dims, operand.rank);
  return (operand.dtype == DType::kFloat || operand.dtype == DType::kDouble) &&
         NumElements(dims) > 0;
}

TEST(NumericsCheckTest, NamesTheNodeThatMadeItWhicheverItIs) {
  int injected = 0;
  for (const PlannedGraph& planned : GraphsOfNumbers()) {
    const auto of_one = Checked(planned, 1, nullptr, SmallestPieces()),
               of_three = Checked(planned, 3, nullptr, SmallestPieces());
    const Plan& plan = of_one->plan();
    const int num_steps = static_cast<int>(plan.steps.size());
    for (int s = 0; s < num_steps; s += 1 + num_steps / 300) {
      const Step& step = plan.steps[s];
      for (int output = 0; output < step.num_outputs; ++output) {
        if (!HoldsFloats(plan, step, output)) continue;
        for (const float number : {kNan, kInfinity, -kInfinity}) {
          // An infinite constant is no finding.
          if (step.num_inputs == 0 && !std::isnan(number)) continue;
          const PlannedOp& op = plan.ops[step.op];
          WriteInto write(s, output, number);
          of_one->run_state().set_observer(&write);
          of_three->run_state().set_observer(&write);
          const auto result = of_one->Run(planned.feeds, {});
          const std::string node =
              absl::StrCat("node \"", op.name, "\" (", op.kind, "): made 1 ",
                           std::isnan(number) ? "NaN" : "infinity", " in the ");
          ASSERT_THAT(result, StatusIs(absl::StatusCode::kAborted, testing::HasSubstr(node)))
              << planned.name;
          ASSERT_EQ(of_three->Run(planned.feeds, {}).status(), result.status()) << planned.name;
          for (PlannedRun* const run : {of_one.get(), of_three.get()}) {
            ASSERT_EQ(run->states().broken(), step.writes_state) << planned.name << node;
            if (step.writes_state) run->states().Set(planned.states);
            ASSERT_EQ(StateDifference(run->states(), planned.states), "") << planned.name << node;
          }
          ++injected;
        }
      }
    }
  }
  EXPECT_GT(injected, 3000);
}

TEST(NumericsCheckTest, ChangesNoBitAndFindsNothingWhereNothingIs) {
  NumericsCheck check;
  for (const PlannedGraph& planned : GraphsOfNumbers()) {
    for (const int threads : {1, 3}) {
      EXPECT_EQ(DifferenceFromReference(planned, 3, NodeByNode(), threads, &check), "")
          << planned.name;
    }
  }
}

// Nothing but copies of what was looked at is written to states.
TEST(NumericsCheckTest, WritesNoStateBeforeAllIsLookedAt) {
  for (const PlannedGraph& planned : GraphsOfNumbers()) {
    const auto run = Checked(planned, 1, nullptr);
    for (const Step& step : run->plan().steps) {
      if (step.writes_state) {
        EXPECT_EQ(run->plan().ops[step.op].kind, "Copy") << planned.name;
      }
    }
  }
}

// x / b - c of 8 rows, where b and c are states.
PlannedGraph Quotient() {
  PlannedGraph planned = MakePlanned("quotient", 8, [](GraphBuilder& g) {
    const Value x = g.Input("x", "float[N,40]");
    const Value b = g.Parameter("b", "float[40]", Uniform(1, 2));
    const Value c = g.Variable("c", "float[1]", Zeros());
    const Value y = (x / b).As("y");
    g.Output(ReduceSum(y - c, {0, 1}, /*keepdims=*/false).As("sum"), "sum");
    g.Update(c, c + 1);
  });
  for (int i = 0; i < 320; ++i) planned.feeds["x"].data<float>()[i] = static_cast<float>(i + 1);
  for (int i = 0; i < 40; ++i) planned.states["b"].data<float>()[i] = 2;
  return planned;
}

absl::Status StatusOf(const PlannedGraph& planned, const PlanOptions& options = NodeByNode()) {
  NumericsCheck check;
  return Checked(planned, 2, &check, options)->Run(planned.feeds, {}).status();
}

TEST(NumericsCheckTest, TellsWhatTheNodeRead) {
  PlannedGraph planned = Quotient();
  planned.states["b"].data<float>()[7] = 0;
  EXPECT_THAT(StatusOf(planned),
              StatusIs(absl::StatusCode::kAborted,
                       "node \"y\" (Div): made 8 infinities in the forward pass, the first at "
                       "[0,7]; it read input \"x\" from 1 to 320 and variable \"b\" from 0 to 2"));
  planned.feeds["x"].data<float>()[7] = 0;
  EXPECT_THAT(StatusOf(planned),
              StatusIs(absl::StatusCode::kAborted,
                       "node \"y\" (Div): made 1 NaN and 7 infinities in the forward pass, the "
                       "first at [0,7]; it read input \"x\" from 0 to 320 and variable \"b\" from "
                       "0 to 2"));
}

TEST(NumericsCheckTest, TellsNumbersThatNoNodeMade) {
  PlannedGraph fed = Quotient();
  fed.feeds["x"].data<float>()[85] = kNan;
  EXPECT_THAT(StatusOf(fed), StatusIs(absl::StatusCode::kAborted,
                                      "node \"y\" (Div): read 1 NaN from input \"x\", the first "
                                      "at [2,5]"));
  PlannedGraph kept = Quotient();
  kept.states["b"].data<float>()[3] = -kInfinity;
  // 1 / infinity is 0: no harm.
  EXPECT_THAT(StatusOf(kept), IsOk());
  kept.states["c"].data<float>()[0] = kInfinity;
  EXPECT_THAT(
      StatusOf(kept),
      StatusIs(absl::StatusCode::kAborted,
               testing::HasSubstr("read 1 infinity from variable \"c\", the first at [0]")));
}

TEST(NumericsCheckTest, TellsThePanelThatRanFirst) {
  PlannedGraph planned = Quotient();
  for (const int place : {3 * 40 + 1, 6 * 40 + 2}) planned.feeds["x"].data<float>()[place] = 3e38f;
  for (int i = 0; i < 40; ++i) planned.states["b"].data<float>()[i] = 0.5f;
  EXPECT_THAT(StatusOf(planned, SmallestPieces()),
              StatusIs(absl::StatusCode::kAborted,
                       testing::HasSubstr("node \"y\" (Div): made 1 infinity in the forward pass, "
                                          "the first at [0,1] of panel 4 of 8, which begins at 3; "
                                          "it read input \"x\" from 121 to 3e+38 and variable "
                                          "\"b\" from 0.5 to 0.5")));
}

TEST(NumericsCheckTest, AnInfiniteConstantIsAChoiceOfTheModel) {
  const PlannedGraph planned = MakePlanned("mask", 4, [](GraphBuilder& g) {
    const Value x = g.Input("x", "float[N,3]");
    const Value masked = Call("Where", {Call("Greater", {x, g.Scalar(DType::kFloat, 0)}), x,
                                        g.Scalar(DType::kFloat, -kInfinity)});
    g.Output(ReduceSum(Call("Exp", {masked}), {0, 1}, /*keepdims=*/false), "sum");
  });
  EXPECT_THAT(StatusOf(planned), IsOk());
}

TEST(NumericsCheckTest, TellsTheBackwardPass) {
  PlannedGraph planned = MakePlanned("root", 4, [](GraphBuilder& g) {
    const Value w = g.Parameter("w", "float[3]", Zeros());
    const Value loss = ReduceSum(Sqrt(w).As("root"), {0}, /*keepdims=*/false);
    g.Output(loss, "loss");
    g.Update(w, w - Gradients(g, {loss}, {w})[0]);
  });
  planned.states["w"].data<float>()[0] = planned.states["w"].data<float>()[1] = 1;
  EXPECT_THAT(StatusOf(planned),
              StatusIs(absl::StatusCode::kAborted,
                       testing::AllOf(testing::StartsWith("node \"gradients/w\" (Div): "),
                                      testing::HasSubstr("made 1 infinity in the backward pass, "
                                                         "the first at [2]; it read "))));
}

}  // namespace
}  // namespace flowgrad
