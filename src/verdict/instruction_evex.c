/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Capstone 4 does not know and C libraries search strings with on processors that have
 * AVX-512: comparisons and tests of vectors into masks, vpternlog, broadcasts of bytes. Each reads
 * its operand in memory (Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2,
 * section "Intel AVX-512 Encoding"). A displacement of one byte counts in units: the operand's
 * size.
 */
#include "decoding.h"

#include "pycore/attr.h"

#include <stdio.h>
#include <string.h>

enum { MAP_0F = 1, MAP_0F38, MAP_0F3A };
enum { PP_66 = 1, PP_F3 };
enum { W_ANY = 2 };

static const struct evex_row {
	uint8_t map, opcode, pp, w;
	uint8_t element; /* bytes; of what may be one element that is repeated */
	uint8_t single; /* bytes, of what is always one */
	bool to_mask; /* its first operand is a mask register */
	const char *name; /* %s: how it compares */
} evex_rows[] = {
	{ MAP_0F, 0x74, PP_66, W_ANY, 0, 0, true, "vpcmpeqb" },
	{ MAP_0F, 0x75, PP_66, W_ANY, 0, 0, true, "vpcmpeqw" },
	{ MAP_0F, 0x76, PP_66, 0, 4, 0, true, "vpcmpeqd" },
	{ MAP_0F, 0x64, PP_66, W_ANY, 0, 0, true, "vpcmpgtb" },
	{ MAP_0F, 0x65, PP_66, W_ANY, 0, 0, true, "vpcmpgtw" },
	{ MAP_0F, 0x66, PP_66, 0, 4, 0, true, "vpcmpgtd" },
	{ MAP_0F38, 0x29, PP_66, 1, 8, 0, true, "vpcmpeqq" },
	{ MAP_0F38, 0x37, PP_66, 1, 8, 0, true, "vpcmpgtq" },
	{ MAP_0F38, 0x26, PP_66, 0, 0, 0, true, "vptestmb" },
	{ MAP_0F38, 0x26, PP_66, 1, 0, 0, true, "vptestmw" },
	{ MAP_0F38, 0x26, PP_F3, 0, 0, 0, true, "vptestnmb" },
	{ MAP_0F38, 0x26, PP_F3, 1, 0, 0, true, "vptestnmw" },
	{ MAP_0F38, 0x27, PP_66, 0, 4, 0, true, "vptestmd" },
	{ MAP_0F38, 0x27, PP_66, 1, 8, 0, true, "vptestmq" },
	{ MAP_0F38, 0x27, PP_F3, 0, 4, 0, true, "vptestnmd" },
	{ MAP_0F38, 0x27, PP_F3, 1, 8, 0, true, "vptestnmq" },
	{ MAP_0F38, 0x78, PP_66, 0, 0, 1, false, "vpbroadcastb" },
	{ MAP_0F38, 0x79, PP_66, 0, 0, 2, false, "vpbroadcastw" },
	{ MAP_0F3A, 0x1e, PP_66, 0, 4, 0, true, "vpcmp%sud" },
	{ MAP_0F3A, 0x1e, PP_66, 1, 8, 0, true, "vpcmp%suq" },
	{ MAP_0F3A, 0x1f, PP_66, 0, 4, 0, true, "vpcmp%sd" },
	{ MAP_0F3A, 0x1f, PP_66, 1, 8, 0, true, "vpcmp%sq" },
	{ MAP_0F3A, 0x25, PP_66, 0, 4, 0, false, "vpternlogd" },
	{ MAP_0F3A, 0x25, PP_66, 1, 8, 0, false, "vpternlogq" },
	{ MAP_0F3A, 0x3e, PP_66, 0, 0, 0, true, "vpcmp%sub" },
	{ MAP_0F3A, 0x3e, PP_66, 1, 0, 0, true, "vpcmp%suw" },
	{ MAP_0F3A, 0x3f, PP_66, 0, 0, 0, true, "vpcmp%sb" },
	{ MAP_0F3A, 0x3f, PP_66, 1, 0, 0, true, "vpcmp%sw" },
};

/* The prefix's bits, in their own sense: the processor has most of them inverted. */
struct evex {
	const struct evex_row *row;
	unsigned reg, reg_vector, second, mask, mod, rm;
	unsigned base_high, index_high; /* 8 or 0 */
	bool zeroing, repeats;
	uint32_t vector; /* bytes */
	uint32_t size; /* bytes of the operand in memory */
	uint8_t imm;
};

static const struct evex_row *row_of(unsigned map, unsigned opcode, unsigned pp, unsigned w)
{
	for (size_t i = 0; i < ARRAY_LEN(evex_rows); i++) {
		const struct evex_row *r = &evex_rows[i];
		if (r->map == map && r->opcode == opcode && r->pp == pp &&
			(r->w == W_ANY || r->w == w))
			return r;
	}
	return NULL;
}

static bool read_prefix(struct cursor *c, struct evex *e)
{
	const uint8_t *b = cursor_take(c, 6);
	if (!b || b[0] != 0x62 || b[1] & 0x08 || !(b[2] & 0x04))
		return false;
	unsigned length = b[3] >> 5 & 3;
	e->row = row_of(b[1] & 7, b[4], b[2] & 3, b[2] >> 7);
	e->mod = b[5] >> 6;
	e->rm = b[5] & 7;
	if (!e->row || length > 2 || e->mod == 3)
		return false;
	e->vector = 16u << length;
	e->repeats = b[3] & 0x10;
	e->zeroing = b[3] & 0x80;
	e->mask = b[3] & 7;
	e->reg = b[5] >> 3 & 7;
	e->reg_vector = e->reg | (b[1] & 0x80 ? 0 : 8) | (b[1] & 0x10 ? 0 : 16);
	e->second = (~b[2] >> 3 & 15) | (b[3] & 0x08 ? 0 : 16);
	e->index_high = b[1] & 0x40 ? 0 : 8;
	e->base_high = b[1] & 0x20 ? 0 : 8;
	e->size = e->row->single ? e->row->single : e->repeats ? e->row->element : e->vector;
	return e->size && (!e->row->single || !e->repeats);
}

