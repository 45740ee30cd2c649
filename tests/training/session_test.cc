// Sessions run and train; what they promise of memory, errors and the caller's floating-point mode.

#include "training/session.h"

#include <signal.h>
#include <unistd.h>
#include <xmmintrin.h>

#include <limits>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "graph/graph_text.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/tensors.h"
#include "tests/training/session_nets.h"

namespace flowgrad {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// The states after `steps` steps without a session and without a plan.
TensorMap ReferenceStates(const Graph& net, int steps, std::vector<double>* losses) {
  const SessionOptions options = Training();
  const absl::StatusOr<TrainGraph> train = BuildTrainGraph(net, "loss", *options.optimizer);
  EXPECT_THAT(train, IsOk());
  TensorMap states = *InitializeStates(train->graph, /*seed=*/1);
  for (int step = 0; step < steps; ++step) {
    TensorMap feeds = BatchFor(net, 32, step);
    feeds.emplace(kLearningRate, Tensor::Scalar(step < 2 ? 0.125 : 0.0625));
    const auto loss = ReferenceRun(train->graph, feeds, states, {train->loss},
                                   {.seed = 1, .step = step}, /*update_states=*/true);
    EXPECT_THAT(loss, IsOk());
    losses->push_back((*loss)[0].at(0));
  }
  return states;
}

TEST(SessionTest, StepsAsTheReferenceRunDoesAtAnyNumberOfThreadsAndRate) {
  const Graph net = WideNet();
  std::vector<double> losses;
  const TensorMap expected = ReferenceStates(net, 4, &losses);
  for (const int threads : {1, 2, 3}) {
    const auto session = MakeSession(net, Training(threads));
    for (int step = 0; step < 4; ++step) {
      if (step == 2) session->set_learning_rate(0.0625);
      EXPECT_EQ(session->step(), step);
      const absl::StatusOr<double> loss = session->Step(BatchFor(net, 32, step));
      ASSERT_THAT(loss, IsOk());
      EXPECT_EQ(*loss, losses[step]);
    }
    for (const auto& [name, tensor] : expected) {
      const absl::StatusOr<Tensor> state = session->Get(name);
      ASSERT_THAT(state, IsOk());
      EXPECT_EQ(BitDifference(*state, tensor), "") << name;
    }
  }
}

TEST(SessionTest, OpensAFileAndTakesLossAndNumbersFromIt) {
  SessionOptions options;
  options.optimizer = Optimizer::Sgd(1);
  const auto session =
      Session::Open("examples/two_sigmoid_layers/two_sigmoid_layers.pbtxt", options);
  ASSERT_THAT(session, IsOk());
  // Worked out by hand, as the example's page says.
  absl::StatusOr<double> loss = (*session)->Step({});
  ASSERT_THAT(loss, IsOk());
  EXPECT_NEAR(*loss, 0.0181039, 1e-7);
  const absl::StatusOr<Tensor> w1 = (*session)->Get("W1");
  ASSERT_THAT(w1, IsOk());
  const double after[] = {0.09907093, 0.39713992, 0.79761096, 0.59264552};
  for (int i = 0; i < 4; ++i) EXPECT_NEAR(w1->at(i), after[i], 1e-8);
  const auto values = (*session)->Run({}, {"loss", "A1"});
  ASSERT_THAT(values, IsOk());
  EXPECT_NEAR((*values)[0].at(0), 0.01656538, 1e-8);
}

TEST(SessionTest, WithoutALossItOnlyRuns) {
  const auto session = MakeSession(SmallNet(), {});
  EXPECT_FALSE(session->trains());
  const TensorMap feeds = {{"x", Tensor::Filled(DType::kFloat, {2, 4}, 1)}};
  const auto logits = session->Run(feeds, {"logits"});
  ASSERT_THAT(logits, IsOk());
  EXPECT_THAT((*logits)[0].dims(), ElementsAre(2, 3));
  EXPECT_THAT(session->Step(feeds),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       "the session has no loss: it runs its model, and does not train it"));
}

TEST(SessionTest, RunInfersAndStepTrains) {
  const absl::StatusOr<Graph> net = ParseGraphText(
      "input x: float[64]\n"
      "parameter w: float[] = constant(1)\n"
      "ratio = Constant() {value=float[]{0.5}}\n"
      "y = Dropout(x, ratio, training_mode)\n"
      "loss = ReduceSum(y) {keepdims=0}\n"
      "z = Mul(loss, w)\n"
      "output z\n");
  ASSERT_THAT(net, IsOk());
  SessionOptions options = Training();
  options.loss = "z";
  const auto session = MakeSession(*net, options);
  const TensorMap feeds = {{"x", Tensor::Filled(DType::kFloat, {64}, 1)}};
  EXPECT_EQ((*session->Run(feeds, {"z"}))[0].at(0), 64);
  EXPECT_NE(*session->Step(feeds), 64);
}

