/* SPDX-License-Identifier: Apache-2.0 */
/* Words for addresses, sizes and texts. */
#include "death.h"

#include <inttypes.h>

enum {
	NULL_MAX = 0x10000, /* nothing is ever mapped below (vm.mmap_min_addr) */
	BELOW_NULL_MAX = 0x1000,
	CANONICAL_BITS = 47, /* of user space; the bits above are all alike */
};

bool is_null(uint64_t addr)
{
	return addr < NULL_MAX || -addr <= BELOW_NULL_MAX;
}

bool is_canonical(uint64_t addr)
{
	uint64_t above = addr >> CANONICAL_BITS;
	return !above || above == UINT64_MAX >> CANONICAL_BITS;
}

void put_null(struct str *to, uint64_t addr)
{
	str_puts(to, "a null pointer");
	if (addr && addr <= INT64_MAX)
		str_addf(to, " plus 0x%" PRIx64, addr);
	else if (addr)
		str_addf(to, " minus 0x%" PRIx64, -addr);
}

/* The thread whose stack pointer is in that range. */
static const struct os_thread *stack_owner(const struct death *d, const struct mem_range *r)
{
	const struct os_thread *found = NULL;
	for (size_t i = 0; i < d->t->n_threads; i++) {
		const struct os_thread *th = &d->t->threads[i];
		uint64_t sp = th == d->os ? d->there.regs.sp : th->regs.sp;
		if (!th->regs.has_sp || sp < r->start || sp >= r->end)
			continue;
		if (found)
			return NULL; /* they run on memory of one area: coroutines */
		found = th;
	}
	return found;
}

static const char *permission_text(unsigned perm)
{
	if (perm & MEM_WRITE)
		return perm & MEM_EXEC ? "writable code" : "writable memory";
	if (perm & MEM_EXEC)
		return "code";
	return perm & MEM_READ ? "read-only memory" : "memory without any access";
}

bool put_mapping(struct death *d, uint64_t addr, struct str *to)
{
	struct mem_range r;
	if (!mem_range_at(d->t->mem, addr, &r))
		return false;
	const struct image *img = target_image_at(d->t, addr);
	const struct os_thread *th = img ? NULL : stack_owner(d, &r);
	if (th) {
		str_addf(to, "the stack of thread %d", (int)th->tid);
		return true;
	}
	str_puts(to, permission_text(r.perm));
	if (img)
		str_addf(to, " of %s", img->path[0] ? image_name(img) : "an unnamed module");
	return true;
}

void put_size(struct str *to, uint64_t bytes)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
	double v = (double)bytes;
	size_t u = 0;
	for (; v >= 1024 && u + 1 < ARRAY_LEN(units); u++)
		v /= 1024;
	str_addf(to, u ? "%.1f %s" : "%.0f %s", v, units[u]);
}

void put_detail(struct death *d, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	if (d->detail.len)
		str_puts(&d->detail, "; ");
	str_vaddf(&d->detail, fmt, ap);
	va_end(ap);
}

static bool inside_character(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

void put_cut(struct str *to, const char *bytes, size_t n, size_t most)
{
	while (n && (bytes[n - 1] == '\n' || bytes[n - 1] == ' '))
		n--;
	bool cut = n > most;
	for (n = cut ? most : n; cut && n && inside_character(bytes[n]);)
		n--;
	for (size_t i = 0; i < n; i++) {
		if (bytes[i])
			str_putc(to, bytes[i]);
		else
			str_puts(to, "\\0"); /* which would end the text */
	}
	str_puts(to, cut ? "..." : "");
}

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("_./+,:@%=-", c));
}

/* In $'' (POSIX 2024; bash, zsh, ksh) everything can be written in printable characters. */
void put_quoted(struct str *to, const char *word)
{
	bool plain = word[0], printable = true;
	for (const char *p = word; *p; p++) {
		plain &= is_plain(*p);
		printable &= *p >= ' ' && *p <= '~';
	}
	str_puts(to, plain ? "" : printable ? "'" : "$'");
	for (const char *p = word; *p; p++) {
		if (*p == '\'')
			str_puts(to, printable ? "'\\''" : "\\'");
		else if (!printable && (*p < ' ' || *p > '~'))
			str_addf(to, "\\%03o", (unsigned char)*p);
		else if (!printable && *p == '\\')
			str_puts(to, "\\\\");
		else
			str_putc(to, *p);
	}
	str_puts(to, plain ? "" : "'");
}
