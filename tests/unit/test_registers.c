/* SPDX-License-Identifier: Apache-2.0 */
/* What registers point to: the rows of names, stacks, code, and objects that must prove themselves.
 */
#include "suites.h"

#include "fakepy.h"

#include "../../src/py/objects/objects.h"
#include "../support/corecase.h"

#include "pycore/alloc.h"
#include "pycore/registers.h"

#include <elf.h>
#include <signal.h>
#include <string.h>

enum {
	CODE = 0x900000,
	STACK = 0xa00000,
	STACK_BYTES = 0x40000,
	GUARD = STACK - CORE_PAGE,
	TOP = 0xb00000,
	SP = STACK + 0x20000,
	TLS = STACK + 0x3f000,
	MAIN_SP = TOP + 0x800,
	RAX = 10,
	RIP = 16,
	RSP = 19,
	FS_BASE = 21,
	RAW = 27,
};

/* A process of two threads; the first has its control block at the top of its stack. */
static struct {
	struct fakepy f;
	uint64_t metatype, object, str, list, tuple;
	uint8_t code[CORE_PAGE], guard[CORE_PAGE], stack[STACK_BYTES], top[CORE_PAGE];
	uint64_t raw[2][RAW];
	struct os_thread threads[2];
	struct registers found;
} s;

static void set_regs(unsigned i, uint64_t rax)
{
	s.raw[i][RAX] = rax;
	s.threads[i].regs = core_regs_parse(
		core_arch_find(EM_X86_64, 8), ORDER_LITTLE, s.raw[i], sizeof(s.raw[i]));
}

static uint64_t make_type(const char *name, uint64_t flags, uint64_t base)
{
	uint64_t type = fakepy_type(&s.f, name);
	fakepy_set(&s.f, type, FIELD_object_type, s.metatype);
	fakepy_set(&s.f, type, FIELD_type_flags, flags);
	fakepy_set(&s.f, type, FIELD_type_basicsize, 64);
	fakepy_set(&s.f, type, FIELD_type_base, base);
	fakepy_set(&s.f, type, FIELD_type_repr, type); /* its own */
	return type;
}

static void set_count(uint64_t addr, uint64_t count)
{
	memcpy(fakepy_at(&s.f, addr), &count, 8);
}

static void set_up(const struct layout_row *row)
{
	memset(&s, 0, sizeof(s));
	fakepy_init(&s.f, row);
	s.metatype = fakepy_type(&s.f, "type");
	s.object = make_type("object", 0, 0);
	fakepy_set(&s.f, s.metatype, FIELD_object_type, s.metatype);
	fakepy_set(&s.f, s.metatype, FIELD_type_flags, TYPE_TYPE | TYPE_GC);
	fakepy_set(&s.f, s.metatype, FIELD_type_basicsize, 64);
	fakepy_set(&s.f, s.metatype, FIELD_type_base, s.object);
	set_count(s.metatype, 5);
	set_count(s.object, 5);
	bool bytes = row->text == TEXT_BYTES;
	s.str = make_type("str", bytes ? TYPE_BYTES : TYPE_STR, s.object);
	s.list = make_type("list", TYPE_LIST | TYPE_GC, s.object);
	s.tuple = make_type("tuple", TYPE_TUPLE | TYPE_GC, s.object);
	mem_buf_add(&s.f.mem, CODE, s.code, sizeof(s.code), MEM_READ | MEM_EXEC);
	mem_buf_add(&s.f.mem, STACK, s.stack, sizeof(s.stack), MEM_READ | MEM_WRITE);
	mem_buf_add(&s.f.mem, TOP, s.top, sizeof(s.top), MEM_READ | MEM_WRITE);
	s.threads[0].tid = 11;
	s.threads[1].tid = 22;
	s.threads[0].crashed = true;
	s.raw[0][RSP] = SP;
	s.raw[0][RIP] = CODE;
	s.raw[0][FS_BASE] = TLS;
	s.raw[1][RSP] = MAIN_SP;
	set_regs(0, 0);
	set_regs(1, 0);
	s.f.target.threads = s.threads;
	s.f.target.n_threads = 2;
	s.f.python.options.limits = VALUES_SHORT;
}

static void tear_down(void)
{
	registers_fini(&s.found);
	s.f.target.threads = NULL;
	fakepy_fini(&s.f);
}

