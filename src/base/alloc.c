/* SPDX-License-Identifier: Apache-2.0 */
#include "pycore/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ARENA_BLOCK = 64 * 1024 - 64, ARENA_ALIGN = 16 };

struct arena_block {
	struct arena_block *below;
	size_t size;
	_Alignas(ARENA_ALIGN) char bytes[];
};

static void *checked(void *p)
{
	if (!p) {
		fputs("pycore: out of memory\n", stderr);
		exit(1);
	}
	return p;
}

void *xmalloc(size_t n)
{
	return checked(malloc(n ? n : 1));
}

void *xcalloc(size_t count, size_t size)
{
	return checked(calloc(count ? count : 1, size ? size : 1));
}

char *xstrdup(const char *s)
{
	return checked(strdup(s));
}

char *xstrndup(const char *s, size_t n)
{
	return checked(strndup(s, n));
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *text = NULL;
	int n = vasprintf(&text, fmt, ap);
	va_end(ap);
	return checked(n < 0 ? NULL : text);
}

void *xgrow(void *array, size_t *cap, size_t len, size_t size)
{
	if (array && len < *cap)
		return array;
	size_t more = *cap ? *cap * 2 : 8;
	size_t bytes;
	void *grown = __builtin_mul_overflow(more, size, &bytes) ? NULL : realloc(array, bytes);
	checked(grown);
	*cap = more;
	return grown;
}

void *arena_alloc(struct arena *a, size_t n)
{
	n = (n + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
	if (!a->top || a->top->size - a->used < n) {
		size_t size = n > ARENA_BLOCK ? n : ARENA_BLOCK;
		struct arena_block *b = xcalloc(1, sizeof(*b) + size);
		b->below = a->top;
		b->size = size;
		a->top = b;
		a->used = 0;
	}
	void *p = a->top->bytes + a->used;
	a->used += n;
	return p;
}

char *arena_copy(struct arena *a, const void *bytes, size_t n)
{
	char *copy = arena_alloc(a, n + 1);
	if (n)
		memcpy(copy, bytes, n);
	return copy;
}

void arena_fini(struct arena *a)
{
	while (a->top) {
		struct arena_block *below = a->top->below;
		free(a->top);
		a->top = below;
	}
	a->used = 0;
}
