#include "tests/tools/flowgrad_command.h"

#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace flowgrad {

Ended Shell(const std::string& script) {
  const std::string out = Temp("out"), err = Temp("err"), file = Temp("script.sh");
  Write(file, script);
  const int status =
      std::system(absl::StrCat("bash ", file, " >", out, " 2>", err, " </dev/null").c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, Contents(out), Contents(err)};
}

Ended Flowgrad(const std::string& arguments) {
  return Shell(absl::StrCat(kFlowgrad, " ", arguments));
}

nlohmann::json Json(const Ended& ended) {
  EXPECT_EQ(ended.code, 0) << ended.err;
  return nlohmann::json::parse(ended.out, nullptr, /*allow_exceptions=*/false);
}

std::string Temp(const std::string& name) { return absl::StrCat(::testing::TempDir(), "/", name); }

std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void Write(const std::string& path, const std::string& contents) {
  std::ofstream(path, std::ios::binary) << contents;
}

}  // namespace flowgrad
