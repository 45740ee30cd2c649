#include "scheduler/stream_choice.h"

#include "gtest/gtest.h"

namespace flowgrad {
namespace {

using std::chrono::nanoseconds;

// A machine on which runs take so long; the first after a change of ways takes what the other way
// would.
struct Machine {
  nanoseconds streaming, plain;
  bool streamed = false;

  nanoseconds Run(bool streams) {
    const bool reads_streamed = streamed;
    streamed = streams;
    return reads_streamed ? streaming : plain;
  }
};

// Of so many runs, those that streamed.
int Streamed(StreamChoice& choice, Machine& machine, int runs) {
  int streamed = 0;
  for (int i = 0; i < runs; ++i) {
    streamed += choice.streams();
    choice.Took(machine.Run(choice.streams()));
  }
  return streamed;
}

TEST(StreamChoiceTest, TakesTheFasterWayForAllRunsButTrials) {
  for (const bool streaming_wins : {false, true}) {
    StreamChoice choice;
    Machine machine = {nanoseconds(streaming_wins ? 900 : 1000), nanoseconds(950)};
    const int streamed = Streamed(choice, machine, 10000);
    EXPECT_LT(streaming_wins ? 10000 - streamed : streamed, 150) << streaming_wins;
  }
}

TEST(StreamChoiceTest, FollowsAMachineThatChanges) {
  StreamChoice choice;
  Machine machine = {nanoseconds(900), nanoseconds(1000)};
  Streamed(choice, machine, 10000);
  machine = {nanoseconds(1000), nanoseconds(900)};
  Streamed(choice, machine, StreamChoice::kMostRuns + 100);
  EXPECT_LT(Streamed(choice, machine, 1000), 150);
}

// A run now and then takes ten times as long, whatever the way.
TEST(StreamChoiceTest, IsNotMisledByRunsThatWereHeldUp) {
  StreamChoice choice;
  int streamed = 0;
  for (int i = 0; i < 10000; ++i) {
    streamed += choice.streams();
    choice.Took(nanoseconds((choice.streams() ? 1000 : 950) * (i % 5 == 3 ? 10 : 1)));
  }
  EXPECT_LT(streamed, 150);
}

TEST(StreamChoiceTest, TriesBothWaysInItsFirstRuns) {
  StreamChoice choice;
  Machine machine = {nanoseconds(1000), nanoseconds(1000)};
  EXPECT_EQ(Streamed(choice, machine, 2 * StreamChoice::kRunsOfTurn), StreamChoice::kRunsOfTurn);
}

}  // namespace
}  // namespace flowgrad
