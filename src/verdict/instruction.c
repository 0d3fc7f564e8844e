/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The instruction at a thread's program counter. Where the processor stands after a trap: on x86
 * behind int3 (and the signal has no address); on s390x behind what was suppressed, an illegal
 * instruction or a division (and the signal's address is that of the instruction).
 */
#include "decoding.h"

#include <elf.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { INSTRUCTION_MAX = 16, PAGE = 4096, INT3 = 0xcc };

bool word_in(const char *name, const char *words)
{
	size_t n = strlen(name);
	for (const char *at = words; n && (at = strstr(at, name)); at += n) {
		if ((at == words || at[-1] == ' ') && (!at[n] || at[n] == ' '))
			return true;
	}
	return false;
}

bool begins_in(const char *name, const char *words)
{
	while (*words) {
		size_t n = strcspn(words, " ");
		if (n && !strncmp(name, words, n))
			return true;
		words += n + (words[n] == ' ');
	}
	return false;
}

uint64_t decoding_reg(struct decoding *d, const char *name)
{
	uint64_t v;
	if (core_regs_get(d->arch, d->order, d->regs, name, &v))
		return v;
	d->untold = true;
	return 0;
}

/* The k-th operand in memory as the instruction's text has it: "fs:[rdi + 8]", "8(%r1)". */
static void operand_text(const struct decoding *d, size_t k, char *buf, size_t size)
{
	bool brackets = d->dis->kind != DIS_S390X;
	const char *at = d->insn->op_str, *end = NULL;
	buf[0] = '\0';
	for (size_t i = 0; i <= k; i++) {
		at = strchr(end ? end : at, brackets ? '[' : '(');
		end = at ? strchr(at, brackets ? ']' : ')') : NULL;
		if (!end)
			return;
	}
	while (at > d->insn->op_str && at[-1] != ' ' && at[-1] != ',')
		at--;
	snprintf(buf, size, "%.*s", (int)(end + 1 - at), at);
}

void decoding_add(struct decoding *d, const struct memory_operand *m, const char *text)
{
	if (d->n == MEMORY_MAX) {
		d->untold = true;
		return;
	}
	struct memory_operand *to = &d->list[d->n];
	*to = *m;
	if (text)
		snprintf(to->text, sizeof(to->text), "%s", text);
	else
		operand_text(d, d->n, to->text, sizeof(to->text));
	d->n++;
}

bool decoding_kind(const struct core_arch *a, enum byte_order order, const struct core_regs *regs,
	enum disassembler_kind *ret)
{
	enum { THUMB = 1 << 5 };
	uint64_t cpsr = 0;
	switch (a->machine) {
	case EM_X86_64:
		*ret = DIS_X86_64;
		return true;
	case EM_386:
		*ret = DIS_I386;
		return true;
	case EM_AARCH64:
		*ret = DIS_AARCH64;
		return true;
	case EM_ARM:
		*ret = core_regs_get(a, order, regs, "cpsr", &cpsr) && cpsr & THUMB ? DIS_THUMB
										    : DIS_ARM;
		return true;
	case EM_S390:
		*ret = DIS_S390X;
		return true;
	}
	return false;
}

bool decoding_run(struct decoding *d, const uint8_t *bytes, size_t n, struct instruction *in)
{
	static void (*const decoders[])(struct decoding *) = {
		[DIS_X86_64] = decode_x86,
		[DIS_I386] = decode_x86,
		[DIS_AARCH64] = decode_aarch64,
		[DIS_ARM] = decode_arm,
		[DIS_THUMB] = decode_arm,
		[DIS_S390X] = decode_s390x,
	};
	if (!disassembler_decode(d->dis, bytes, n, d->pc))
		return decode_evex(d, bytes, n, in);
	d->insn = d->dis->insn;
	decoders[d->dis->kind](d);
	*in = (struct instruction){
		.pc = d->pc,
		.length = d->insn->size,
		.traps = d->traps,
		.privileged = d->privileged,
		.divides = d->divides,
		.ordinary = d->ordinary,
		.no_memory = d->ordinary && !d->n && !d->untold,
		.pages_only = d->dis->kind == DIS_S390X,
	};
	AUTO_STR(text);
	str_addf(
		&text, "%s%s%s", d->insn->mnemonic, d->insn->op_str[0] ? " " : "", d->insn->op_str);
	instruction_name(in, &text);
	return true;
}

void instruction_name(struct instruction *in, const struct str *text)
{
	bool fits = text->len < sizeof(in->text);
	snprintf(in->text, sizeof(in->text), fits ? "%s" : "%.92s...", str_text(text));
}

static void take(const struct memory_operand *m, struct instruction *in)
{
	in->has_operand = true;
	in->access = m->access;
	in->address = m->address;
	in->size = m->size;
	in->alignment = m->alignment;
	in->base = m->base;
	in->base_value = m->base_value;
	in->pushes = m->pushes;
	memcpy(in->operand, m->text, sizeof(in->operand));
}

bool instruction_faults_at(const struct instruction *in, uint64_t address)
{
	if (!in->has_operand)
		return false;
	uint64_t at = in->address, size = in->size ? in->size : 1;
	if (in->pages_only) {
		at &= ~(uint64_t)(PAGE - 1);
		address &= ~(uint64_t)(PAGE - 1);
		size += in->address - at;
	}
	if (address - at < size)
		return true;
	/* of unknown size: what stores the state of a unit, or several registers */
	return !in->size && address - at < PAGE;
}

/* Which one faults without that the signal says where: an address that no pointer can have, or that
 * is not aligned as it must be. NULL: not one alone. */
static const struct memory_operand *silent(const struct decoding *d)
{
	const struct memory_operand *found = NULL;
	for (size_t i = 0; i < d->n; i++) {
		const struct memory_operand *m = &d->list[i];
		bool odd = d->dis->kind == DIS_X86_64 && !is_canonical(m->address);
		odd |= m->alignment && m->address % m->alignment;
		if (odd && found)
			return NULL;
		if (odd)
			found = m;
	}
	return found;
}

void decoding_choose(const struct decoding *d, const uint64_t *fault, struct instruction *in)
{
	const struct memory_operand *found = d->n == 1 ? &d->list[0] : NULL;
	if (d->untold)
		return;
	uint64_t nearest = UINT64_MAX;
	for (size_t i = 0; fault && i < d->n; i++) {
		struct instruction one = *in;
		uint64_t distance = *fault - d->list[i].address;
		take(&d->list[i], &one);
		/* what it reads comes before what it writes to the same place */
		bool first =
			distance < nearest || (distance == nearest && one.access == ACCESS_READ);
		if (first && instruction_faults_at(&one, *fault)) {
			nearest = distance;
			found = &d->list[i];
		}
	}
	if (!found && !fault)
		found = silent(d);
	if (found)
		take(found, in);
}

/* gdb's cores do not tell the permissions of what they leave out, but the files do. */
static bool may_hold_code(struct target *t, uint64_t addr)
{
	struct mem_range r;
	if (!mem_range_at(t->mem, addr, &r))
		return false;
	if (r.perm & MEM_EXEC)
		return true;
	struct image *img = target_image_at(t, addr);
	if (!img || failed(image_probe(img, t->mem)))
		return false;
	for (size_t i = 0; i < img->n_phdrs; i++) {
		const struct elf_phdr *p = &img->phdrs[i];
		if (p->type == PT_LOAD && p->flags & PF_X && addr - img->bias - p->vaddr < p->memsz)
			return true;
	}
	return false;
}

/* The bytes that can be fetched from pc on; *why: what is wrong with the next. */
static size_t fetch(struct target *t, uint64_t pc, uint8_t bytes[INSTRUCTION_MAX], struct err *why)
{
	size_t n = 0;
	*why = NO_ERR;
	while (n < INSTRUCTION_MAX && !failed(*why)) {
		uint64_t at = pc + n, left = PAGE - at % PAGE;
		size_t want = INSTRUCTION_MAX - n < left ? INSTRUCTION_MAX - n : (size_t)left;
		if (!may_hold_code(t, at))
			*why = err_at(ERR_UNMAPPED, at, "code");
		else
			*why = mem_read(t->mem, at, bytes + n, want);
		if (failed(*why) && why->code != ERR_UNMAPPED && why->addr > at &&
			why->addr - at < want) { /* a core that is cut off inside of a page */
			want = (size_t)(why->addr - at);
			if (failed(mem_read(t->mem, at, bytes + n, want)))
				break;
			n += want;
		} else if (!failed(*why)) {
			n += want;
		}
	}
	why->what = "code";
	return n;
}

/* The fetch itself is what goes to memory. */
static void set_fetch(const struct decoding *d, uint64_t addr, struct instruction *ret)
{
	*ret = (struct instruction){
		.pc = d->pc,
		.has_operand = true,
		.access = ACCESS_EXECUTE,
		.address = addr,
		.pages_only = d->arch->machine == EM_S390,
		.base_value = d->pc,
	};
	for (size_t i = 0; i < d->arch->n_regs; i++) {
		if (d->arch->regs[i].at == d->arch->pc)
			ret->base = d->arch->regs[i].name;
	}
}

/* The address that the signal tells, if it is this thread's. */
static const uint64_t *fault_of(const struct target *t, const struct os_thread *th)
{
	const struct core_siginfo *info = &t->signal.info;
	bool memory = t->signal.signo == SIGSEGV || t->signal.signo == SIGBUS;
	return th->crashed && memory && info->present && info->has_addr ? &info->addr : NULL;
}

/* Where the instruction begins that the thread stopped at. False: it stands before pc, but its
 * length is not known. */
static bool find_begin(
	struct target *t, const struct os_thread *th, enum disassembler_kind kind, uint64_t *ret)
{
	const struct target_signal *s = &t->signal;
	uint64_t pc = th->regs.pc, back = pc - s->info.addr;
	uint8_t byte;
	if (kind == DIS_THUMB)
		pc &= ~(uint64_t)1;
	*ret = pc;
	if (!th->crashed)
		return true;
	bool x86 = kind == DIS_X86_64 || kind == DIS_I386;
	if (x86 && s->signo == SIGTRAP && !failed(mem_read(t->mem, pc - 1, &byte, 1)) &&
		byte == INT3)
		*ret = pc - 1;
	bool suppressed = s->signo == SIGILL || s->signo == SIGFPE || s->signo == SIGTRAP;
	if (kind == DIS_S390X && suppressed && s->info.has_addr && back <= 6 && back % 2 == 0)
		*ret = s->info.addr;
	return kind != DIS_S390X || !suppressed || s->info.has_addr;
}

/* With everything but the disassembler at hand. */
static struct err read_at(
	struct target *t, const struct os_thread *th, struct decoding *d, struct instruction *ret)
{
	uint8_t bytes[INSTRUCTION_MAX];
	struct err why;
	size_t n = fetch(t, d->pc, bytes, &why);
	struct instruction in = { 0 };
	if (n) {
		struct disassembler dis;
		TRY(disassembler_open(d->dis->kind, d->order, &dis));
		d->dis = &dis;
		bool good = decoding_run(d, bytes, n, &in);
		if (good)
			decoding_choose(d, fault_of(t, th), &in);
		disassembler_close(&dis);
		if (!good && !failed(why))
			return err_at(ERR_CORRUPT, d->pc, "instruction");
		if (good) {
			*ret = in;
			return NO_ERR;
		}
	}
	if (why.code != ERR_UNMAPPED)
		return why;
	set_fetch(d, d->pc + n, ret);
	return NO_ERR;
}

struct err instruction_read(struct target *t, const struct os_thread *th, struct instruction *ret)
{
	const struct core_arch *a = core_arch_find(t->machine, t->mem->ptr_size);
	struct disassembler dis = { 0 };
	if (!th->regs.raw || !th->regs.has_pc)
		return err_of(ERR_ABSENT, "registers");
	if (!a || !decoding_kind(a, t->mem->order, &th->regs, &dis.kind))
		return err_of(ERR_UNSUPPORTED, "instructions of this architecture");
	struct decoding d = {
		.dis = &dis,
		.arch = a,
		.order = t->mem->order,
		.regs = &th->regs,
		.mem = t->mem,
	};
	if (!find_begin(t, th, dis.kind, &d.pc))
		return err_of(ERR_ABSENT, "address of the instruction");
	return read_at(t, th, &d, ret);
}
