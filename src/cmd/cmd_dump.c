/* SPDX-License-Identifier: Apache-2.0 */
/* pycore dump: every Python thread's stack. */
#include "dump_args.h"

#include "pycore/alloc.h"
#include "pycore/log.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The threads that were asked for, into a malloc'ed list. */
static const struct py_thread **select_threads(
	const struct dump_args *a, const struct python *p, size_t *ret)
{
	const struct py_thread **list = xcalloc(p->n_threads, sizeof(*list));
	size_t n = 0;
	for (size_t i = 0; i < p->n_threads; i++) {
		const struct os_thread *os = p->threads[i].os;
		bool wanted = !a->n_tids && !a->crashed;
		wanted |= a->crashed && os && os->crashed;
		for (size_t k = 0; k < a->n_tids; k++)
			wanted |= os && os->tid == a->tids[k];
		if (wanted)
			list[n++] = &p->threads[i];
	}
	*ret = n;
	return list;
}

static bool has_crashed_thread(const struct target *t)
{
	for (size_t i = 0; i < t->n_threads; i++) {
		if (t->threads[i].crashed)
			return true;
	}
	return false;
}

/* The thread that has this id in the process's own pid namespace; 0: none. */
static pid_t numbered_inside(const struct target *t, pid_t ns_tid)
{
	for (size_t i = 0; i < t->n_threads; i++) {
		if (t->threads[i].ns_tid == ns_tid)
			return t->threads[i].tid;
	}
	return 0;
}

/* Says, here and in the report, which of the threads that were asked for do not exist. */
static bool all_found(const struct dump_args *a, const struct python *p)
{
	struct problems *problems = &p->target->problems;
	bool live = p->target->kind == TARGET_LIVE, good = true;
	const char *place = live ? "process" : "core";
	for (size_t i = 0; i < a->n_tids; i++) {
		if (target_thread(p->target, a->tids[i]))
			continue;
		AUTO_FREE char *where = xasprintf("thread %d", (int)a->tids[i]);
		pid_t meant = numbered_inside(p->target, a->tids[i]);
		if (meant)
			complain("there is no %s in this process; the one of this number in its "
				 "own pid namespace is thread %d here",
				where, (int)meant);
		else
			complain("there is no %s in this %s", where, place);
		problems_damagef(problems, where, "there is no such thread in this %s", place);
		good = false;
	}
	if (a->crashed && !has_crashed_thread(p->target)) {
		const char *what = live ? "a live process" : "a snapshot, or its notes are lost";
		complain("no thread crashed: this is %s", what);
		problems_damagef(problems, "crashed thread", "there is none: this is %s", what);
		good = false;
	}
	return good;
}

static bool is_left_out(struct target *t, struct err why)
{
	return why.code == ERR_NOT_SAVED && target_leaves_out(t, why.addr);
}

/* Something of the frames that are shown is missing because the core leaves it out. */
static bool lacks_frames(const struct dump_args *a, struct target *t, const struct py_thread *th)
{
	const struct native_stack *native = th->os->native;
	bool lacks = is_left_out(t, th->why);
	if (a->out.native != OUT_NATIVE_INNER && native)
		lacks |= is_left_out(t, native->why);
	for (size_t i = 0; i < th->n_frames && !lacks; i++)
		lacks = is_left_out(t, th->frames[i].place->why) ||
			is_left_out(t, th->frames[i].place->code->why);
	return lacks;
}

static void say_left_out(
	const struct dump_args *a, struct target *t, const struct py_thread *const *list, size_t n)
{
	AUTO_FREE const struct os_thread **without = xcalloc(n, sizeof(*without));
	size_t n_without = 0;
	bool damage = false;
	for (size_t i = 0; i < n; i++) {
		const struct os_thread *os = list[i]->os;
		bool lacks = os && lacks_frames(a, t, list[i]);
		bool last = n_without && without[n_without - 1] == os;
		damage |= lacks;
		if (!last && os &&
			(lacks || (os->regs.has_sp && target_leaves_out(t, os->regs.sp))))
			without[n_without++] = os;
	}
	target_say_left_out(t, without, n_without, damage);
}

