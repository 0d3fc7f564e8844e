/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The notes of a core. Linux fs/binfmt_elf.c, fill_note_info(): NT_PRSTATUS of the thread that
 * died, then NT_PRPSINFO, NT_SIGINFO, NT_AUXV, NT_FILE, then the thread's other register sets; then
 * for every other thread NT_PRSTATUS and its register sets. gdb (linux-tdep.c,
 * make_corefile_notes()): NT_PRPSINFO, for each thread NT_PRSTATUS, its register sets and
 * NT_SIGINFO, then NT_AUXV and NT_FILE, newer ones also a note named GDB. struct elf_prstatus and
 * elf_prpsinfo: include/linux/elfcore.h; siginfo_t: include/uapi/asm-generic/siginfo.h.
 */
#include "parts.h"

#include "pycore/alloc.h"

#include <elf.h>
#include <signal.h>

static bool named(const struct elf_note *note, const char *name)
{
	size_t n = strlen(name);
	return note->name_size >= n && note->name_size <= n + 1 && !memcmp(note->name, name, n);
}

static void add_thread(struct core_notes *n, const struct elf_note *note)
{
	struct elfcore *c = n->c;
	/* Where the architecture has no row, its word size still gives away pid and signal. */
	size_t pid_at = n->arch ? n->arch->pid_at : c->head.ptr_size == 8 ? 32 : 24;
	size_t cursig_at = n->arch ? n->arch->cursig_at : 12;
	if (note->desc_size < pid_at + 4)
		return;
	if (c->n_threads >= OS_THREADS_MAX) {
		c->notes_cut = true;
		return;
	}
	struct core_thread t = {
		.tid = (pid_t)bytes_int(note->desc + pid_at, 4, c->head.order),
		.cursig = (int)bytes_int(note->desc + cursig_at, 2, c->head.order),
	};
	if (n->arch && note->desc_size > n->arch->regs_at)
		t.regs = core_regs_parse(n->arch, c->head.order, note->desc + n->arch->regs_at,
			note->desc_size - n->arch->regs_at);
	c->threads = xgrow(c->threads, &n->cap_threads, c->n_threads, sizeof(t));
	c->threads[c->n_threads++] = t;
}

/* The fields behind pr_flag, per size of the whole: 32-bit machines have 16-bit ids (i386, arm) or
 * not. */
static void parse_process(struct elfcore *c, const struct elf_note *note)
{
	static const struct {
		size_t size;
		unsigned uid_at, uid_size, pid_at, name_at, args_at;
	} shapes[] = {
		{ 136, 16, 4, 24, 40, 56 },
		{ 128, 8, 4, 16, 32, 48 },
		{ 124, 8, 2, 12, 28, 44 },
	};
	enum { NAME = 16, ARGS = 80 };
	if (c->has_process || note->desc_lost)
		return;
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
		if (shapes[i].size != note->desc_size)
			continue;
		const uint8_t *d = note->desc;
		enum byte_order o = c->head.order;
		c->has_process = true;
		c->state = (char)d[1];
		c->uid = (uid_t)bytes_uint(d + shapes[i].uid_at, shapes[i].uid_size, o);
		c->gid = (gid_t)bytes_uint(
			d + shapes[i].uid_at + shapes[i].uid_size, shapes[i].uid_size, o);
		c->pid = (pid_t)bytes_int(d + shapes[i].pid_at, 4, o);
		c->ppid = (pid_t)bytes_int(d + shapes[i].pid_at + 4, 4, o);
		memcpy(c->comm, d + shapes[i].name_at, NAME);
		memcpy(c->args, d + shapes[i].args_at, ARGS);
	}
}

/* si_addr and si_pid share their place; signal and code say which it is. A general protection fault
 * has the code SI_KERNEL and no address. */
