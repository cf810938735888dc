#include "conformance.h"
const struct conf_case conf_resize_cases[] = { { NULL, NULL, NULL } };
