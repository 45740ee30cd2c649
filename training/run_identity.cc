#include "training/run_identity.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/checksum.h"
#include "base/status_macros.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/text_format.h"
#include "graph/model_graph.h"
#include "proto/model.pb.h"

namespace flowgrad {
namespace {

constexpr int64_t kMostBytesOfData = 64 << 20, kSamplesOfMore = 4096, kSamplesAtATime = 1024;

std::string TextOf(const google::protobuf::Message& message) {
  google::protobuf::TextFormat::Printer printer;
  printer.SetSingleLineMode(true);
  std::string text;
  printer.PrintToString(message, &text);
  if (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

// The same bytes for the same message, maps included.
std::string BytesOf(const google::protobuf::MessageLite& message) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

bool DependsOnLength(const ScheduleDef& schedule) {
  return schedule.kind_case() != ScheduleDef::KIND_NOT_SET && !schedule.has_constant();
}

}  // namespace

absl::StatusOr<RunIdentity> IdentityOf(const Graph& model, const TrainingDef& training,
                                       int64_t num_steps, const DataSet& data) {
  RunIdentity identity;
  identity["model"] = ChecksumOf(BytesOf(ToGraphDef(model)));
  ASSIGN_OR_RETURN(identity["data"], FingerprintOf(data));
  std::vector<std::string> feeds;
  for (const auto& feed : training.data().feed()) feeds.push_back(TextOf(feed));
  identity["feeds"] = absl::StrJoin(feeds, "; ");
  identity["loss"] = training.loss();
  identity["optimizer"] = TextOf(training.optimizer());
  identity["schedule"] = TextOf(training.schedule());
  if (DependsOnLength(training.schedule())) identity["steps"] = absl::StrCat(num_steps);
  identity["batch_size"] = absl::StrCat(training.batch_size());
  identity["seed"] = absl::StrCat(training.has_seed() ? training.seed() : 1);
  identity["drop_last"] = training.drop_last() ? "true" : "false";
  identity["sampling"] = Sampling_Name(training.sampling());
  identity["clip_norm"] = absl::StrCat(training.clip_norm());
  identity["freeze"] = absl::StrJoin(training.freeze(), " ");
  return identity;
}

absl::StatusOr<std::string> FingerprintOf(const DataSet& data) {
  const int64_t samples = data.num_samples();
  int64_t bytes = 0;
  std::vector<std::pair<std::string, TensorType>> fields;
  for (const std::string& name : data.field_names()) {
    ASSIGN_OR_RETURN(TensorType type, data.FieldType(name));
    int64_t elements = samples;
    for (size_t d = 1; d < type.shape.size(); ++d) elements *= type.shape[d].value();
    bytes += elements * DTypeSize(type.dtype);
    fields.emplace_back(name, std::move(type));
  }
  const int64_t looked_at = bytes <= kMostBytesOfData ? samples : std::min(samples, kSamplesOfMore);
  Checksum sum;
  for (const auto& [name, type] : fields) {
    sum.Add(absl::StrCat(name, ":", type.ToString(), ":", samples, "\n"));
    for (int64_t first = 0; first < looked_at; first += kSamplesAtATime) {
      std::vector<int64_t> places;
      for (int64_t k = first; k < std::min(first + kSamplesAtATime, looked_at); ++k) {
        places.push_back(static_cast<int64_t>(static_cast<__int128>(k) * samples / looked_at));
      }
      ASSIGN_OR_RETURN(const Tensor batch, data.Batch(name, places, type.dtype));
      sum.Add(batch.bytes(), batch.num_bytes());
    }
  }
  return sum.HexDigits();
}

}  // namespace flowgrad
