#include "tests/conformance/row.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "ops/builtin_ops.h"
#include "tests/testing/tensors.h"

namespace flowgrad {
namespace {

[[noreturn]] void Refuse(const std::string& text) {
  std::fprintf(stderr, "conformance table: \"%s\" is no input; see tests/conformance/row.h\n",
               text.c_str());
  std::abort();
}

double NumberIn(absl::string_view word, const std::string& text) {
  double value;
  if (word == "true") return 1;
  if (word == "false") return 0;
  if (!absl::SimpleAtod(word, &value)) Refuse(text);
  return value;
}

// "5" is a number, "N=5" one that may be a symbol.
void AddDim(absl::string_view word, const std::string& text, InputSpec& spec) {
  const std::vector<absl::string_view> parts = absl::StrSplit(word, '=');
  const auto size = static_cast<int64_t>(NumberIn(parts.back(), text));
  spec.dims.push_back(size);
  spec.shape.push_back(parts.size() > 1 ? Dim::Symbol(parts[0]) : Dim(size));
}

void ParseDomain(absl::string_view domain, const std::string& text, InputSpec& spec) {
  domain = absl::StripAsciiWhitespace(domain);
  if (domain.empty()) return;
  if (absl::ConsumePrefix(&domain, "=")) {
    spec.values.emplace();
    for (const absl::string_view word : absl::StrSplit(domain, ' ', absl::SkipEmpty())) {
      spec.values->push_back(NumberIn(word, text));
    }
    if (static_cast<int64_t>(spec.values->size()) != NumElements(spec.dims)) Refuse(text);
  } else if (absl::ConsumePrefix(&domain, "in [")) {
    const std::vector<absl::string_view> ends =
        absl::StrSplit(domain.substr(0, domain.find(']')), ',');
    if (ends.size() != 2) Refuse(text);
    spec.range.emplace(NumberIn(ends[0], text), NumberIn(ends[1], text));
    ParseDomain(domain.substr(domain.find(']') + 1), text, spec);
  } else if (absl::ConsumePrefix(&domain, "away from ")) {
    spec.kink = NumberIn(domain, text);
  } else if (domain == "distinct") {
    spec.distinct = true;
  } else {
    Refuse(text);
  }
}

// `count` numbers evenly spread over the range in random order: those with index equal to `part`
// modulo `parts` of a common grid.
void FillDistinct(Tensor& tensor, double low, double high, int part, int parts, Random& random) {
  std::vector<int64_t> places(tensor.num_elements());
  for (size_t i = 0; i < places.size(); ++i) places[i] = static_cast<int64_t>(i) * parts + part;
  random.Shuffle(places);
  const double step = (high - low) / static_cast<double>(places.size() * parts);
  for (size_t i = 0; i < places.size(); ++i) {
    tensor.set(i, static_cast<float>(low + step * static_cast<double>(places[i])));
  }
}

Tensor Draw(const InputSpec& spec, DType dtype, int part, int parts, Random& random) {
  Tensor tensor(dtype, spec.dims);
  const int64_t count = tensor.num_elements();
  if (spec.values) {
    for (int64_t i = 0; i < count; ++i) {
      tensor.set(i, IsFloating(dtype) ? static_cast<float>((*spec.values)[i]) : (*spec.values)[i]);
    }
    return tensor;
  }
  const bool is_float = IsFloating(dtype);
  const auto [low, high] =
      spec.range.value_or(is_float ? std::make_pair(-2.0, 2.0) : std::make_pair(-9.0, 9.0));
  if (spec.distinct) {
    FillDistinct(tensor, low, high, part, parts, random);
    return tensor;
  }
  for (int64_t i = 0; i < count; ++i) {
    double x;
    do {
      x = is_float ? static_cast<float>(random.Uniform(low, high))
                   : static_cast<double>(random.Int(static_cast<int64_t>(std::ceil(low)),
                                                    static_cast<int64_t>(std::floor(high))));
      if (dtype == DType::kBool) x = random.Int(0, 1);
    } while (spec.kink && dtype != DType::kBool && std::fabs(x - *spec.kink) < 0.05);
    tensor.set(i, x);
  }
  return tensor;
}

bool IsGeneric(const Port& port) { return !port.any && !port.dtype; }

}  // namespace

InputSpec ParseInput(const std::string& text) {
  InputSpec spec;
  if (text.empty()) return spec;
  spec.present = true;
  absl::string_view rest = text;
  spec.constant = absl::ConsumePrefix(&rest, "constant ");
  const size_t open = rest.find('['), close = rest.find(']');
  if (open == absl::string_view::npos || close == absl::string_view::npos) Refuse(text);
  const absl::StatusOr<DType> dtype = ParseDType(rest.substr(0, open));
  if (!dtype.ok()) Refuse(text);
  spec.dtype = *dtype;
  const absl::string_view dims = rest.substr(open + 1, close - open - 1);
  for (const absl::string_view word : absl::StrSplit(dims, ',', absl::SkipEmpty()))
    AddDim(word, text, spec);
  ParseDomain(rest.substr(close + 1), text, spec);
  return spec;
}

Row::Row(const char* op, Attributes attributes, std::initializer_list<const char*> inputs)
    : op(op), attributes(std::move(attributes)) {
  for (const char* text : inputs) this->inputs.push_back(ParseInput(text));
}

Row& Row::Gives(std::initializer_list<const char*> values) {
  expected.assign(values.begin(), values.end());
  return *this;
}

std::string Row::Name() const { return absl::StrCat(op, "_", number); }

std::vector<DType> Row::DTypes() const {
  if (inputs.empty()) return {DType::kFloat};
  for (const bool generic : {true, false}) {
    for (size_t i = 0; i < inputs.size(); ++i) {
      const Port& port = def->input_port(static_cast<int>(i));
      if (!inputs[i].present || (generic ? !IsGeneric(port) : !port.any)) continue;
      return inputs[i].dtype == DType::kFloat ? def->dtypes() : std::vector<DType>{inputs[i].dtype};
    }
  }
  return {DType::kFloat};
}

DType Row::InputDType(int i, DType dtype) const {
  const InputSpec& spec = inputs[i];
  const Port& port = def->input_port(i);
  if (port.dtype || spec.dtype != DType::kFloat) return spec.dtype;
  if (IsGeneric(port)) return dtype;
  const bool alone = std::none_of(def->inputs().begin(), def->inputs().end(), IsGeneric);
  return alone || IsFloating(dtype) ? dtype : DType::kFloat;
}

bool Row::has_symbols() const {
  return std::any_of(inputs.begin(), inputs.end(),
                     [](const InputSpec& input) { return !IsKnown(input.shape); });
}

double Growth(const Row& row) {
  int64_t longest = 1;
  for (const InputSpec& input : row.inputs) {
    for (const int64_t dim : input.dims) longest = std::max(longest, dim);
  }
  return row.def->body() == OpDef::Body::kElementwise ? 1 : std::sqrt(static_cast<double>(longest));
}

std::ostream& operator<<(std::ostream& stream, const Row& row) {
  stream << row.Name() << ":";
  for (const InputSpec& input : row.inputs) {
    stream << " " << (input.present ? TensorType{input.dtype, input.shape}.ToString() : "-");
  }
  for (const Attributes::Entry& entry : row.attributes.entries())
    stream << " " << AttributeString(entry);
  return stream;
}

const std::vector<Row>& Rows() {
  static const std::vector<Row>& rows = *[] {
    auto* rows = new std::vector<Row>;
    std::map<std::string, int> numbers;
    for (Row& row : TableAsWritten()) {
      row.def = BuiltinOps().Find(row.op);
      if (row.def == nullptr) continue;
      row.number = numbers[row.op]++;
      if (row.num_outputs == 0) {
        for (const Port& port : row.def->outputs()) row.num_outputs += !port.optional;
      }
      rows->push_back(std::move(row));
    }
    return rows;
  }();
  return rows;
}

std::vector<Tensor> DrawInputs(const Row& row, DType dtype, uint64_t seed) {
  Random random(seed);
  const int parts = static_cast<int>(row.inputs.size());
  std::vector<Tensor> inputs;
  for (int i = 0; i < parts; ++i) {
    const InputSpec& spec = row.inputs[i];
    inputs.push_back(spec.present ? Draw(spec, row.InputDType(i, dtype), i, parts, random)
                                  : Tensor());
  }
  return inputs;
}

}  // namespace flowgrad
