#include "conformance.h"
const struct conf_case conf_pin_cases[] = { { NULL, NULL, NULL } };
