/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding and running call frame information. Formats: DWARF 5, section 6.4; .eh_frame and
 * .eh_frame_hdr: Linux Standard Base 5.0, "Exception Frames" (pointer encodings: "DWARF Exception
 * Header Encoding"); DW_CFA_AARCH64_negate_ra_state: DWARF for the Arm 64-bit Architecture.
 *
 * An entry is {length, id, body}; in .eh_frame the id of a CIE is 0 and that of an FDE the distance
 * back to its CIE, in .debug_frame all ones, and the CIE's offset.
 */
#include "cfi.h"
#include "leb.h"

#include "pycore/alloc.h"

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

	FDE_BYTES_MAX = 1 << 20,
	SPANS_MAX = 1 << 22,
	REMEMBERED_MAX = 16,
};

struct entry {
	bool cie;
	size_t cie_at; /* of an FDE: its CIE */
	struct cursor body; /* within the section; ends with the entry */
};

struct cie {
	uint64_t code_align;
	int64_t data_align;
	uint8_t ra, fde_encoding;
	bool signal, sized; /* sized: FDEs say how long their augmentation is */
	struct cursor instructions;
};

struct fde {
	struct cie cie;
	uint64_t start, end;
	struct cursor instructions;
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

/* An encoded pointer of the section. Indirect ones would need memory, and no function is given so.
 */
static bool take_pointer(
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
		!take_pointer(s, c, ret->cie.fde_encoding, &ret->start) ||
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
	if (c.overrun || form != 1 || !take_pointer(&hdr, &c, start_encoding, &start) ||
		start < addr || start - addr >= size)
		return err_at(ERR_CORRUPT, hdr_addr, "header of call frame information");
	s->bytes = bytes + (start - addr);
	s->size = size - (size_t)(start - addr);
	s->addr = start;
	s->eh = true;
	s->hdr_addr = hdr_addr;
	if (encoding == (PE_DATAREL | PE_SDATA4) &&
		take_pointer(&hdr, &c, count_encoding, &count) && count &&
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
	size_t low = 0, high = s->table_len;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (table_at(s, 2 * mid) <= pc)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low)
		return false;
	uint64_t fde = table_at(s, 2 * (low - 1) + 1);
	return fde >= s->addr && fde_at(s, (size_t)(fde - s->addr), ret) && pc >= ret->start &&
	       pc < ret->end;
}

static bool find_in_spans(struct cfi_section *s, uint64_t pc, struct fde *ret)
{
	size_t low = 0, high;
	if (!s->indexed)
		cfi_index(s);
	for (high = s->n_spans; low < high;) {
		size_t mid = low + (high - low) / 2;
		if (s->spans[mid].start <= pc)
			low = mid + 1;
		else
			high = mid;
	}
	return low && pc < s->spans[low - 1].end && fde_at(s, s->spans[low - 1].at, ret);
}

/* The state while instructions run. */
struct run {
	const struct cfi_section *s;
	const struct cie *cie;
	struct cfi_row row;
	uint64_t at; /* address that the next row begins with */
	const struct cfi_row *initial; /* after the CIE; NULL while that runs */
	struct cfi_row *remembered;
	size_t n_remembered;
};

static bool set_rule(struct run *r, uint64_t column, enum cfi_how how, int64_t offset)
{
	if (column < COLUMNS_MAX)
		r->row.rules[column] = (struct cfi_rule){ how, offset };
	return true;
}

/* A block: its length and bytes stay where they are. */
static int64_t take_block(struct cursor *c)
{
	size_t at = c->at;
	cursor_skip(c, cursor_uleb(c));
	return (int64_t)at;
}

static bool set_cfa(struct run *r, uint64_t column, int64_t offset)
{
	if (column >= COLUMNS_MAX)
		return false;
	r->row.cfa_column = (uint8_t)column;
	r->row.cfa = (struct cfi_rule){ CFI_REGISTER, offset };
	return true;
}

static bool remember(struct run *r)
{
	if (r->n_remembered == REMEMBERED_MAX)
		return false;
	if (!r->remembered)
		r->remembered = xcalloc(REMEMBERED_MAX, sizeof(*r->remembered));
	r->remembered[r->n_remembered++] = r->row;
	return true;
}

static bool restore_state(struct run *r)
{
	if (!r->n_remembered)
		return false;
	uint64_t start = r->row.start;
	r->row = r->remembered[--r->n_remembered];
	r->row.start = start;
	return true;
}

static bool restore(struct run *r, uint64_t column)
{
	if (!r->initial)
		return false;
	if (column < COLUMNS_MAX)
		r->row.rules[column] = r->initial->rules[column];
	return true;
}

/* Instructions that give a column its rule. */
static bool run_rule(struct run *r, struct cursor *c, unsigned op)
{
	int64_t align = r->cie->data_align;
	uint64_t column = cursor_uleb(c);
	switch (op) {
	case 0x05: /* offset_extended */
		return set_rule(r, column, CFI_AT_OFFSET, (int64_t)cursor_uleb(c) * align);
	case 0x06: /* restore_extended */
		return restore(r, column);
	case 0x07: /* undefined */
		return set_rule(r, column, CFI_UNDEFINED, 0);
	case 0x08: /* same_value */
		return set_rule(r, column, CFI_SAME, 0);
	case 0x09: /* register */
		return set_rule(r, column, CFI_REGISTER, (int64_t)cursor_uleb(c));
	case 0x10: /* expression */
		return set_rule(r, column, CFI_AT_EXPRESSION, take_block(c));
	case 0x11: /* offset_extended_sf */
		return set_rule(r, column, CFI_AT_OFFSET, cursor_sleb(c) * align);
	case 0x14: /* val_offset */
		return set_rule(r, column, CFI_IS_OFFSET, (int64_t)cursor_uleb(c) * align);
	case 0x15: /* val_offset_sf */
		return set_rule(r, column, CFI_IS_OFFSET, cursor_sleb(c) * align);
	case 0x16: /* val_expression */
		return set_rule(r, column, CFI_IS_EXPRESSION, take_block(c));
	case 0x2f: /* GNU_negative_offset_extended */
		return set_rule(r, column, CFI_AT_OFFSET, -(int64_t)cursor_uleb(c) * align);
	}
	return false;
}

/* Instructions that say what the CFA is, and the rest. */
static bool run_other(struct run *r, struct cursor *c, unsigned op)
{
	struct cfi_row *row = &r->row;
	int64_t align = r->cie->data_align;
	uint64_t column;
	switch (op) {
	case 0x00: /* nop */
		return true;
	case 0x0a: /* remember_state */
		return remember(r);
	case 0x0b: /* restore_state */
		return restore_state(r);
	case 0x0c: /* def_cfa */
		column = cursor_uleb(c);
		return set_cfa(r, column, (int64_t)cursor_uleb(c));
	case 0x0d: /* def_cfa_register */
		return row->cfa.how == CFI_REGISTER && set_cfa(r, cursor_uleb(c), row->cfa.offset);
	case 0x0e: /* def_cfa_offset */
		return row->cfa.how == CFI_REGISTER &&
		       set_cfa(r, row->cfa_column, (int64_t)cursor_uleb(c));
	case 0x0f: /* def_cfa_expression */
		row->cfa = (struct cfi_rule){ CFI_IS_EXPRESSION, take_block(c) };
		return true;
	case 0x12: /* def_cfa_sf */
		column = cursor_uleb(c);
		return set_cfa(r, column, cursor_sleb(c) * align);
	case 0x13: /* def_cfa_offset_sf */
		return row->cfa.how == CFI_REGISTER &&
		       set_cfa(r, row->cfa_column, cursor_sleb(c) * align);
	case 0x2d: /* AARCH64_negate_ra_state */
		row->ra_signed = !row->ra_signed;
		return r->s->signs_ra;
	case 0x2e: /* GNU_args_size: of no use here */
		cursor_uleb(c);
		return true;
	}
	return run_rule(r, c, op);
}

/* Whether the instruction ends a row, and then where the next one begins. */
static bool advances(struct run *r, struct cursor *c, unsigned op, bool *ret_good)
{
	uint64_t delta;
	*ret_good = true;
	if (op >> 6 == 1)
		delta = op & 0x3f;
	else if (op >= 0x02 && op <= 0x04) /* advance_loc1, 2, 4 */
		delta = cursor_uint(c, 1u << (op - 2));
	else if (op == 0x01) { /* set_loc */
		uint64_t to = 0;
		*ret_good = take_pointer(r->s, c, r->cie->fde_encoding, &to) && to >= r->at;
		r->at = to;
		return true;
	} else
		return false;
	r->at += delta * r->cie->code_align;
	return true;
}

/* Runs up to the row that holds pc. */
static bool run(struct run *r, struct cursor c, uint64_t pc)
{
	if (cursor_left(&c) > FDE_BYTES_MAX)
		return false;
	while (cursor_left(&c)) {
		unsigned op = (unsigned)cursor_uint(&c, 1);
		bool good;
		if (advances(r, &c, op, &good)) {
			if (good && !c.overrun && r->at > pc)
				return true;
			r->row.start = r->at;
		} else if (op >> 6 == 2) { /* offset */
			good = set_rule(r, op & 0x3f, CFI_AT_OFFSET,
				(int64_t)cursor_uleb(&c) * r->cie->data_align);
		} else if (op >> 6 == 3) {
			good = restore(r, op & 0x3f);
		} else {
			good = run_other(r, &c, op);
		}
		if (!good || c.overrun)
			return false;
	}
	return true;
}

struct err cfi_row(struct cfi_section *s, uint64_t pc, struct cfi_row *ret)
{
	struct fde f;
	if (!s->bytes || !(s->table ? find_in_table(s, pc, &f) : find_in_spans(s, pc, &f)))
		return err_at(ERR_ABSENT, pc, "call frame information");
	struct run r = { .s = s, .cie = &f.cie, .at = f.start };
	bool good = run(&r, f.cie.instructions, UINT64_MAX);
	struct cfi_row initial = r.row;
	r.initial = &initial;
	r.at = f.start;
	r.row.start = f.start;
	good = good && run(&r, f.instructions, pc);
	free(r.remembered);
	if (!good || r.row.cfa.how == CFI_UNSAID)
		return err_at(ERR_CORRUPT, pc, "call frame information");
	*ret = r.row;
	ret->end = r.at > pc ? r.at : f.end;
	ret->signal = f.cie.signal;
	ret->ra = f.cie.ra;
	ret->section = s;
	return NO_ERR;
}