/* What rax points to with that value. */
static const struct register_value *follow(uint64_t value)
{
	registers_fini(&s.found);
	py_forget_values(&s.f.python);
	set_regs(0, value);
	registers_read(&s.f.python, NULL, &s.threads[0], &s.found);
	ck_assert_uint_eq(s.found.n, 18);
	ck_assert_str_eq(s.found.list[0].name, "rax");
	ck_assert_uint_eq(s.found.list[0].value, value);
	return &s.found.list[0];
}

#define ck_assert_points(value, kind) ck_assert_int_eq(follow(value)->points, kind)

/* An object of the type, `n` bytes, with room for the collector's head before it. */
static uint64_t make_object(uint64_t type, size_t n)
{
	uint64_t head = s.f.rt->layout.field[FIELD_gc_head_sizeof].offset;
	uint64_t addr = fakepy_alloc(&s.f, head + n) + head;
	fakepy_set(&s.f, addr, FIELD_object_type, type);
	set_count(addr, 1);
	return addr;
}

static void link_heads(uint64_t a, uint64_t b)
{
	const struct layout *l = &s.f.rt->layout;
	uint64_t size = l->field[FIELD_gc_head_sizeof].offset, prev;
	fakepy_set(&s.f, a - size, FIELD_gc_head_next, b - size);
	prev = a - size;
	memcpy(fakepy_at(&s.f, b - size) + l->field[FIELD_gc_head_next].offset + 8, &prev, 8);
}

START_TEST(test_names)
{
	for (int i = 0; i < N_MACHINES; i++) {
		const struct core_arch *a =
			core_arch_find(machines[i].machine, machines[i].ptr_size);
		bool pc = false, sp = false;
		uint64_t seen = 0;
		ck_assert_uint_ge(a->n_regs, a->n_shown);
		for (size_t k = 0; k < a->n_regs; k++) {
			int at = a->regs[k].at;
			ck_assert_int_lt(at, (int)(a->regs_size / a->reg_size));
			ck_assert_msg(!(seen >> at & 1), "%s: %s", a->name, a->regs[k].name);
			seen |= UINT64_C(1) << at;
			pc |= at == a->pc && k < a->n_shown;
			sp |= at == a->sp && k < a->n_shown;
		}
		ck_assert_msg(pc && sp, "%s", a->name);
	}
}
END_TEST

START_TEST(test_places)
{
	set_up(fakepy_row(3, 11));
	ck_assert_points(0, POINTS_NOWHERE);
	ck_assert_points(0x1234, POINTS_NOWHERE);
	ck_assert_points(UINT64_MAX, POINTS_NOWHERE);
	ck_assert_points(CODE + 5, POINTS_CODE);
	ck_assert_ptr_null(follow(CODE)->place);
	ck_assert_points(FAKEPY_BASE + FAKEPY_SIZE - 16, POINTS_DATA);
	follow(0);
	const struct register_value *last = &s.found.list[17];
	ck_assert_str_eq(last->name, "eflags");
	ck_assert_int_eq(last->points, POINTS_NOWHERE);
	ck_assert_str_eq(s.found.list[16].name, "rip");
	ck_assert_int_eq(s.found.list[16].points, POINTS_CODE);
	ck_assert(!s.found.has_instruction);
	tear_down();
}
END_TEST

START_TEST(test_stacks)
{
	set_up(fakepy_row(3, 11));
	const struct register_value *v = follow(SP);
	ck_assert_int_eq(v->points, POINTS_STACK);
	ck_assert_int_eq(v->tid, 11);
	ck_assert(!v->below);
	v = follow(TLS - 8);
	ck_assert_int_eq(v->tid, 11);
	ck_assert_points(TLS, POINTS_DATA);
	v = follow(SP - 128);
	ck_assert_int_eq(v->points, POINTS_STACK);
	ck_assert(v->below);
	ck_assert_points(SP - 0x10001, POINTS_DATA);
	/* the highest mapping is the stack that the kernel made */
	v = follow(MAIN_SP + 0x700);
	ck_assert_int_eq(v->points, POINTS_STACK);
	ck_assert_int_eq(v->tid, 22);
	/* a stack pointer into other memory proves nothing */
	s.raw[1][RSP] = FAKEPY_BASE + FAKEPY_SIZE - 64;
	set_regs(1, 0);
	ck_assert_points(FAKEPY_BASE + FAKEPY_SIZE - 32, POINTS_DATA);
	/* two stacks in one mapping */
	s.raw[1][RSP] = SP - 0x8000;
	s.raw[1][FS_BASE] = SP - 0x4000;
	set_regs(1, 0);
	ck_assert_int_eq(follow(SP - 0x6000)->tid, 22);
	ck_assert_int_eq(follow(SP + 0x10)->tid, 11);
	tear_down();
}
END_TEST

