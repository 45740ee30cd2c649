// A row of the conformance table: one op on inputs of given types, drawn from given domains.
//
// An input is text:
//
//   float[5,7]                       numbers from -2 to 2 (of integers -9 to 9)
//   float[5,7] in [0.1,3]            from 0.1 to 3
//   float[5,7] away from 0           at least 0.05 from 0, where the op has a kink
//   float[5,7] distinct              no two elements of this or another distinct input within 0.001
//   or so float[3] = 0 1 -inf              these float[N=5,7]                     the dim is also
//   tried as a symbol, not known when the graph is built int64[1] = 0                     integers
//   given so are constants of the graph constant float[] = 0.5           a constant of the graph
//   (empty)                          an optional input left out
//
// Where a port has the op's dtype T, float stands for T: the row is run with every dtype that the
// op has.

#ifndef FLOWGRAD_TESTS_CONFORMANCE_ROW_H_
#define FLOWGRAD_TESTS_CONFORMANCE_ROW_H_

#include <initializer_list>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "ops/attributes.h"
#include "ops/op.h"
#include "ops/tensor.h"

namespace flowgrad {

struct InputSpec {
  bool present = false;
  DType dtype = DType::kFloat;
  Dims dims;
  SymbolicShape shape;  // the dims, or the symbols that they may be
  std::optional<std::vector<double>> values;
  std::optional<std::pair<double, double>> range;
  std::optional<double> kink;
  bool distinct = false;
  bool constant = false;

  // Whether graphs hold it as a constant.
  bool is_constant() const {
    return constant || (values && (dtype == DType::kInt64 || dtype == DType::kInt32));
  }
};

// Stops the program on a text that is no input: the table is wrong then.
InputSpec ParseInput(const std::string& text);

struct Row {
  Row(const char* op, Attributes attributes, std::initializer_list<const char*> inputs);

  // Numbers of outputs; by default those that are not optional.
  Row& Outputs(int count) {
    num_outputs = count;
    return *this;
  }
  // Values worked out by hand, one text per output: "1 2.5 nan". In float and double they are met
  // to six digits.
  Row& Gives(std::initializer_list<const char*> values);
  // Float may differ from double by `factor` times more than usual.
  Row& FloatLooserBy(double factor, const char* /*reason*/) {
    float_factor = factor;
    return *this;
  }
  // Building the gradient, or the gradient of the gradient, is refused with this in the message.
  Row& NoGradient(const char* message) {
    no_gradient = message;
    return *this;
  }
  Row& NoSecondGradient(const char* message) {
    no_second_gradient = message;
    return *this;
  }

  // Differences of the row say nothing.
  Row& NotDifferentiated(const char* /*reason*/) {
    differentiated = false;
    return *this;
  }

  std::string op;
  Attributes attributes;
  std::vector<InputSpec> inputs;
  int num_outputs = 0;
  std::vector<std::string> expected;
  double float_factor = 1;
  std::string no_gradient, no_second_gradient;
  bool differentiated = true;

  // Set by Rows().
  const OpDef* def = nullptr;
  int number = 0;  // among the rows of the op

  std::string Name() const;  // "Softmax_2"
  // What T may be in this row.
  std::vector<DType> DTypes() const;
  // The dtype of input `i` where T is `dtype`.
  DType InputDType(int i, DType dtype) const;
  bool has_symbols() const;
};

std::ostream& operator<<(std::ostream& stream, const Row& row);

// By how much errors of float may grow in this row: with the root of the number of terms that are
// added up.
double Growth(const Row& row);

// Every row, of registered ops only, in the table's order.
const std::vector<Row>& Rows();

// The rows of table.cc.
std::vector<Row> TableAsWritten();

// The inputs, T being `dtype`. The same numbers for float and double.
std::vector<Tensor> DrawInputs(const Row& row, DType dtype, uint64_t seed = 1);

}  // namespace flowgrad

#endif  // FLOWGRAD_TESTS_CONFORMANCE_ROW_H_
