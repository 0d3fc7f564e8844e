/* SPDX-License-Identifier: Apache-2.0 */
/* Compiler attributes, each under one name, so that code reads the same with gcc and clang. */
#pragma once

#include <stdlib.h>

/* On a struct: a function's result of this type must not be dropped. */
#ifdef __clang__
#define MUST_CHECK __attribute__((warn_unused_result))
#else
#define MUST_CHECK [[nodiscard]]
#endif
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define ARRAY_LEN(a)	  (sizeof(a) / sizeof((a)[0]))

/* Calls fn(&variable) when the variable goes out of scope. */
#define CLEANUP(fn) __attribute__((cleanup(fn)))

static inline void cleanup_free_(void *p)
{
	free(*(void **)p);
}
/* Frees a malloc'ed pointer when it goes out of scope. */
#define AUTO_FREE CLEANUP(cleanup_free_)

/* Hands a pointer over: yields its value and leaves NULL behind. */
#define STEAL(p)                                                                                   \
	__extension__({                                                                            \
		__typeof__(p) taken_ = (p);                                                        \
		(p) = NULL;                                                                        \
		taken_;                                                                            \
	})