/* The mapping that the kernel made for the main thread's stack need not be the highest one. */
START_TEST(test_first_stack)
{
	set_up(fakepy_row(3, 11));
	s.raw[0][FS_BASE] = 0; /* nothing else tells where it ends */
	ck_assert_points(SP + 8, POINTS_DATA);
	s.f.target.first_stack = STACK + STACK_BYTES - 100;
	const struct register_value *v = follow(SP + 8);
	ck_assert_int_eq(v->points, POINTS_STACK);
	ck_assert_int_eq(v->tid, 11);
	ck_assert_points(STACK + STACK_BYTES - 1, POINTS_STACK);
	ck_assert_points(MAIN_SP + 8, POINTS_DATA);
	s.f.target.first_stack = CODE; /* what cannot be a stack */
	ck_assert_points(MAIN_SP + 8, POINTS_STACK);
	tear_down();
}
END_TEST

/* A stack that has overflowed: its stack pointer is in the guard. */
START_TEST(test_guard)
{
	set_up(fakepy_row(3, 11));
	s.raw[0][RSP] = GUARD + 0x100;
	ck_assert_points(GUARD + 0x100, POINTS_NOWHERE); /* not mapped */
	mem_buf_add(&s.f.mem, GUARD, s.guard, sizeof(s.guard), 0);
	const struct register_value *v = follow(GUARD + 0x100);
	ck_assert_int_eq(v->points, POINTS_STACK);
	ck_assert_int_eq(v->tid, 11);
	ck_assert(!v->below);
	ck_assert(follow(GUARD + 0xf0)->below);
	ck_assert_points(STACK + 0x10, POINTS_STACK);
	ck_assert_points(TLS - 8, POINTS_STACK);
	ck_assert_points(TLS, POINTS_DATA);
	s.raw[0][FS_BASE] = 0;
	ck_assert_points(GUARD + 0x100, POINTS_DATA);
	s.raw[0][FS_BASE] = TLS;
	s.raw[0][RSP] = TOP - 0x100; /* what is no guard */
	ck_assert_points(GUARD + 0x100, POINTS_DATA);
	tear_down();
}
END_TEST

static const struct layout_row *row_at(int i)
{
	size_t n;
	return &layout_rows(&n)[i];
}

/* The registers here are x86-64's. */
static bool is_usable(const struct layout_row *row)
{
	return row->machine == EM_X86_64 && row->abi == ABI_RELEASE;
}

START_TEST(test_objects)
{
	const struct layout_row *row = row_at(_i);
	if (!is_usable(row))
		return;
	set_up(row);
	uint64_t text = fakepy_text(&s.f, "spam");
	fakepy_set(&s.f, text, FIELD_object_type, s.str);
	set_count(text, 1);
	const struct register_value *v = follow(text);
	ck_assert_int_eq(v->points, POINTS_OBJECT);
	ck_assert_str_eq(v->object->value->type, "str");
	ck_assert_str_eq(v->object->value->text.bytes, "'spam'");
	s.f.python.options.limits.redact = true;
	ck_assert_ptr_null(strstr(follow(text)->object->value->text.bytes, "spam"));
	s.f.python.options.limits.redact = false;
	ck_assert_points(text + 1, POINTS_DATA);
	ck_assert_points(text + 8, POINTS_DATA);
	set_count(text, 0); /* freed */
	ck_assert_points(text, POINTS_DATA);
	set_count(text, 0x7f1200000010); /* no count */
	ck_assert_points(text, POINTS_DATA);
	set_count(text, FAKEPY_BASE); /* a free list's link */
	ck_assert_points(text, POINTS_DATA);
	set_count(text, 1);
	fakepy_set(&s.f, text, FIELD_object_type, text); /* no type */
	ck_assert_points(text, POINTS_DATA);
	ck_assert_points(s.object, POINTS_OBJECT);
	ck_assert_str_eq(follow(s.object)->object->value->type, "type");
	tear_down();
}
END_TEST

