// Checkpoints under every fault that a save can meet: what is loaded afterwards is exactly the old
// one or exactly the new one.

#include "training/checkpoint.h"

#include <errno.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/checksum.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/faulty_files.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/tensors.h"

namespace flowgrad {
namespace {

using ::testing::HasSubstr;

class CheckpointTest : public testing::Test {
 protected:
  CheckpointTest() {
    std::filesystem::remove_all(path_);
    std::filesystem::remove_all(trash_);
    std::filesystem::create_directory(trash_);
  }

  // The checkpoint of a small run after so many steps.
  static Checkpoint AfterSteps(int64_t step) {
    Checkpoint checkpoint;
    checkpoint.step = step;
    for (const char* name : {"w", "b", "optimizer/w/momentum"}) {
      checkpoint.states.emplace_back(name, Tensor::Filled(DType::kFloat, {2, 3}, 0.5 + step));
    }
    checkpoint.history = absl::StrCat("step,epoch\n", step, ",1\n");
    checkpoint.identity = {{"optimizer", "adam"}, {"seed", "1"}};
    checkpoint.counts = {{"loss_count", absl::StrCat(step % 7)}};
    return checkpoint;
  }

  static std::string DifferenceOf(const Checkpoint& a, const Checkpoint& b) {
    if (a.step != b.step) return "step";
    if (a.history != b.history || a.identity != b.identity || a.counts != b.counts) return "texts";
    if (a.states.size() != b.states.size()) return "number of states";
    for (size_t s = 0; s < a.states.size(); ++s) {
      if (a.states[s].first != b.states[s].first) return "names";
      const std::string difference = BitDifference(a.states[s].second, b.states[s].second);
      if (!difference.empty()) return difference;
    }
    return "";
  }

  // Opens the folder anew, as the next process does.
  absl::StatusOr<Checkpoint> Newest() {
    refused_.clear();
    const auto folder = CheckpointFolder::Open(path_);
    if (!folder.ok()) return folder.status();
    return LoadNewestCheckpoint(folder->path(), [&](const absl::Status& status) {
      refused_.push_back(std::string(status.message()));
    });
  }

  int NumTemporaries() const {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      count += entry.path().filename().string().find(".tmp") != std::string::npos;
    }
    return count;
  }

  const std::string path_ = testing::TempDir() + "/checkpoint_test";
  const std::string trash_ = path_ + "_trash";
  FaultyFiles files_{trash_};
  std::vector<std::string> refused_;
};

// A process that is killed leaves what it had under way.
TEST_F(CheckpointTest, WhatAKilledProcessHasLeftIsRemoved) {
  { ASSERT_THAT(CheckpointFolder::Open(path_)->Save(AfterSteps(7)), IsOk()); }
  std::ofstream(path_ + "/.flowgrad-123-4.tmp") << "half";
  std::filesystem::create_directory(path_ + "/.step-000000000008-123.tmp");
  std::ofstream(path_ + "/.step-000000000008-123.tmp/states.safetensors") << "half";
  std::ofstream(path_ + "/notes.tmp") << "the user's";
  ASSERT_THAT(CheckpointFolder::Open(path_), IsOk());
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path_)) {
    names.insert(entry.path().filename());
  }
  EXPECT_THAT(names, testing::ElementsAre("lock", "notes.tmp", "step-000000000007"));
}

TEST_F(CheckpointTest, IsReadAsItWasWritten) {
  {
    auto folder = CheckpointFolder::Open(path_);
    ASSERT_THAT(folder, IsOk());
    for (const int step : {7, 12, 900}) ASSERT_THAT(folder->Save(AfterSteps(step)), IsOk());
    EXPECT_THAT(*StepsOfCheckpoints(folder->path()), testing::ElementsAre(7, 12, 900));
  }
  const auto newest = Newest();
  ASSERT_THAT(newest, IsOk());
  EXPECT_EQ(DifferenceOf(*newest, AfterSteps(900)), "");
  EXPECT_TRUE(refused_.empty());
  EXPECT_EQ(files_.open_files(), 0);
}

TEST_F(CheckpointTest, ASecondRunInTheFolderIsRefused) {
  const auto first = CheckpointFolder::Open(path_);
  ASSERT_THAT(first, IsOk());
  EXPECT_THAT(CheckpointFolder::Open(path_),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("checkpoint_test: another run is using this folder, process")));
}

