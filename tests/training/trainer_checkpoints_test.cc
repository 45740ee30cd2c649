// Runs that stop anywhere and go on elsewhere: the bits are those of the run that nothing happened
// to.

#include <errno.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gmock/gmock.h"
#include "graph/graph_builder.h"
#include "gtest/gtest.h"
#include "ops/functions.h"
#include "tests/testing/faulty_files.h"
#include "tests/testing/status_matchers.h"
#include "tests/training/session_nets.h"
#include "training/checkpoint.h"
#include "training/data/npy.h"
#include "training/data/npy_data.h"
#include "training/trainer.h"
#include "training/weights_hash.h"

namespace flowgrad {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

constexpr char kTraining[] = R"(
    loss: "loss" optimizer { adam { learning_rate: 0.01 } } schedule { cosine {} }
    batch_size: 7 steps: 23 log_every: 3 evaluate_every: 5
    data { feed { input: "x" } feed { input: "labels" } }
    metric { name: "accuracy" prediction: "logits" label: "labels" })";

DataParts Data(uint64_t seed = 3) {
  DataParts parts;
  const auto set_of = [](const TensorMap& batch) {
    return *DataSet::OfTensors({{"x", batch.at("x")}, {"labels", batch.at("labels")}});
  };
  parts.train = set_of(BatchFor(SmallNet(), 40, seed));
  parts.test = set_of(BatchFor(SmallNet(), 12, seed + 1));
  return parts;
}

std::unique_ptr<Trainer> MakeTrainer(int threads = 1, const std::vector<std::string>& settings = {},
                                     uint64_t data_seed = 3) {
  TrainerOptions options;
  options.threads = threads;
  options.settings = settings;
  auto trainer = Trainer::Make(SmallNet(), kTraining, Data(data_seed), options);
  EXPECT_THAT(trainer, IsOk());
  return *std::move(trainer);
}

std::string HashOf(Trainer& trainer) {
  return WeightsHash(*trainer.session().Copy(Session::Saved::kAll));
}

// The history but for the seconds, and the hash of all states.
std::string ResultOf(Trainer& trainer) {
  std::string text;
  for (const HistoryRow& row : trainer.history().rows()) {
    absl::StrAppend(&text, row.step, " ", row.learning_rate, " ", row.loss);
    for (const std::optional<double>& metric : row.metrics) {
      absl::StrAppend(&text, " ", metric ? absl::StrCat(*metric) : "-");
    }
    absl::StrAppend(&text, "\n");
  }
  return text + HashOf(trainer);
}

std::string Undisturbed() {
  const auto trainer = MakeTrainer();
  EXPECT_THAT(trainer->Train(), IsOk());
  return ResultOf(*trainer);
}

Graph NetWithAnUnreadParameter() {
  GraphBuilder g;
  const Value x = g.Input("x", "float[N,4]"), labels = g.Input("labels", "int64[N]");
  g.Parameter("unread", "float[3]", Zeros());
  const Value logits = MatMul(x, g.Parameter("w", "float[4,3]", Uniform(-1, 1))).As("logits");
  g.Output(logits, "logits");
  g.Output(Call("SoftmaxCrossEntropyLoss", {logits, labels}).As("loss"), "loss");
  return *std::move(g).Build();
}

class TrainerCheckpointsTest : public testing::Test {
 protected:
  TrainerCheckpointsTest() {
    std::filesystem::remove_all(path_);
    std::filesystem::remove_all(trash_);
    std::filesystem::create_directory(trash_);
  }

  CheckpointOptions Every(int64_t steps) const {
    CheckpointOptions options;
    options.folder = path_;
    options.every_steps = steps;
    return options;
  }

  const std::string path_ = testing::TempDir() + "/trainer_checkpoints_test";
  const std::string trash_ = path_ + "_trash";
  FaultyFiles files_{trash_};
};

