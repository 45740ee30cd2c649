// docs/design/hostile-files.md is true: it has every row of the catalogue once, and every test and
// bad model that it names exists.

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gtest/gtest.h"

namespace flowgrad {
namespace {

constexpr char kPage[] = "docs/design/hostile-files.md";

std::string Contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// Cells of the rows, by row: construct, what holds, shown by.
std::map<std::string, std::vector<std::string>> Rows() {
  std::map<std::string, std::vector<std::string>> rows;
  const std::string page = Contents(kPage);
  for (const absl::string_view line : absl::StrSplit(page, '\n')) {
    std::vector<std::string> cells = absl::StrSplit(line, " | ");
    if (cells.size() != 4 || !absl::StartsWith(line, "| ") || cells[0] == "| row") continue;
    if (absl::StartsWith(cells[0], "| ---")) continue;
    const std::string row(absl::StripPrefix(cells[0], "| "));
    cells.erase(cells.begin());
    EXPECT_TRUE(rows.emplace(row, cells).second) << row << " stands there twice";
  }
  return rows;
}

// "AutodiffTest.KeepsTheBatchSymbolic" of every test source there is.
std::set<std::string> TestNames() {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("tests")) {
    if (!absl::EndsWith(entry.path().string(), "_test.cc")) continue;
    const std::string source = Contents(entry.path());
    for (absl::string_view rest : absl::StrSplit(source, "\nTEST")) {
      const size_t open = rest.find('('), close = rest.find(')');
      if (open > 2 || close == rest.npos) continue;
      const std::vector<std::string> parts =
          absl::StrSplit(rest.substr(open + 1, close - open - 1), ',');
      if (parts.size() != 2) continue;
      names.insert(absl::StrCat(parts[0], ".", absl::StripLeadingAsciiWhitespace(parts[1])));
    }
  }
  return names;
}

// What stands between backquotes.
std::vector<std::string> Quotes(const std::string& text) {
  const std::vector<std::string> parts = absl::StrSplit(text, '`');
  std::vector<std::string> quotes;
  for (size_t i = 1; i < parts.size(); i += 2) quotes.push_back(parts[i]);
  return quotes;
}

TEST(HostileFilesTest, EveryRowOfTheCatalogueIsThere) {
  const std::map<char, int> kGroups = {{'A', 24}, {'B', 27}, {'C', 21},
                                       {'D', 18}, {'E', 22}, {'I', 19}};
  const auto rows = Rows();
  size_t count = 0;
  for (const auto& [group, last] : kGroups) {
    for (int i = 1; i <= last; ++i, ++count) {
      EXPECT_EQ(rows.count(absl::StrCat(std::string(1, group), i)), 1u) << group << i;
    }
  }
  EXPECT_EQ(rows.size(), count);
}

TEST(HostileFilesTest, EveryTestThatIsNamedExists) {
  const std::set<std::string> tests = TestNames();
  ASSERT_GT(tests.size(), 100u);
  const std::string made = Contents("tests/bad_models/made_files.cc");
  for (const auto& [row, cells] : Rows()) {
    const std::vector<std::string> names = Quotes(cells[2]);
    EXPECT_EQ(names.empty(), absl::StartsWith(cells[2], "cannot apply")) << row;
    for (const std::string& name : names) {
      const bool is_model = absl::EndsWith(name, ".pbtxt") || absl::EndsWith(name, ".pb");
      const bool exists = is_model ? std::filesystem::exists("tests/bad_models/" + name) ||
                                         absl::StrContains(made, absl::StrCat("\"", name, "\""))
                                   : tests.count(name) > 0;
      EXPECT_TRUE(exists) << row << " names " << name;
    }
  }
}

}  // namespace
}  // namespace flowgrad
