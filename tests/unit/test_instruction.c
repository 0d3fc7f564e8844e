/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instructions by their bytes: what memory they go to, and how. Where the processor at hand is the
 * one, it is asked too: it runs them, and says where they fault.
 */
#include "suites.h"

#include "instruction_rows.h"

#include "../../src/verdict/decoding.h"

#include "../support/corecase.h"

#include "pycore/alloc.h"
#include "pycore/attr.h"

#include <elf.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

static const struct code {
	uint16_t machine;
	unsigned ptr_size;
	enum byte_order order;
	enum disassembler_kind kind;
	const struct row *rows;
	size_t n;
} codes[] = {
	{ EM_X86_64, 8, ORDER_LITTLE, DIS_X86_64, rows_x86_64, ARRAY_LEN(rows_x86_64) },
	{ EM_386, 4, ORDER_LITTLE, DIS_I386, rows_i386, ARRAY_LEN(rows_i386) },
	{ EM_AARCH64, 8, ORDER_LITTLE, DIS_AARCH64, rows_aarch64, ARRAY_LEN(rows_aarch64) },
	{ EM_ARM, 4, ORDER_LITTLE, DIS_ARM, rows_arm, ARRAY_LEN(rows_arm) },
	{ EM_ARM, 4, ORDER_LITTLE, DIS_THUMB, rows_thumb, ARRAY_LEN(rows_thumb) },
	{ EM_S390, 8, ORDER_BIG, DIS_S390X, rows_s390x, ARRAY_LEN(rows_s390x) },
};

enum { CODE = 0x500000, RAW_MAX = 64 * 8, THUMB_BIT = 0x20 };

/* A thread whose registers differ far enough for every address to be told from every other. */
struct made {
	const struct core_arch *arch;
	enum byte_order order;
	uint8_t raw[RAW_MAX];
	struct core_regs regs;
};

static uint64_t value_of(const struct made *m, const char *name)
{
	uint64_t v;
	if (!strcmp(name, "gs_base") && m->arch->ptr_size == 4)
		return m->regs.tls;
	if (name[0] == 'w')
		return (uint32_t)value_of(m, "x2");
	if (!strcmp(name, "edi") && m->arch->ptr_size == 8)
		return (uint32_t)value_of(m, "rdi");
	ck_assert(core_regs_get(m->arch, m->order, &m->regs, name, &v));
	return v;
}

static void set(struct made *m, const char *name, uint64_t value)
{
	for (size_t i = 0; i < m->arch->n_regs; i++) {
		uint8_t *to = m->raw + (size_t)m->arch->regs[i].at * m->arch->reg_size;
		for (size_t k = 0; !strcmp(m->arch->regs[i].name, name) && k < m->arch->reg_size;
			k++)
			to[m->order == ORDER_LITTLE ? k : m->arch->reg_size - 1 - k] =
				(uint8_t)(value >> 8 * k);
	}
	m->regs = core_regs_parse(m->arch, m->order, m->raw, m->arch->regs_size);
	m->regs.has_tls = true;
	m->regs.tls = 0x3f000000;
}

static void make(struct made *m, const struct code *c)
{
	*m = (struct made){ .arch = core_arch_find(c->machine, c->ptr_size), .order = c->order };
	for (size_t i = 0; i < m->arch->n_regs; i++)
		set(m, m->arch->regs[i].name,
			c->ptr_size == 8 ? 0x200000000000 + (i + 1) * 0x1010000000
					 : 0x10000000 + (i + 1) * 0x100000);
	if (c->machine == EM_X86_64 || c->machine == EM_386) {
		set(m, c->ptr_size == 8 ? "rcx" : "ecx", 0x60);
		set(m, "eflags", 0x202);
	}
	set(m, c->kind == DIS_X86_64 ? "rip" : c->kind == DIS_I386 ? "eip" : "pc", CODE);
	if (c->machine == EM_ARM)
		set(m, "cpsr", c->kind == DIS_THUMB ? THUMB_BIT : 0);
}

