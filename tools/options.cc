#include "tools/options.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/text.h"

namespace flowgrad {
namespace {

// CLI11 takes whatever follows an option as its value.
std::string CheckValue(const std::string& value) {
  if (value.empty()) return "needs a value";
  if (absl::StartsWith(value, "--")) {
    return absl::StrCat("needs a value, but ", Quoted(value), " follows");
  }
  return "";
}

std::string CheckNumber(const std::string& value) {
  uint64_t number;
  const bool digits = std::all_of(value.begin(), value.end(), absl::ascii_isdigit);
  if (digits && absl::SimpleAtoi(value, &number)) return "";
  return absl::StrCat("must be a whole number from 0 to 18446744073709551615, but is ",
                      Quoted(value));
}

std::function<std::string(const std::string&)> OneOf(const std::vector<std::string>& choices) {
  return [choices](const std::string& value) -> std::string {
    if (std::find(choices.begin(), choices.end(), value) != choices.end()) return "";
    std::string list = choices[0];
    for (size_t i = 1; i < choices.size(); ++i) {
      absl::StrAppend(&list, i + 1 < choices.size() ? ", " : " or ", choices[i]);
    }
    return absl::StrCat("must be ", list, ", but is ", Quoted(value));
  };
}

NamedFile Parse(const std::string& text) {
  const size_t equals = text.find('=');
  return {text.substr(0, equals), text.substr(equals + 1)};
}

std::optional<int64_t> ParseBytes(absl::string_view text) {
  int shift = 0;
  if (absl::ConsumeSuffix(&text, "KiB")) {
    shift = 10;
  } else if (absl::ConsumeSuffix(&text, "MiB")) {
    shift = 20;
  } else if (absl::ConsumeSuffix(&text, "GiB")) {
    shift = 30;
  }
  int64_t number;
  const bool digits = std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
  if (!digits || !absl::SimpleAtoi(text, &number)) return std::nullopt;
  if (number < 1 || number > std::numeric_limits<int64_t>::max() >> shift) return std::nullopt;
  return number << shift;
}

CLI::Option* AddBytesOption(CLI::App& command, const std::string& names,
                            const std::function<void(int64_t)>& set, const std::string& doc) {
  const auto check = [](const std::string& text) {
    return ParseBytes(text) ? ""
                            : absl::StrCat(
                                  "must be a number of bytes from 1 on, \"1000\", \"64KiB\", "
                                  "\"64MiB\" or \"2GiB\", but is ",
                                  Quoted(text));
  };
  const auto parse = [set](const std::string& text) {
    if (const std::optional<int64_t> bytes = ParseBytes(text)) set(*bytes);
  };
  return command.add_option_function<std::string>(names, parse, doc)
      ->check(check)
      ->type_name("BYTES");
}

CLI::Option* AddCount(CLI::App& command, const std::string& names, int64_t& value, int64_t most,
                      const std::string& doc) {
  const auto check = [most](const std::string& text) {
    int64_t number = 0;
    const bool fits = absl::SimpleAtoi(text, &number) && number >= 1 && number <= most;
    return fits ? "" : absl::StrCat("must be from 1 to ", most, ", but is ", Quoted(text));
  };
  const auto set = [&value](const std::string& text) {
    int64_t number = 0;
    if (absl::SimpleAtoi(text, &number)) value = number;
  };
  return command
      .add_option_function<std::string>(names, set, absl::StrCat(doc, "; default: ", value))
      ->check(CheckNumber)
      ->check(check)
      ->type_name("N");
}

std::string CheckNamedFile(const std::string& value) {
  const size_t equals = value.find('=');
  if (equals != std::string::npos && equals > 0 && equals + 1 < value.size()) return "";
  return absl::StrCat("must be NAME=FILE, but is ", Quoted(value));
}

}  // namespace

void AddModel(CLI::App& command, std::string& model, FileLimits& limits) {
  command.add_option("MODEL", model, "Model file: .pbtxt or .pb")
      ->required()
      ->check(CheckValue)
      ->option_text(" ");
  AddLimits(command, limits);
}

CLI::Option* AddBytes(CLI::App& command, const std::string& names, int64_t& value,
                      const std::string& doc) {
  return AddBytesOption(
      command, names, [&value](int64_t bytes) { value = bytes; }, doc);
}

void AddLimits(CLI::App& command, FileLimits& limits) {
  constexpr char kSection[] = "The most that files may ask for";
  ModelLimits& model = limits.model;
  AddBytes(command, "--max-file-size", model.file_bytes, "Size of the model file; default: 64MiB")
      ->group(kSection);
  AddBytes(command, "--max-model-memory", model.memory_bytes,
           "Memory for all that the model file says; default: 1GiB")
      ->group(kSection);
  AddCount(command, "--max-depth", model.depth, 10'000, "Levels of nesting in it")->group(kSection);
  AddCount(command, "--max-nodes", model.nodes, 1'000'000'000, "Nodes of its graph")
      ->group(kSection);
  AddCount(command, "--max-attributes", model.attributes, model.attributes, "Attributes of a node")
      ->group(kSection);
  AddBytes(command, "--max-header-size", limits.tensors.header_bytes,
           "Header of a safetensors file; default: 100000000")
      ->group(kSection);
}

CLI::Option* AddText(CLI::App& command, const std::string& names, std::string& value,
                     const std::string& doc, const std::string& kind) {
  return command.add_option(names, value, doc)->check(CheckValue)->type_name(kind);
}

CLI::Option* AddTexts(CLI::App& command, const std::string& names, std::vector<std::string>& values,
                      const std::string& doc, const std::string& kind) {
  return command.add_option(names, values, doc)
      ->check(CheckValue)
      ->option_text(absl::StrCat(kind, " ..."));
}

CLI::Option* AddChoice(CLI::App& command, const std::string& names, std::string& value,
                       const std::vector<std::string>& choices, const std::string& doc) {
  return command.add_option(names, value, doc)
      ->check(CheckValue)
      ->check(OneOf(choices))
      ->option_text(absl::StrJoin(choices, "|"));
}

CLI::Option* AddFlagOrChoice(CLI::App& command, const std::string& names, std::string& value,
                             const std::vector<std::string>& choices, const std::string& doc) {
  const auto check = [one_of = OneOf(choices)](const std::string& text) {
    return text == "true" ? std::string() : one_of(text);
  };
  return command.add_flag(names, value, doc)
      ->check(check)
      ->option_text(absl::StrCat("[=", absl::StrJoin(choices, "|"), "]"));
}

void AddNumber(CLI::App& command, const std::string& names, std::optional<uint64_t>& value,
               const std::string& doc) {
  const auto set = [&value](const std::string& text) {
    uint64_t number = 0;
    if (absl::SimpleAtoi(text, &number)) value = number;
  };
  command.add_option_function<std::string>(names, set, doc)->check(CheckNumber)->type_name("N");
}

void AddNumber(CLI::App& command, const std::string& names, std::optional<uint64_t>& value,
               uint64_t least, uint64_t most, const std::string& doc) {
  const auto check = [least, most](const std::string& text) {
    uint64_t number = 0;
    const bool fits = absl::SimpleAtoi(text, &number) && number >= least && number <= most;
    return fits ? ""
                : absl::StrCat("must be from ", least, " to ", most, ", but is ", Quoted(text));
  };
  AddNumber(command, names, value, doc);
  command.get_option(names)->check(check);
}

void AddReal(CLI::App& command, const std::string& names, std::optional<double>& value,
             double least, double most, const std::string& kind, const std::string& doc) {
  const auto check = [least, most](const std::string& text) {
    double number = 0;
    const bool fits = absl::SimpleAtod(text, &number) && number >= least && number <= most;
    return fits ? ""
                : absl::StrCat("must be from ", least, " to ", most, ", but is ", Quoted(text));
  };
  const auto set = [&value](const std::string& text) {
    double number = 0;
    if (absl::SimpleAtod(text, &number)) value = number;
  };
  command.add_option_function<std::string>(names, set, doc)->check(check)->type_name(kind);
}

void AddMemoryLimit(CLI::App& command, MemoryLimit& limit) {
  AddBytesOption(
      command, "--memory-limit", [&limit](int64_t bytes) { limit = bytes; },
      "Refuse a model of which a run needs more memory: 500000, 512MiB, 2GiB; default: what the "
      "process may have");
}

void AddThreads(CLI::App& command, std::optional<uint64_t>& threads) {
  AddNumber(command, "--threads", threads, 1, kMostThreads,
            "Threads at most; default: as many as the machine has. The results are the same bits");
}

void AddNamedFiles(CLI::App& command, const std::string& names, std::vector<NamedFile>& files,
                   const std::string& doc) {
  const auto set = [&files](const std::vector<std::string>& texts) {
    for (const std::string& text : texts) files.push_back(Parse(text));
  };
  command.add_option_function<std::vector<std::string>>(names, set, doc)
      ->check(CheckNamedFile)
      ->option_text("NAME=FILE.npy ...");
}

void AddNamedFile(CLI::App& command, const std::string& names, std::optional<NamedFile>& file,
                  const std::string& doc) {
  const auto set = [&file](const std::string& text) { file = Parse(text); };
  command.add_option_function<std::string>(names, set, doc)
      ->check(CheckNamedFile)
      ->type_name("NAME=FILE.npy");
}

}  // namespace flowgrad
