// Note [The law of equal bits] in ops/kernel.h, for every row of the table: kernels on random
// pieces of views in random layouts, in place, on several threads and in parts of sums give the
// bits of the whole.

#include <atomic>
#include <memory>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "ops/sum.h"
#include "tests/conformance/kernel_call.h"
#include "tests/conformance/row_graph.h"
#include "tests/testing/status_matchers.h"

namespace flowgrad {
namespace {

constexpr int kRepetitions = 20;

// Operands of one call in memory of their own.
class Operands {
 public:
  Operands(const KernelCall& call, bool in_place, Random& random) : call_(call) {
    const auto layout = [&](int rank) {
      return random.Chance(0.2) ? PlainLayout(rank) : RandomLayout(rank, random);
    };
    for (const Tensor& input : call.inputs()) {
      inputs_.push_back(
          input.present() ? std::make_shared<StoredTensor>(input, layout(input.rank())) : nullptr);
    }
    outputs_.resize(call.num_outputs());
    if (in_place) ShareBuffers(random);
    for (int i = 0; i < call.num_outputs(); ++i) {
      const Tensor& whole = call.whole()[i];
      if (outputs_[i] != nullptr) continue;
      outputs_[i] =
          std::make_shared<StoredTensor>(whole.dtype(), whole.dims(), layout(whole.rank()));
    }
  }

  absl::Status Run(const Cut& cut) const {
    std::vector<View> inputs, outputs;
    for (const auto& input : inputs_) inputs.push_back(input == nullptr ? View() : input->view());
    for (const auto& output : outputs_) outputs.push_back(output->view());
    return call_.Run(inputs, outputs, cut);
  }

  const StoredTensor& output(int i) const { return *outputs_[i]; }

  // What is wrong with the outputs, or with inputs that no output shares memory with; "" if
  // nothing.
  std::string Check() const {
    for (int i = 0; i < call_.num_outputs(); ++i) {
      const std::string difference = BitDifference(outputs_[i]->Value(), call_.whole()[i]);
      if (!difference.empty()) return absl::StrCat("output ", i, ": ", difference);
      if (!outputs_[i]->PatternIsIntact())
        return absl::StrCat("output ", i, ": bytes beside its elements were written");
    }
    for (size_t i = 0; i < inputs_.size(); ++i) {
      if (inputs_[i] == nullptr || inputs_[i].use_count() > 1) continue;
      if (BitDifference(inputs_[i]->Value(), call_.inputs()[i]) != "" ||
          !inputs_[i]->PatternIsIntact()) {
        return absl::StrCat("input ", i, " was written");
      }
    }
    return "";
  }

 private:
  void ShareBuffers(Random& random) {
    std::vector<std::pair<int, int>> pairs = call_.InPlacePairs();
    random.Shuffle(pairs);
    for (const auto& [output, input] : pairs) {
      if (outputs_[output] == nullptr && inputs_[input].use_count() == 1)
        outputs_[output] = inputs_[input];
    }
  }