TEST_F(CheckpointTest, OldOnesGoAndSomeAreKept) {
  auto folder = CheckpointFolder::Open(path_);
  ASSERT_THAT(folder, IsOk());
  for (int step = 1; step <= 1000; ++step) {
    ASSERT_THAT(folder->Save(AfterSteps(step)), IsOk());
    ASSERT_THAT(folder->Prune(2, {3}), IsOk());
    ASSERT_LE(StepsOfCheckpoints(folder->path())->size(), 3u);
  }
  EXPECT_THAT(*StepsOfCheckpoints(folder->path()), testing::ElementsAre(3, 999, 1000));
  EXPECT_EQ(files_.open_files(), 1) << "the lock";
}

// Every call of a save fails once, or from then on.
TEST_F(CheckpointTest, AfterAFaultTheOldOneIsThereAndTheNextSaveWorks) {
  int faults = 0;
  for (const bool lasting : {false, true}) {
    for (const int error : {ENOSPC, EIO, EINTR, 0}) {
      for (int nth = 1;; ++nth) {
        std::filesystem::remove_all(path_);
        auto folder = CheckpointFolder::Open(path_);
        ASSERT_THAT(folder, IsOk());
        ASSERT_THAT(folder->Save(AfterSteps(1)), IsOk());
        const FileCall call = error == 0 || error == EINTR ? FileCall::kWrite : FileCall::kAny;
        if (lasting && error == EINTR) break;  // for ever: no system does that
        files_.FailAt(call, nth, error, lasting);
        const absl::Status saved = folder->Save(AfterSteps(2));
        const bool happened = files_.happened();
        files_.Reset();
        if (!happened) break;
        ++faults;
        const std::string where = absl::StrCat("call ", nth, ", error ", error);
        if (!saved.ok()) {
          EXPECT_THAT(std::string(saved.message()), HasSubstr(path_)) << where;
          EXPECT_TRUE(lasting || NumTemporaries() == 0) << where;
        } else {
          EXPECT_TRUE(error == 0 || error == EINTR || call == FileCall::kAny) << where;
        }
        const auto newest = LoadNewestCheckpoint(folder->path(), [](const absl::Status&) {});
        ASSERT_THAT(newest, IsOk()) << where;
        EXPECT_EQ(DifferenceOf(*newest, AfterSteps(newest->step)), "") << where;
        EXPECT_TRUE(!saved.ok() || newest->step == 2) << where;
        EXPECT_THAT(folder->Save(AfterSteps(3)), IsOk()) << where;
        EXPECT_EQ(LoadNewestCheckpoint(folder->path(), [](const absl::Status&) {})->step, 3)
            << where;
      }
    }
  }
  EXPECT_GT(faults, 60);
}

// The process dies before each call, and the power goes with it.
TEST_F(CheckpointTest, AfterDeathAndPowerLossTheOldOrTheNewOneIsThere) {
  int deaths = 0, old_ones = 0, new_ones = 0;
  for (int seed = -1; seed < 6; ++seed) {
    for (int nth = 1;; ++nth) {
      std::filesystem::remove_all(path_);
      files_.Settle();
      absl::Status saved;
      bool died;
      {
        auto folder = CheckpointFolder::Open(path_);
        ASSERT_THAT(folder, IsOk());
        ASSERT_THAT(folder->Save(AfterSteps(1)), IsOk());
        files_.DieAt(nth);
        saved = folder->Save(AfterSteps(2));
        if (saved.ok()) saved = folder->Prune(1);
        died = files_.happened();
        files_.Reset();
      }
      if (seed >= 0) files_.LosePower(seed);
      const auto newest = Newest();
      const std::string where = absl::StrCat("call ", nth, ", seed ", seed);
      ASSERT_THAT(newest, IsOk()) << where;
      EXPECT_EQ(DifferenceOf(*newest, AfterSteps(newest->step)), "") << where;
      EXPECT_EQ(NumTemporaries(), 0) << where;
      if (!died) {
        EXPECT_EQ(newest->step, 2) << where;
        break;
      }
      ++deaths;
      (newest->step == 1 ? old_ones : new_ones) += 1;
    }
  }
  EXPECT_GT(deaths, 100);
  EXPECT_GT(old_ones, 0);
  EXPECT_GT(new_ones, 0);
}

// What was reported as saved is there, wherever the power goes afterwards.
TEST_F(CheckpointTest, WhatWasReportedAsSavedSurvivesPowerLoss) {
  for (int seed = 0; seed < 20; ++seed) {
    std::filesystem::remove_all(path_);
    files_.Settle();
    {
      auto folder = CheckpointFolder::Open(path_);
      ASSERT_THAT(folder, IsOk());
      ASSERT_THAT(folder->Save(AfterSteps(5)), IsOk());
      ASSERT_THAT(folder->Save(AfterSteps(6)), IsOk());
      ASSERT_THAT(folder->Prune(1), IsOk());
    }
    files_.LosePower(seed);
    const auto newest = Newest();
    ASSERT_THAT(newest, IsOk());
    EXPECT_EQ(DifferenceOf(*newest, AfterSteps(6)), "");
  }
}