static void parse_siginfo(
	const struct elfcore *c, const struct elf_note *note, struct core_siginfo *ret)
{
	enum { SI_KERNEL_CODE = 0x80 };
	struct cursor d = cursor_of(note->desc, note->desc_size, c->head.order);
	struct core_siginfo s = { .present = true };
	s.signo = (int)cursor_uint(&d, 4);
	s.err = (int)cursor_uint(&d, 4);
	s.code = (int)cursor_uint(&d, 4);
	if (d.overrun)
		return;
	if (c->head.ptr_size == 8)
		cursor_skip(&d, 4);
	bool fault = s.signo == SIGSEGV || s.signo == SIGBUS || s.signo == SIGILL ||
		     s.signo == SIGFPE || s.signo == SIGTRAP;
	if (fault && s.code > 0 && s.code < SI_KERNEL_CODE) {
		s.addr = cursor_uint(&d, c->head.ptr_size);
		s.has_addr = !d.overrun;
	} else if (s.code == SI_USER || s.code == SI_TKILL || s.code == SI_QUEUE ||
		   s.code == SI_MESGQ) {
		s.pid = (pid_t)cursor_uint(&d, 4);
		s.uid = (uid_t)cursor_uint(&d, 4);
		s.has_sender = !d.overrun;
	}
	*ret = s;
}

void core_auxv_parse(struct elfcore *c, const uint8_t *bytes, size_t size)
{
	if (c->n_auxv)
		return;
	struct cursor d = cursor_of(bytes, size, c->head.order);
	while (c->n_auxv < AUXV_MAX) {
		struct core_auxv a = { .type = cursor_uint(&d, c->head.ptr_size) };
		a.value = cursor_uint(&d, c->head.ptr_size);
		if (d.overrun || a.type == AT_NULL)
			break;
		c->auxv[c->n_auxv++] = a;
	}
}

static void dispatch_core(struct core_notes *n, const struct elf_note *note)
{
	struct elfcore *c = n->c;
	switch (note->type) {
	case NT_PRSTATUS:
		add_thread(n, note);
		break;
	case NT_PRPSINFO:
		parse_process(c, note);
		break;
	case NT_SIGINFO:
		if (c->n_threads)
			parse_siginfo(c, note, &c->threads[c->n_threads - 1].siginfo);
		break;
	case NT_PRFPREG:
		if (c->n_threads) {
			c->threads[c->n_threads - 1].regs.fp_raw = note->desc;
			c->threads[c->n_threads - 1].regs.fp_size = note->desc_size;
		}
		break;
	case NT_AUXV:
		core_auxv_parse(c, note->desc, note->desc_size);
		break;
	case NT_FILE:
		if (!c->files)
			core_files_parse(c, note->desc, note->desc_size);
		break;
	}
}

void core_notes_read(struct core_notes *n, uint64_t offset, uint64_t size)
{
	struct elfcore *c = n->c;
	uint64_t have = offset < c->size ? c->size - offset : 0;
	if (size > have)
		c->notes_cut = c->cut = true;
	else
		have = size;
	if (have > NOTES_BYTES_MAX - n->bytes) {
		have = NOTES_BYTES_MAX - n->bytes;
		c->notes_cut = true;
	}
	if (!have)
		return;
	n->bytes += have;
	struct cursor cur = cursor_of(c->bytes + offset, (size_t)have, c->head.order);
	struct elf_note note;
	while (elf_note_next(&cur, &note)) {
		if (n->seen < ARRAY_LEN(n->first))
			n->first[n->seen] = note.type;
		n->seen++;
		if (note.desc_lost)
			c->notes_cut = true;
		if (named(&note, "CORE"))
			dispatch_core(n, &note);
		else if (named(&note, "GDB"))
			n->by_gdb = true;
		else if (n->arch && c->n_threads && named(&note, "LINUX"))
			core_regs_add(n->arch, c->head.order, note.type, note.desc, note.desc_size,
				&c->threads[c->n_threads - 1].regs);
	}
}

bool core_signal_kills(int signo)
{
	switch (signo) {
	case SIGSTOP:
	case SIGTSTP:
	case SIGTTIN:
	case SIGTTOU:
	case SIGCHLD:
	case SIGCONT:
	case SIGURG:
	case SIGWINCH:
		return false;
	}
	return signo > 0;
}

bool core_notes_from_kernel(const struct core_notes *n)
{
	return n->seen && !n->by_gdb && n->first[0] == NT_PRSTATUS &&
	       (n->seen == 1 || n->first[1] == NT_PRPSINFO);
}