/* What the row says. */
static uint64_t address_of(const struct made *m, const struct row *r)
{
	uint64_t at = (uint64_t)r->offset;
	if (r->base && (!strcmp(r->base, "rip")))
		at += CODE + r->n;
	else if (r->base)
		at += value_of(m, r->base);
	if (r->index)
		at += value_of(m, r->index) * (uint64_t)(int64_t)r->scale;
	return m->arch->ptr_size == 4 || r->flags & LOW ? (uint32_t)at : at;
}

static bool decode(struct disassembler *dis, const struct made *m, const void *bytes, size_t n,
	const uint64_t *fault, struct instruction *ret)
{
	struct decoding d = {
		.dis = dis, .arch = m->arch, .order = m->order, .regs = &m->regs, .pc = CODE
	};
	if (!decoding_run(&d, bytes, n, ret))
		return false;
	decoding_choose(&d, fault, ret);
	return true;
}

static void check_flags(const struct row *r, const struct instruction *in)
{
	ck_assert_msg(in->traps == !!(r->flags & TRAPS), "%s: traps", r->text);
	ck_assert_msg(in->privileged == !!(r->flags & PRIVILEGED), "%s: privileged", r->text);
	ck_assert_msg(in->divides == !!(r->flags & DIVIDES), "%s: divides", r->text);
	ck_assert_msg(in->pushes == !!(r->flags & PUSHES), "%s: pushes", r->text);
}

static void check_row(const struct made *m, const struct row *r, struct disassembler *dis)
{
	struct instruction in = { 0 };
	uint64_t fault = address_of(m, r);
	ck_assert_msg(decode(dis, m, r->bytes, r->n, &fault, &in), "%s: not decoded", r->text);
	ck_assert_uint_eq(in.length, r->n);
	ck_assert_str_eq(in.text, r->text);
	check_flags(r, &in);
	ck_assert_msg(in.has_operand == !(r->flags & NO_OPERAND), "%s: operand", r->text);
	if (!in.has_operand)
		return;
	ck_assert_msg(in.access == r->access, "%s: access %d", r->text, in.access);
	ck_assert_msg(in.address == fault, "%s: 0x%llx, not 0x%llx", r->text,
		(unsigned long long)in.address, (unsigned long long)fault);
	ck_assert_msg(in.size == r->size, "%s: %u bytes", r->text, in.size);
	ck_assert_msg(in.alignment == r->alignment, "%s: aligned to %u", r->text, in.alignment);
	ck_assert(instruction_faults_at(&in, fault));
	const char *base = r->base ? r->base : r->index;
	ck_assert_str_eq(in.base ? in.base : "", base ? base : "");
}

START_TEST(test_rows)
{
	const struct code *c = &codes[_i];
	struct disassembler dis;
	struct made m;
	make(&m, c);
	ck_assert_ok(disassembler_open(c->kind, c->order, &dis));
	for (size_t i = 0; i < c->n; i++)
		check_row(&m, &c->rows[i], &dis);
	disassembler_close(&dis);
}
END_TEST

/* Any bytes are an instruction or none; what is told of them is within its bounds. */
START_TEST(test_random_bytes)
{
	enum { TIMES = 100000 };
	const struct code *c = &codes[_i];
	struct disassembler dis;
	struct made m;
	uint32_t state = 4711;
	size_t decoded = 0;
	make(&m, c);
	ck_assert_ok(disassembler_open(c->kind, c->order, &dis));
	for (unsigned i = 0; i < TIMES; i++) {
		uint8_t bytes[16];
		struct instruction in;
		size_t n = 1 + random_below(&state, sizeof(bytes));
		uint8_t *exact = memcpy(xmalloc(n), memset(bytes, 0, sizeof(bytes)), n);
		uint64_t fault = random_below(&state, UINT32_MAX);
		for (size_t k = 0; k < n; k++)
			exact[k] = (uint8_t)random_below(&state, 256);
		if (decode(&dis, &m, exact, n, i % 2 ? &fault : NULL, &in)) {
			decoded++;
			bool good = in.length <= n && memchr(in.text, 0, sizeof(in.text)) &&
				    memchr(in.operand, 0, sizeof(in.operand));
			if (!good || (c->ptr_size == 4 && in.address > UINT32_MAX))
				ck_abort_msg("%s", in.text);
		}
		free(exact);
	}
	ck_assert_uint_gt(decoded, TIMES / 50);
	disassembler_close(&dis);
}
END_TEST