TEST(SessionTest, ReadsAndWritesTheCallersMemoryWhereItIs) {
  const Graph net = SmallNet();
  const auto session = MakeSession(net, Training());
  std::vector<float> x(5 * 4 + 1), logits(5 * 3);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 7) / 7;
  // Aligned to a float and to nothing more.
  const TensorMap feeds = {{"x", Tensor::Borrow(DType::kFloat, {5, 4}, x.data() + 1)}};
  const std::vector<std::string> fetches = {"logits"};
  std::vector<Tensor> outputs = {Tensor::Borrow(DType::kFloat, {5, 3}, logits.data())};
  ASSERT_THAT(session->Run(feeds, fetches, absl::MakeSpan(outputs)), IsOk());
  const auto first = session->Run({{"x", Tensor::Of<float>({5, 4}, {x.data() + 1, 20})}}, fetches);
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(BitDifference(outputs[0], (*first)[0]), "");
  x[1] += 1;  // the same tensors see the new values
  ASSERT_THAT(session->Run(feeds, fetches, absl::MakeSpan(outputs)), IsOk());
  EXPECT_NE(logits[0], (*first)[0].at(0));
}

TEST(SessionTest, TakesFeedsInOtherStridesToo) {
  const auto session = MakeSession(SmallNet(), {});
  Random random(1);
  const Tensor columns = RandomTensor(DType::kFloat, {4, 6}, -1, 1, random);
  const Tensor rows = columns.WithLayout({6, 4}, {1, 6}, 0);
  const auto strided = session->Run({{"x", rows}}, {"logits"});
  const auto copied = session->Run({{"x", rows.Contiguous()}}, {"logits"});
  ASSERT_THAT(strided, IsOk());
  EXPECT_EQ(BitDifference((*strided)[0], (*copied)[0]), "");
}

TEST(SessionTest, RefusesMemoryItCannotUse) {
  const auto session = MakeSession(SmallNet(), {});
  alignas(64) char bytes[256] = {};
  const std::vector<std::string> fetches = {"logits"};
  const auto run = [&](int in, int out) {
    std::vector<Tensor> outputs = {Tensor::Borrow(DType::kFloat, {2, 3}, bytes + out)};
    return session->Run({{"x", Tensor::Borrow(DType::kFloat, {2, 4}, bytes + in)}}, fetches,
                        absl::MakeSpan(outputs));
  };
  EXPECT_THAT(run(0, 32), IsOk());
  EXPECT_THAT(run(1, 64), StatusIs(absl::StatusCode::kInvalidArgument,
                                   "input \"x\" must be aligned to 4 bytes"));
  EXPECT_THAT(run(0, 66), StatusIs(absl::StatusCode::kInvalidArgument,
                                   "the tensor for \"logits\" must be aligned to 4 bytes"));
  EXPECT_THAT(run(0, 28), StatusIs(absl::StatusCode::kInvalidArgument,
                                   "the tensor for \"logits\" shares memory with input \"x\""));
  std::vector<Tensor> outputs = {Tensor(DType::kFloat, {2, 2})};
  EXPECT_THAT(session->Run({{"x", Tensor::Filled(DType::kFloat, {2, 4}, 0)}}, fetches,
                           absl::MakeSpan(outputs)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "the tensor for \"logits\" must be float[2,3], row by row"));
  const Tensor same(DType::kFloat, {2, 3});
  std::vector<Tensor> twice = {same, same};
  EXPECT_THAT(session->Run({{"x", Tensor::Filled(DType::kFloat, {2, 4}, 0)}}, {"logits", "h"},
                           absl::MakeSpan(twice)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "the tensor for \"h\" shares memory with the tensor for \"logits\""));
}

TEST(SessionTest, NamesWhatIsNotThere) {
  const auto session = MakeSession(SmallNet(), Training());
  const TensorMap batch = BatchFor(SmallNet(), 2, 1);
  EXPECT_THAT(session->Run(batch, {"logit"}),
              StatusIs(absl::StatusCode::kNotFound,
                       "no value is named \"logit\"; did you mean \"logits\"?"));
  TensorMap more = batch;
  more["label"] = batch.at("labels");
  EXPECT_THAT(session->Step(more),
              StatusIs(absl::StatusCode::kNotFound,
                       "no input is named \"label\"; did you mean \"labels\"?"));
  TensorMap fewer = batch;
  fewer.erase("labels");
  EXPECT_THAT(session->Step(fewer),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\"labels\"")));
  TensorMap with_rate = batch;
  with_rate.emplace(kLearningRate, Tensor::Scalar(1.0));
  EXPECT_THAT(session->Step(with_rate),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "input \"optimizer/learning_rate\" is fed by set_learning_rate()"));
  session->set_learning_rate(-1);
  EXPECT_THAT(session->Step(batch),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "learning rate must be from 0 on and finite, but is -1"));
  session->set_learning_rate(0.5);
  EXPECT_THAT(session->Step(batch), IsOk());
  EXPECT_EQ(session->step(), 1);
}

