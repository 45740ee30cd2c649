#include "tools/options.h"

#include <algorithm>
#include <functional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
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

std::string CheckNamedFile(const std::string& value) {
  const size_t equals = value.find('=');
  if (equals != std::string::npos && equals > 0 && equals + 1 < value.size()) return "";
  return absl::StrCat("must be NAME=FILE, but is ", Quoted(value));
}

}  // namespace

void AddModel(CLI::App& command, std::string& model) {
  command.add_option("MODEL", model, "Model file: .pbtxt or .pb")
      ->required()
      ->check(CheckValue)
      ->option_text(" ");
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
