/* SPDX-License-Identifier: Apache-2.0 */
/* The head of the report: which process, how much of it is there, and how it ended. */
#include "out_text.h"

#include "pycore/signals.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

static void put_time(struct out *o, struct timespec at)
{
	struct tm tm;
	char text[64];
	if (localtime_r(&at.tv_sec, &tm) &&
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z", &tm))
		str_puts(&o->buf, text);
}

static void put_size(struct out *o, uint64_t bytes)
{
	char text[TEXT_SIZE_MAX];
	str_puts(&o->buf, text_size(bytes, text));
}

/* A word of a command line, quoted where a shell would split it. */
static void put_argument(struct out *o, const char *word)
{
	AUTO_STR(room);
	bool plain =
		o->opt.redact || (word[0] && !word[strcspn(word, " \t\n\"'\\$&|;<>()*?[]{}`")]);
	if (!plain)
		str_putc(&o->buf, '\'');
	text_put(o, out_argument(o, word, &room));
	if (!plain)
		str_putc(&o->buf, '\'');
}

static void put_command(struct out *o, const struct target *t)
{
	if (!t->argc)
		return;
	text_label(o, "Command:");
	for (size_t i = 0; i < t->argc; i++) {
		if (i)
			str_putc(&o->buf, ' ');
		put_argument(o, t->argv[i]);
	}
	str_puts(&o->buf, t->argv_cut ? " ... (cut)\n" : "\n");
}

static void put_death(struct out *o, const struct target *t)
{
	int signo = t->signal.signo;
	const struct core_siginfo *info = &t->signal.info;
	const char *name = signal_name(signo),
		   *code = info->present ? signal_code_name(signo, info->code) : NULL;
	if (t->snapshot || !signo) {
		str_puts(&o->buf, t->snapshot ? "a snapshot of a living process, not a crash\n"
					      : "the core names no signal\n");
		return;
	}
	text_begin_colour(o, "1;31");
	str_addf(&o->buf, "died by signal %d", signo);
	if (name)
		str_addf(&o->buf, " (%s)", name);
	text_end_colour(o);
	if (code)
		str_addf(&o->buf, ", %s: %s", code, signal_code_text(signo, info->code));
	if (info->has_addr)
		str_addf(&o->buf, ", at address 0x%" PRIx64, info->addr);
	if (info->has_sender && info->pid)
		str_addf(&o->buf, ", sent by process %d%s", (int)info->pid,
			info->pid == t->pid ? " (itself)" : "");
	str_putc(&o->buf, '\n');
}

/* 33.3 of 100.0 MiB: both in the unit of the whole. */
static void put_part(struct out *o, uint64_t part, uint64_t whole)
{
	const uint64_t percent = whole ? (uint64_t)(100.0 * (double)part / (double)whole) : 0;
	put_size(o, part);
	str_puts(&o->buf, " of ");
	put_size(o, whole);
	str_addf(&o->buf, " of its memory are there (%" PRIu64 " %%)", percent);
}

void text_coverage(struct out *o, const struct target *t)
{
	struct target_coverage c = target_coverage(t);
	if (o->has_coverage || (!c.cut && !c.cut_file))
		return;
	o->has_coverage = true;
	text_label(o, "Cut off:");
	text_begin_colour(o, "1;31");
	if (c.cut_place) {
		str_addf(&o->buf, "%s, so what it should hold is not known; ", c.cut_place);
		put_size(o, c.saved);
		str_puts(&o->buf, " of its memory are there");
	} else {
		put_part(o, c.saved, c.saved + c.cut);
	}
	if (failed(c.unpack_why)) {
		str_puts(&o->buf, "; it was ");
		target_unpack_text(&c, &o->buf);
	}
	text_end_colour(o);
	str_putc(&o->buf, '\n');
}

static void put_cut(struct out *o, const struct target_coverage *c)
{
	str_puts(&o->buf, "; IT IS CUT OFF: ");
	if (c->cut || !c->unlisted) {
		str_puts(&o->buf, c->cut_place ? "at least " : "");
		put_size(o, c->cut);
		str_puts(&o->buf, " are lost");
	}
	if (c->unlisted) {
		str_puts(&o->buf, c->cut ? ", and of " : "of ");
		put_size(o, c->unlisted);
		str_puts(&o->buf, " it is not known whether they should be in it");
	}
	if (failed(c->unpack_why)) {
		str_puts(&o->buf, ", it was ");
		target_unpack_text(c, &o->buf);
	}
}

static void put_memory(struct out *o, const struct target_coverage *c)
{
	put_size(o, c->saved);
	str_puts(&o->buf, " are in the core");
	if (c->left_out || !c->unlisted) {
		str_puts(&o->buf, ", ");
		put_size(o, c->left_out);
		str_puts(&o->buf, " were left out (files, address space that was only reserved)");
	}
	if (c->cut || c->cut_file) {
		text_begin_colour(o, "1;31");
		put_cut(o, c);
		text_end_colour(o);
	}
	str_putc(&o->buf, '\n');
}

static void put_core_head(struct out *o, const struct target *t)
{
	struct target_coverage c = target_coverage(t);
	text_label(o, "Core file:");
	text_put(o, t->path);
	if (!o->has_verdict && t->as_of.tv_sec != NO_TIME) {
		str_puts(&o->buf, ", file's time ");
		put_time(o, t->as_of);
	}
	str_putc(&o->buf, '\n');
	text_label(o, "Memory:");
	put_memory(o, &c);
	if (o->has_verdict)
		return;
	text_label(o, "Process:");
	if (t->pid > 0)
		target_pid_text(t, &o->buf);
	else
		str_puts(&o->buf, "of unknown id");
	str_puts(&o->buf, ", ");
	put_death(o, t);
}

static void put_live_head(struct out *o, const struct target *t)
{
	text_label(o, "Process:");
	target_pid_text(t, &o->buf);
	str_puts(&o->buf, ", live, started ");
	put_time(o, t->as_of);
	if (t->pause_seconds >= 0)
		str_addf(&o->buf, "; stopped for %.2f ms\n", t->pause_seconds * 1e3);
	else
		str_puts(&o->buf, t->nonblocking ? "; read while it ran\n" : "\n");
}

void text_process(struct out *o, const struct target *t)
{
	if (o->opt.no_head)
		return;
	text_coverage(o, t);
	if (t->kind == TARGET_CORE)
		put_core_head(o, t);
	else
		put_live_head(o, t);
	put_command(o, t);
	if (t->exe_path) {
		text_label(o, "Executable:");
		text_put(o, t->exe_path);
		text_put_build_id(o, t->exe);
		str_putc(&o->buf, '\n');
	}
}