/* What the collector knows has neighbours that know it. */
START_TEST(test_collectable)
{
	const struct layout_row *row = row_at(_i);
	if (!is_usable(row))
		return;
	set_up(row);
	uint64_t a = make_object(s.list, 64), b = make_object(s.list, 64);
	uint64_t head = a - s.f.rt->layout.field[FIELD_gc_head_sizeof].offset;
	link_heads(a, b);
	ck_assert_points(a, POINTS_OBJECT);
	ck_assert_ptr_nonnull(strstr(follow(a)->object->value->text.bytes, "[]"));
	ck_assert_points(b, POINTS_DATA); /* nothing follows it */
	link_heads(b, a);
	ck_assert_points(b, POINTS_OBJECT);
	fakepy_set(&s.f, head, FIELD_gc_head_next, a);
	ck_assert_points(a, POINTS_DATA);
	/* not tracked */
	memset(fakepy_at(&s.f, head), 0, a - head);
	fakepy_set(&s.f, head, FIELD_gc_head_refs, (uint64_t)-2);
	ck_assert_points(a, POINTS_OBJECT);
	tear_down();
}
END_TEST

/* Inside of a tuple of types stands what looks like an object: a length, and a type. */
START_TEST(test_inside)
{
	const struct layout_row *row = row_at(_i);
	if (!is_usable(row))
		return;
	set_up(row);
	const struct layout *l = &s.f.rt->layout;
	uint64_t tuple = make_object(s.tuple, 128), next = make_object(s.tuple, 64);
	uint64_t items = tuple + l->field[FIELD_tuple_items].offset;
	link_heads(tuple, next);
	fakepy_set(&s.f, tuple, FIELD_varobject_size, 1);
	memcpy(fakepy_at(&s.f, items), &s.object, 8);
	set_count(items - 8, 1); /* the size, or the hash */
	ck_assert_points(tuple, POINTS_OBJECT);
	ck_assert_points(items - 8, POINTS_DATA);
	fakepy_set(&s.f, tuple, FIELD_object_type, 0); /* and if there is no tuple, it is one... */
	bool aligned = items % 16 == 8 || row->refs == REFS_PLAIN;
	if (aligned)
		ck_assert_points(items - 8, POINTS_OBJECT);
	else /* ...but where none can be */
		ck_assert_points(items - 8, POINTS_DATA);
	tear_down();
}
END_TEST

START_TEST(test_instruction_of_registers)
{
	set_up(fakepy_row(3, 11));
	memcpy(s.code, "\x48\x8b\x00", 3); /* mov rax, [rax] */
	s.f.target.signal.signo = SIGSEGV;
	s.f.target.signal.info = (struct core_siginfo){
		.present = true, .signo = SIGSEGV, .code = 1, .has_addr = true, .addr = 0x10
	};
	follow(0x10);
	ck_assert(s.found.has_instruction);
	ck_assert_ok(s.found.instruction_why);
	ck_assert_str_eq(s.found.instruction.text, "mov rax, qword ptr [rax]");
	ck_assert_uint_eq(s.found.instruction.address, 0x10);
	/* an earlier moment of the thread, on another part of its stack */
	uint64_t raw[RAW];
	struct os_thread before = s.threads[0];
	memcpy(raw, s.raw[0], sizeof(raw));
	raw[RSP] = SP - 0x1000;
	raw[RAX] = SP - 0x800;
	before.regs = core_regs_parse(core_arch_find(EM_X86_64, 8), ORDER_LITTLE, raw, sizeof(raw));
	ck_assert(!s.found.earlier);
	registers_fini(&s.found);
	registers_read(&s.f.python, NULL, &before, &s.found);
	ck_assert(s.found.earlier && !s.found.has_instruction);
	ck_assert_int_eq(s.found.list[0].points, POINTS_STACK);
	ck_assert(!s.found.list[0].below);
	s.f.target.signal.info.code = 0; /* kill() */
	follow(0x10);
	ck_assert(!s.found.has_instruction);
	s.threads[0].regs = (struct core_regs){ 0 };
	registers_fini(&s.found);
	registers_read(&s.f.python, NULL, &s.threads[0], &s.found);
	ck_assert_uint_eq(s.found.n, 0);
	tear_down();
}
END_TEST

Suite *suite_registers(void)
{
	Suite *suite = suite_create("what registers point to");
	TCase *t = tcase_create("registers");
	size_t n;
	(void)layout_rows(&n);
	tcase_add_test(t, test_names);
	tcase_add_test(t, test_places);
	tcase_add_test(t, test_stacks);
	tcase_add_test(t, test_first_stack);
	tcase_add_test(t, test_guard);
	tcase_add_loop_test(t, test_objects, 0, (int)n);
	tcase_add_loop_test(t, test_collectable, 0, (int)n);
	tcase_add_loop_test(t, test_inside, 0, (int)n);
	tcase_add_test(t, test_instruction_of_registers);
	suite_add_tcase(suite, t);
	return suite;
}
