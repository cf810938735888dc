#include "conformance.h"
const struct conf_case conf_protect_cases[] = { { NULL, NULL, NULL } };
