/* SPDX-License-Identifier: Apache-2.0 */
#include "fakecore.h"

#include "pycore/alloc.h"
#include "pycore/elfcore.h"

#include <assert.h>
#include <elf.h>

void fakecore_init(struct fakecore *f, uint16_t machine, unsigned ptr_size, enum byte_order order)
{
	*f = (struct fakecore){
		.machine = machine,
		.ptr_size = ptr_size,
		.order = order,
		.type = ET_CORE,
	};
}

void fakecore_fini(struct fakecore *f)
{
	free(f->segments);
	str_fini(&f->notes);
}

void fakecore_segment(struct fakecore *f, uint64_t vaddr, const void *bytes, uint64_t filesz,
	uint64_t memsz, uint32_t flags)
{
	f->segments = xgrow(f->segments, &f->cap_segments, f->n_segments, sizeof(*f->segments));
	f->segments[f->n_segments++] = (struct fake_segment){
		.vaddr = vaddr,
		.bytes = bytes,
		.filesz = filesz,
		.memsz = memsz,
		.flags = flags,
	};
}

void fake_uint(struct str *s, uint64_t value, unsigned size, enum byte_order order)
{
	for (unsigned i = 0; i < size; i++)
		str_putc(s, (char)(value >> 8 * (order == ORDER_LITTLE ? i : size - 1 - i)));
}

static void zeros(struct str *s, size_t n)
{
	while (n--)
		str_putc(s, '\0');
}

static void put_uint(struct str *s, size_t at, uint64_t value, unsigned size, enum byte_order order)
{
	AUTO_STR(one);
	fake_uint(&one, value, size, order);
	assert(at + size <= s->len);
	memcpy(s->bytes + at, one.bytes, size);
}

void fakecore_note(struct fakecore *f, const char *name, uint32_t type, const void *desc, size_t n)
{
	struct str *s = &f->notes;
	size_t name_size = strlen(name) + 1;
	fake_uint(s, name_size, 4, f->order);
	fake_uint(s, n, 4, f->order);
	fake_uint(s, type, 4, f->order);
	str_add(s, name, name_size);
	zeros(s, -name_size & 3);
	str_add(s, desc, n);
	zeros(s, -n & 3);
}

static void prstatus(
	struct fakecore *f, int tid, int cursig, const struct core_arch *a, struct str *desc)
{
	zeros(desc, a->prstatus_size);
	put_uint(desc, a->cursig_at, (uint64_t)cursig, 2, f->order);
	put_uint(desc, a->pid_at, (uint64_t)tid, 4, f->order);
}

void fakecore_thread_regs(struct fakecore *f, int tid, int cursig, const uint64_t *regs, size_t n)
{
	const struct core_arch *a = core_arch_find(f->machine, f->ptr_size);
	AUTO_STR(desc);
	assert(a && n <= a->regs_size / a->reg_size);
	prstatus(f, tid, cursig, a, &desc);
	for (size_t i = 0; i < n; i++)
		put_uint(&desc, a->regs_at + i * a->reg_size, regs[i], (unsigned)a->reg_size,
			f->order);
	fakecore_note(f, "CORE", NT_PRSTATUS, desc.bytes, desc.len);
}

void fakecore_thread(struct fakecore *f, int tid, int cursig, uint64_t pc, uint64_t sp)
{
	const struct core_arch *a = core_arch_find(f->machine, f->ptr_size);
	uint64_t regs[64] = { 0 };
	assert(a);
	regs[a->pc] = pc;
	regs[a->sp] = sp;
	fakecore_thread_regs(f, tid, cursig, regs, a->regs_size / a->reg_size);
}

static void text_field(struct str *s, const char *text, size_t size)
{
	size_t n = strlen(text);
	if (n > size)
		n = size;
	str_add(s, text, n);
	zeros(s, size - n);
}

void fakecore_process(struct fakecore *f, int pid, const char *comm, const char *args)
{
	enum { UID = 1000, PPID = 1, PGRP = 2, SID = 3 };
	/* i386 and arm have 16-bit ids. */
	unsigned id = f->ptr_size == 8 ? 4 : 2;
	AUTO_STR(d);
	str_add(&d, "\0R\0\0", 4);
	zeros(&d, f->ptr_size == 8 ? 4 : 0);
	fake_uint(&d, 0x400000, f->ptr_size, f->order); /* pr_flag */
	fake_uint(&d, UID, id, f->order);
	fake_uint(&d, UID, id, f->order);
	fake_uint(&d, (uint64_t)pid, 4, f->order);
	fake_uint(&d, PPID, 4, f->order);
	fake_uint(&d, PGRP, 4, f->order);
	fake_uint(&d, SID, 4, f->order);
	text_field(&d, comm, 16);
	text_field(&d, args, 80);
	fakecore_note(f, "CORE", NT_PRPSINFO, d.bytes, d.len);
}

void fakecore_siginfo(struct fakecore *f, int signo, int code, uint64_t addr_or_pid, bool is_pid)
{
	enum { SIGINFO = 128, UID = 1000 };
	AUTO_STR(d);
	fake_uint(&d, (uint64_t)signo, 4, f->order);
	fake_uint(&d, 0, 4, f->order);
	fake_uint(&d, (uint64_t)code, 4, f->order);
	zeros(&d, f->ptr_size == 8 ? 4 : 0);
	fake_uint(&d, addr_or_pid, is_pid ? 4 : f->ptr_size, f->order);
	if (is_pid)
		fake_uint(&d, UID, 4, f->order);
	zeros(&d, SIGINFO - d.len);
	fakecore_note(f, "CORE", NT_SIGINFO, d.bytes, d.len);
}

