/* SPDX-License-Identifier: Apache-2.0 */
/* Facts on a process as a whole: of a live one by procfs, of a core by its notes and the initial
 * stack. */
#include "core_internal.h"
#include "live.h"
#include "proc_facts.h"

#include "pycore/alloc.h"
#include "pycore/limits.h"

#include <string.h>

/* Where the words of the environment begin: behind the last one of argv; 0: unknown. */
static uint64_t environment_words(struct target *t, const struct core_stack *s)
{
	char word[PATH_BYTES_MAX];
	uint64_t last;
	bool cut;
	if (failed(mem_ptr(t->mem, s->argv + (s->argc - 1) * t->mem->ptr_size, &last)) ||
		last <= s->words || last >= s->words_end)
		return 0;
	do {
		if (failed(mem_cstr(t->mem, last, word, sizeof(word), &cut)))
			return 0;
		last += strlen(word) + !cut;
	} while (cut && last < s->words_end);
	return last;
}

/* The value of a variable in the environment that the program was started with, whatever it has
 * set since. malloc'ed; NULL: it had none, or it is not to be found. */
static char *started_with(struct target *t, const char *name)
{
	struct core_stack s;
	char word[PATH_BYTES_MAX];
	size_t len = strlen(name);
	bool cut, in_word = false;
	uint64_t at = core_find_stack(t, &s) ? environment_words(t, &s) : 0;
	for (size_t i = 0; at && at < s.words_end && i < ENVIRONMENT_MAX; i++) {
		if (failed(mem_cstr(t->mem, at, word, sizeof(word), &cut)))
			break;
		if (!in_word && !strncmp(word, name, len) && word[len] == '=')
			return cut ? NULL : xstrdup(word + len + 1);
		at += strlen(word) + !cut;
		in_word = cut;
	}
	return NULL;
}

static void read_core(struct target *t, struct target_facts *ret)
{
	const struct elfcore *c = &t->core->elf;
	ret->has_ids = c->has_process;
	ret->uid = c->uid;
	ret->gid = c->gid;
	ret->parent = c->ppid;
	ret->threads = c->notes_cut ? AMOUNT_UNKNOWN : t->n_threads;
	char *pwd = started_with(t, "PWD");
	if (pwd && pwd[0] == '/')
		ret->start_pwd = STEAL(pwd);
	free(pwd);
}

/* Since the end of the clock tick in which it was started. */
static double seconds_since(struct timespec start)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	double s =
		(double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) / 1e9;
	return s > 0 ? s : 0;
}

void target_read_facts(struct target *t, struct target_facts *ret)
{
	*ret = (struct target_facts){
		.uptime = -1,
		.resident = AMOUNT_UNKNOWN,
		.resident_peak = AMOUNT_UNKNOWN,
		.resident_anonymous = AMOUNT_UNKNOWN,
		.swapped = AMOUNT_UNKNOWN,
		.threads = AMOUNT_UNKNOWN,
		.cgroup = { .limit = AMOUNT_UNKNOWN, .usage = AMOUNT_UNKNOWN },
	};
	if (t->kind == TARGET_CORE) {
		read_core(t, ret);
		return;
	}
	ret->uptime = seconds_since(t->as_of);
	proc_read_facts(t->live->proc, t->live->mm_dir, ret);
}

void target_facts_fini(struct target_facts *f)
{
	free(f->cwd);
	free(f->start_pwd);
	free(f->root);
	free(f->cgroup.path);
	*f = (struct target_facts){ 0 };
}