static const char *const numbered[] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
	"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15" };

/* Adds a register to the address and its text. */
static void add_reg(struct decoding *d, unsigned number, unsigned scale, struct memory_operand *m)
{
	size_t len = strlen(m->text);
	uint64_t v = decoding_reg(d, numbered[number]);
	m->address += v * scale;
	if (!m->base) {
		m->base = numbered[number];
		m->base_value = v;
	}
	if (scale > 1)
		snprintf(m->text + len, sizeof(m->text) - len, "%s%s*%u", len > 1 ? " + " : "",
			numbered[number], scale);
	else
		snprintf(m->text + len, sizeof(m->text) - len, "%s%s", len > 1 ? " + " : "",
			numbered[number]);
}

static void add_distance(int64_t distance, struct memory_operand *m)
{
	size_t len = strlen(m->text);
	uint64_t far = distance < 0 ? -(uint64_t)distance : (uint64_t)distance;
	const char *sign = len > 1 ? (distance < 0 ? " - " : " + ") : "";
	m->address += (uint64_t)distance;
	if (len <= 1)
		far = (uint64_t)distance;
	if (far || len <= 1)
		snprintf(m->text + len, sizeof(m->text) - len, far > 9 ? "%s0x%llx" : "%s%llu",
			sign, (unsigned long long)far);
}

/* The operand in memory; c stands behind the ModRM byte. False: it is cut off. */
static bool read_operand(
	struct decoding *d, struct cursor *c, struct evex *e, struct memory_operand *m)
{
	unsigned base = e->rm | e->base_high, sib = 0;
	bool has_base = true, relative = e->mod == 0 && e->rm == 5;
	strcpy(m->text, "[");
	if (e->rm == 4) {
		sib = (unsigned)cursor_uint(c, 1);
		base = (sib & 7) | e->base_high;
		has_base = e->mod != 0 || (sib & 7) != 5;
	}
	unsigned index = (sib >> 3 & 7) | e->index_high;
	if (relative) {
		strcpy(m->text, "[rip");
	} else {
		if (has_base)
			add_reg(d, base, 1, m);
		if (e->rm == 4 && index != 4)
			add_reg(d, index, 1u << (sib >> 6), m);
	}
	unsigned bytes = e->mod == 1 ? 1 : e->mod == 2 || relative || !has_base ? 4 : 0;
	uint64_t raw = cursor_uint(c, bytes);
	int64_t distance = bytes == 1 ? (int8_t)raw * (int64_t)e->size : (int32_t)raw;
	if (bytes || !has_base)
		add_distance(distance, m);
	size_t len = strlen(m->text);
	snprintf(m->text + len, sizeof(m->text) - len, "]");
	if (e->row->map == MAP_0F3A)
		e->imm = (uint8_t)cursor_uint(c, 1);
	if (relative) {
		m->base = "rip";
		m->base_value = d->pc + c->at;
		m->address += m->base_value;
	}
	return !c->overrun;
}

static const char *width_name(uint32_t bytes)
{
	switch (bytes) {
	case 1:
		return "byte";
	case 2:
		return "word";
	case 4:
		return "dword";
	case 8:
		return "qword";
	case 16:
		return "xmmword";
	case 32:
		return "ymmword";
	}
	return "zmmword";
}

static void write_text(const struct evex *e, const struct memory_operand *m, struct str *to)
{
	static const char *const compares[] = { "eq", "lt", "le", "false", "neq", "nlt", "nle",
		"true" };
	const char letter = e->vector == 16 ? 'x' : e->vector == 32 ? 'y' : 'z';
	const char *hole = strstr(e->row->name, "%s");
	if (hole)
		str_addf(to, "%.*s%s%s ", (int)(hole - e->row->name), e->row->name,
			compares[e->imm & 7], hole + 2);
	else
		str_addf(to, "%s ", e->row->name);
	if (e->row->to_mask)
		str_addf(to, "k%u", e->reg);
	else
		str_addf(to, "%cmm%u", letter, e->reg_vector);
	if (e->mask)
		str_addf(to, " {k%u}%s", e->mask, e->zeroing ? " {z}" : "");
	if (!e->row->single)
		str_addf(to, ", %cmm%u", letter, e->second);
	str_addf(to, ", %s ptr %s", width_name(e->size), m->text);
	if (e->repeats)
		str_addf(to, "{1to%u}", e->vector / e->size);
	if (e->row->map == MAP_0F3A && !hole)
		str_addf(to, ", 0x%x", e->imm);
}

bool decode_evex(struct decoding *d, const uint8_t *bytes, size_t n, struct instruction *in)
{
	struct cursor c = cursor_of(bytes, n, ORDER_LITTLE);
	struct evex e = { 0 };
	struct memory_operand m = { .access = ACCESS_READ };
	if (d->dis->kind != DIS_X86_64 || !read_prefix(&c, &e) || !read_operand(d, &c, &e, &m))
		return false;
	m.size = e.size;
	d->list[d->n++] = m;
	*in = (struct instruction){ .pc = d->pc, .length = (unsigned)c.at };
	AUTO_STR(text);
	write_text(&e, &m, &text);
	instruction_name(in, &text);
	return true;
}
