#include "conformance.h"
const struct conf_case conf_user_cases[] = { { NULL, NULL, NULL } };
