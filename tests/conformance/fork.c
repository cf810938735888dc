#include "conformance.h"
const struct conf_case conf_fork_cases[] = { { NULL, NULL, NULL } };
