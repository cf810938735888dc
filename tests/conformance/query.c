#include "conformance.h"
const struct conf_case conf_query_cases[] = { { NULL, NULL, NULL } };
