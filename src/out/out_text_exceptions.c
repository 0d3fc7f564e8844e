/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An exception as Python prints one that nobody caught: what led to it first, then its own
 * traceback, its type and message, its notes; and the members of a group in boxes (PEP 654). Chains
 * and groups have at most EXCEPTION_CHAIN_MAX exceptions in all, which bounds every recursion here.
 */
#include "facts.h"
#include "out_text.h"
#include "stacks.h"

/* How much of a group Python itself shows. */
enum { GROUP_WIDTH_MAX = 15, GROUP_DEPTH_MAX = 10 };

struct block {
	struct out *o;
	const struct python *p;
	const char *indent;
	struct hash *shown; /* as text_put_frame() has it */
	unsigned depth; /* boxes that we are inside of */
	bool open; /* the innermost box still lacks its lower edge */
};

/* Puts in front of every line from byte `from` on what stands at its left: the edges of the boxes.
 * edge: "| ", "+ " or "". */
static void put_edges(struct block *b, size_t from, const char *edge)
{
	AUTO_STR(prefix);
	str_addf(&prefix, "%s%*s%s", b->indent, (int)(2 * b->depth), "", b->depth ? edge : "");
	text_indent(b->o, from, str_text(&prefix));
}

static void put_line(struct block *b, const char *edge, const char *text)
{
	size_t from = b->o->buf.len;
	str_addf(&b->o->buf, "%s\n", text);
	put_edges(b, from, edge);
}

/* Frames outermost first; of a line that repeats, as many as Python shows. */
static void put_frames(struct block *b, const struct py_exception *e)
{
	for (size_t left = e->n_traceback, run; left > 0; left -= run) {
		const struct py_frame *f = &e->traceback[left - 1];
		for (run = 1; run < left && frame_same(f, f - run);)
			run++;
		for (size_t i = 0; i < run && i < REPEATS_SHOWN; i++)
			text_put_frame(b->o, b->p, f - i, false, b->shown);
		if (run > REPEATS_SHOWN)
			str_addf(&b->o->buf, "  [Previous line repeated %zu more time%s]\n",
				run - REPEATS_SHOWN, run - REPEATS_SHOWN == 1 ? "" : "s");
	}
}

static void put_error_line(struct block *b, const char *what, struct err e)
{
	if (!failed(e))
		return;
	text_put_error(b->o, what, e);
	str_putc(&b->o->buf, '\n');
}

static void put_traceback(struct block *b, const struct py_exception *e)
{
	put_frames(b, e);
	if (e->traceback_omitted)
		str_addf(&b->o->buf, "  [%zu frames further in are left out]\n",
			e->traceback_omitted);
	put_error_line(b, "traceback: ", e->traceback_why);
}

static void put_text(struct block *b, const struct py_text *text)
{
	if (text->bytes)
		text_put_lines(b->o, text->bytes, text->len);
	else
		text_put_error(b->o, "damaged: ", text->why);
	str_puts(&b->o->buf, text->cut ? "...\n" : "\n");
}

static void put_type_and_message(struct block *b, const struct py_exception *e)
{
	struct out *o = b->o;
	const struct py_text *message = e->short_message.bytes ? &e->short_message : &e->message;
	if (e->source.bytes)
		put_text(b, &e->source);
	text_begin_colour(o, "1;35");
	text_put(o, e->type ? e->type : "<unknown exception>");
	text_end_colour(o);
	if (!message->len && !failed(message->why)) {
		str_putc(&o->buf, '\n');
		return;
	}
	str_puts(&o->buf, ": ");
	put_text(b, message);
	if (e->message_is_args)
		str_puts(&o->buf, "[these are its arguments; its own __str__ was not run]\n");
}

/* The exception without its chain and members. */
static void put_itself(struct block *b, const struct py_exception *e)
{
	size_t from = b->o->buf.len;
	put_traceback(b, e);
	put_type_and_message(b, e);
	for (size_t i = 0; i < e->n_notes; i++)
		put_text(b, &e->notes[i]);
	put_error_line(b, "damaged: ", e->why);
	put_edges(b, from, "| ");
}

static void put_chain(struct block *b, const struct py_exception *e);

/* A box of a group: its title, and what it holds; e: NULL for the box that counts those which are
 * not shown. */
static void put_box(
	struct block *b, const struct py_exception *e, size_t number, size_t left, bool last)
{
	AUTO_STR(text);
	AUTO_STR(title);
	b->open |= last;
	if (e)
		str_addf(&title, "%zu", number);
	else
		str_puts(&title, "...");
	str_addf(&text, "%s+---------------- %s ----------------", number == 1 ? "+-" : "  ",
		str_text(&title));
	put_line(b, "", str_text(&text));
	str_clear(&text);
	str_addf(&text, "and %zu more exception%s", left, left == 1 ? "" : "s");
	b->depth++;
	if (e)
		put_chain(b, e);
	else
		put_line(b, "| ", str_text(&text));
	if (last && b->open)
		put_line(b, "", "+------------------------------------");
	b->open &= !last;
	b->depth--;
}

static void put_group(struct block *b, const struct py_exception *e)
{
	size_t total = e->n_exceptions + e->exceptions_omitted, shown = e->n_exceptions;
	bool outermost = b->depth == 0;
	if (shown > GROUP_WIDTH_MAX)
		shown = GROUP_WIDTH_MAX;
	b->depth += outermost;
	if (e->n_traceback)
		put_line(b, outermost ? "+ " : "| ",
			"Exception Group Traceback (most recent call last):");
	put_itself(b, e);
	b->open = false;
	for (size_t i = 0; i < shown; i++)
		put_box(b, e->exceptions[i], i + 1, 0, i + 1 == total);
	if (shown < total)
		put_box(b, NULL, shown + 1, total - shown, true);
	b->depth -= outermost;
}

static void put_alone(struct block *b, const struct py_exception *e)
{
	if (!e->n_exceptions && !e->exceptions_omitted) {
		if (e->n_traceback)
			put_line(b, "| ", "Traceback (most recent call last):");
		put_itself(b, e);
	} else if (b->depth > GROUP_DEPTH_MAX) {
		put_line(b, "| ", "... (max_group_depth is 10)");
	} else {
		put_group(b, e);
	}
	out_flush(b->o, false);
}

static void put_chain(struct block *b, const struct py_exception *e)
{
	const char *sentence = NULL;
	if (e->cause) {
		put_chain(b, e->cause);
		sentence = "\nThe above exception was the direct cause of the following "
			   "exception:\n";
	} else if (e->context && !e->suppress_context) {
		put_chain(b, e->context);
		sentence = "\nDuring handling of the above exception, another exception "
			   "occurred:\n";
	}
	if (sentence)
		put_line(b, "| ", sentence);
	put_alone(b, e);
}

void text_put_exception(struct out *o, const struct python *p, const struct py_exception *e,
	const char *indent, struct hash *shown)
{
	struct block b = { .o = o, .p = p, .indent = indent, .shown = shown };
	put_chain(&b, e);
}
