/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What systemd-coredump notes beside a core that it keeps: extended attributes of the file, decimal
 * numbers and paths as text (systemd, src/coredump/coredump.c: user.coredump.pid, .signal, .exe).
 * They are of use where the core itself is cut off before it tells as much.
 */
#include "core_internal.h"

#include "pycore/alloc.h"
#include "pycore/limits.h"

#include <sys/xattr.h>

/* The attribute as text into buf; false: there is none, or it does not fit. */
static bool attribute(const struct target *t, const char *name, char *buf, size_t size)
{
	ssize_t n = getxattr(t->path, name, buf, size - 1);
	if (n <= 0)
		return false;
	buf[n] = '\0';
	return true;
}

static int number(const struct target *t, const char *name, int max)
{
	char text[16], *end;
	if (!attribute(t, name, text, sizeof(text)))
		return 0;
	unsigned long v = strtoul(text, &end, 10);
	return *end || v > (unsigned long)max ? 0 : (int)v;
}

void core_take_attributes(struct target *t)
{
	enum { SIGNALS = 64 };
	const struct elfcore *c = &t->core->elf;
	char path[PATH_BYTES_MAX];
	if (t->pid <= 0)
		t->pid = number(t, "user.coredump.pid", INT32_MAX);
	if (!c->n_threads && !t->signal.signo)
		t->signal.signo = number(t, "user.coredump.signal", SIGNALS);
	if (!t->exe_path && attribute(t, "user.coredump.exe", path, sizeof(path)))
		t->exe_path = xstrdup(path);
}
