#include "conformance.h"
const struct conf_case conf_limit_cases[] = { { NULL, NULL, NULL } };
