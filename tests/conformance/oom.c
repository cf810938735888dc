#include "conformance.h"
const struct conf_case conf_oom_cases[] = { { NULL, NULL, NULL } };
