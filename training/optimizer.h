// How parameters follow their gradients, as a C++ value; the model file's OptimizerDef says the
// same.
//
//   options.optimizer = Optimizer::Sgd(/*learning_rate=*/0.1, /*momentum=*/0.9);

#ifndef FLOWGRAD_TRAINING_OPTIMIZER_H_
#define FLOWGRAD_TRAINING_OPTIMIZER_H_

#include <cstdint>

namespace flowgrad {

// The formulas stand in proto/training.proto. Numbers out of range are found where an Optimizer is
// used: InvalidArgument.
struct Optimizer {
  enum class Kind : uint8_t { kSgd, kAdam };

  static Optimizer Sgd(double learning_rate, double momentum = 0) {
    Optimizer sgd;
    sgd.learning_rate = learning_rate;
    sgd.momentum = momentum;
    return sgd;
  }
  static Optimizer Adam(double learning_rate, double beta1 = 0.9, double beta2 = 0.999,
                        double epsilon = 1e-8) {
    return {Kind::kAdam, learning_rate, 0, beta1, beta2, epsilon};
  }

  Kind kind = Kind::kSgd;
  double learning_rate = 0.01;                        // before any schedule
  double momentum = 0;                                // SGD
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;  // Adam
};

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_OPTIMIZER_H_
