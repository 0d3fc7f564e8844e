/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line out of the initial stack, which the kernel lays out upwards as argc, argv
 * pointers, 0, environment pointers, 0, auxiliary vector (fs/binfmt_elf.c, create_elf_tables).
 * NT_AUXV is a copy of that vector, so its bytes find the place; the words before it are walked
 * backwards. NT_PRPSINFO has the first 80 bytes as a fallback. On 32-bit arm, the code that
 * programs start with takes argc off the stack and puts the address of argv in its place (glibc,
 * sysdeps/arm/start.S).
 */
#include "core_internal.h"

#include "pycore/alloc.h"
#include "pycore/limits.h"

#include <elf.h>
#include <string.h>

enum {
	STACK_SEARCH = 4 * 1024 * 1024,
	POINTERS_MAX = 1024 * 1024,
	SUMMARY_FULL = 79, /* bytes of NT_PRPSINFO's command line, but for its 0 */
};

/* Where the auxiliary vector lies in memory, at or below `top`; 0: not found. */
static uint64_t find_auxv(struct target *t, uint64_t top)
{
	const struct elfcore *c = &t->core->elf;
	unsigned word = t->mem->ptr_size;
	const struct core_range *r = elfcore_range_at(c, top, NULL);
	if (!r || r->backing != CORE_SAVED || c->n_auxv < 4)
		return 0;
	uint64_t low = top - r->start > STACK_SEARCH ? top - STACK_SEARCH : r->start;
	low = (low + word - 1) / word * word;
	for (uint64_t at = top / word * word; at >= low + word; at -= word) {
		uint64_t v = 0;
		size_t k = 0;
		while (k < 4 && !failed(mem_ptr(t->mem, at + 2 * k * word, &v)) &&
			v == c->auxv[k].type &&
			!failed(mem_ptr(t->mem, at + (2 * k + 1) * word, &v)) &&
			v == c->auxv[k].value)
			k++;
		if (k == 4)
			return at;
	}
	return 0;
}

/* Steps back over one 0-terminated array of pointers that ends before `end`; its start, and in *ret
 * its length. What holds the address of the next word points to argv itself. */
static uint64_t array_before(struct target *t, uint64_t end, size_t *ret)
{
	unsigned word = t->mem->ptr_size;
	uint64_t v, at = end - 2 * word; /* the last pointer; a 0 stands at end - word */
	size_t n = 0;
	for (; n < POINTERS_MAX && !failed(mem_ptr(t->mem, at, &v)) && v > POINTERS_MAX &&
		v != at + word;
		n++)
		at -= word;
	*ret = n;
	return at + word;
}

/* The words behind n pointers, all together no longer than COMMAND_LINE_MAX. False if not even the
 * first could be read. */
static bool take_words(struct target *t, uint64_t argv, size_t n)
{
	unsigned word = t->mem->ptr_size;
	AUTO_FREE char *text = xmalloc(COMMAND_LINE_MAX);
	size_t left = COMMAND_LINE_MAX, len;
	uint64_t pointer;
	bool cut = false;
	t->argv = xcalloc(n + 1, sizeof(*t->argv));
	for (size_t i = 0; i < n && !cut && left > 1; i++, left -= len) {
		if (failed(mem_ptr(t->mem, argv + i * word, &pointer)) ||
			failed(mem_cstr(t->mem, pointer, text, left, &cut)))
			break;
		t->argv[t->argc++] = xstrdup(text);
		len = strlen(text) + 1;
	}
	t->argv_cut = cut || t->argc < n;
	if (t->argc)
		return true;
	free(t->argv);
	t->argv = NULL;
	return false;
}

/* argv begins where the word before it counts its pointers, or has its address. `end` is behind the
 * 0 of the environment. */
static bool arrays_before(struct target *t, uint64_t end, struct core_stack *ret)
{
	uint64_t before;
	ret->environment = array_before(t, end, &ret->n_environment);
	ret->argv = array_before(t, ret->environment, &ret->argc);
	return ret->argc && !failed(mem_ptr(t->mem, ret->argv - t->mem->ptr_size, &before)) &&
	       (before == ret->argc || before == ret->argv);
}

bool core_find_stack(struct target *t, struct core_stack *ret)
{
	uint64_t execfn = 0, word;
	struct core_stack s;
	if (!elfcore_auxv(&t->core->elf, AT_EXECFN, &execfn))
		return false;
	uint64_t auxv = find_auxv(t, execfn), end = auxv;
	if (!auxv)
		return false;
	/* each variable that a program removes leaves one more 0 at the end (glibc, unsetenv) */
	for (size_t removed = 0; !arrays_before(t, end, &s); removed++, end -= t->mem->ptr_size) {
		if (removed == ENVIRONMENT_MAX ||
			failed(mem_ptr(t->mem, end - t->mem->ptr_size, &word)) || word)
			return false;
	}
	s.words = auxv;
	s.words_end = execfn;
	*ret = s;
	return true;
}

static bool argv_of_stack(struct target *t)
{
	struct core_stack s;
	return core_find_stack(t, &s) && take_words(t, s.argv, s.argc);
}

/* The list of words that the core has besides. */
static bool argv_of_list(struct target *t)
{
	const struct elfcore *c = &t->core->elf;
	size_t left = c->words_size < COMMAND_LINE_MAX ? c->words_size : COMMAND_LINE_MAX;
	if (!left)
		return false;
	t->argv = xcalloc(left + 1, sizeof(*t->argv));
	for (const char *at = c->words; left;) {
		size_t n = strnlen(at, left);
		t->argv[t->argc++] = xstrndup(at, n);
		n += n < left;
		at += n;
		left -= n;
	}
	t->argv_cut = c->words_size > COMMAND_LINE_MAX;
	return true;
}

void core_find_command_line(struct target *t)
{
	const struct elfcore *c = &t->core->elf;
	if (argv_of_stack(t) || argv_of_list(t) || !c->has_process || !c->args[0])
		return;
	AUTO_FREE char *args = xstrdup(c->args);
	t->argv = xcalloc(sizeof(c->args), sizeof(*t->argv));
	char *rest = args;
	for (char *word; (word = strsep(&rest, " "));) {
		if (word[0])
			t->argv[t->argc++] = xstrdup(word);
	}
	t->argv_cut = strlen(c->args) >= SUMMARY_FULL;
}
