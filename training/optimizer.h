// How parameters follow their gradients, as a C++ value; the model file's OptimizerDef says the
// same.
//
//   options.optimizer = Optimizer::Sgd(/*learning_rate=*/0.1, /*momentum=*/0.9);

#ifndef FLOWGRAD_TRAINING_OPTIMIZER_H_
#define FLOWGRAD_TRAINING_OPTIMIZER_H_

#include <cstdint>

namespace flowgrad {

// The formulas and ranges stand in proto/training.proto. Numbers out of range are found where an
// Optimizer is used: InvalidArgument.
struct Optimizer {
  enum class Kind : uint8_t { kSgd, kAdam, kAdamW, kRmsProp, kAdagrad };

  static Optimizer Sgd(double learning_rate, double momentum = 0, bool nesterov = false,
                       double weight_decay = 0) {
    Optimizer sgd;
    sgd.learning_rate = learning_rate;
    sgd.momentum = momentum;
    sgd.nesterov = nesterov;
    sgd.weight_decay = weight_decay;
    return sgd;
  }
  static Optimizer Adam(double learning_rate, double beta1 = 0.9, double beta2 = 0.999,
                        double epsilon = 1e-8, double weight_decay = 0) {
    Optimizer adam;
    adam.kind = Kind::kAdam;
    adam.learning_rate = learning_rate;
    adam.beta1 = beta1;
    adam.beta2 = beta2;
    adam.epsilon = epsilon;
    adam.weight_decay = weight_decay;
    return adam;
  }
  static Optimizer AdamW(double learning_rate, double beta1 = 0.9, double beta2 = 0.999,
                         double epsilon = 1e-8, double weight_decay = 0.01) {
    Optimizer adamw = Adam(learning_rate, beta1, beta2, epsilon, weight_decay);
    adamw.kind = Kind::kAdamW;
    return adamw;
  }
  static Optimizer RmsProp(double learning_rate, double alpha = 0.99, double epsilon = 1e-8,
                           double momentum = 0, double weight_decay = 0) {
    Optimizer rmsprop;
    rmsprop.kind = Kind::kRmsProp;
    rmsprop.learning_rate = learning_rate;
    rmsprop.alpha = alpha;
    rmsprop.epsilon = epsilon;
    rmsprop.momentum = momentum;
    rmsprop.weight_decay = weight_decay;
    return rmsprop;
  }
  static Optimizer Adagrad(double learning_rate, double epsilon = 1e-10, double decay = 0,
                           double weight_decay = 0) {
    Optimizer adagrad;
    adagrad.kind = Kind::kAdagrad;
    adagrad.learning_rate = learning_rate;
    adagrad.epsilon = epsilon;
    adagrad.decay = decay;
    adagrad.weight_decay = weight_decay;
    return adagrad;
  }

  Kind kind = Kind::kSgd;
  double learning_rate = 0.01;        // before any schedule
  double momentum = 0;                // SGD, RMSProp
  bool nesterov = false;              // SGD
  double beta1 = 0.9, beta2 = 0.999;  // Adam, AdamW
  double alpha = 0.99;                // RMSProp
  double epsilon = 1e-8;              // all but SGD
  double decay = 0;                   // Adagrad, of the learning rate
  double weight_decay = 0;            // AdamW: of the parameter; others: added to the gradient
};

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_OPTIMIZER_H_
