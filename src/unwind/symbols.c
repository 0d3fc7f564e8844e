/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Symbol tables (System V ABI, chapter 4), an entry each: {name, info, other, section, value,
 * size}, with 32 bits {name, value, size, info, other, section}. Of some ten thousand functions a
 * report names a few dozen, so that little is done for each: it is put into the chain of the
 * stretch of code that it begins in. A search goes back from the address, chain by chain.
 */
#include "symbols.h"

#include "elf.h"

#include "pycore/limits.h"

#include <gelf.h>
#include <stdlib.h>
#include <string.h>

/* Where not all functions have symbols, so much behind one that does not tell its size is called
 * its code. */
enum { UNSIZED_MAX = 128 };
enum { PASSED_MAX = 256, PER_CHAIN = 4, STUB = 16, RELOCATION = 24 };

struct entry {
	const char *name;
	uint64_t value, size;
	unsigned binding, section;
};

static bool open_table(Elf *elf, Elf_Scn *scn, struct symbol_table *ret)
{
	GElf_Shdr sh;
	size_t entry = gelf_fsize(elf, ELF_T_SYM, 1, EV_CURRENT);
	Elf_Data *data = elf_rawdata(scn, NULL);
	if (!data || !data->d_buf || !gelf_getshdr(scn, &sh) || !entry || sh.sh_entsize != entry)
		return false;
	Elf_Data *names = elf_rawdata(elf_getscn(elf, sh.sh_link), NULL);
	const char *text = names ? names->d_buf : NULL;
	const char *nul = text ? memrchr(text, '\0', names->d_size) : NULL;
	size_t n = data->d_size / entry;
	*ret = (struct symbol_table){ .elf = elf,
		.bytes = data->d_buf,
		.n = n < SYMBOLS_MAX ? n : SYMBOLS_MAX,
		.entry = entry,
		.names = text,
		.names_size = nul ? (size_t)(nul - text) + 1 : 0,
		.order = elf_order(elf),
		.thumb = elf_machine(elf) == EM_ARM };
	return true;
}

static bool is_wide(const struct symbol_table *t)
{
	return t->entry == sizeof(Elf64_Sym);
}

static struct entry entry_at(const struct symbol_table *t, size_t i)
{
	unsigned word = is_wide(t) ? 8 : 4;
	const uint8_t *p = t->bytes + i * t->entry;
	const uint8_t *info = p + (is_wide(t) ? 4 : 12), *value = p + (is_wide(t) ? 8 : 4);
	uint64_t name = bytes_uint(p, 4, t->order);
	uint64_t kind = t->thumb && (info[0] & 0xf) == STT_FUNC;
	return (struct entry){ .name = name < t->names_size ? t->names + name : "",
		.value = bytes_uint(value, word, t->order) & ~kind,
		.size = bytes_uint(value + word, word, t->order),
		.binding = info[0] >> 4,
		.section = (unsigned)bytes_uint(info + 2, 2, t->order) };
}

/* Where the code of a symbol's section ends; 0: it is none. */
static uint64_t end_of_code(Elf *elf, unsigned section)
{
	GElf_Shdr sh;
	Elf_Scn *scn = section < SHN_LORESERVE ? elf_getscn(elf, section) : NULL;
	return scn && gelf_getshdr(scn, &sh) && sh.sh_flags & SHF_EXECINSTR
		       ? sh.sh_addr + sh.sh_size
		       : 0;
}

/* Functions; labels in code too, for assembly has no others. */
static bool function_at(const struct symbol_table *t, size_t i, struct entry *ret)
{
	unsigned type = t->bytes[i * t->entry + (is_wide(t) ? 4 : 12)] & 0xf;
	bool label = type == STT_NOTYPE;
	if (!label && type != STT_FUNC && type != STT_GNU_IFUNC)
		return false;
	*ret = entry_at(t, i);
	if (ret->section == SHN_UNDEF || !ret->value)
		return false;
	return !label || (ret->name[0] != '$' && end_of_code(t->elf, ret->section));
}

