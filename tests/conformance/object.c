#include "conformance.h"
const struct conf_case conf_object_cases[] = { { NULL, NULL, NULL } };
