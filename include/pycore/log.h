/* SPDX-License-Identifier: Apache-2.0 */
/* Debug messages on stderr with the time since log_enable(), silent unless --debug asks. Results
 * and errors never come this way. */
#pragma once

#include "pycore/attr.h"

#include <stdbool.h>

void log_enable(bool on);
void log_debug(const char *fmt, ...) PRINTF_LIKE(1, 2);
