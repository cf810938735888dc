#include "conformance.h"
const struct conf_case conf_fault_cases[] = { { NULL, NULL, NULL } };