TEST(SessionTest, OpenBlamesTheFile) {
  EXPECT_THAT(Session::Open("no/model.pbtxt"),
              StatusIs(absl::StatusCode::kNotFound, StartsWith("no/model.pbtxt: ")));
  SessionOptions options;
  options.loss = "los";
  EXPECT_THAT(Session::Open("examples/two_sigmoid_layers/two_sigmoid_layers.pbtxt", options),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "examples/two_sigmoid_layers/two_sigmoid_layers.pbtxt: training.loss: no "
                       "value is named \"los\"; did you mean \"loss\"?"));
  options.loss = "";
  options.optimizer = Optimizer::Sgd(0.1, /*momentum=*/1);
  EXPECT_THAT(Session::Open("examples/two_sigmoid_layers/two_sigmoid_layers.pbtxt", options),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "examples/two_sigmoid_layers/two_sigmoid_layers.pbtxt: "
                       "training.optimizer.sgd.momentum must be from 0 to less than 1, but is 1"));
}

TEST(SessionTest, AFailedStepLeavesEverythingAsItWas) {
  const Graph net = SmallNet();
  for (const int threads : {1, 2}) {
    const auto session = MakeSession(net, Training(threads));
    const TensorMap good = BatchFor(net, 8, 1);
    ASSERT_THAT(session->Step(good), IsOk());
    const absl::StatusOr<std::string> before = session->SaveToBytes(Session::Saved::kAll);
    TensorMap infinite = BatchFor(net, 8, 2);
    infinite["x"].set(3, std::numeric_limits<double>::quiet_NaN());
    EXPECT_THAT(session->Step(infinite),
                StatusIs(absl::StatusCode::kAborted,
                         "loss is not finite at step 2: the weights are those before it; a "
                         "smaller learning rate may help"));
    TensorMap wrong = BatchFor(net, 8, 3);
    wrong["labels"].set(3, 17);
    EXPECT_THAT(
        session->Step(wrong),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 "node \"SoftmaxCrossEntropyLoss/SoftmaxCrossEntropy\" "
                 "(SoftmaxCrossEntropy): label of sample 3 must be from 0 to 2, but is 17"));
    const std::atomic<bool> cancel = true;
    EXPECT_THAT(session->Step(good, &cancel),
                StatusIs(absl::StatusCode::kCancelled, "the run was cancelled"));
    EXPECT_EQ(session->step(), 1);
    EXPECT_TRUE(session->SaveToBytes(Session::Saved::kAll) == before);
  }
}

TEST(SessionTest, TellsTheCallerOfPlansAndWarningsAndPrintsNothing) {
  const absl::StatusOr<Graph> net = ParseGraphText(
      "input x: float[N]\n"
      "parameter used: float[] = constant(1)\n"
      "parameter idle: float[] = zeros\n"
      "y = Mul(x, used)\n"
      "loss = ReduceSum(y) {keepdims=0}\n"
      "output y\n");
  ASSERT_THAT(net, IsOk());
  std::vector<std::string> lines;
  SessionOptions options = Training();
  options.log = [&](absl::string_view line) { lines.emplace_back(line); };
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const auto session = MakeSession(*net, options);
  const TensorMap batch = {{"x", Tensor::Filled(DType::kFloat, {3}, 1)}};
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(session->Step(batch), IsOk());
    EXPECT_THAT(session->Run(batch, {"y"}), IsOk());
  }
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_THAT(lines,
              ElementsAre("warning: the loss does not depend on parameter \"idle\", which keeps "
                          "its value",
                          StartsWith("planned a training step for x float[3]: "),
                          StartsWith("planned a run of \"y\" for x float[3]: ")));
  EXPECT_TRUE(session->states()[1].unreachable);
  EXPECT_GT(session->num_bytes(), 0);
}

