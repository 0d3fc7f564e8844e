/* SPDX-License-Identifier: Apache-2.0 */
#include "fakepy.h"

#include <assert.h>
#include <check.h>
#include <elf.h>

static const struct layout *layout_of(const struct fakepy *f)
{
	return &f->rt->layout;
}

uint8_t *fakepy_at(struct fakepy *f, uint64_t addr)
{
	assert(addr >= FAKEPY_BASE && addr < FAKEPY_BASE + FAKEPY_SIZE);
	return f->bytes + (addr - FAKEPY_BASE);
}

uint64_t fakepy_alloc(struct fakepy *f, size_t n)
{
	uint64_t addr = FAKEPY_BASE + f->used;
	f->used += (n + 15) / 16 * 16;
	assert(f->used <= FAKEPY_SIZE);
	return addr;
}

void fakepy_put(const struct fakepy *f, uint8_t *to, uint64_t value, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		to[f->mem.base.order == ORDER_LITTLE ? i : size - 1 - i] =
			(uint8_t)(value >> 8 * i);
}

uint64_t fakepy_thread_id(const struct fakepy *f, uint64_t tstate)
{
	uint64_t id = 0x7f0000000000 + tstate;
	return f->mem.base.ptr_size == 8 ? id : (uint32_t)id;
}

void fakepy_set(struct fakepy *f, uint64_t addr, enum field field, uint64_t value)
{
	const struct field_at *at = &layout_of(f)->field[field];
	if (at->origin == ORIGIN_NONE)
		return;
	uint8_t *to = fakepy_at(f, addr) + at->offset;
	if (at->bits) {
		uint64_t mask = ((UINT64_C(1) << at->bits) - 1) << at->bit;
		value = (bytes_uint(to, at->size, f->mem.base.order) & ~mask) |
			(value << at->bit & mask);
	}
	fakepy_put(f, to, value, at->size);
}

/* Room for a struct: up to the end of the last field that is known of the group "name." */
static uint64_t new_struct(struct fakepy *f, const char *group)
{
	size_t span = 64;
	for (int i = 0; i < FIELD_COUNT; i++) {
		const struct field_at *at = &layout_of(f)->field[i];
		if (text_starts(field_name((enum field)i), group) && at->origin != ORIGIN_NONE &&
			(size_t)at->offset + at->size > span)
			span = (size_t)at->offset + at->size;
	}
	return fakepy_alloc(f, span);
}

void fakepy_set_address(struct fakepy *f, uint64_t at, uint64_t value)
{
	fakepy_put(f, fakepy_at(f, at), value, layout_of(f)->key.ptr_size);
}

uint64_t fakepy_type(struct fakepy *f, const char *name)
{
	uint64_t text = fakepy_alloc(f, strlen(name) + 1), type = new_struct(f, "type.");
	memcpy(fakepy_at(f, text), name, strlen(name));
	fakepy_set(f, type, FIELD_type_name, text);
	return type;
}

uint64_t fakepy_class(struct fakepy *f, const char *name, uint64_t flags, uint64_t basicsize)
{
	uint64_t type = fakepy_type(f, name), mro = fakepy_alloc(f, 64);
	fakepy_set(f, type, FIELD_object_type, f->type ? f->type : type);
	fakepy_set(f, type, FIELD_type_flags, flags);
	fakepy_set(f, type, FIELD_type_basicsize, basicsize);
	fakepy_set(f, type, FIELD_type_base, f->object);
	fakepy_set(f, type, FIELD_type_mro, mro);
	fakepy_set(f, mro, FIELD_varobject_size, 1);
	fakepy_set_address(f, mro + layout_of(f)->field[FIELD_tuple_items].offset, type);
	return type;
}

void fakepy_classes(struct fakepy *f)
{
	enum { HAVE_GC = 1 << 14, SIZE = 900 };
	const uint64_t type_subclass = UINT64_C(1) << 31;
	uint64_t head = layout_of(f)->field[FIELD_object_type].offset + layout_of(f)->key.ptr_size;
	f->type = f->object = 0;
	f->type = fakepy_class(f, "type", type_subclass | HAVE_GC, SIZE);
	f->object = fakepy_class(f, "object", 0, head);
	fakepy_set(f, f->type, FIELD_type_base, f->object);
}

uint64_t fakepy_bytes(struct fakepy *f, const void *bytes, size_t n)
{
	size_t head = layout_of(f)->field[FIELD_bytes_data].offset;
	uint64_t addr = fakepy_alloc(f, head + n + 1);
	fakepy_set(f, addr, FIELD_bytes_size, n);
	memcpy(fakepy_at(f, addr) + head, bytes, n);
	return addr;
}

uint64_t fakepy_text(struct fakepy *f, const char *text)
{
	size_t n = strlen(text), head = layout_of(f)->field[FIELD_str_ascii_data].offset;
	if (layout_of(f)->row->text == TEXT_BYTES)
		return fakepy_bytes(f, text, n);
	uint64_t addr = fakepy_alloc(f, head + n + 1);
	fakepy_set(f, addr, FIELD_object_type, f->str_type);
	fakepy_set(f, addr, FIELD_str_length, n);
	fakepy_set(f, addr, FIELD_str_kind, 1);
	fakepy_set(f, addr, FIELD_str_compact, 1);
	fakepy_set(f, addr, FIELD_str_ascii, 1);
	memcpy(fakepy_at(f, addr) + head, text, n);
	return addr;
}

