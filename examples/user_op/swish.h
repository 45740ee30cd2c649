#include "flowgrad.h"

void RegisterSwish(flowgrad::OpRegistry& registry);