#ifdef __x86_64__
/* What the processor said of an instruction that it was made to run. */
static struct {
	volatile int phase; /* 0: to be entered; 1: runs; 2: is over */
	const struct made *regs;
	greg_t before[NGREG];
	int signo;
	uint64_t trap, error, address, pc;
} run;

static void enter(greg_t *g)
{
	static const struct {
		int at;
		const char *name;
	} rows[] = { { REG_RAX, "rax" }, { REG_RBX, "rbx" }, { REG_RCX, "rcx" }, { REG_RDX, "rdx" },
		{ REG_RSI, "rsi" }, { REG_RDI, "rdi" }, { REG_RBP, "rbp" }, { REG_RSP, "rsp" },
		{ REG_R8, "r8" }, { REG_R9, "r9" }, { REG_R10, "r10" }, { REG_R11, "r11" },
		{ REG_R12, "r12" }, { REG_R13, "r13" }, { REG_R14, "r14" }, { REG_R15, "r15" },
		{ REG_EFL, "eflags" }, { REG_RIP, "rip" } };
	memcpy(run.before, g, sizeof(run.before));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t v;
		if (core_regs_get(run.regs->arch, ORDER_LITTLE, &run.regs->regs, rows[i].name, &v))
			g[rows[i].at] = (greg_t)v;
	}
}

static void on_signal(int signo, siginfo_t *info, void *context)
{
	greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;
	(void)info;
	if (run.phase++ == 0) {
		enter(g);
		return;
	}
	run.signo = signo;
	run.trap = (uint64_t)g[REG_TRAPNO];
	run.error = (uint64_t)g[REG_ERR];
	run.address = (uint64_t)g[REG_CR2];
	run.pc = (uint64_t)g[REG_RIP];
	memcpy(g, run.before, (REG_RIP + 1) * sizeof(*g));
	g[REG_EFL] = run.before[REG_EFL];
}

static void run_row(struct made *m, uint8_t *page, const struct row *r)
{
	ck_assert_int_eq(mprotect(page, CORE_PAGE, PROT_READ | PROT_WRITE), 0);
	memcpy(page, r->bytes, r->n);
	memcpy(page + r->n, "\x0f\x0b", 2);
	ck_assert_int_eq(mprotect(page, CORE_PAGE, PROT_READ | PROT_EXEC), 0);
	set(m, "rip", (uint64_t)(uintptr_t)page);
	run.regs = m;
	run.phase = 0;
	__asm__ volatile("int3" ::: "memory");
	ck_assert_int_eq(run.phase, 2);
}

static void compare_row(const struct made *m, const uint8_t *page, const struct row *r)
{
	enum { PAGE_FAULT = 14, WRITE = 2 };
	bool here = run.pc == (uint64_t)(uintptr_t)page;
	if (r->flags & NO_OPERAND) {
		ck_assert_msg(run.pc == (uint64_t)(uintptr_t)page + r->n, "%s: faults", r->text);
		return;
	}
	if (here && run.signo == SIGILL)
		return; /* it is younger than the processor */
	ck_assert_msg(here && run.trap == PAGE_FAULT, "%s: trap %d", r->text, (int)run.trap);
	/* what is large may be tried at its end first */
	ck_assert_msg(run.address - address_of(m, r) < (r->size > 64 ? r->size : 1),
		"%s: faults at 0x%llx", r->text, (unsigned long long)run.address);
	ck_assert_msg(!!(run.error & WRITE) == (r->access == ACCESS_WRITE), "%s: access", r->text);
}

