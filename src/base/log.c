/* SPDX-License-Identifier: Apache-2.0 */
#include "pycore/log.h"

#include <stdarg.h>
#include <stdio.h>

static bool enabled;

void log_enable(bool on)
{
	enabled = on;
}

void log_debug(const char *fmt, ...)
{
	if (!enabled)
		return;
	va_list ap;
	va_start(ap, fmt);
	fputs("pycore: debug: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
}
