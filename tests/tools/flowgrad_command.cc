#include "tests/tools/flowgrad_command.h"

#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace flowgrad {

Ended Flowgrad(const std::string& arguments) {
  const std::string out = Temp("out"), err = Temp("err");
  const int status = std::system(
      absl::StrCat("tools/flowgrad ", arguments, " >", out, " 2>", err, " </dev/null").c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, Contents(out), Contents(err)};
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
