// The first value of a variable: what InitializerDef in proto/model.proto says, in memory.

#ifndef FLOWGRAD_GRAPH_INITIALIZER_H_
#define FLOWGRAD_GRAPH_INITIALIZER_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ops/tensor.h"

namespace flowgrad {

struct Initializer {
  enum class Kind {
    kConstant,
    kUniform,
    kNormal,
    kGlorotUniform,
    kGlorotNormal,
    kHeUniform,
    kHeNormal,
    kOrthogonal,
    kValue,
  };
  Kind kind = Kind::kConstant;
  double first = 0;   // the constant; low of uniform; mean of normal; gain of orthogonal
  double second = 0;  // high of uniform; standard deviation of normal
  Tensor value;       // of kValue

  std::string ToString() const;  // "zeros", "uniform(-0.1,0.1)", "value"
};

Initializer Zeros();
Initializer ConstantValue(double value);
Initializer Uniform(double low, double high);
Initializer Normal(double mean, double stddev);
Initializer GlorotUniform();
Initializer GlorotNormal();
Initializer HeUniform();
Initializer HeNormal();
Initializer Orthogonal(double gain = 1);
Initializer Given(Tensor value);

// What is wrong with this initializer for a variable of this type: ranges that are empty, values of
// another type, an orthogonal vector.
absl::Status CheckInitializer(const Initializer& initializer, DType dtype,
                              const SymbolicShape& shape);

// The first value of variable `name` in a run with `seed`. Drawn in double and rounded to `dtype`,
// so that float and double models start alike. Errors: those of CheckInitializer().
absl::StatusOr<Tensor> Initialize(const Initializer& initializer, absl::string_view name,
                                  DType dtype, absl::Span<const int64_t> dims, uint64_t seed);

}  // namespace flowgrad

#endif  // FLOWGRAD_GRAPH_INITIALIZER_H_