  const KernelCall& call_;
  std::vector<std::shared_ptr<StoredTensor>> inputs_, outputs_;
};

std::string CutText(const Cut& cut) {
  std::string text;
  for (const auto& [begin, end] : cut) absl::StrAppend(&text, "[", begin, ",", end, ")");
  return text;
}

// Elements outside a piece keep the pattern that they had.
std::string WrittenOutside(const KernelCall& call, const Operands& operands, const Cut& cut) {
  for (int i = 0; i < call.num_outputs(); ++i) {
    const Tensor value = operands.output(i).Value();
    const std::vector<int8_t>& axes = call.AxesOf(static_cast<int>(call.inputs().size()) + i);
    const int64_t count = value.num_elements(), size = DTypeSize(value.dtype());
    for (int64_t e = 0; e < count; ++e) {
      bool inside = true;
      int64_t rest = e;
      for (int d = value.rank() - 1; d >= 0; --d) {
        const int64_t index = rest % value.dims()[d];
        rest /= value.dims()[d];
        if (d < static_cast<int>(axes.size()) && axes[d] >= 0) {
          inside = inside && index >= cut[axes[d]].first && index < cut[axes[d]].second;
        }
      }
      for (int64_t b = 0; !inside && b < size; ++b) {
        if (value.bytes()[e * size + b] != std::byte{0xA5}) {
          return absl::StrCat("element ", e, " of output ", i, " outside the piece was written");
        }
      }
    }
  }
  return "";
}

// Random pieces of random layouts, one after the other; what goes wrong, or "".
std::string CheckPieces(const KernelCall& call) {
  Random random(1);
  for (int repetition = 0; repetition < kRepetitions; ++repetition) {
    const bool in_place = repetition % 2 == 1;
    const std::vector<Cut> cuts = call.RandomCuts(random);
    const Operands operands(call, in_place, random);
    std::string wrong;
    for (size_t i = 0; i < cuts.size() && wrong.empty(); ++i) {
      if (const absl::Status status = operands.Run(cuts[i]); !status.ok())
        wrong = status.ToString();
      if (i == 0 && !in_place && wrong.empty()) wrong = WrittenOutside(call, operands, cuts[i]);
    }
    if (wrong.empty()) wrong = operands.Check();
    if (wrong.empty()) continue;
    return absl::StrCat("repetition ", repetition, ", ", cuts.size(), " pieces, the first of them ",
                        CutText(cuts[0]), ": ", wrong);
  }
  return "";
}

std::vector<Row> RowsWithKernel() {
  std::vector<Row> rows;
  for (const Row& row : Rows()) {
    const OpDef::Body body = row.def->body();
    if (body == OpDef::Body::kElementwise || body == OpDef::Body::kKernel) rows.push_back(row);
  }
  return rows;
}

class EqualBitsTest : public testing::TestWithParam<Row> {
 protected:
  // Calls f(call) for each dtype of the row.
  template <class F>
  void ForEachDType(F f) {
    for (const DType dtype : GetParam().DTypes()) {
      SCOPED_TRACE(absl::StrCat("T is ", DTypeName(dtype)));
      const absl::StatusOr<KernelCall> call = KernelCall::Make(GetParam(), dtype);
      ASSERT_THAT(call, IsOk());
      f(*call);
      if (HasFatalFailure()) return;
    }
  }
};

TEST_P(EqualBitsTest, LoopNestFitsTheOperands) {
  ForEachDType([](const KernelCall& call) {
    const int num_inputs = static_cast<int>(call.inputs().size());
    std::vector<std::vector<bool>> written(call.num_outputs(),
                                           std::vector<bool>(call.nest().axes.size()));
    for (int i = 0; i < num_inputs + call.num_outputs(); ++i) {
      const Tensor tensor = i < num_inputs ? call.inputs()[i] : call.whole()[i - num_inputs];
      const std::vector<int8_t>& axes = call.AxesOf(i);
      if (!tensor.present() || axes.empty()) continue;
      ASSERT_EQ(axes.size(), tensor.rank()) << "operand " << i;
      for (int d = 0; d < tensor.rank(); ++d) {
        if (axes[d] < 0) continue;
        ASSERT_LT(axes[d], call.nest().axes.size());
        EXPECT_EQ(call.nest().axes[axes[d]].size, tensor.dims()[d])
            << "operand " << i << ", dim " << d;
        if (i >= num_inputs) written[i - num_inputs][axes[d]] = true;
      }
    }
    // Two pieces would write the same element otherwise.
    for (size_t a = 0; a < call.nest().axes.size(); ++a) {
      if (call.nest().axes[a].kind != Axis::kParallel || call.nest().axes[a].size <= 1) continue;
      for (int i = 0; i < call.num_outputs(); ++i)
        EXPECT_TRUE(written[i][a]) << "axis " << a << ", output " << i;
    }
  });
}

TEST_P(EqualBitsTest, PiecesInAnyLayoutGiveTheBitsOfTheWhole) {
  ForEachDType([](const KernelCall& call) { EXPECT_EQ(CheckPieces(call), ""); });
}

TEST_P(EqualBitsTest, ThreadsGiveTheBitsOfTheWhole) {
  ForEachDType([](const KernelCall& call) {
    Random random(2);
    for (const int num_threads : {1, 2, 3, 5, 8}) {
      std::vector<Cut> cuts = call.RandomCuts(random);
      for (int tries = 0; tries < 5 && static_cast<int>(cuts.size()) < num_threads; ++tries) {
        cuts = call.RandomCuts(random);
      }
      const Operands operands(call, /*in_place=*/false, random);
      std::atomic<int> ready{0}, failed{0};
      std::vector<std::thread> threads;
      for (int t = 0; t < num_threads; ++t) {
        threads.emplace_back([&, t] {
          ++ready;
          while (ready < num_threads) std::this_thread::yield();
          for (size_t i = t; i < cuts.size(); i += num_threads)
            failed += !operands.Run(cuts[i]).ok();
        });
      }
      for (std::thread& thread : threads) thread.join();
      ASSERT_EQ(failed, 0);
      ASSERT_EQ(operands.Check(), "") << num_threads << " threads, " << cuts.size() << " pieces";
    }
  });
}

// Parts of a summed axis, grain * 2^j long, each into an output of its own.
template <class T>
Tensor JoinParts(const KernelCall& call, int axis, int64_t part) {
  std::vector<Tensor> parts;
  for (int64_t begin = 0; begin < call.nest().axes[axis].size; begin += part) {
    Cut cut = call.WholeCut();
    cut[axis] = {begin, std::min(begin + part, cut[axis].second)};
    std::vector<View> inputs;
    for (const Tensor& input : call.inputs())
      inputs.push_back(input.present() ? input.view() : View());
    parts.emplace_back(call.whole()[0].dtype(), call.whole()[0].dims());
    EXPECT_THAT(call.Run(inputs, {parts.back().view()}, cut), IsOk());
  }
  Tensor joined(call.whole()[0].dtype(), call.whole()[0].dims());
  const int64_t count = joined.num_elements();
  for (int64_t e = 0; e < count; ++e) {
    TreeJoin<T> join;
    for (const Tensor& tensor : parts) join.Add(tensor.data<T>()[e]);
    joined.data<T>()[e] = join.Result();
  }
  return joined;
}

TEST_P(EqualBitsTest, JoinedPartsOfASumGiveTheBitsOfTheWhole) {
  ForEachDType([](const KernelCall& call) {
    for (size_t a = 0; a < call.nest().axes.size(); ++a) {
      const Axis& axis = call.nest().axes[a];
      if (axis.kind != Axis::kReduced || axis.grain == 0) continue;
      ASSERT_EQ(call.num_outputs(), 1);
      for (int64_t part = axis.grain; part < axis.size; part *= 2) {
        VisitDType(call.whole()[0].dtype(), [&](auto zero) {
          const Tensor joined = JoinParts<decltype(zero)>(call, static_cast<int>(a), part);
          ASSERT_EQ(BitDifference(joined, call.whole()[0]), "") << "parts of " << part;
        });
      }
    }
  });
}

// One slice read again and again, by stride 0, is what a broadcast looks like.
TEST_P(EqualBitsTest, ReadsStrideZero) {
  for (const DType dtype : GetParam().DTypes()) {
    const Row& row = GetParam();
    const std::vector<Tensor> drawn = DrawInputs(row, dtype);
    for (size_t i = 0; i < drawn.size(); ++i) {
      if (!drawn[i].present() || row.inputs[i].is_constant()) continue;
      for (int d = 0; d < drawn[i].rank(); ++d) {
        if (drawn[i].dims()[d] < 2) continue;
        Dims strides = drawn[i].strides();
        strides[d] = 0;
        std::vector<Tensor> stretched = drawn, copied = drawn;
        stretched[i] = drawn[i].WithLayout(drawn[i].dims(), strides, 0);
        copied[i] = stretched[i].Contiguous();
        const auto run = [&](std::vector<Tensor> inputs) {
          while (!inputs.empty() && !inputs.back().present()) inputs.pop_back();
          return RunOp(*row.def, row.attributes, std::move(inputs), row.num_outputs, kStepValues,
                       kStream);
        };
        const auto expected = run(copied), actual = run(stretched);
        ASSERT_THAT(expected, IsOk());
        ASSERT_THAT(actual, IsOk());
        for (int k = 0; k < row.num_outputs; ++k) {
          ASSERT_EQ(BitDifference((*actual)[k], (*expected)[k]), "")
              << "input " << i << ", dim " << d;
        }
      }
    }
  }
}

// The test of the test: kernels that break the law are noticed.
using BadKernel = absl::Status (*)(const KernelContext&);

template <BadKernel kKernel>
std::string CheckBadKernel() {
  const OpDef op =
      OpDef("Bad", {"x"}, {"y"})
          .Shape([](ShapeContext& context) {
            context.SetOutput(0, context.shape(0));
            return absl::OkStatus();
          })
          .Loops(ElementwiseLoops)
          .Kernels(Types<float>(), []<class T>(const KernelContext& c) { return kKernel(c); });
  Row row("Bad", {}, {"float[33,7]"});
  row.def = &op;
  row.num_outputs = 1;
  const absl::StatusOr<KernelCall> call = KernelCall::Make(row, DType::kFloat);
  return call.ok() ? CheckPieces(*call) : call.status().ToString();
}

template <class F>
absl::Status ForElements(const KernelContext& context, F f) {
  const View &x = context.inputs[0], &y = context.outputs[0];
  for (int64_t i = 0; i < y.dims[0]; ++i) {
    for (int64_t j = 0; j < y.dims[1]; ++j) {
      y.as<float>()[i * y.strides[0] + j * y.strides[1]] =
          f(x.as<float>()[i * x.strides[0] + j * x.strides[1]], i, j);
    }
  }
  return absl::OkStatus();
}

absl::Status Copy(const KernelContext& context) {
  return ForElements(context, [](float x, int64_t, int64_t) { return x; });
}

absl::Status AddPlaceInPiece(const KernelContext& context) {
  return ForElements(context,
                     [](float x, int64_t i, int64_t) { return x + static_cast<float>(i); });
}

absl::Status RoundByAddress(const KernelContext& context) {
  const bool aligned = reinterpret_cast<uintptr_t>(context.outputs[0].data) % 32 == 0;
  return ForElements(context,
                     [&](float x, int64_t, int64_t) { return aligned ? x : x * 1.0000001f; });
}

absl::Status RoundTails(const KernelContext& context) {
  const int64_t packed = context.outputs[0].dims[1] / 4 * 4;
  return ForElements(context,
                     [&](float x, int64_t, int64_t j) { return j < packed ? x : x * 1.0000001f; });
}

absl::Status ForgetTheLastRow(const KernelContext& context) {
  View y = context.outputs[0];
  const Dims dims = {y.dims[0] - 1, y.dims[1]};
  y.dims = dims.data();
  KernelContext shorter = context;
  shorter.outputs = {&y, 1};
  return Copy(shorter);
}

TEST(EqualBitsOfBadKernelsTest, AreNoticedToDiffer) {
  EXPECT_EQ(CheckBadKernel<Copy>(), "");
  EXPECT_NE(CheckBadKernel<AddPlaceInPiece>(), "");
  EXPECT_NE(CheckBadKernel<RoundByAddress>(), "");
  EXPECT_NE(CheckBadKernel<RoundTails>(), "");
  EXPECT_NE(CheckBadKernel<ForgetTheLastRow>(), "");
}

std::string RowName(const testing::TestParamInfo<Row>& info) { return info.param.Name(); }

INSTANTIATE_TEST_SUITE_P(AllOps, EqualBitsTest, testing::ValuesIn(RowsWithKernel()), RowName);

}  // namespace
}  // namespace flowgrad
