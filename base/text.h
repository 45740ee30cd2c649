// How names and lists are written in messages.

#ifndef FLOWGRAD_BASE_TEXT_H_
#define FLOWGRAD_BASE_TEXT_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace flowgrad {

// `name` in double quotes, with control characters, quotes and bytes that are not UTF-8 escaped,
// and cut to 80 bytes with "..." at the end: safe to print whatever a file said.
std::string Quoted(absl::string_view name);

// Escapes as Quoted() does, without quotes and without a limit.
std::string Escaped(absl::string_view text);

// True if `text` is well-formed UTF-8.
bool IsUtf8(absl::string_view text);

// The candidate with the fewest edits from `name`, if at most a third of its letters differ; else
// "". Of equals the first.
std::string Nearest(absl::string_view name, const std::vector<std::string>& candidates);

// `; did you mean "x"?`, or "" where nothing is near.
std::string DidYouMean(absl::string_view name, const std::vector<std::string>& candidates);

// A number with as few digits as read back to the same value: "0.1", "1e-05", "inf", "nan".
std::string Number(double value);
std::string Number(float value);

}  // namespace flowgrad

#endif  // FLOWGRAD_BASE_TEXT_H_
