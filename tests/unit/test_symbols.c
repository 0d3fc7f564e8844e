/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions by address: in files made by libelf, of both sizes and both byte orders; compared with
 * a search through the whole list; in damaged files; and the stubs of this very program.
 */
#include "suites.h"

#include "../../src/unwind/elf.h"
#include "../../src/unwind/symbols.h"
#include "../support/corecase.h"

#include "pycore/alloc.h"
#include "pycore/opener.h"

#include <gelf.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CODE = 0x100, CODE_SIZE = 0x1000, MADE_MAX = 400, TEXT_SECTION = 1 };

struct made {
	const char *name;
	uint64_t start, size;
	unsigned binding, type, section;
};

static const char section_names[] = "\0.text\0.symtab\0.strtab\0.shstrtab";

/* A section of n bytes, which libelf takes from where they are. */
static Elf_Data *add_section(Elf *elf, const char *name, GElf_Shdr sh, void *bytes, size_t n)
{
	Elf_Scn *scn = elf_newscn(elf);
	Elf_Data *data = elf_newdata(scn);
	data->d_buf = bytes;
	data->d_size = n;
	data->d_align = sh.sh_addralign;
	data->d_type = sh.sh_type == SHT_SYMTAB ? ELF_T_SYM : ELF_T_BYTE;
	const char *at = memmem(section_names, sizeof(section_names), name, strlen(name) + 1);
	sh.sh_name = (GElf_Word)(at - section_names);
	ck_assert_int_ne(gelf_update_shdr(scn, &sh), 0);
	return data;
}

static void fill_symbols(Elf_Data *to, const struct made *list, size_t n, struct str *texts)
{
	str_putc(texts, '\0');
	for (size_t i = 0; i < n; i++) {
		GElf_Sym sym = { .st_name = (GElf_Word)texts->len,
			.st_info = GELF_ST_INFO(list[i].binding, list[i].type),
			.st_shndx = (GElf_Section)list[i].section,
			.st_value = list[i].start,
			.st_size = list[i].size };
		ck_assert_int_ne(gelf_update_sym(to, (int)i + 1, &sym), 0);
		str_add(texts, list[i].name, strlen(list[i].name) + 1);
	}
}

static void add_sections(
	Elf *elf, const struct made *list, size_t n, void *code, void *symbols, struct str *texts)
{
	size_t entry = gelf_fsize(elf, ELF_T_SYM, 1, EV_CURRENT);
	GElf_Shdr sh = { .sh_type = SHT_PROGBITS,
		.sh_flags = SHF_ALLOC | SHF_EXECINSTR,
		.sh_addr = CODE,
		.sh_addralign = 1 };
	add_section(elf, ".text", sh, code, CODE_SIZE);
	sh = (GElf_Shdr){
		.sh_type = SHT_SYMTAB, .sh_link = 3, .sh_entsize = entry, .sh_addralign = 8
	};
	fill_symbols(add_section(elf, ".symtab", sh, symbols, (n + 1) * entry), list, n, texts);
	sh = (GElf_Shdr){ .sh_type = SHT_STRTAB, .sh_addralign = 1 };
	add_section(elf, ".strtab", sh, texts->bytes, texts->len);
	add_section(elf, ".shstrtab", sh, (void *)section_names, sizeof(section_names));
}

/* Writes a file with these symbols and a section of code into *ret. */
static void make(unsigned class, unsigned order, const struct made *list, size_t n, struct str *ret)
{
	static char code[CODE_SIZE];
	AUTO_STR(texts);
	AUTO_FREE void *symbols = xcalloc(n + 1, sizeof(Elf64_Sym));
	int fd = memfd_create("symbols", MFD_CLOEXEC);
	(void)elf_version(EV_CURRENT);
	Elf *elf = elf_begin(fd, ELF_C_WRITE, NULL);
	ck_assert_ptr_nonnull(gelf_newehdr(elf, (int)class));
	GElf_Ehdr head;
	ck_assert_ptr_nonnull(gelf_getehdr(elf, &head));
	head.e_ident[EI_DATA] = (unsigned char)order;
	head.e_type = ET_DYN;
	head.e_version = EV_CURRENT;
	head.e_shstrndx = 4;
	ck_assert_int_ne(gelf_update_ehdr(elf, &head), 0);
	add_sections(elf, list, n, code, symbols, &texts);
	ck_assert_int_gt(elf_update(elf, ELF_C_WRITE), 0);
	elf_end(elf);
	char chunk[4096];
	ssize_t got;
	for (off_t at = 0; (got = pread(fd, chunk, sizeof(chunk), at)) > 0; at += got)
		str_add(ret, chunk, (size_t)got);
	close(fd);
}

/* libelf wants the bytes aligned, which those of a struct str are. */
static Elf *opened(struct symbols *s, struct str *file)
{
	Elf *elf = elf_open_bytes((uint8_t *)file->bytes, file->len);
	*s = (struct symbols){ 0 };
	symbols_add(s, elf);
	return elf;
}

