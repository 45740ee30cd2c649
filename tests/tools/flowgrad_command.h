// Runs the command flowgrad as a user does.

#ifndef FLOWGRAD_TESTS_TOOLS_FLOWGRAD_COMMAND_H_
#define FLOWGRAD_TESTS_TOOLS_FLOWGRAD_COMMAND_H_

#include <string>

#include "nlohmann/json.hpp"

namespace flowgrad {

struct Ended {
  int code;  // the exit code, or -1
  std::string out, err;
};

// The command, relative to the folder where tests run.
inline constexpr char kFlowgrad[] = "tools/flowgrad";

// A script of bash.
Ended Shell(const std::string& script);

// `arguments` as a shell reads them.
Ended Flowgrad(const std::string& arguments);

// Standard output of a command that has to succeed; discarded() if it is no JSON.
nlohmann::json Json(const Ended& ended);

// Files of a test.
std::string Temp(const std::string& name);
std::string Contents(const std::string& path);
void Write(const std::string& path, const std::string& contents);

}  // namespace flowgrad

#endif  // FLOWGRAD_TESTS_TOOLS_FLOWGRAD_COMMAND_H_
