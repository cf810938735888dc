#include "conformance.h"
const struct conf_case conf_cpus_cases[] = { { NULL, NULL, NULL } };