void fakecore_auxv(struct fakecore *f, const uint64_t *pairs, size_t n)
{
	AUTO_STR(d);
	for (size_t i = 0; i < 2 * n; i++)
		fake_uint(&d, pairs[i], f->ptr_size, f->order);
	zeros(&d, (size_t)2 * f->ptr_size);
	fakecore_note(f, "CORE", NT_AUXV, d.bytes, d.len);
}

void fakecore_files(struct fakecore *f, uint64_t page_size, const struct fake_file *files, size_t n)
{
	AUTO_STR(d);
	fake_uint(&d, n, f->ptr_size, f->order);
	fake_uint(&d, page_size, f->ptr_size, f->order);
	for (size_t i = 0; i < n; i++) {
		fake_uint(&d, files[i].start, f->ptr_size, f->order);
		fake_uint(&d, files[i].end, f->ptr_size, f->order);
		fake_uint(&d, files[i].page_offset, f->ptr_size, f->order);
	}
	for (size_t i = 0; i < n; i++)
		str_add(&d, files[i].path, strlen(files[i].path) + 1);
	fakecore_note(f, "CORE", NT_FILE, d.bytes, d.len);
}

static void put_phdr(
	const struct fakecore *f, uint32_t type, const struct fake_segment *s, struct str *ret)
{
	unsigned w = f->ptr_size;
	fake_uint(ret, type, 4, f->order);
	if (w == 8)
		fake_uint(ret, s->flags, 4, f->order);
	fake_uint(ret, s->offset, w, f->order);
	fake_uint(ret, s->vaddr, w, f->order);
	fake_uint(ret, 0, w, f->order);
	fake_uint(ret, s->filesz, w, f->order);
	fake_uint(ret, s->memsz, w, f->order);
	if (w == 4)
		fake_uint(ret, s->flags, 4, f->order);
	fake_uint(ret, 4, w, f->order);
}

static void put_header(
	const struct fakecore *f, size_t n_headers, uint64_t sections, struct str *ret)
{
	unsigned w = f->ptr_size;
	str_add(ret, ELFMAG, SELFMAG);
	str_putc(ret, w == 8 ? ELFCLASS64 : ELFCLASS32);
	str_putc(ret, f->order == ORDER_LITTLE ? ELFDATA2LSB : ELFDATA2MSB);
	str_putc(ret, EV_CURRENT);
	zeros(ret, 9);
	fake_uint(ret, f->type, 2, f->order);
	fake_uint(ret, f->machine, 2, f->order);
	fake_uint(ret, EV_CURRENT, 4, f->order);
	fake_uint(ret, 0, w, f->order);
	fake_uint(ret, w == 8 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr), w, f->order);
	fake_uint(ret, sections, w, f->order);
	fake_uint(ret, 0, 4, f->order);
	fake_uint(ret, w == 8 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr), 2, f->order);
	fake_uint(ret, w == 8 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr), 2, f->order);
	fake_uint(ret, f->xnum ? PN_XNUM : n_headers, 2, f->order);
	fake_uint(ret, w == 8 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr), 2, f->order);
	fake_uint(ret, sections ? 1 : 0, 2, f->order);
	fake_uint(ret, 0, 2, f->order);
}

/* Section header 0, with the count of program headers in sh_info. */
static void put_section(const struct fakecore *f, size_t n_headers, struct str *ret)
{
	size_t info =
		f->ptr_size == 8 ? offsetof(Elf64_Shdr, sh_info) : offsetof(Elf32_Shdr, sh_info);
	size_t size = f->ptr_size == 8 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
	size_t at = ret->len;
	zeros(ret, size);
	put_uint(ret, at + info, n_headers, 4, f->order);
}

/* Where everything goes. Returns the end of the data. */
static uint64_t lay_out(struct fakecore *f, size_t n_headers)
{
	uint64_t at = f->ptr_size == 8 ? sizeof(Elf64_Ehdr) + n_headers * sizeof(Elf64_Phdr)
				       : sizeof(Elf32_Ehdr) + n_headers * sizeof(Elf32_Phdr);
	if (!f->gdb) {
		f->notes_offset = at;
		at += f->notes.len;
	}
	for (size_t i = 0; i < f->n_segments; i++) {
		f->segments[i].offset = at;
		at += f->segments[i].filesz;
	}
	if (f->gdb) {
		f->notes_offset = at;
		at += f->notes.len;
	}
	return at;
}

void fakecore_build(struct fakecore *f, struct str *ret)
{
	size_t n_headers = f->n_segments + 1, note_at = f->note_header;
	if (note_at > f->n_segments)
		note_at = f->n_segments;
	uint64_t end = lay_out(f, n_headers);
	struct fake_segment note = {
		.offset = f->notes_offset, .filesz = f->notes.len, .flags = PF_R
	};
	AUTO_STR(out);
	put_header(f, n_headers, f->xnum || f->gdb ? end : 0, &out);
	for (size_t i = 0; i < n_headers; i++) {
		if (i == note_at)
			put_phdr(f, PT_NOTE, &note, &out);
		else
			put_phdr(f, PT_LOAD, &f->segments[i - (i > note_at)], &out);
	}
	if (!f->gdb)
		str_add(&out, str_text(&f->notes), f->notes.len);
	for (size_t i = 0; i < f->n_segments; i++)
		str_add(&out, f->segments[i].bytes, (size_t)f->segments[i].filesz);
	if (f->gdb)
		str_add(&out, str_text(&f->notes), f->notes.len);
	assert(out.len == end);
	if (f->xnum || f->gdb)
		put_section(f, n_headers, &out);
	str_add(ret, out.bytes, out.len);
}
