/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation for a program: it succeeds or the process ends. No size read from a target comes here
 * without a cap of limits.h before it. */
#pragma once

#include "pycore/attr.h"

#include <stddef.h>
#include <stdint.h>

/* As malloc, calloc, strdup and strndup; the result is the caller's to free and never NULL. */
void *xmalloc(size_t n) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *s, size_t n) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *fmt, ...) PRINTF_LIKE(1, 2) __attribute__((malloc, returns_nonnull));

/*
 * Room for one more element in a growing array: returns `array`, moved if it had to grow.
 * `*cap` is its capacity in elements, `len` the elements in use, `size` the bytes of one.
 */
void *xgrow(void *array, size_t *cap, size_t len, size_t size) __attribute__((returns_nonnull));

/*
 * An arena: memory that is freed all at once, for results that live as long as their report.
 * Zero-initialised is empty and ready.
 */
struct arena {
	struct arena_block *top;
	size_t used; /* bytes in use in the top block */
};

/* n zeroed bytes, aligned to 16; valid until arena_fini(). */
void *arena_alloc(struct arena *a, size_t n) __attribute__((returns_nonnull));
/* A copy of n bytes with a NUL behind them. */
char *arena_copy(struct arena *a, const void *bytes, size_t n) __attribute__((returns_nonnull));
void arena_fini(struct arena *a);