// In memory, at every step, with every number of threads.
TEST_F(TrainerCheckpointsTest, GoesOnFromAnyStepWithTheSameBits) {
  const std::string expected = Undisturbed();
  const std::string expected_hash = expected.substr(expected.rfind('\n') + 1);
  for (int64_t stop = 0; stop <= 23; ++stop) {
    std::atomic<bool> stopped = stop == 0;
    TrainerOptions options;
    options.threads = 1 + static_cast<int>(stop % 3);
    options.stop = &stopped;
    auto first = Trainer::Make(SmallNet(), kTraining, Data(), options);
    ASSERT_THAT(first, IsOk());
    ASSERT_THAT((*first)->Train([&](double) { stopped = (*first)->step() >= stop; }), IsOk());
    const auto checkpoint = (*first)->MakeCheckpoint();
    ASSERT_THAT(checkpoint, IsOk());
    const auto second = MakeTrainer(1 + static_cast<int>(stop % 4));
    ASSERT_THAT(second->Resume(*checkpoint), IsOk());
    ASSERT_EQ(second->step(), stop);
    ASSERT_THAT(second->Train(), IsOk());
    EXPECT_EQ(HashOf(*second), expected_hash) << "after step " << stop;
    // A run that is stopped adds a row where it stops.
    if (stop % 3 == 0 || stop % 5 == 0 || stop == 23) {
      EXPECT_EQ(ResultOf(*second), expected) << "after step " << stop;
    }
  }
}

// The process dies before any call that changes files, the power with it, and the run goes on.
TEST_F(TrainerCheckpointsTest, GoesOnAfterDeathAtAnyCallWithTheSameBits) {
  const std::string expected = Undisturbed();
  int deaths = 0;
  for (int nth = 1;; nth += 1 + nth / 40) {
    std::filesystem::remove_all(path_);
    files_.Settle();
    bool died;
    {
      const auto trainer = MakeTrainer();
      ASSERT_THAT(trainer->KeepCheckpoints(Every(4)), IsOk());
      files_.DieAt(nth);
      trainer->Train().IgnoreError();
      died = files_.happened();
    }
    files_.Reset();
    files_.LosePower(nth % 3);
    if (!died) break;
    ++deaths;
    const auto trainer = MakeTrainer(1 + nth % 3);
    ASSERT_THAT(trainer->KeepCheckpoints(Every(4)), IsOk()) << "call " << nth;
    const absl::Status resumed =
        trainer->ResumeNewest([](const absl::Status& refused) { std::cerr << refused << "\n"; });
    ASSERT_TRUE(resumed.ok() || absl::IsNotFound(resumed)) << resumed << ", call " << nth;
    ASSERT_THAT(trainer->Train(), IsOk()) << "call " << nth;
    EXPECT_EQ(ResultOf(*trainer), expected) << "call " << nth;
  }
  EXPECT_GT(deaths, 40);
}

TEST_F(TrainerCheckpointsTest, AFullDiskStopsNoRunThatIsToldToGoOn) {
  const std::string expected = Undisturbed();
  for (const bool goes_on : {true, false}) {
    std::filesystem::remove_all(path_);
    const auto trainer = MakeTrainer();
    CheckpointOptions options = Every(4);
    std::vector<std::string> failed;
    if (goes_on) {
      options.on_failed_save = [&](const absl::Status& status) {
        failed.emplace_back(status.message());
        return absl::OkStatus();
      };
    }
    ASSERT_THAT(trainer->KeepCheckpoints(std::move(options)), IsOk());
    files_.FailAt(FileCall::kWrite, 3, ENOSPC);
    const absl::Status trained = trainer->Train();
    ASSERT_TRUE(files_.happened());
    files_.Reset();
    if (goes_on) {
      ASSERT_THAT(trained, IsOk());
      EXPECT_EQ(ResultOf(*trainer), expected);
      ASSERT_EQ(failed.size(), 1u);
      EXPECT_THAT(failed[0], HasSubstr("cannot write: no space left on device"));
    } else {
      EXPECT_THAT(trained, StatusIs(absl::StatusCode::kResourceExhausted,
                                    HasSubstr("cannot write: no space left on device")));
    }
  }
}

TEST_F(TrainerCheckpointsTest, TheLastSaveMustSucceed) {
  const auto trainer = MakeTrainer();
  CheckpointOptions options = Every(0);
  options.on_failed_save = [](const absl::Status&) { return absl::OkStatus(); };
  ASSERT_THAT(trainer->KeepCheckpoints(std::move(options)), IsOk());
  files_.FailAt(FileCall::kSync, 1, EIO);
  EXPECT_THAT(trainer->Train(),
              StatusIs(absl::StatusCode::kUnknown,
                       HasSubstr("cannot flush to the disk: input/output error")));
}

