#include "tools/command.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/text.h"
#include "tools/interrupt.h"

namespace flowgrad {
namespace {

constexpr char kUsage[] = "flowgrad/usage";  // key of a mark on a status
constexpr size_t kLongestText = 4096;
constexpr size_t kLongestLine = 2048;

// Names in messages are escaped already: quotes and backslashes stay as they are.
std::string Printable(absl::string_view text) {
  std::string printable;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of("\"\\"), text.size());
    absl::StrAppend(&printable, Escaped(text.substr(0, end)), text.substr(end, 1));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return printable;
}

// `text` cut between two characters, so that it has at most `longest` bytes.
std::string Cut(std::string text, size_t longest) {
  if (text.size() <= longest) return text;
  size_t end = longest - 3;
  while (end > 0 && (text[end] & 0xC0) == 0x80) --end;
  return absl::StrCat(text.substr(0, end), "...");
}

}  // namespace

absl::Status UsageError(absl::string_view message) {
  absl::Status status = absl::InvalidArgumentError(message);
  status.SetPayload(kUsage, absl::Cord());
  return status;
}

int ExitCode(const absl::Status& status) {
  if (status.GetPayload(kUsage)) return kUsageError;
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return 0;
    case absl::StatusCode::kCancelled:
      return 128 + Interrupt::LastSignal();
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
      return 4;
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kUnavailable:
      return 1;
    default:
      return 3;
  }
}

std::string ErrorText(const absl::Status& status) {
  const std::vector<std::string> errors = absl::StrSplit(status.message(), '\n');
  constexpr size_t kRoomForLastLine = 64;
  std::string text;
  for (size_t i = 0; i < errors.size(); ++i) {
    const std::string line =
        absl::StrCat(Cut(absl::StrCat("flowgrad: ", Printable(errors[i])), kLongestLine), "\n");
    if (text.size() + line.size() > kLongestText - kRoomForLastLine) {
      return absl::StrCat(text, "flowgrad: and ", errors.size() - i, " more errors\n");
    }
    text += line;
  }
  return text;
}

absl::Status Print(absl::string_view text) {
  const bool written =
      std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (written) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("standard output: ", std::strerror(errno)));
}

void Warn(absl::string_view message) {
  std::fputs(ErrorText(absl::UnknownError(absl::StrCat("warning: ", message))).c_str(), stderr);
}

}  // namespace flowgrad
