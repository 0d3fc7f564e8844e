/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding the entry of an address. Formats: DWARF 5, section 6.4; .eh_frame and .eh_frame_hdr:
 * Linux Standard Base 5.0, "Exception Frames" (pointer encodings: "DWARF Exception Header
 * Encoding").
 *
 * An entry is {length, id, body}; in .eh_frame the id of a CIE is 0 and that of an FDE the distance
 * back to its CIE, in .debug_frame all ones, and the CIE's offset.
 */
#include "cfi_entry.h"
#include "leb.h"

#include "pycore/alloc.h"
#include "pycore/sorted.h"

#include <stdlib.h>
#include <string.h>

enum {
	PE_ABSENT = 0xff,
	PE_FORMAT = 0x0f, /* of the value; the next is how it is meant */
	PE_MEANT = 0x70,
	PE_PCREL = 0x10,
	PE_DATAREL = 0x30,
	PE_INDIRECT = 0x80,
	PE_UDATA4 = 0x03,
	PE_SDATA4 = 0x0b,

	SPANS_MAX = 1 << 22,
};

struct entry {
	bool cie;
	size_t cie_at; /* of an FDE: its CIE */
	struct cursor body; /* within the section; ends with the entry */
};

static struct cursor section_cursor(const struct cfi_section *s, size_t at)
{
	struct cursor c = cursor_of(s->bytes, s->size, s->order);
	cursor_skip(&c, at);
	return c;
}

static uint64_t truncate_to(const struct cfi_section *s, uint64_t v)
{
	return s->ptr_size == 8 ? v : v & UINT32_MAX;
}

/* The plain value of a pointer in this format. */
static bool take_value(struct cursor *c, unsigned format, unsigned ptr_size, uint64_t *ret)
{
	static const uint8_t sizes[16] = {
		[0x2] = 2, [0x3] = 4, [0x4] = 8, [0xa] = 2, [0xb] = 4, [0xc] = 8
	};
	unsigned size = sizes[format];
	if (format == 0 || format == 8)
		size = ptr_size;
	if (format == 1)
		*ret = cursor_uleb(c);
	else if (format == 9)
		*ret = (uint64_t)cursor_sleb(c);
	else if (!size)
		return false;
	else if (format & 8) {
		const uint8_t *p = cursor_take(c, size);
		*ret = p ? (uint64_t)bytes_int(p, size, c->order) : 0;
	} else
		*ret = cursor_uint(c, size);
	return !c->overrun;
}

bool cfi_take_pointer(
	const struct cfi_section *s, struct cursor *c, unsigned encoding, uint64_t *ret)
{
	uint64_t place = s->addr + c->at, v;
	if (encoding == PE_ABSENT || encoding & PE_INDIRECT ||
		!take_value(c, encoding & PE_FORMAT, s->ptr_size, &v))
		return false;
	if ((encoding & PE_MEANT) == PE_PCREL)
		v += place;
	else if ((encoding & PE_MEANT) == PE_DATAREL)
		v += s->hdr_addr;
	else if (encoding & PE_MEANT)
		return false;
	*ret = truncate_to(s, v);
	return true;
}

/* Reads the head of the entry at *at and steps behind it. False at the end. */
static bool next_entry(const struct cfi_section *s, size_t *at, struct entry *ret)
{
	struct cursor c = section_cursor(s, *at);
	unsigned word = 4;
	uint64_t length = cursor_uint(&c, 4);
	if (length == UINT32_MAX) {
		word = 8;
		length = cursor_uint(&c, 8);
	}
	if (c.overrun || !length || length > s->size - c.at || length < word)
		return false;
	size_t id_at = c.at, end = c.at + (size_t)length;
	uint64_t id = cursor_uint(&c, s->eh ? 4 : word);
	uint64_t cie_id = s->eh ? 0 : word == 4 ? UINT32_MAX : UINT64_MAX;
	c.size = end;
	*at = end;
	*ret = (struct entry){ .cie = id == cie_id, .body = c };
	if (!ret->cie && s->eh && id > id_at)
		return false;
	if (!ret->cie)
		ret->cie_at = s->eh ? id_at - (size_t)id : (size_t)id;
	return true;
}

/* What the letters of an augmentation that begins with z say. */
static bool take_augmentation(
	const struct cfi_section *s, const char *letters, struct cursor *c, struct cie *ret)
{
	uint64_t size = cursor_uleb(c);
	if (size > cursor_left(c))
		return false;
	size_t end = c->at + (size_t)size;
	for (ret->sized = true; *letters; letters++) {
		if (*letters == 'R') {
			ret->fde_encoding = (uint8_t)cursor_uint(c, 1);
		} else if (*letters == 'L') {
			cursor_skip(c, 1);
		} else if (*letters == 'P') {
			uint64_t personality;
			unsigned encoding = (unsigned)cursor_uint(c, 1);
			if (!take_value(c, encoding & PE_FORMAT, s->ptr_size, &personality))
				return false;
		} else if (*letters == 'S') {
			ret->signal = true;
		} else if (*letters != 'B' && *letters != 'G') {
			break; /* the size leads behind what is not known */
		}
	}
	c->at = end;
	return !c->overrun;
}

static bool parse_cie(const struct cfi_section *s, size_t at, struct cie *ret)
{
	struct entry e;
	if (at >= s->size || !next_entry(s, &at, &e) || !e.cie)
		return false;
	struct cursor *c = &e.body;
	unsigned form = (unsigned)cursor_uint(c, 1);
	const char *letters = (const char *)c->bytes + c->at;
	const uint8_t *nul = memchr(letters, '\0', cursor_left(c));
	if (!nul || (form != 1 && form != 3 && form != 4))
		return false;
	c->at = (size_t)(nul + 1 - c->bytes);
	if (form == 4 && (cursor_uint(c, 1) != s->ptr_size || cursor_uint(c, 1)))
		return false;
	struct cie cie = { .code_align = cursor_uleb(c) };
	cie.data_align = cursor_sleb(c);
	uint64_t ra = form == 1 ? cursor_uint(c, 1) : cursor_uleb(c);
	if (ra >= COLUMNS_MAX || (letters[0] && letters[0] != 'z'))
		return false;
	cie.ra = (uint8_t)ra;
	if (letters[0] && !take_augmentation(s, letters + 1, c, &cie))
		return false;
	cie.instructions = *c;
	*ret = cie;
	return !c->overrun;
}

static bool parse_fde(const struct cfi_section *s, struct entry *e, struct fde *ret)
{
	struct cursor *c = &e->body;
	uint64_t length;
	if (e->cie || !parse_cie(s, e->cie_at, &ret->cie) ||
		!cfi_take_pointer(s, c, ret->cie.fde_encoding, &ret->start) ||
		!take_value(c, ret->cie.fde_encoding & 7, s->ptr_size, &length))
		return false;
	ret->end = ret->start + length;
	if (ret->cie.sized)
		cursor_skip(c, cursor_uleb(c));
	ret->instructions = *c;
	return !c->overrun && ret->end >= ret->start;
}

static bool fde_at(const struct cfi_section *s, size_t at, struct fde *ret)
{
	struct entry e;
	return at < s->size && next_entry(s, &at, &e) && parse_fde(s, &e, ret);
}

struct err cfi_open_eh(
	const uint8_t *bytes, size_t size, uint64_t addr, uint64_t hdr_addr, struct cfi_section *s)
{
	struct cfi_section hdr = *s;
	hdr.bytes = bytes;
	hdr.size = size;
	hdr.addr = addr;
	hdr.hdr_addr = hdr_addr;
	struct cursor c = section_cursor(&hdr, hdr_addr - addr);
	uint64_t start, count;
	unsigned form = (unsigned)cursor_uint(&c, 1), start_encoding, count_encoding, encoding;
	start_encoding = (unsigned)cursor_uint(&c, 1);
	count_encoding = (unsigned)cursor_uint(&c, 1);
	encoding = (unsigned)cursor_uint(&c, 1);
	if (c.overrun || form != 1 || !cfi_take_pointer(&hdr, &c, start_encoding, &start) ||
		start < addr || start - addr >= size)
		return err_at(ERR_CORRUPT, hdr_addr, "header of call frame information");
	s->bytes = bytes + (start - addr);
	s->size = size - (size_t)(start - addr);
	s->addr = start;
	s->eh = true;
	s->hdr_addr = hdr_addr;
	if (encoding == (PE_DATAREL | PE_SDATA4) &&
		cfi_take_pointer(&hdr, &c, count_encoding, &count) && count &&
		count <= cursor_left(&c) / 8) {
		s->table = c.bytes + c.at;
		s->table_len = (size_t)count;
	}
	return NO_ERR;
}

static int by_start(const void *a, const void *b)
{
	uint64_t x = ((const struct cfi_span *)a)->start, y = ((const struct cfi_span *)b)->start;
	return x < y ? -1 : x > y;
}

void cfi_index(struct cfi_section *s)
{
	struct entry e;
	s->indexed = true;
	for (size_t at = 0, here = 0; s->n_spans < SPANS_MAX && next_entry(s, &at, &e); here = at) {
		struct fde f;
		if (!parse_fde(s, &e, &f) || f.start == f.end)
			continue;
		s->spans = xgrow(s->spans, &s->cap_spans, s->n_spans, sizeof(*s->spans));
		s->spans[s->n_spans++] = (struct cfi_span){ f.start, f.end, here };
	}
	if (s->n_spans)
		qsort(s->spans, s->n_spans, sizeof(*s->spans), by_start);
}

void cfi_fini(struct cfi_section *s)
{
	free(s->spans);
	*s = (struct cfi_section){ 0 };
}

/* Field i of the header's table, as an address. */
static uint64_t table_at(const struct cfi_section *s, size_t i)
{
	return truncate_to(s, s->hdr_addr + (uint64_t)bytes_int(s->table + i * 4, 4, s->order));
}

static bool find_in_table(const struct cfi_section *s, uint64_t pc, struct fde *ret)
{
	size_t n = PARTITION_POINT(s->table_len, i, table_at(s, 2 * i) <= pc);
	if (!n)
		return false;
	uint64_t fde = table_at(s, 2 * (n - 1) + 1);
	return fde >= s->addr && fde_at(s, (size_t)(fde - s->addr), ret) && pc >= ret->start &&
	       pc < ret->end;
}

static bool find_in_spans(struct cfi_section *s, uint64_t pc, struct fde *ret)
{
	if (!s->indexed)
		cfi_index(s);
	size_t n = PARTITION_POINT(s->n_spans, i, s->spans[i].start <= pc);
	return n && pc < s->spans[n - 1].end && fde_at(s, s->spans[n - 1].at, ret);
}

bool cfi_find(struct cfi_section *s, uint64_t pc, struct fde *ret)
{
	return s->bytes && (s->table ? find_in_table(s, pc, ret) : find_in_spans(s, pc, ret));
}