// The data are read from the files while it trains, some batches ahead of the steps.
TEST_F(TrainerCheckpointsTest, DataThatAreDamagedEndTheRunAndItGoesOnOnceTheyAreRepaired) {
  const TensorMap samples = BatchFor(WideNet(), 2000, 3);
  const std::string x = path_ + "_x.npy", labels = path_ + "_labels.npy";
  ASSERT_THAT(WriteNpy(labels, samples.at("labels")), IsOk());
  const auto repair = [&] { ASSERT_THAT(WriteNpy(x, samples.at("x")), IsOk()); };
  const auto make = [&](int64_t memory_bytes) {
    absl::StatusOr<DataParts> files =
        OpenNpy({{"x", x}, {"labels", labels}}, {.memory_bytes = memory_bytes});
    EXPECT_THAT(files, IsOk());
    TrainerOptions options;
    options.batch_size = 256;
    options.steps = 60;
    auto trainer = Trainer::Make(WideNet(), kTraining, *std::move(files), options);
    EXPECT_THAT(trainer, IsOk());
    return *std::move(trainer);
  };
  repair();
  const auto undisturbed = make(/*memory_bytes=*/1 << 30);
  ASSERT_THAT(undisturbed->Train(), IsOk());

  const auto cut = [&] { std::filesystem::resize_file(x, 200); };
  const auto change = [&] { std::fstream(x, std::ios::in | std::ios::out).seekp(200).put('x'); };
  // A file that is cut while it is read has changed when it has been read.
  const auto error = AnyOf(HasSubstr(x + ": had 512128 bytes when it was opened, but now only "),
                           HasSubstr(x + ": has changed since it was opened, noticed at byte "));
  for (const std::function<void()>& damage : std::vector<std::function<void()>>{cut, change}) {
    std::filesystem::remove_all(path_);
    repair();
    {
      const auto trainer = make(/*memory_bytes=*/0);
      ASSERT_THAT(trainer->KeepCheckpoints(Every(4)), IsOk());
      const absl::Status trained = trainer->Train([&](double) {
        if (trainer->step() == 9) damage();
      });
      ASSERT_THAT(trained, StatusIs(absl::StatusCode::kDataLoss, error));
    }
    repair();
    const auto repaired = make(/*memory_bytes=*/0);
    ASSERT_THAT(repaired->KeepCheckpoints(Every(4)), IsOk());
    ASSERT_THAT(repaired->ResumeNewest(), IsOk());
    EXPECT_GE(repaired->step(), 8);
    ASSERT_THAT(repaired->Train(), IsOk());
    EXPECT_EQ(HashOf(*repaired), HashOf(*undisturbed));
  }
  // A file that is removed is there until it is closed.
  const auto trainer = make(/*memory_bytes=*/0);
  ASSERT_THAT(trainer->Train([&](double) { std::filesystem::remove(x); }), IsOk());
  EXPECT_EQ(HashOf(*trainer), HashOf(*undisturbed));
}

TEST_F(TrainerCheckpointsTest, ACheckpointOfAnotherRunIsRefusedWithWhatDiffers) {
  const auto checkpoint = MakeTrainer()->MakeCheckpoint();
  ASSERT_THAT(checkpoint, IsOk());
  const auto expect = [&](const std::vector<std::string>& settings, uint64_t data_seed,
                          const char* difference) {
    const auto other = MakeTrainer(1, settings, data_seed);
    const std::string before = ResultOf(*other);
    EXPECT_THAT(other->Resume(*checkpoint),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(difference)));
    EXPECT_EQ(ResultOf(*other), before);
  };
  expect({"seed=2"}, 3, "seed: was \"1\", but is \"2\"");
  expect({"optimizer=sgd { learning_rate: 0.1 }"}, 3, "but is \"sgd { learning_rate: 0.1 }\"");
  expect({"batch_size=8"}, 3, "batch_size: was \"7\", but is \"8\"");
  expect({"steps=24"}, 3, "steps: was \"23\", but is \"24\"");
  expect({}, 4, "data: was");
  TrainerOptions options;
  auto other = Trainer::Make(WideNet(), kTraining, Data(), options);
  if (other.ok()) {
    EXPECT_THAT((*other)->Resume(*checkpoint),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("model: was")));
  }
  // What is only looked at may change.
  EXPECT_THAT(MakeTrainer(1, {"evaluate_every=7", "log_every=1"})->Resume(*checkpoint), IsOk());
}