/* Under whatever names. NULL is none. */
static bool same_file(const char *a, const char *b)
{
	struct stat x, y;
	return a && b && !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

/* Opens the output file, which must not be one that is being read. */
static FILE *open_output(const struct dump_args *a)
{
	if (!a->output)
		return stdout;
	if (same_file(a->output, a->target.core) || same_file(a->output, a->target.exe)) {
		complain("%s: is the %s itself", a->output,
			same_file(a->output, a->target.core) ? "core file" : "executable");
		return NULL;
	}
	FILE *f = fopen(a->output, "ae");
	if (!f)
		complain("%s: %s", a->output, strerror(errno));
	return f;
}

static bool report(const struct dump_args *a, FILE *file, const struct verdict *v,
	const struct python *p, const struct py_thread *const *list, size_t n, bool *ret_damage)
{
	if (file != stdout && ftruncate(fileno(file), 0) < 0 && errno != EINVAL)
		complain("%s: could not be emptied: %s", a->output, strerror(errno));
	struct out *o = a->json ? out_json_open(file, &a->out) : out_text_open(file, &a->out);
	if (o->ops->coverage)
		o->ops->coverage(o, p->target);
	o->ops->verdict(o, v);
	o->ops->process(o, p->target);
	o->ops->pythons(o, p);
	o->ops->interpreters(o, p);
	o->ops->threads(o, p, list, n);
	o->ops->globals(o, p);
	o->ops->problems(o, &p->target->problems);
	o->ops->finish(o);
	*ret_damage = o->damage;
	bool good = out_close(o);
	if (!good)
		complain("%s: could not be written: %s", a->output ? a->output : "standard output",
			strerror(errno));
	return good;
}

static void walk_natives(void *natives, struct python *p)
{
	natives_walk(natives, p);
}

static void reach_verdict(const struct dump_args *a, struct python *p, struct unwind *u,
	struct verdict *ret, struct registers *ret_registers)
{
	const struct verdict_question q = {
		.python = p,
		.unwind = u,
		.redact = a->values.redact,
		.exe = a->target.exe,
		.search = &a->target.search,
		.native = a->native == NATIVES_EVERY || a->native == NATIVES_ALL,
		.locals = a->locals,
	};
	verdict_reach(&q, ret, ret_registers);
	for (size_t i = 0; i < p->target->n_threads; i++) {
		if (p->target->threads[i].crashed)
			p->target->threads[i].registers = ret_registers;
	}
}

/* Reads what there is and prints it; the process is stopped no longer than the reading takes. */
static enum exit_status dump_target(const struct dump_args *a, struct target *t, FILE *file)
{
	struct python *p;
	struct err found = python_find(t, &p);
	p->options = (struct python_options){
		.locals = a->locals,
		.globals = a->globals,
		.limits = value_args_limits(&a->values, a->full ? VALUES_FULL : VALUES_SHORT),
	};
	CLEANUP(natives_fini) struct natives natives;
	natives_init(&natives, t, a->native);
	t->activity = a->native == NATIVES_ALL ? ACTIVITY_STACKS : ACTIVITY_USUAL;
	if (!look(p, natives.unwind ? walk_natives : NULL, &natives)) {
		python_free(p);
		return STATUS_NOTHING;
	}
	python_locate(p);
	natives_name(&natives);
	natives_merge(&natives, p);
	log_debug("named");
	CLEANUP(verdict_fini) struct verdict verdict;
	CLEANUP(registers_fini) struct registers registers;
	reach_verdict(a, p, natives.unwind, &verdict, &registers);
	log_debug("judged");
	if (failed(found))
		complain_of(t, "%s", str_text(&p->why));
	size_t n;
	const struct py_thread **list = select_threads(a, p, &n);
	bool damage = false, complete = all_found(a, p);
	say_left_out(a, t, list, n);
	bool good = report(a, file, &verdict, p, list, n, &damage);
	free(list);
	damage |= t->problems.damage || failed(found);
	bool nothing = !good || (failed(found) && !p->idle) || (!complete && !n);
	python_free(p);
	if (nothing)
		return STATUS_NOTHING;
	return damage ? STATUS_PARTIAL : STATUS_COMPLETE;
}

/* The output is opened first: a bad path must not cost the process a stop. */
static enum exit_status dump(const struct dump_args *a)
{
	struct target *t = NULL;
	FILE *file = open_output(a);
	if (!file)
		return STATUS_NOTHING;
	enum exit_status status = target_args_open(&a->target, &t);
	if (status == STATUS_COMPLETE)
		status = dump_target(a, t, file);
	target_close(t);
	if (file != stdout && fclose(file) != 0) {
		complain("%s: could not be written: %s", a->output, strerror(errno));
		status = STATUS_NOTHING;
	}
	return status;
}

int cmd_dump(int argc, char **argv)
{
	CLEANUP(dump_args_fini) struct dump_args a = { .out.schema = "pycore.dump" };
	int status;
	if (dump_args_take(&a, argc, argv, &status))
		status = dump(&a);
	return status;
}