std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

void Put(const std::string& path, const std::string& contents) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << contents;
}

TEST_F(CheckpointTest, AnyDamageOfTheNewestIsNoticedAndTheOneBeforeTaken) {
  std::string folder_of_new;
  {
    auto folder = CheckpointFolder::Open(path_);
    ASSERT_THAT(folder, IsOk());
    ASSERT_THAT(folder->Save(AfterSteps(1)), IsOk());
    ASSERT_THAT(folder->Save(AfterSteps(2)), IsOk());
    folder_of_new = FolderOfCheckpoint(folder->path(), 2);
  }
  const auto expect_old = [&](const std::string& file, const std::string& what) {
    const auto newest = Newest();
    ASSERT_THAT(newest, IsOk()) << what;
    ASSERT_EQ(DifferenceOf(*newest, AfterSteps(1)), "") << what;
    ASSERT_EQ(refused_.size(), 1u) << what;
    ASSERT_THAT(refused_[0], HasSubstr(file)) << what;
  };
  int flips = 0;
  for (const char* name : {"manifest.json", "states.safetensors", "history.csv"}) {
    const std::string path = absl::StrCat(folder_of_new, "/", name);
    const std::string good = Contents(path);
    ASSERT_FALSE(good.empty());
    for (size_t i = 0; i < good.size(); ++i, ++flips) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
      Put(path, bad);
      expect_old(name, absl::StrCat(name, " byte ", i));
    }
    for (const size_t length : {size_t{0}, size_t{7}, good.size() / 2, good.size() - 1}) {
      Put(path, good.substr(0, length));
      expect_old(name, absl::StrCat(name, " cut to ", length));
    }
    Put(path, good + "x");
    expect_old(name, absl::StrCat(name, " longer"));
    std::filesystem::remove(path);
    expect_old(name, absl::StrCat(name, " gone"));
    Put(path, good);
  }
  EXPECT_GT(flips, 700);
  EXPECT_EQ(Newest()->step, 2);
}

TEST_F(CheckpointTest, ADamagedTensorIsNamed) {
  {
    auto folder = CheckpointFolder::Open(path_);
    ASSERT_THAT(folder, IsOk());
    ASSERT_THAT(folder->Save(AfterSteps(1)), IsOk());
  }
  const std::string path = path_ + "/step-000000000001/states.safetensors";
  std::string bytes = Contents(path);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);  // tensors lie by name
  Put(path, bytes);
  EXPECT_THAT(Newest(), StatusIs(absl::StatusCode::kDataLoss,
                                 HasSubstr("none of its 1 checkpoints is whole")));
  ASSERT_EQ(refused_.size(), 1u);
  EXPECT_THAT(refused_[0], HasSubstr("states.safetensors: tensor \"w\" is damaged"));
}

TEST_F(CheckpointTest, CutAnywhereItIsRefused) {
  {
    auto folder = CheckpointFolder::Open(path_);
    ASSERT_THAT(folder, IsOk());
    ASSERT_THAT(folder->Save(AfterSteps(1)), IsOk());
  }
  const std::string folder = path_ + "/step-000000000001";
  for (const char* name : {"manifest.json", "states.safetensors", "history.csv"}) {
    const std::string path = absl::StrCat(folder, "/", name);
    const std::string good = Contents(path);
    for (size_t size = 0; size < good.size(); ++size) {
      Put(path, good.substr(0, size));
      EXPECT_THAT(ReadCheckpoint(folder), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(name)))
          << size;
    }
    Put(path, good);
  }
  EXPECT_THAT(ReadCheckpoint(folder), IsOk());
}

// With a checksum that is right, as somebody writes it who means harm.
TEST_F(CheckpointTest, AManifestThatListsOtherTensorsIsRefused) {
  {
    auto folder = CheckpointFolder::Open(path_);
    ASSERT_THAT(folder, IsOk());
    ASSERT_THAT(folder->Save(AfterSteps(1)), IsOk());
  }
  const std::string folder = path_ + "/step-000000000001", path = folder + "/manifest.json";
  const std::string good = Contents(path);
  const std::string text = good.substr(good.find('\n') + 1);
  const struct {
    std::string before, after, error;
  } kChanges[] = {
      {"\"b\": ", "\"c\": ", "states.safetensors: lacks tensor \"c\""},
      {"\"step\": 1,", "\"step\": \"1\",", "is not what this program writes"},
      {"\"step\": 1,", "", "is not what this program writes"},
      {"\"bytes\": ", "\"bytes\": -", "must have -"},
      {"\"bytes\": ", "\"bytes\": 9999999999", "must have 9999999999"},
      {"{", "[", "is no JSON object"},
  };
  for (const auto& [before, after, error] : kChanges) {
    std::string other = text;
    const size_t place = other.rfind(before);
    ASSERT_NE(place, other.npos) << before;
    other.replace(place, before.size(), after);
    Put(path, absl::StrCat("flowgrad-checkpoint 1 ", ChecksumOf(other), "\n", other));
    EXPECT_THAT(ReadCheckpoint(folder), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(error)));
  }
}

