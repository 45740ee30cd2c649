// flowgrad: trains, runs, differentiates, checks and shows models from the command line.

#include "tools/main.h"

int main(int argc, char** argv) { return flowgrad::FlowgradMain(argc, argv); }