#define ck_assert_found(s, addr, wanted)                                                           \
	do {                                                                                       \
		struct symbol sym_ = { .name = "" };                                               \
		(void)symbols_find(s, addr, &sym_);                                                \
		ck_assert_str_eq(sym_.name, wanted);                                               \
	} while (0)

START_TEST(test_by_hand)
{
	enum { F = STT_FUNC, L = STT_NOTYPE, G = STB_GLOBAL, T = TEXT_SECTION };
	static const struct made list[] = {
		{ "local", 0x100, 0x10, STB_LOCAL, F, T },
		{ "weak", 0x100, 0x10, STB_WEAK, F, T },
		{ "__first", 0x100, 0x10, G, F, T },
		{ "first", 0x100, 0x10, G, F, T },
		{ "_first", 0x100, 0x10, G, F, T },
		{ "chosen", 0x110, 0x10, G, STT_GNU_IFUNC, T },
		{ "unsized", 0x120, 0, G, L, T },
		{ "data", 0x124, 4, G, STT_OBJECT, T },
		{ "$x", 0x126, 0, STB_LOCAL, L, T },
		{ "", 0x127, 8, G, F, T },
		{ "outer", 0x130, 0x60, G, F, T },
		{ "inner", 0x140, 0x10, G, F, T },
		{ "elsewhere", 0x200, 8, G, F, SHN_UNDEF },
		{ "last", 0x210, 0x10, G, F, T },
		{ "label", 0x230, 0, G, L, T },
		{ "far", UINT32_MAX, 8, G, F, SHN_ABS },
	};
	static const unsigned classes[] = { ELFCLASS32, ELFCLASS64 },
			      orders[] = { ELFDATA2LSB, ELFDATA2MSB };
	AUTO_STR(file);
	struct symbols s;
	make(classes[_i & 1], orders[_i >> 1], list, ARRAY_LEN(list), &file);
	Elf *elf = opened(&s, &file);
	ck_assert_found(&s, 0xff, "");
	ck_assert_found(&s, 0x100, "first");
	ck_assert_found(&s, 0x10f, "first");
	ck_assert_found(&s, 0x11f, "chosen");
	ck_assert_found(&s, 0x120, "unsized");
	ck_assert_found(&s, 0x126, "unsized");
	ck_assert_found(&s, 0x12f, "");
	ck_assert_found(&s, 0x13f, "outer");
	ck_assert_found(&s, 0x14f, "inner");
	ck_assert_found(&s, 0x150, "outer");
	ck_assert_found(&s, 0x190, "");
	ck_assert_found(&s, 0x204, "");
	ck_assert_found(&s, 0x21f, "last");
	ck_assert_found(&s, 0x220, "");
	ck_assert_found(&s, CODE + CODE_SIZE - 1, "label");
	ck_assert_found(&s, CODE + CODE_SIZE, "");
	ck_assert_found(&s, UINT32_MAX, "");
	struct symbol sym;
	ck_assert(symbols_find(&s, 0x300, &sym));
	ck_assert_uint_eq(sym.start, 0x230);
	ck_assert_uint_eq(sym.end, CODE + CODE_SIZE);
	symbols_fini(&s);
	elf_end(elf);
}
END_TEST

/* The same by going through the list. */
static const char *named_by_list(const struct made *list, size_t n, uint64_t addr)
{
	const struct made *sized = NULL, *unsized = NULL;
	uint64_t nearest = 0;
	for (size_t i = 0; i < n; i++) {
		const struct made *m = &list[i], **best = m->size ? &sized : &unsized;
		if (m->start > addr)
			continue;
		nearest = m->start > nearest ? m->start : nearest;
		if ((!m->size || addr < m->start + m->size) &&
			(!*best || m->start > (*best)->start ||
				(m->start == (*best)->start && strcmp(m->name, (*best)->name) < 0)))
			*best = m;
	}
	if (sized && sized->start == nearest)
		return sized->name;
	if (unsized && unsized->start == nearest)
		return unsized->name;
	return sized ? sized->name : "";
}

/* Spread over the code, and crowded. */
START_TEST(test_against_list)
{
	static struct made list[MADE_MAX];
	static char names[MADE_MAX][24];
	uint32_t state = (uint32_t)_i + 1;
	size_t n = 1 + random_below(&state, MADE_MAX);
	uint32_t room = _i % 2 ? CODE_SIZE : 0x80;
	AUTO_STR(file);
	struct symbols s;
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "f%zu", i);
		list[i] = (struct made){ names[i], CODE + random_below(&state, room),
			random_below(&state, 4) * random_below(&state, 16), STB_GLOBAL, STT_FUNC,
			TEXT_SECTION };
	}
	make(ELFCLASS64, ELFDATA2LSB, list, n, &file);
	Elf *elf = opened(&s, &file);
	for (uint64_t addr = CODE; addr < CODE + CODE_SIZE; addr++) {
		const char *wanted = named_by_list(list, n, addr);
		struct symbol sym = { .name = "" };
		(void)symbols_find(&s, addr, &sym);
		ck_assert_msg(!strcmp(sym.name, wanted), "%zu functions, %#lx: %s, not %s", n,
			(unsigned long)addr, sym.name, wanted);
	}
	symbols_fini(&s);
	elf_end(elf);
}
END_TEST