// Three sizes of batch, each of which fits: memory of the others is given back.
TEST(SessionTest, HoldsNoMoreThanItsMemoryLimit) {
  const Graph net = WideNet();
  const TensorMap batches[] = {BatchFor(net, 512, 1), BatchFor(net, 480, 2), BatchFor(net, 448, 3)};
  const auto one = MakeSession(net, Training()), all = MakeSession(net, Training());
  ASSERT_THAT(one->Step(batches[0]), IsOk());
  SessionOptions options = Training();
  options.memory_limit = one->num_bytes() + (400 << 10);  // the batch, and tables of the plan
  const auto limited = MakeSession(net, options);
  for (int round = 0; round < 2; ++round) {
    for (const TensorMap& batch : batches) {
      ASSERT_THAT(all->Step(batch), IsOk());
      ASSERT_THAT(limited->Step(batch), IsOk());
      EXPECT_LE(limited->num_bytes(), *options.memory_limit);
    }
  }
  EXPECT_GT(all->num_bytes(), *options.memory_limit);
  EXPECT_EQ(HashOf(*limited), HashOf(*all));
}

TEST(SessionTest, RefusesWhatNeedsMoreThanItsMemoryLimit) {
  const Graph net = WideNet();
  SessionOptions options = Training();
  options.memory_limit = 1000;
  EXPECT_THAT(Session::Make(net, options), StatusIs(absl::StatusCode::kInvalidArgument,
                                                    StartsWith("parameters and variables need ")));
  options.memory_limit = MakeSession(net, Training())->num_bytes() + 100;
  const auto session = MakeSession(net, options);
  const std::string before = HashOf(*session);
  EXPECT_THAT(
      session->Step(BatchFor(net, 128, 1)),
      StatusIs(absl::StatusCode::kInvalidArgument,
               ::testing::AllOf(StartsWith("a run needs "), HasSubstr("; the largest are "))));
  EXPECT_EQ(session->step(), 0);
  EXPECT_EQ(HashOf(*session), before);
}

std::vector<std::string> SignalsAndEnvironment() {
  std::vector<std::string> texts;
  for (char** variable = environ; *variable != nullptr; ++variable) texts.emplace_back(*variable);
  for (int signal = 1; signal < NSIG; ++signal) {
    struct sigaction action = {};
    if (sigaction(signal, nullptr, &action) != 0) continue;
    texts.push_back(absl::StrCat(signal, " ", reinterpret_cast<uintptr_t>(action.sa_handler)));
  }
  return texts;
}

TEST(SessionTest, LeavesSignalsAndTheEnvironmentAlone) {
  const std::vector<std::string> before = SignalsAndEnvironment();
  const Graph net = WideNet();
  const auto session = MakeSession(net, Training(2));
  EXPECT_THAT(session->Step(BatchFor(net, 32, 1)), IsOk());
  EXPECT_THAT(session->Run(BatchFor(net, 32, 1), {"logits"}), IsOk());
  EXPECT_EQ(SignalsAndEnvironment(), before);
}

// A caller may have set flush-to-zero; its mode is kept, and is not ours.
TEST(SessionTest, KeepsTheCallersFloatingPointModeAndItsOwnBits) {
  constexpr unsigned kFlush = 0x8040;
  const absl::StatusOr<Graph> net = ParseGraphText(
      "input x: float[N,4]\n"
      "parameter w: float[4,4] = constant(1e-39)\n"
      "y = MatMul(x, w)\n"
      "loss = ReduceSum(y) {keepdims=0}\n"
      "output y\n");
  ASSERT_THAT(net, IsOk());
  const TensorMap batch = {{"x", Tensor::Filled(DType::kFloat, {64, 4}, 0.5)}};
  const unsigned usual = _mm_getcsr();
  for (const int threads : {1, 2}) {
    SessionOptions options = Training(threads);
    options.optimizer = Optimizer::Sgd(1e-42);
    std::string hashes[2];
    double losses[2], elements[2];
    for (const bool flush : {false, true}) {
      if (flush) _mm_setcsr(usual | kFlush);
      const unsigned before = _mm_getcsr();
      const auto session = MakeSession(*net, options);
      const absl::StatusOr<double> loss = session->Step(batch);
      const auto y = session->Run(batch, {"y"});
      constexpr unsigned kFlags = 0x3f;  // exceptions seen
      EXPECT_EQ(_mm_getcsr() & ~kFlags, before & ~kFlags);
      hashes[flush] = HashOf(*session);
      _mm_setcsr(usual);
      ASSERT_THAT(loss, IsOk());
      ASSERT_THAT(y, IsOk());
      losses[flush] = *loss;
      elements[flush] = (*y)[0].at(0);
    }
    EXPECT_EQ(hashes[0], hashes[1]);
    EXPECT_EQ(losses[0], losses[1]);
    EXPECT_EQ(elements[0], elements[1]);
    EXPECT_GT(elements[0], 0);
    EXPECT_LT(elements[0], std::numeric_limits<float>::min());
  }
}

}  // namespace
}  // namespace flowgrad
