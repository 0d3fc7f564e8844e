/* SPDX-License-Identifier: Apache-2.0 */
#include "registers.h"

#include "out_internal.h"
#include "out_json.h"
#include "out_text.h"

#include <inttypes.h>
#include <string.h>

enum { OBJECT_BYTES_MAX = 100 };

/* "string_at+0x12 (_ctypes.so)", or "_ctypes.so+0x4f12" */
static void say_code(const struct register_value *v, struct str *to)
{
	const struct native_place *place = v->place;
	const struct native_call *call = place ? &place->calls[place->n_calls - 1] : NULL;
	const char *name = v->image && v->image->path[0] ? image_name(v->image) : NULL;
	uint64_t distance = place ? v->value - place->function_start : 0;
	if (call && call->function && place->function_start) {
		str_puts(to, call->function);
		if (distance)
			str_addf(to, "+0x%" PRIx64, distance);
		if (name)
			str_addf(to, " (%s)", name);
	} else if (v->image && v->image->elf) {
		str_addf(to, "%s+0x%" PRIx64, name ? name : "unnamed module",
			v->value - v->image->bias);
	} else {
		str_addf(to, "code in %s", name ? name : "no file");
	}
}

static bool is_continuation(char c)
{
	return ((uint8_t)c & 0xc0) == 0x80;
}

/* "list: [1, 2]", on one line and not too long. */
static void say_object(const struct py_described *d, struct str *to)
{
	const struct py_text *text = &d->value->text;
	size_t n = text->len;
	if (d->value->type)
		str_addf(to, "%s: ", d->value->type);
	if (n > OBJECT_BYTES_MAX) {
		n = OBJECT_BYTES_MAX;
		while (n > 0 && is_continuation(text->bytes[n]))
			n--;
	}
	str_add(to, text->bytes, n);
	if (n < text->len)
		str_puts(to, "...");
}

/* What it points to, as the target has it: to be escaped. */
static void say(const struct register_value *v, struct str *to)
{
	switch (v->points) {
	case POINTS_NOWHERE:
		break;
	case POINTS_CODE:
		say_code(v, to);
		break;
	case POINTS_STACK:
		str_addf(to, "stack of thread %d%s", (int)v->tid,
			v->below ? ", below its stack pointer" : "");
		break;
	case POINTS_OBJECT:
		say_object(v->object, to);
		break;
	case POINTS_DATA:
		if (v->image && v->image->path[0])
			str_addf(to, "data of %s", image_name(v->image));
		else
			str_puts(to, "memory of no file");
		break;
	}
}

static const char *doing(enum access a)
{
	switch (a) {
	case ACCESS_UNKNOWN:
		return "goes to";
	case ACCESS_READ:
		return "reads";
	case ACCESS_WRITE:
		return "writes";
	case ACCESS_EXECUTE:
		return "executes at";
	}
	return NULL;
}

static void text_instruction(struct out *o, const struct registers *r)
{
	const struct instruction *in = &r->instruction;
	char why[ERR_TEXT_MAX];
	if (!r->has_instruction)
		return;
	str_puts(&o->buf, "  Instruction: ");
	if (r->instruction_why.code == ERR_CORRUPT)
		str_puts(&o->buf, "none that the disassembler knows");
	else if (failed(r->instruction_why))
		str_addf(&o->buf, "not known: %s", err_text(r->instruction_why, why));
	else
		text_put(o, in->text[0] ? in->text : "none, no code can be there");
	if (in->has_operand) {
		str_addf(&o->buf, "  (%s ", doing(in->access));
		if (in->size && in->access != ACCESS_EXECUTE)
			str_addf(&o->buf, "%" PRIu32 " byte%s at ", in->size,
				in->size == 1 ? "" : "s");
		str_addf(&o->buf, "0x%" PRIx64 ")", in->address);
	}
	str_putc(&o->buf, '\n');
}