/* Cut off, or with bytes changed, it finds something or nothing. */
START_TEST(test_damage)
{
	static const struct made list[] = { { "f", CODE, 16, STB_GLOBAL, STT_FUNC, TEXT_SECTION },
		{ "g", CODE + 32, 0, STB_GLOBAL, STT_NOTYPE, TEXT_SECTION } };
	AUTO_STR(whole);
	AUTO_STR(file);
	uint32_t state = 1;
	make(ELFCLASS64, ELFDATA2LSB, list, ARRAY_LEN(list), &whole);
	for (unsigned round = 0; round < 20000; round++) {
		struct symbols s;
		struct symbol sym;
		str_clear(&file);
		str_add(&file, whole.bytes, whole.len);
		for (unsigned i = 0; i < 1 + round % 3; i++) {
			uint32_t below = random_below(&state, 8);
			uint32_t at = below < 2
					      ? random_below(&state, 64)
					      : (uint32_t)whole.len - 1 - random_below(&state, 600);
			file.bytes[at] = (char)random_below(&state, 256);
		}
		Elf *elf = opened(&s, &file);
		for (uint64_t addr = CODE - 1; addr < CODE + 64; addr += 3)
			(void)symbols_find(&s, addr, &sym);
		(void)symbols_find(&s, UINT64_MAX, &sym);
		symbols_fini(&s);
		elf_end(elf);
	}
}
END_TEST

/* The slot of the global offset table that a stub of x86-64 jumps through: jmp *x(%rip). */
static uint64_t slot_of(const struct elf_part *plt, uint64_t stub)
{
	for (size_t at = (size_t)(stub - plt->addr), end = at + 10; at < end; at++) {
		if (plt->bytes[at] == 0xff && plt->bytes[at + 1] == 0x25)
			return plt->addr + at + 6 +
			       (uint64_t)bytes_int(plt->bytes + at + 2, 4, ORDER_LITTLE);
	}
	return 0;
}

/* Each stub of this program bears the name that the relocation of its slot has. */
START_TEST(test_stubs)
{
	struct file_map file;
	struct symbols s = { 0 };
	struct elf_part plt;
	GElf_Shdr sh;
	ck_assert_ok(file_map_open("/proc/self/exe", OPEN_PROC, &file));
	Elf *elf = elf_open_file(&file);
	Elf_Scn *relocations = elf_section_named(elf, ".rela.plt", &sh);
	if (relocations) { /* else every function is called through the table itself */
		Elf_Data *data = elf_getdata(relocations, NULL);
		Elf_Scn *table = elf_getscn(elf, sh.sh_link);
		Elf_Data *all = elf_getdata(table, NULL);
		GElf_Shdr table_sh;
		ck_assert_ptr_nonnull(gelf_getshdr(table, &table_sh));
		ck_assert(
			elf_part_named(elf, ".plt.sec", &plt) || elf_part_named(elf, ".plt", &plt));
		symbols_add_stubs(&s, elf);
		ck_assert_uint_eq(s.stubs.n, data->d_size / sizeof(Elf64_Rela));
		for (size_t i = 0; i < s.stubs.n; i++) {
			GElf_Rela rela;
			GElf_Sym sym;
			struct symbol found;
			uint64_t at = s.stubs.start + 16 * i;
			ck_assert_ptr_nonnull(gelf_getrela(data, (int)i, &rela));
			ck_assert_ptr_nonnull(gelf_getsym(all, (int)GELF_R_SYM(rela.r_info), &sym));
			AUTO_FREE char *wanted =
				xasprintf("%s@plt", elf_strptr(elf, table_sh.sh_link, sym.st_name));
			ck_assert(symbols_find(&s, at + i % 16, &found));
			ck_assert_str_eq(found.name, wanted);
			ck_assert_uint_eq(found.start, at);
			ck_assert_uint_eq(slot_of(&plt, at), rela.r_offset);
		}
	}
	symbols_fini(&s);
	elf_end(elf);
	file_map_close(&file);
}
END_TEST

Suite *suite_symbols(void)
{
	Suite *s = suite_create("symbols");
	TCase *t = tcase_create("symbols");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, test_by_hand, 0, 4);
	tcase_add_loop_test(t, test_against_list, 0, 20);
	tcase_add_test(t, test_damage);
#ifdef __x86_64__
	tcase_add_test(t, test_stubs);
#endif
	suite_add_tcase(s, t);
	return s;
}
