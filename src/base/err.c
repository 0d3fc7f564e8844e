/* SPDX-License-Identifier: Apache-2.0 */
#include "pycore/err.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct err err_sys(const char *what)
{
	enum err_code code = ERR_SYS;
	if (errno == EACCES || errno == EPERM)
		code = ERR_DENIED;
	else if (errno == ESRCH)
		code = ERR_GONE;
	return (struct err){ .code = code, .sys = errno, .what = what };
}

const char *err_code_text(enum err_code code)
{
	switch (code) {
	case ERR_NONE:
		return "no error";
	case ERR_UNMAPPED:
		return "not mapped";
	case ERR_NOT_SAVED:
		return "not saved in this core";
	case ERR_TRUNCATED:
		return "not there, the core file is cut off";
	case ERR_CORRUPT:
		return "damaged";
	case ERR_ABSENT:
		return "not present in this build";
	case ERR_NOT_FOUND:
		return "there is none, or its file is not here";
	case ERR_LIMIT:
		return "beyond pycore's limit";
	case ERR_UNSUPPORTED:
		return "not supported";
	case ERR_DENIED:
		return "not permitted";
	case ERR_GONE:
		return "the process or thread has ended";
	case ERR_SYS:
		return "system call failed";
	}
	return "unknown error";
}

const char *err_text(struct err e, char buf[ERR_TEXT_MAX])
{
	const char *what = e.what ? e.what : "memory";
	const char *why = e.code == ERR_SYS ? strerror(e.sys) : err_code_text(e.code);
	if (e.addr)
		snprintf(buf, ERR_TEXT_MAX, "%s: %s (at 0x%" PRIx64 ")", what, why, e.addr);
	else
		snprintf(buf, ERR_TEXT_MAX, "%s: %s", what, why);
	return buf;
}