TEST_F(CheckpointTest, WhatIsNoCheckpointIsPassedOver) {
  {
    auto folder = CheckpointFolder::Open(path_);
    ASSERT_THAT(folder, IsOk());
    ASSERT_THAT(folder->Save(AfterSteps(2)), IsOk());
  }
  namespace fs = std::filesystem;
  const std::string good = path_ + "/step-000000000002";
  fs::copy(good, path_ + "/.step-000000000009-1.tmp");  // never published
  fs::copy(good, path_ + "/step-9");
  fs::copy(good, path_ + "/step-000000000008");  // of another step
  fs::create_directory(path_ + "/step-000000000007");
  Put(path_ + "/step-000000000006", "a file");
  Put(path_ + "/.step-000000000005-1.tmp", "a file");
  Put(path_ + "/latest", "../../etc\n");
  fs::create_directory(path_ + "/lost+found");
  const auto newest = Newest();
  ASSERT_THAT(newest, IsOk());
  EXPECT_EQ(DifferenceOf(*newest, AfterSteps(2)), "");
  ASSERT_EQ(refused_.size(), 3u);
  EXPECT_THAT(refused_[0], HasSubstr("step-000000000008: is of step 2"));
  EXPECT_THAT(refused_[1], HasSubstr("step-000000000007/manifest.json: no such file"));
  EXPECT_THAT(refused_[2], HasSubstr("step-000000000006/manifest.json: not a directory"));
  EXPECT_EQ(NumTemporaries(), 0);
}

// A link in the place of what is removed or written leads nowhere.
TEST_F(CheckpointTest, FollowsNoPlantedLink) {
  namespace fs = std::filesystem;
  const std::string precious = testing::TempDir() + "/precious";
  fs::create_directories(precious);
  Put(precious + "/thesis", "done");
  fs::create_directories(path_);
  fs::create_directory_symlink(precious, path_ + "/.step-000000000009-1.tmp");
  fs::create_directory_symlink(precious, path_ + "/step-000000000001");
  auto folder = CheckpointFolder::Open(path_);
  ASSERT_THAT(folder, IsOk());
  for (const int64_t step : {1, 2, 3}) ASSERT_THAT(folder->Save(AfterSteps(step)), IsOk());
  fs::create_directory_symlink(precious, path_ + "/step-000000000000");
  ASSERT_THAT(folder->Prune(1), IsOk());
  EXPECT_EQ(Contents(precious + "/thesis"), "done");
  EXPECT_THAT(*StepsOfCheckpoints(path_), testing::ElementsAre(3));
}

TEST_F(CheckpointTest, SaysThatThereIsNone) {
  EXPECT_THAT(Newest(), StatusIs(absl::StatusCode::kNotFound, HasSubstr("has no checkpoint")));
}

TEST_F(CheckpointTest, AnotherVersionIsRefusedByName) {
  {
    auto folder = CheckpointFolder::Open(path_);
    ASSERT_THAT(folder, IsOk());
    ASSERT_THAT(folder->Save(AfterSteps(1)), IsOk());
  }
  const std::string path = path_ + "/step-000000000001/manifest.json";
  std::string text = Contents(path);
  text.replace(0, std::string("flowgrad-checkpoint 1").size(), "flowgrad-checkpoint 2");
  Put(path, text);
  EXPECT_THAT(Newest(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("none")));
  EXPECT_THAT(refused_[0], HasSubstr("is of version \"2\", but this program reads version 1"));
}

TEST(RunIdentityTest, DifferencesAreListed) {
  EXPECT_EQ(Differences({{"a", "1"}, {"b", "2"}}, {{"a", "1"}, {"b", "2"}}), "");
  EXPECT_EQ(Differences({{"a", "1"}, {"b", "2"}}, {{"b", "3"}, {"c", "4"}}),
            "a: was \"1\", but is \"\"\nb: was \"2\", but is \"3\"\nc: was \"\", but is \"4\"");
}

}  // namespace
}  // namespace flowgrad
