#include "conformance.h"
const struct conf_case conf_share_cases[] = { { NULL, NULL, NULL } };