/* From where to where a file has code. */
static bool find_code(Elf *elf, uint64_t *ret_low, uint64_t *ret_high)
{
	*ret_low = UINT64_MAX;
	*ret_high = 0;
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
		GElf_Shdr sh;
		if (!gelf_getshdr(scn, &sh) || !(sh.sh_flags & SHF_EXECINSTR))
			continue;
		uint64_t end = sh.sh_addr + sh.sh_size;
		*ret_low = sh.sh_addr < *ret_low ? sh.sh_addr : *ret_low;
		*ret_high = end > *ret_high ? end : *ret_high;
	}
	return *ret_low < *ret_high;
}

/* Fills the chains; false: there is nothing to put into them. */
static bool chain_up(struct symbol_table *t)
{
	uint64_t high;
	if (!t->n || !find_code(t->elf, &t->low, &high))
		return false;
	while (t->shift < 63 && (high - t->low) >> t->shift > t->n / PER_CHAIN)
		t->shift++;
	t->n_chains = (size_t)((high - t->low) >> t->shift) + 1;
	t->chains = xcalloc(t->n_chains, sizeof(*t->chains));
	t->next = xcalloc(t->n, sizeof(*t->next));
	bool any = false;
	struct entry e;
	for (size_t i = 1; i < t->n; i++) {
		if (!function_at(t, i, &e) || e.value < t->low || e.value >= high)
			continue;
		uint32_t *chain = &t->chains[(e.value - t->low) >> t->shift];
		t->next[i] = *chain;
		*chain = (uint32_t)i;
		any = true;
	}
	return any;
}

static void table_fini(struct symbol_table *t)
{
	free(t->chains);
	free(t->next);
	*t = (struct symbol_table){ 0 };
}

static bool add_table(struct symbols *s, Elf *elf, unsigned type)
{
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
		GElf_Shdr sh;
		struct symbol_table *t = &s->tables[s->n];
		if (s->n == SYMBOL_TABLES_MAX || !gelf_getshdr(scn, &sh) || sh.sh_type != type ||
			!open_table(elf, scn, t))
			continue;
		t->partial = type == SHT_DYNSYM;
		if (chain_up(t)) {
			s->n++;
			return true;
		}
		table_fini(t);
	}
	return false;
}

void symbols_add(struct symbols *s, Elf *elf)
{
	if (elf && !add_table(s, elf, SHT_SYMTAB))
		add_table(s, elf, SHT_DYNSYM);
}

/* The stubs of the procedure linkage table: in .plt.sec, or in .plt behind what the first call of
 * each goes through. They are in the order of their relocations. */
static bool find_stubs(Elf *elf, size_t n, uint64_t *ret)
{
	struct elf_part plt;
	if (elf_part_named(elf, ".plt.sec", &plt) && plt.size == n * STUB) {
		*ret = plt.addr;
		return true;
	}
	if (!elf_part_named(elf, ".plt", &plt) || plt.size < n * STUB)
		return false;
	size_t head = plt.size - n * STUB;
	*ret = plt.addr + head;
	return head == STUB || head == 2 * STUB;
}

void symbols_add_stubs(struct symbols *s, Elf *elf)
{
	GElf_Shdr sh;
	struct symbol_stubs stubs = { 0 };
	Elf_Scn *scn = elf_section_named(elf, ".rela.plt", &sh);
	Elf_Data *data = scn ? elf_rawdata(scn, NULL) : NULL;
	if (!data || !data->d_buf || sh.sh_entsize != RELOCATION ||
		!open_table(elf, elf_getscn(elf, sh.sh_link), &stubs.names))
		return;
	stubs.relocations = data->d_buf;
	stubs.n = data->d_size / RELOCATION;
	if (stubs.n <= SYMBOLS_MAX && find_stubs(elf, stubs.n, &stubs.start))
		s->stubs = stubs;
}

