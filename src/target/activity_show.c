/* SPDX-License-Identifier: Apache-2.0 */
/* The system call that a thread is in, for the report: of a live one as it was noted before the
 * stop, of a core out of its registers. */
#include "activity.h"

#include "pycore/alloc.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

const char *thread_state_words(char state)
{
	switch (state) {
	case 'R':
		return "running";
	case 'S':
		return "sleeping";
	case 'D':
		return "sleeping, not interruptible";
	case 'T':
		return "stopped by a signal";
	case 't':
		return "stopped by a tracer";
	case 'Z':
	case 'X':
		return "ended";
	}
	return NULL;
}

static void put_socket(struct target *t, const struct call_piece *p, bool redact, struct str *to)
{
	if (!redact && t->live && !t->live->sockets) {
		AUTO_FREE char *net = xasprintf("%s/net", t->live->dir);
		t->live->sockets = sockets_new(net);
	}
	if (!redact && t->live && sockets_text(t->live->sockets, p->text, p->inode, to))
		return;
	str_addf(to, "%s%ssocket:[%" PRIu64 "]", p->text, p->text[0] ? " " : "", p->inode);
}

static void put_process(const struct target_live *live, pid_t pid, bool redact, struct str *to)
{
	AUTO_FREE char *dir = xasprintf("%s/%d", live->proc, (int)pid);
	struct live_stat stat;
	str_addf(to, "process %d", (int)pid);
	if (!redact && !failed(live_read_stat(dir, &stat)))
		str_addf(to, ", %s", stat.name);
}

static void put_holder(struct target *t, const struct call_piece *p, bool redact, struct str *to)
{
	struct target_live *live = t->live;
	pid_t pid;
	if (live && !live->locks)
		live->locks = file_locks_new(live->proc);
	bool flock = !strcmp(p->text, "flock");
	if (!live || !file_locks_holder(live->locks, t->pid, flock, p->inode, &pid))
		return;
	str_puts(to, " (held by ");
	if (pid == t->pid)
		str_puts(to, "this process itself");
	else if (pid > 0)
		put_process(live, pid, redact, to);
	else
		str_puts(to, "an open file");
	str_putc(to, ')');
}

static void put_piece(struct target *t, const struct call_piece *p, bool redact, struct str *to)
{
	switch (p->kind) {
	case PIECE_WORDS:
		str_puts(to, p->text);
		return;
	case PIECE_TEXT:
		str_puts(to, redact ? p->redacted : p->text);
		return;
	case PIECE_SOCKET:
		put_socket(t, p, redact, to);
		return;
	case PIECE_HOLDER:
		put_holder(t, p, redact, to);
		return;
	}
}

static void render(
	struct target *t, const struct call_record *c, bool redact, struct thread_call *ret)
{
	*ret = (struct thread_call){ .number = c->number, .name = c->name, .n_arguments = c->n };
	for (size_t i = 0; i < c->n; i++) {
		AUTO_STR(text);
		for (size_t k = 0; k < c->arguments[i].n; k++)
			put_piece(t, &c->arguments[i].pieces[k], redact, &text);
		ret->arguments[i] = xstrdup(str_text(&text));
	}
}

/* A call that a signal or a stop cut short has left one of these (Linux include/linux/errno.h), and
 * one that has not begun the first; any other result is that of a call that is over. */
static bool is_cut_short(const struct core_regs *r)
{
	enum { RESTART_FIRST = 512, RESTART_LAST = 516 };
	return !r->has_result || r->result == -ENOSYS || r->result == -EINTR ||
	       (r->result <= -RESTART_FIRST && r->result >= -RESTART_LAST);
}

static bool is_call_code(struct mem *mem, uint64_t addr, const struct core_call_code *code)
{
	uint8_t b[sizeof(code->bytes)];
	if (!code->size || failed(mem_read(mem, addr, b, code->size)))
		return false;
	for (unsigned i = 0; i < code->size; i++) {
		if ((b[i] & code->mask[i]) != code->bytes[i])
			return false;
	}
	return true;
}

enum stands target_stands(struct target *t, uint64_t pc)
{
	const struct core_arch *arch = core_arch_find(t->machine, t->mem->ptr_size);
	for (size_t i = 0; arch && i < ARRAY_LEN(arch->call_codes); i++) {
		const struct core_call_code *code = &arch->call_codes[i];
		if (is_call_code(t->mem, pc, code))
			return STANDS_AT_CALL;
		if (is_call_code(t->mem, pc - code->size, code))
			return STANDS_BEHIND_CALL;
	}
	uint8_t byte;
	return failed(mem_read(t->mem, pc, &byte, 1)) ? STANDS_UNKNOWN : STANDS_AWAY;
}

bool target_stands_at_trap(struct target *t, uint64_t pc)
{
	const struct core_arch *arch = core_arch_find(t->machine, t->mem->ptr_size);
	for (size_t i = 0; arch && i < ARRAY_LEN(arch->trap_codes); i++) {
		const struct core_call_code *code = &arch->trap_codes[i];
		if (is_call_code(t->mem, arch->trap_moves_on ? pc - code->size : pc, code))
			return true;
	}
	return false;
}

/* Whether the code is in the call that the registers tell. Of the thread that died a call that it
 * stands behind is over. */
static bool is_in_call_code(struct target *t, const struct os_thread *th)
{
	switch (target_stands(t, th->regs.pc & ~(uint64_t)1)) {
	case STANDS_AT_CALL:
		return true;
	case STANDS_BEHIND_CALL:
	case STANDS_UNKNOWN: /* as far as can be seen */
		return !th->crashed;
	case STANDS_AWAY:
		break;
	}
	return false;
}

static bool call_of_registers(
	struct target *t, const struct os_thread *th, bool redact, struct thread_call *ret)
{
	const struct core_regs *r = &th->regs;
	if (!r->has_syscall || r->syscall < 0 || !is_cut_short(r))
		return false;
	CLEANUP(arena_fini) struct arena arena = { 0 };
	const struct call_place at = { .t = t, .mem = t->mem, .arena = &arena };
	struct call_record record;
	const struct core_arch *arch = core_arch_find(t->machine, t->mem->ptr_size);
	if (arch && arch->call_by_code && !is_in_call_code(t, th))
		return false;
	bool lost = arch && arch->result_is_first && (int64_t)r->syscall_args[0] == -EINTR;
	call_describe(&at, r->syscall, NULL, r->syscall_args, lost, &record);
	render(t, &record, redact, ret);
	return true;
}

bool target_call(struct target *t, const struct os_thread *th, bool redact, struct thread_call *ret)
{
	if (t->kind == TARGET_LIVE && (th->activity.known || !th->stopped)) {
		if (th->activity.call)
			render(t, th->activity.call, redact, ret);
		return th->activity.call != NULL;
	}
	return call_of_registers(t, th, redact, ret);
}

void thread_call_fini(struct thread_call *c)
{
	for (size_t i = 0; i < c->n_arguments; i++)
		free(c->arguments[i]);
	*c = (struct thread_call){ 0 };
}

void thread_call_text(const struct thread_call *c, struct str *to)
{
	if (c->name)
		str_puts(to, c->name);
	else
		str_addf(to, "system call %" PRId64, c->number);
	for (size_t i = 0; i < c->n_arguments; i++)
		str_addf(to, "%s%s", i ? ", " : "(", c->arguments[i]);
	str_puts(to, c->n_arguments ? ")" : c->name ? "()" : "");
}