TEST_F(TrainerCheckpointsTest, ARunWithoutAScheduleMayBeMadeLonger) {
  const std::vector<std::string> plain = {"schedule=constant {}"};
  const auto whole = MakeTrainer(1, {"schedule=constant {}", "steps=30"});
  ASSERT_THAT(whole->Train(), IsOk());
  const auto first = MakeTrainer(1, plain);
  ASSERT_THAT(first->Train(), IsOk());
  const auto longer = MakeTrainer(1, {"schedule=constant {}", "steps=30"});
  ASSERT_THAT(longer->Resume(*first->MakeCheckpoint()), IsOk());
  ASSERT_THAT(longer->Train(), IsOk());
  EXPECT_EQ(WeightsHash(longer->Weights()), WeightsHash(whole->Weights()));
  EXPECT_THAT(MakeTrainer(1, plain)->Resume(*longer->MakeCheckpoint()),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("is of step 30, but the run has only 23 steps")));
}

// A weight of a parameter that the loss does not depend on.
TEST_F(TrainerCheckpointsTest, StatesThatAreNotFiniteReplaceNoGoodCheckpoint) {
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    std::filesystem::remove_all(path_);
    {
      auto made = Trainer::Make(NetWithAnUnreadParameter(), kTraining, Data());
      ASSERT_THAT(made, IsOk());
      const auto trainer = *std::move(made);
      ASSERT_THAT(trainer->KeepCheckpoints(Every(4)), IsOk());
      const absl::Status trained = trainer->Train([&](double) {
        if (trainer->step() != 9) return;
        const Tensor values = Tensor::Filled(DType::kFloat, {3}, bad);
        ASSERT_THAT(trainer->session().Set("unread", values), IsOk());
      });
      EXPECT_THAT(trained,
                  StatusIs(absl::StatusCode::kAborted,
                           HasSubstr("no checkpoint of step 12: state \"unread\" is not finite")));
    }
    const auto folder = CheckpointFolder::Open(path_);
    ASSERT_THAT(folder, IsOk());
    EXPECT_THAT(*StepsOfCheckpoints(folder->path()), testing::ElementsAre(4, 8));
    EXPECT_EQ(LoadNewestCheckpoint(folder->path(), [](const absl::Status&) {})->step, 8);
  }
}

TEST_F(TrainerCheckpointsTest, ACheckpointOfAStepThatCannotBeIsRefused) {
  const auto good = MakeTrainer()->MakeCheckpoint();
  ASSERT_THAT(good, IsOk());
  for (const int64_t step : {int64_t{-1}, int64_t{24}, std::numeric_limits<int64_t>::max(),
                             std::numeric_limits<int64_t>::min()}) {
    const auto trainer = MakeTrainer();
    Checkpoint bad = *good;
    bad.step = step;
    EXPECT_FALSE(trainer->Resume(bad).ok()) << step;
    EXPECT_EQ(trainer->step(), 0);
  }
  for (const char* number : {"", "nan", "-", "9223372036854775808", "1.5"}) {
    const auto trainer = MakeTrainer();
    Checkpoint bad = *good;
    bad.counts["loss_count"] = number;
    EXPECT_THAT(trainer->Resume(bad),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("has no number \"loss_count\"")));
    EXPECT_EQ(trainer->step(), 0);
  }
}

TEST_F(TrainerCheckpointsTest, TheBestByAMetricStays) {
  const auto trainer = MakeTrainer();
  CheckpointOptions options = Every(1);
  options.keep_best = "accuracy";
  ASSERT_THAT(trainer->KeepCheckpoints(std::move(options)), IsOk());
  ASSERT_THAT(trainer->Train(), IsOk());
  double best = -1;
  int64_t best_step = -1;
  for (const HistoryRow& row : trainer->history().rows()) {
    if (row.metrics.empty() || !row.metrics[0] || *row.metrics[0] <= best) continue;
    best = *row.metrics[0];
    best_step = row.step;
  }
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path_)) {
    names.insert(entry.path().filename().string());
  }
  EXPECT_EQ(names.count(absl::StrFormat("step-%012d", best_step)), 1u);
  EXPECT_LE(names.size(), 4u) << "the lock, two and the best";
}

TEST_F(TrainerCheckpointsTest, NamesAMetricThatThereIsNot) {
  CheckpointOptions options = Every(1);
  options.keep_best = "acuracy";
  EXPECT_THAT(MakeTrainer()->KeepCheckpoints(std::move(options)),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("did you mean \"accuracy\"?")));
}

}  // namespace
}  // namespace flowgrad
