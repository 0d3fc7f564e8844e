/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct err: what went wrong, as a small value that owns nothing.
 *
 * Every function that can fail returns one and leaves its outputs untouched on failure. An error
 * is caught at one level and becomes data there: a row of the report that says why and where.
 */
#pragma once

#include "pycore/attr.h"

#include <stdbool.h>
#include <stdint.h>

enum err_code {
	ERR_NONE = 0,
	ERR_UNMAPPED, /* no mapping of the target holds this address */
	ERR_NOT_SAVED, /* mapped in the target, but its bytes are not in the core file */
	ERR_TRUNCATED, /* the core file ends before these bytes, or before what tells of them */
	ERR_CORRUPT, /* the bytes are there but contradict the format or themselves */
	ERR_ABSENT, /* this build has no such field, symbol or note */
	ERR_NOT_FOUND, /* there may be none, or it is in a file that is not here */
	ERR_LIMIT, /* a cap of limits.h was reached */
	ERR_UNSUPPORTED, /* well-formed, but of a kind that pycore does not read */
	ERR_DENIED, /* the kernel or the opener's rules forbid it */
	ERR_GONE, /* the process or thread ended */
	ERR_SYS, /* a system call failed; sys holds errno */
};

struct MUST_CHECK err {
	enum err_code code;
	int sys; /* errno, with ERR_SYS (and ERR_DENIED where there is one); else 0 */
	uint64_t addr; /* first address in the target that could not be had; 0: has no meaning */
	const char *what; /* string literal naming the thing: "dict keys" */
};

#define NO_ERR ((struct err){ 0 })

static inline bool failed(struct err e)
{
	return e.code != ERR_NONE;
}

static inline struct err err_at(enum err_code code, uint64_t addr, const char *what)
{
	return (struct err){ .code = code, .addr = addr, .what = what };
}

static inline struct err err_of(enum err_code code, const char *what)
{
	return err_at(code, 0, what);
}

/* The system call behind `what` failed with errno. EACCES and EPERM become ERR_DENIED, ESRCH
 * ERR_GONE. */
struct err err_sys(const char *what);

/* What the code means, in words that fit behind "could not read X: ". Static. */
const char *err_code_text(enum err_code code);

/* Room for any err_text(). */
enum { ERR_TEXT_MAX = 256 };

/* Writes one line, no newline: what, why, at which address. Returns buf. */
const char *err_text(struct err e, char buf[ERR_TEXT_MAX]);

/* Returns out of the calling function with the error, if there is one. */
#define TRY(expr)                                                                                  \
	do {                                                                                       \
		struct err try_ = (expr);                                                          \
		if (failed(try_))                                                                  \
			return try_;                                                               \
	} while (0)