START_TEST(test_processor_agrees)
{
	struct made m;
	uint8_t *page = mmap(NULL, CORE_PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	static const int signals[] = { SIGTRAP, SIGSEGV, SIGBUS, SIGILL, SIGFPE };
	static uint8_t room[65536];
	stack_t stack = { .ss_sp = room, .ss_size = sizeof(room) };
	ck_assert_ptr_ne(page, MAP_FAILED);
	ck_assert_int_eq(sigaltstack(&stack, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		ck_assert_int_eq(sigaction(signals[i], &sa, NULL), 0);
	make(&m, &codes[0]);
	for (size_t i = 0; i < ARRAY_LEN(rows_x86_64); i++) {
		const struct row *r = &rows_x86_64[i];
		if (r->flags & (NOT_RUN | TRAPS | PRIVILEGED) ||
			(r->flags & NO_OPERAND && r->flags & DIVIDES))
			continue;
		run_row(&m, page, r);
		compare_row(&m, page, r);
	}
	munmap(page, CORE_PAGE);
}
END_TEST
#endif

/* A process of one thread and one page of code, the last of its mapping. */
struct process {
	struct made made;
	uint8_t code[CORE_PAGE];
	struct mem_buf mem;
	struct target target;
	struct os_thread thread;
	struct instruction found;
	struct err why;
};

enum { PAGE_AT = 0x7000, DATA_AT = 0x9000 };

static void make_process(struct process *p, const struct code *c, const void *bytes, size_t n)
{
	*p = (struct process){ 0 };
	make(&p->made, c);
	memcpy(p->code, bytes, n);
	mem_buf_init(&p->mem, c->order, c->ptr_size);
	mem_buf_add(&p->mem, PAGE_AT, p->code, sizeof(p->code), MEM_READ | MEM_EXEC);
	p->target =
		(struct target){ .kind = TARGET_CORE, .mem = &p->mem.base, .machine = c->machine };
	p->thread.crashed = true;
	p->target.signal.signo = SIGSEGV;
	p->target.signal.info =
		(struct core_siginfo){ .present = true, .signo = SIGSEGV, .code = 1 };
}

static void read_process(struct process *p, uint64_t pc)
{
	const struct core_arch *a = p->made.arch;
	for (size_t i = 0; i < a->n_regs; i++) {
		if (a->regs[i].at == a->pc)
			set(&p->made, a->regs[i].name, pc);
	}
	p->thread.regs = p->made.regs;
	p->found = (struct instruction){ .length = 4711 };
	p->why = instruction_read(&p->target, &p->thread, &p->found);
}

static void tell_fault(struct process *p, uint64_t address)
{
	p->target.signal.info.has_addr = true;
	p->target.signal.info.addr = address;
}

/* Of two operands, the one that the signal's address lies in. */
START_TEST(test_fault_chooses)
{
	struct process p;
	make_process(&p, &codes[0], "\xf3\x48\xa5", 3); /* rep movsq */
	read_process(&p, PAGE_AT);
	ck_assert_ok(p.why);
	ck_assert(!p.found.has_operand);
	ck_assert_str_eq(p.found.text, "rep movsq qword ptr [rdi], qword ptr [rsi]");
	tell_fault(&p, value_of(&p.made, "rdi") + 0x123);
	read_process(&p, PAGE_AT);
	ck_assert(p.found.has_operand);
	ck_assert_str_eq(p.found.operand, "[rdi]");
	ck_assert_int_eq(p.found.access, ACCESS_WRITE);
	tell_fault(&p, value_of(&p.made, "rsi"));
	read_process(&p, PAGE_AT);
	ck_assert_str_eq(p.found.operand, "[rsi]");
	ck_assert_int_eq(p.found.access, ACCESS_READ);
	tell_fault(&p, 0x1234);
	read_process(&p, PAGE_AT);
	ck_assert(!p.found.has_operand);
	set(&p.made, "rcx", 0);
	read_process(&p, PAGE_AT);
	ck_assert(!p.found.has_operand);
	set(&p.made, "rcx", UINT64_MAX);
	set(&p.made, "eflags", 0x602); /* downwards */
	tell_fault(&p, value_of(&p.made, "rdi") + 7);
	read_process(&p, PAGE_AT);
	ck_assert_uint_eq(p.found.size, 8);
	make_process(&p, &codes[0], "\xff\x70\x08", 3); /* push [rax + 8] */
	tell_fault(&p, value_of(&p.made, "rsp") - 8);
	read_process(&p, PAGE_AT);
	ck_assert(p.found.pushes);
	ck_assert_str_eq(p.found.operand, "[rsp - 8]");
	tell_fault(&p, value_of(&p.made, "rax") + 8);
	read_process(&p, PAGE_AT);
	ck_assert(!p.found.pushes);
	ck_assert_str_eq(p.found.operand, "[rax + 8]");
}
END_TEST

/* The signal tells no address, for there is none that the processor could have looked up. */
START_TEST(test_no_fault_address)
{
	struct process p;
	make_process(&p, &codes[0], "\xff\xd0", 2); /* call rax */
	p.target.signal.info.code = 0x80;
	set(&p.made, "rax", 0x4141414141414141);
	read_process(&p, PAGE_AT);
	ck_assert(p.found.has_operand && p.found.access == ACCESS_EXECUTE);
	ck_assert_uint_eq(p.found.address, 0x4141414141414141);
	ck_assert_str_eq(p.found.base, "rax");
	make_process(&p, &codes[0], "\xc3", 1); /* ret */
	uint64_t stack[] = { 0x4242424242424242 };
	mem_buf_add(&p.mem, DATA_AT, stack, sizeof(stack), MEM_READ | MEM_WRITE);
	set(&p.made, "rsp", DATA_AT);
	p.target.signal.info.code = 0x80;
	read_process(&p, PAGE_AT);
	ck_assert(p.found.has_operand && p.found.access == ACCESS_EXECUTE);
	ck_assert_uint_eq(p.found.address, 0x4242424242424242);
	stack[0] = PAGE_AT;
	read_process(&p, PAGE_AT);
	ck_assert(p.found.has_operand && p.found.access == ACCESS_READ);
	make_process(&p, &codes[0], "\xa4", 1); /* movsb */
	p.target.signal.info.code = 0x80;
	set(&p.made, "rdi", UINT64_C(1) << 60);
	read_process(&p, PAGE_AT);
	ck_assert(p.found.has_operand && p.found.access == ACCESS_WRITE);
	ck_assert_uint_eq(p.found.address, UINT64_C(1) << 60);
}
END_TEST

static void check_fetch(const struct process *p, uint64_t address)
{
	ck_assert_ok(p->why);
	ck_assert(p->found.has_operand);
	ck_assert_int_eq(p->found.access, ACCESS_EXECUTE);
	ck_assert_uint_eq(p->found.address, address);
	ck_assert_str_eq(p->found.text, "");
	ck_assert_str_eq(p->found.base, "rip");
}

START_TEST(test_nothing_to_fetch)
{
	struct process p;
	make_process(&p, &codes[0], "\x90", 1);
	mem_buf_add(&p.mem, DATA_AT, p.code, sizeof(p.code), MEM_READ | MEM_WRITE);
	read_process(&p, 0);
	check_fetch(&p, 0);
	read_process(&p, 0x4141414141414141);
	check_fetch(&p, 0x4141414141414141);
	read_process(&p, UINT64_MAX);
	check_fetch(&p, UINT64_MAX);
	read_process(&p, DATA_AT + 1); /* mapped, but no code */
	check_fetch(&p, DATA_AT + 1);
	/* the code ends within the instruction */
	memcpy(p.code + CORE_PAGE - 3, "\x48\x8b\x87", 3);
	read_process(&p, PAGE_AT + CORE_PAGE - 3);
	check_fetch(&p, PAGE_AT + CORE_PAGE);
	ck_assert_uint_eq(p.found.pc, PAGE_AT + CORE_PAGE - 3);
	/* and where it is complete, nothing is amiss */
	memcpy(p.code + CORE_PAGE - 3, "\x48\x8b\x07", 3);
	read_process(&p, PAGE_AT + CORE_PAGE - 3);
	ck_assert_ok(p.why);
	ck_assert_str_eq(p.found.text, "mov rax, qword ptr [rdi]");
}
END_TEST

START_TEST(test_not_decoded)
{
	struct process p;
	make_process(&p, &codes[0], "\x06", 1); /* was push es, of 32 bits */
	read_process(&p, PAGE_AT);
	ck_assert_err_at(p.why, ERR_CORRUPT, PAGE_AT);
	ck_assert_uint_eq(p.found.length, 4711);
	mem_buf_add(&p.mem, DATA_AT, NULL, CORE_PAGE, MEM_READ | MEM_EXEC);
	read_process(&p, DATA_AT);
	ck_assert_err(p.why, ERR_NOT_SAVED);
	p.thread.regs = (struct core_regs){ 0 };
	ck_assert_err(instruction_read(&p.target, &p.thread, &p.found), ERR_ABSENT);
	static const struct code power = { EM_PPC64, 8, ORDER_LITTLE, DIS_X86_64, NULL, 0 };
	make_process(&p, &power, "", 0);
	read_process(&p, PAGE_AT);
	ck_assert_err(p.why, ERR_UNSUPPORTED);
}
END_TEST

/* The processor stands behind what trapped. */
START_TEST(test_behind_a_trap)
{
	struct process p;
	make_process(&p, &codes[0], "\xcc\x90", 2);
	read_process(&p, PAGE_AT + 1);
	ck_assert_str_eq(p.found.text, "nop");
	p.target.signal.signo = SIGTRAP;
	read_process(&p, PAGE_AT + 1);
	ck_assert_str_eq(p.found.text, "int3");
	ck_assert_uint_eq(p.found.pc, PAGE_AT);
	p.thread.crashed = false;
	read_process(&p, PAGE_AT + 1);
	ck_assert_str_eq(p.found.text, "nop");
	make_process(&p, &codes[5], "\xb9\x0d\x00\x24\x07\xfe", 6); /* dsgr; br */
	p.target.signal.signo = SIGFPE;
	tell_fault(&p, PAGE_AT);
	for (size_t i = 0; i < p.made.arch->n_regs; i++)
		set(&p.made, p.made.arch->regs[i].name, 0);
	read_process(&p, PAGE_AT + 4);
	ck_assert_ok(p.why);
	ck_assert_str_eq(p.found.text, "dsgr %r2, %r4");
	ck_assert(p.found.divides);
}
END_TEST

START_TEST(test_faults_at)
{
	struct instruction in = { .has_operand = true, .address = 0x1ffc, .size = 8 };
	ck_assert(instruction_faults_at(&in, 0x1ffc));
	ck_assert(instruction_faults_at(&in, 0x2000)); /* its second page */
	ck_assert(instruction_faults_at(&in, 0x2003));
	ck_assert(!instruction_faults_at(&in, 0x2004));
	ck_assert(!instruction_faults_at(&in, 0x1ffb));
	in.size = 0;
	ck_assert(instruction_faults_at(&in, 0x2000));
	ck_assert(!instruction_faults_at(&in, 0x1ff0));
	in.address = UINT64_MAX;
	in.size = 4;
	ck_assert(instruction_faults_at(&in, 0));
	in.has_operand = false;
	ck_assert(!instruction_faults_at(&in, 0));
	struct instruction page = {
		.has_operand = true, .address = 0x1ffc, .size = 8, .pages_only = true
	};
	ck_assert(instruction_faults_at(&page, 0x1000));
	ck_assert(instruction_faults_at(&page, 0x2000));
	ck_assert(!instruction_faults_at(&page, 0x3000));
}
END_TEST

Suite *suite_instruction(void)
{
	Suite *s = suite_create("instruction");
	TCase *t = tcase_create("instruction");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, test_rows, 0, ARRAY_LEN(codes));
	tcase_add_loop_test(t, test_random_bytes, 0, ARRAY_LEN(codes));
#ifdef __x86_64__
	tcase_add_test(t, test_processor_agrees);
#endif
	tcase_add_test(t, test_fault_chooses);
	tcase_add_test(t, test_no_fault_address);
	tcase_add_test(t, test_nothing_to_fetch);
	tcase_add_test(t, test_not_decoded);
	tcase_add_test(t, test_behind_a_trap);
	tcase_add_test(t, test_faults_at);
	suite_add_tcase(s, t);
	return s;
}