uint64_t fakepy_code(struct fakepy *f, const char *name)
{
	uint64_t code = new_struct(f, "code."), text = fakepy_text(f, name);
	fakepy_set(f, code, FIELD_object_type, f->code_type);
	fakepy_set(f, code, FIELD_code_name, text);
	fakepy_set(f, code, FIELD_code_qualname, text);
	fakepy_set(f, code, FIELD_code_filename, fakepy_text(f, "file.py"));
	fakepy_set(f, code, FIELD_code_firstlineno, 10);
	fakepy_set(f, code, FIELD_code_linetable, fakepy_bytes(f, "", 0));
	return code;
}

/* What stands for the entry from C, outside of the outermost frame, where the build has such. */
static uint64_t shim(struct fakepy *f)
{
	const struct layout *l = layout_of(f);
	if (l->row->owner.shim_from < 0)
		return 0;
	uint64_t frame = new_struct(f, "iframe.");
	fakepy_set(f, frame, FIELD_iframe_owner, (uint64_t)l->row->owner.shim_from);
	return frame;
}

uint64_t fakepy_frame(struct fakepy *f, uint64_t code, int32_t offset, uint64_t back)
{
	const struct layout *l = layout_of(f);
	bool objects = l->row->frames == FRAMES_OBJECTS;
	uint64_t frame = new_struct(f, objects ? "frame." : "iframe.");
	fakepy_set(f, frame, objects ? FIELD_frame_code : FIELD_iframe_code, code);
	fakepy_set(f, frame, objects ? FIELD_frame_back : FIELD_iframe_previous,
		back ? back : shim(f));
	switch (l->row->instr) {
	case INSTR_LASTI_BYTES:
		fakepy_set(f, frame, FIELD_frame_lasti, (uint64_t)offset);
		break;
	case INSTR_LASTI_UNITS:
		fakepy_set(f, frame, FIELD_frame_lasti, (uint64_t)(offset / 2));
		break;
	case INSTR_POINTER_LAST:
	case INSTR_POINTER:
		fakepy_set(f, frame, FIELD_iframe_instr,
			code + l->field[FIELD_code_instructions].offset + (uint64_t)offset);
		break;
	}
	return frame;
}

uint64_t fakepy_thread(struct fakepy *f, uint64_t interp, uint64_t frame)
{
	const struct layout *l = layout_of(f);
	const struct field_at *head = &l->field[FIELD_interp_threads_head];
	uint64_t thread = new_struct(f, "tstate.");
	fakepy_set(f, thread, FIELD_tstate_interp, interp);
	fakepy_set(f, thread, FIELD_tstate_next,
		bytes_uint(fakepy_at(f, interp) + head->offset, head->size, f->mem.base.order));
	fakepy_set(f, thread, FIELD_tstate_thread_id, fakepy_thread_id(f, thread));
	fakepy_set(f, interp, FIELD_interp_threads_head, thread);
	if (l->row->frames == FRAMES_CFRAME) {
		uint64_t cframe = new_struct(f, "cframe.");
		fakepy_set(f, thread, FIELD_tstate_cframe, cframe);
		fakepy_set(f, cframe, FIELD_cframe_current_frame, frame);
	} else {
		fakepy_set(f, thread, FIELD_tstate_frame, frame);
	}
	return thread;
}

uint64_t fakepy_interp(struct fakepy *f)
{
	return new_struct(f, "interp.");
}

const struct layout_row *fakepy_row(unsigned major, unsigned minor)
{
	size_t n;
	const struct layout_row *rows = layout_rows(&n);
	for (size_t i = n; i-- > 0;) {
		if (rows[i].first >> 16 == (major << 8 | minor) && rows[i].abi == ABI_RELEASE &&
			rows[i].machine == EM_X86_64)
			return &rows[i];
	}
	ck_abort_msg("no row for %u.%u", major, minor);
}

void fakepy_init(struct fakepy *f, const struct layout_row *row)
{
	*f = (struct fakepy){ .bytes = xcalloc(1, FAKEPY_SIZE) };
	mem_buf_init(&f->mem, row->order, row->ptr_size);
	mem_buf_add(&f->mem, FAKEPY_BASE, f->bytes, FAKEPY_SIZE, MEM_READ | MEM_WRITE);
	f->target = (struct target){
		.kind = TARGET_CORE, .mem = &f->mem.base, .pid = 4711, .machine = row->machine
	};
	struct python *p = &f->python;
	p->target = &f->target;
	p->n_runtimes = p->cap_runtimes = 1;
	p->runtimes = xcalloc(1, sizeof(*p->runtimes));
	f->rt = p->runtimes;
	*f->rt = (struct py_runtime){ .target = &f->target, .mem = &f->mem.base };
	f->rt->layout = (struct layout){ .row = row,
		.key = { .version = row->last,
			.machine = row->machine,
			.abi = row->abi,
			.ptr_size = row->ptr_size,
			.order = row->order } };
	memcpy(f->rt->layout.field, row->fields, sizeof(f->rt->layout.field));
	f->code_type = fakepy_type(f, "code");
	f->str_type = fakepy_type(f, "str");
	f->interp = fakepy_interp(f);
	f->rt->addr = row->roots == ROOTS_STATICS ? fakepy_alloc(f, 8) : new_struct(f, "runtime.");
	if (row->roots == ROOTS_STATICS)
		fakepy_set_address(f, f->rt->addr, f->interp);
	fakepy_set(f, f->rt->addr, FIELD_runtime_interpreters_head, f->interp);
	fakepy_set(f, f->rt->addr, FIELD_runtime_interpreters_main, f->interp);
}

void fakepy_fini(struct fakepy *f)
{
	python_fini(&f->python);
	problems_fini(&f->target.problems);
	free(f->bytes);
}