static bool find_stub(struct symbols *s, uint64_t addr, struct symbol *ret)
{
	const struct symbol_stubs *stubs = &s->stubs;
	size_t i = (addr - stubs->start) / STUB;
	if (addr < stubs->start || i >= stubs->n)
		return false;
	const uint8_t *relocation = stubs->relocations + i * RELOCATION;
	uint64_t number = bytes_uint(relocation + 8, 8, stubs->names.order) >> 32;
	const char *name = number < stubs->names.n ? entry_at(&stubs->names, number).name : "";
	AUTO_FREE char *text = xasprintf("%s@plt", name);
	uint64_t start = stubs->start + i * STUB;
	if (name[0])
		*ret = (struct symbol){ start, start + STUB,
			arena_copy(&s->arena, text, strlen(text)) };
	return name[0];
}

struct search {
	uint64_t addr;
	uint64_t nearest; /* where the last function begins that does not begin behind it */
	struct entry sized, unsized; /* the last that cover it; name NULL: none */
};

/* Of two that begin at one address: global before weak before local, public names before those of
 * the library itself. */
static bool is_better(const struct entry *a, const struct entry *b)
{
	static const uint8_t ranks[16] = { [STB_LOCAL] = 2, [STB_GLOBAL] = 0, [STB_WEAK] = 1 };
	if (ranks[a->binding] != ranks[b->binding])
		return ranks[a->binding] < ranks[b->binding];
	size_t x = strspn(a->name, "_"), y = strspn(b->name, "_");
	return x != y ? x < y : strcmp(a->name, b->name) < 0;
}

static void consider(struct search *s, const struct symbol_table *t, struct entry e)
{
	struct entry *best = e.size ? &s->sized : &s->unsized;
	s->nearest = e.value > s->nearest ? e.value : s->nearest;
	if (!e.size) {
		e.size = end_of_code(t->elf, e.section) - e.value;
		if (t->partial && e.size > UNSIZED_MAX)
			e.size = UNSIZED_MAX;
	}
	if (s->addr - e.value < e.size && e.name[0] &&
		(!best->name || e.value > best->value ||
			(e.value == best->value && is_better(&e, best))))
		*best = e;
}

static void search_table(const struct symbol_table *t, struct search *s)
{
	unsigned passed = 0, steps = 0;
	if (s->addr < t->low)
		return;
	size_t from = (size_t)((s->addr - t->low) >> t->shift);
	for (size_t chain = from < t->n_chains ? from + 1 : t->n_chains; chain > 0; chain--) {
		for (uint32_t i = t->chains[chain - 1]; i; i = t->next[i]) {
			struct entry e = entry_at(t, i);
			if (++steps > SYMBOL_STEPS_MAX)
				return;
			if (e.value > s->addr)
				continue;
			consider(s, t, e);
			passed++;
		}
		uint64_t start = t->low + ((uint64_t)(chain - 1) << t->shift);
		if (passed > PASSED_MAX || (s->sized.name && s->sized.value >= start))
			return; /* those before begin before it */
	}
}

bool symbols_find(struct symbols *s, uint64_t addr, struct symbol *ret)
{
	struct search search = { .addr = addr };
	if (find_stub(s, addr, ret))
		return true;
	for (size_t i = 0; i < s->n; i++)
		search_table(&s->tables[i], &search);
	const struct entry *e = &search.sized;
	/* one that does not tell its size reaches up to the next */
	if (search.unsized.name && search.unsized.value == search.nearest &&
		(!e->name || e->value != search.nearest))
		e = &search.unsized;
	if (!e->name)
		return false;
	*ret = (struct symbol){ e->value, e->value + e->size, e->name };
	return true;
}

void symbols_fini(struct symbols *s)
{
	for (size_t i = 0; i < s->n; i++)
		table_fini(&s->tables[i]);
	arena_fini(&s->arena);
	*s = (struct symbols){ 0 };
}
