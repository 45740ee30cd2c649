// Bad model files that nobody can write with an editor: too large, binary, or without room for a
// comment that says what is expected.

#ifndef FLOWGRAD_TESTS_BAD_MODELS_MADE_FILES_H_
#define FLOWGRAD_TESTS_BAD_MODELS_MADE_FILES_H_

#include <string>
#include <vector>

namespace flowgrad {

struct BadFile {
  std::string name;     // with ".pbtxt" or ".pb"
  std::string command;  // "check" or "train"
  std::string bytes;
  // What standard error must say: each line without "flowgrad: " and the file's name in front, so
  // that it begins with ": " or ":41: ".
  std::vector<std::string> errors;
};

std::vector<BadFile> MadeFiles();

}  // namespace flowgrad

#endif  // FLOWGRAD_TESTS_BAD_MODELS_MADE_FILES_H_