void text_registers(struct out *o, const struct registers *r)
{
	AUTO_STR(text);
	int width = 0;
	for (size_t i = 0; r && i < r->n; i++) {
		int len = (int)strlen(r->list[i].name);
		width = len > width ? len : width;
	}
	if (!width)
		return;
	text_instruction(o, r);
	str_addf(&o->buf, "  Registers%s:\n",
		r->earlier ? " when the signal handler was called" : "");
	for (size_t i = 0; i < r->n; i++) {
		const struct register_value *v = &r->list[i];
		str_addf(&o->buf, "    %-*s ", width, v->name);
		if (v->unknown)
			str_puts(&o->buf, "not in the core");
		else
			str_addf(&o->buf, "0x%0*" PRIx64, (int)(2 * v->size), v->value);
		str_clear(&text);
		say(v, &text);
		if (text.len) {
			str_puts(&o->buf, "  ");
			out_escape_text(&o->buf, text.bytes, text.len);
		}
		str_putc(&o->buf, '\n');
	}
}

static const char *kind_name(enum register_points points)
{
	switch (points) {
	case POINTS_NOWHERE:
		return NULL;
	case POINTS_CODE:
		return "code";
	case POINTS_STACK:
		return "stack";
	case POINTS_OBJECT:
		return "object";
	case POINTS_DATA:
		return "data";
	}
	return NULL;
}

static const char *access_name(enum access a)
{
	switch (a) {
	case ACCESS_UNKNOWN:
		return NULL;
	case ACCESS_READ:
		return "read";
	case ACCESS_WRITE:
		return "write";
	case ACCESS_EXECUTE:
		return "execute";
	}
	return NULL;
}

static void json_module(struct json *j, const struct register_value *v)
{
	json_text(j, "module", v->image && v->image->path[0] ? v->image->path : NULL);
	if (v->image && v->image->elf)
		json_addr(j, "offset", v->value - v->image->bias);
	else
		json_null(j, "offset");
}

static void json_register(struct json *j, const struct register_value *v)
{
	AUTO_STR(text);
	const struct native_place *place = v->place;
	json_open(j, v->name, '{');
	if (v->unknown)
		json_null(j, "value");
	else
		json_addr(j, "value", v->value);
	json_text(j, "kind", kind_name(v->points));
	say(v, &text);
	if (text.len)
		json_bytes(j, "points_to", text.bytes, text.len);
	else
		json_null(j, "points_to");
	if (v->points == POINTS_CODE)
		json_text(j, "function", place ? place->calls[place->n_calls - 1].function : NULL);
	if (v->points == POINTS_CODE || v->points == POINTS_DATA)
		json_module(j, v);
	if (v->points == POINTS_STACK)
		json_number(j, "tid", v->tid, 1);
	if (v->points == POINTS_OBJECT) {
		json_text(j, "type", v->object->value->type);
		json_bytes(j, "repr", v->object->value->text.bytes, v->object->value->text.len);
	}
	json_close(j, '}');
}

static void json_operand(struct json *j, const struct instruction *in)
{
	json_text(j, "operand", in->has_operand && in->operand[0] ? in->operand : NULL);
	json_text(j, "access", in->has_operand ? access_name(in->access) : NULL);
	if (in->has_operand)
		json_addr(j, "address", in->address);
	else
		json_null(j, "address");
	if (in->has_operand && in->size)
		json_uint(j, "size", in->size);
	else
		json_null(j, "size");
}

static void json_instruction(struct json *j, const struct registers *r)
{
	const struct instruction *in = &r->instruction;
	char why[ERR_TEXT_MAX];
	if (!r->has_instruction) {
		json_null(j, "instruction");
		return;
	}
	json_open(j, "instruction", '{');
	json_text(j, "text", in->text[0] ? in->text : NULL);
	json_operand(j, in);
	json_text(
		j, "error", failed(r->instruction_why) ? err_text(r->instruction_why, why) : NULL);
	json_close(j, '}');
}

void json_registers(struct json *j, const struct registers *r)
{
	if (!r || !r->n) {
		json_null(j, "instruction");
		json_null(j, "registers");
		return;
	}
	json_instruction(j, r);
	json_open(j, "registers", '{');
	for (size_t i = 0; i < r->n; i++)
		json_register(j, &r->list[i]);
	json_close(j, '}');
}
