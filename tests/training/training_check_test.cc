#include "training/training_check.h"

#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "proto/training.pb.h"
#include "tests/testing/status_matchers.h"

namespace flowgrad {
namespace {

template <class Def>
Def Parse(const char* text) {
  Def def;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &def)) << text;
  return def;
}

Optimizer ReadOptimizer(const char* text) { return ToOptimizer(Parse<OptimizerDef>(text)); }

struct Mistake {
  const char* def;
  const char* message;
};

TEST(CheckOptimizerTest, SaysEveryNumberOutOfItsRange) {
  const Mistake mistakes[] = {
      {"sgd {}", "training.optimizer.sgd.learning_rate must be above 0 and finite, but is 0"},
      {"sgd { learning_rate: 1 nesterov: true }",
       "training.optimizer.sgd.nesterov needs a momentum above 0, but momentum is 0"},
      {"sgd { learning_rate: 1 momentum: -0.5 weight_decay: -1 }",
       "training.optimizer.sgd.momentum must be from 0 to less than 1, but is -0.5\n"
       "training.optimizer.sgd.weight_decay must be from 0 on and finite, but is -1"},
      {"adam { learning_rate: 1 beta1: 1 weight_decay: nan }",
       "training.optimizer.adam.beta1 must be from 0 to less than 1, but is 1\n"
       "training.optimizer.adam.weight_decay must be from 0 on and finite, but is nan"},
      {"adamw { learning_rate: inf beta2: 2 epsilon: 0 weight_decay: -0.1 }",
       "training.optimizer.adamw.learning_rate must be above 0 and finite, but is inf\n"
       "training.optimizer.adamw.beta2 must be from 0 to less than 1, but is 2\n"
       "training.optimizer.adamw.epsilon must be above 0 and finite, but is 0\n"
       "training.optimizer.adamw.weight_decay must be from 0 on and finite, but is -0.1"},
      {"rmsprop { learning_rate: 1 alpha: 2 epsilon: -1 momentum: 1 weight_decay: inf }",
       "training.optimizer.rmsprop.alpha must be from 0 to less than 1, but is 2\n"
       "training.optimizer.rmsprop.epsilon must be above 0 and finite, but is -1\n"
       "training.optimizer.rmsprop.momentum must be from 0 to less than 1, but is 1\n"
       "training.optimizer.rmsprop.weight_decay must be from 0 on and finite, but is inf"},
      {"adagrad { learning_rate: 1 epsilon: 0 decay: -1 weight_decay: -1 }",
       "training.optimizer.adagrad.epsilon must be above 0 and finite, but is 0\n"
       "training.optimizer.adagrad.decay must be from 0 on and finite, but is -1\n"
       "training.optimizer.adagrad.weight_decay must be from 0 on and finite, but is -1"},
  };
  for (const Mistake& mistake : mistakes) {
    EXPECT_THAT(CheckOptimizer(ReadOptimizer(mistake.def)),
                StatusIs(absl::StatusCode::kInvalidArgument, mistake.message));
  }
}

TEST(ToOptimizerTest, FillsInWhatTheFileLeavesOut) {
  const Optimizer nothing = ReadOptimizer("");
  EXPECT_EQ(nothing.kind, Optimizer::Kind::kSgd);
  EXPECT_EQ(nothing.learning_rate, 0.01);
  for (const char* text : {"adam { learning_rate: 1 }", "adamw { learning_rate: 1 }"}) {
    const Optimizer adam = ReadOptimizer(text);
    EXPECT_EQ(adam.beta1, 0.9);
    EXPECT_EQ(adam.beta2, 0.999);
    EXPECT_EQ(adam.epsilon, 1e-8);
    EXPECT_EQ(adam.weight_decay, adam.kind == Optimizer::Kind::kAdamW ? 0.01 : 0);
  }
  EXPECT_EQ(ReadOptimizer("adamw { learning_rate: 1 weight_decay: 0 }").weight_decay, 0);
  EXPECT_EQ(ReadOptimizer("rmsprop { learning_rate: 1 }").alpha, 0.99);
  EXPECT_EQ(ReadOptimizer("rmsprop { learning_rate: 1 }").epsilon, 1e-8);
  EXPECT_EQ(ReadOptimizer("adagrad { learning_rate: 1 }").epsilon, 1e-10);
}

TEST(CheckScheduleTest, SaysEveryNumberOutOfItsRange) {
  const Mistake mistakes[] = {
      {"cosine { end: -1 } warm_up: -1",
       "training.schedule.cosine.end must be from 0 on and finite, but is -1\n"
       "training.schedule.warm_up must be from 0 to 2^40, but is -1"},
      {"step {}", "training.schedule.step.every must be above 0 and finite, but is 0"},
      {"step { every: inf factor: 0 }",
       "training.schedule.step.every must be above 0 and finite, but is inf\n"
       "training.schedule.step.factor must be above 0 and at most 1, but is 0"},
      {"exponential {}",
       "training.schedule.exponential.factor must be above 0 and at most 1, but is 0"},
      {"exponential { factor: 1.5 }",
       "training.schedule.exponential.factor must be above 0 and at most 1, but is 1.5"},
      {"warm_up: 2000000000000",
       "training.schedule.warm_up must be from 0 to 2^40, but is 2000000000000"},
  };
  for (const Mistake& mistake : mistakes) {
    EXPECT_THAT(CheckSchedule(Parse<ScheduleDef>(mistake.def)),
                StatusIs(absl::StatusCode::kInvalidArgument, mistake.message));
  }
  for (const char* text : {"", "constant {}", "cosine {}", "step { every: 0.5 }"}) {
    EXPECT_THAT(CheckSchedule(Parse<ScheduleDef>(text)), IsOk());
  }
}

}  // namespace
}  // namespace flowgrad
