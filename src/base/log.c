/* SPDX-License-Identifier: Apache-2.0 */
#include "pycore/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

static bool enabled;
static struct timespec since;

void log_enable(bool on)
{
	enabled = on;
	clock_gettime(CLOCK_MONOTONIC, &since);
}

void log_debug(const char *fmt, ...)
{
	if (!enabled)
		return;
	va_list ap;
	va_start(ap, fmt);
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	double ms = (double)(now.tv_sec - since.tv_sec) * 1e3 +
		    (double)(now.tv_nsec - since.tv_nsec) / 1e6;
	fprintf(stderr, "pycore: debug: %.2f ms: ", ms);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
}
