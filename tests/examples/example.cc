#include "tests/examples/example.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "graph/autodiff.h"
#include "graph/model_graph.h"
#include "gtest/gtest.h"
#include "proto/model_file.h"

namespace flowgrad {
namespace {

template <class T>
T OrDie(absl::StatusOr<T> result) {
  if (result.ok()) return *std::move(result);
  std::fprintf(stderr, "%s\n", result.status().ToString().c_str());
  std::abort();
}

const Tensor& Named(const TensorMap& tensors, absl::string_view name) {
  const auto found = tensors.find(name);
  if (found != tensors.end()) return found->second;
  std::fprintf(stderr, "the example has no %s\n", std::string(name).c_str());
  std::abort();
}

}  // namespace

Example::Example(absl::string_view path) {
  const ModelDef def = OrDie(ReadModelFile(absl::StrCat("examples/", path)));
  graph_ = OrDie(BuildGraph(def.graph()));
  const Graph backward = OrDie(Differentiate(graph_, "loss", GradientTargets::kAll));
  states_ = OrDie(InitializeStates(graph_, /*seed=*/1));
  const std::vector<std::string> names = backward.ValueNames();
  TensorMap states = states_;
  const std::vector<Tensor> tensors = OrDie(ReferenceRun(backward, {}, states, names, {}));
  for (size_t i = 0; i < names.size(); ++i) values_[names[i]] = tensors[i].Contiguous();
  // A file's own gradients stand before the derived ones.
  for (const GradientPair& pair : backward.gradients()) {
    gradients_[pair.value] = values_[backward.value_name(pair.gradient)];
  }
}

const Tensor& Example::value(absl::string_view name) const { return Named(values_, name); }
const Tensor& Example::gradient(absl::string_view name) const { return Named(gradients_, name); }

Tensor Example::ValueWith(TensorMap states, const std::string& name) const {
  return OrDie(ReferenceRun(graph_, {}, states, {name}, {}))[0].Contiguous();
}

Matrix ToMatrix(const Tensor& tensor) {
  const int64_t columns = tensor.rank() == 0 ? 1 : tensor.dims().back();
  Matrix matrix(tensor.num_elements() / columns, std::vector<double>(columns));
  for (int64_t i = 0; i < tensor.num_elements(); ++i) {
    matrix[i / columns][i % columns] = tensor.at(i);
  }
  return matrix;
}

Matrix Transposed(const Matrix& a) {
  Matrix result(a[0].size(), std::vector<double>(a.size()));
  for (size_t i = 0; i < a.size(); ++i) {
    for (size_t j = 0; j < a[i].size(); ++j) result[j][i] = a[i][j];
  }
  return result;
}

Matrix operator*(const Matrix& a, const Matrix& b) {
  Matrix result(a.size(), std::vector<double>(b[0].size()));
  for (size_t i = 0; i < a.size(); ++i) {
    for (size_t k = 0; k < b.size(); ++k) {
      for (size_t j = 0; j < b[k].size(); ++j) result[i][j] += a[i][k] * b[k][j];
    }
  }
  return result;
}

void ExpectRounded(const Tensor& actual, const std::vector<double>& expected, int decimals,
                   absl::string_view what) {
  ASSERT_EQ(actual.num_elements(), static_cast<int64_t>(expected.size())) << what;
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(actual.at(static_cast<int64_t>(i)), expected[i],
                0.5 * std::pow(10, -decimals) * 1.0001)
        << what << ", element " << i;
  }
}

void ExpectSame(const Tensor& actual, const Matrix& expected, absl::string_view what) {
  const Matrix matrix = ToMatrix(actual);
  ASSERT_EQ(matrix.size(), expected.size()) << what;
  for (size_t i = 0; i < matrix.size(); ++i) {
    ASSERT_EQ(matrix[i].size(), expected[i].size()) << what;
    for (size_t j = 0; j < matrix[i].size(); ++j) {
      EXPECT_NEAR(matrix[i][j], expected[i][j], 1e-12) << what << " [" << i << "," << j << "]";
    }
  }
}

}  // namespace flowgrad
