// Sessions train as PyTorch does: every optimizer, clipping and the schedules, from what a model
// file says, against parameters that testdata/make_optimizers.py wrote.

#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/text_format.h"
#include "graph/graph_text.h"
#include "gtest/gtest.h"
#include "proto/training.pb.h"
#include "tests/testing/status_matchers.h"
#include "training/safetensors.h"
#include "training/schedule.h"
#include "training/session.h"
#include "training/training_check.h"

namespace flowgrad {
namespace {

constexpr int kSteps = 100;
constexpr int kRowEvery = 10;
constexpr double kTolerance = 1e-12;

struct Configuration {
  const char* name;
  const char* training;
};

const Configuration kConfigurations[] = {
    {"sgd", "optimizer { sgd { learning_rate: 0.5 } }"},
    {"sgd_weight_decay", "optimizer { sgd { learning_rate: 0.5 weight_decay: 0.01 } }"},
    {"momentum", "optimizer { sgd { learning_rate: 0.1 momentum: 0.9 } }"},
    {"nesterov",
     "optimizer { sgd { learning_rate: 0.1 momentum: 0.9 nesterov: true weight_decay: 0.001 } }"},
    {"rmsprop", "optimizer { rmsprop { learning_rate: 0.002 } }"},
    {"rmsprop_momentum",
     "optimizer { rmsprop { learning_rate: 0.001 alpha: 0.9 epsilon: 1e-6 momentum: 0.8 "
     "weight_decay: 0.01 } }"},
    {"adagrad", "optimizer { adagrad { learning_rate: 0.05 } }"},
    {"adagrad_decay",
     "optimizer { adagrad { learning_rate: 0.2 decay: 0.05 epsilon: 1e-8 weight_decay: 0.01 } }"},
    {"adam", "optimizer { adam { learning_rate: 0.05 } }"},
    {"adam_weight_decay",
     "optimizer { adam { learning_rate: 0.05 beta1: 0.8 beta2: 0.99 epsilon: 1e-6 "
     "weight_decay: 0.02 } }"},
    {"adamw", "optimizer { adamw { learning_rate: 0.05 } }"},
    {"adamw_weight_decay",
     "optimizer { adamw { learning_rate: 0.05 beta1: 0.8 beta2: 0.99 epsilon: 1e-6 "
     "weight_decay: 0.1 } }"},
    {"clip_norm", "optimizer { sgd { learning_rate: 0.5 } } clip_norm: 0.3"},
    {"schedule_step",
     "optimizer { sgd { learning_rate: 0.5 } } schedule { step { every: 2.5 factor: 0.4 } }"},
    // 0.97 a step, 0.97^10 an epoch.
    {"schedule_exponential",
     "optimizer { sgd { learning_rate: 0.5 } } "
     "schedule { exponential { factor: 0.7374241268949284 } }"},
    {"schedule_cosine",
     "optimizer { sgd { learning_rate: 0.5 } } schedule { cosine { end: 0.01 } }"},
};

std::unique_ptr<Session> MakeSession(const TrainingDef& training) {
  const absl::StatusOr<Graph> graph = ParseGraphText(
      "input x: double[N,2]\n"
      "input labels: int64[N]\n"
      "parameter w1: double[2,2] = zeros\n"
      "parameter b1: double[2] = zeros\n"
      "parameter w2: double[2,3] = zeros\n"
      "parameter b2: double[3] = zeros\n"
      "h = MatMul(x, w1)\n"
      "hb = Add(h, b1)\n"
      "t = Tanh(hb)\n"
      "o = MatMul(t, w2)\n"
      "logits = Add(o, b2)\n"
      "loss = SoftmaxCrossEntropyLoss(logits, labels)\n"
      "output loss\n");
  EXPECT_THAT(graph, IsOk());
  SessionOptions options;
  options.loss = "loss";
  options.optimizer = ToOptimizer(training.optimizer());
  options.clip_norm = training.clip_norm();
  absl::StatusOr<std::unique_ptr<Session>> session = Session::Make(*graph, options);
  EXPECT_THAT(session, IsOk());
  return *std::move(session);
}

// All parameters, one after the other, are set to those from `numbers` on, or looked at.
void SetParameters(Session& session, const Tensor& numbers) {
  int64_t place = 0;
  for (const char* name : {"w1", "b1", "w2", "b2"}) {
    Tensor tensor = *session.Get(name);
    for (int64_t i = 0; i < tensor.num_elements(); ++i) tensor.set(i, numbers.at(place++));
    ASSERT_THAT(session.Set(name, tensor), IsOk());
  }
}

std::vector<double> Parameters(const Session& session) {
  std::vector<double> numbers;
  for (const char* name : {"w1", "b1", "w2", "b2"}) {
    const Tensor tensor = *session.Get(name);
    for (int64_t i = 0; i < tensor.num_elements(); ++i) numbers.push_back(tensor.at(i));
  }
  return numbers;
}

class OptimizerReferenceTest : public testing::TestWithParam<Configuration> {};

TEST_P(OptimizerReferenceTest, TrainsAsPyTorchDoes) {
  const absl::StatusOr<TensorFile> file =
      LoadTensors("tests/training/testdata/optimizers.safetensors");
  ASSERT_THAT(file, IsOk());
  TrainingDef training;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(GetParam().training, &training));
  EXPECT_THAT(CheckOptimizer(ToOptimizer(training.optimizer())), IsOk());
  EXPECT_THAT(CheckSchedule(training.schedule()), IsOk());
  const std::unique_ptr<Session> session = MakeSession(training);
  SetParameters(*session, file->tensors.at("initial"));
  const Schedule schedule(training.schedule(), session->learning_rate(), kSteps,
                          /*steps_per_epoch=*/10);
  const TensorMap batch = {{"x", file->tensors.at("x")}, {"labels", file->tensors.at("labels")}};
  const Tensor& expected = file->tensors.at(GetParam().name);
  for (int step = 0; step < kSteps; ++step) {
    session->set_learning_rate(schedule.Rate(step));
    ASSERT_THAT(session->Step(batch), IsOk());
    if ((step + 1) % kRowEvery != 0) continue;
    const std::vector<double> actual = Parameters(*session);
    for (size_t i = 0; i < actual.size(); ++i) {
      const double number = expected.at(step / kRowEvery * expected.dims()[1] + i);
      EXPECT_NEAR(actual[i], number, kTolerance * std::abs(number)) << "step " << step + 1;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, OptimizerReferenceTest, testing::ValuesIn(kConfigurations),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace flowgrad
