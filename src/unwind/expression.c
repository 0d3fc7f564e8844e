/* SPDX-License-Identifier: Apache-2.0 */
/* DWARF expressions as call frame information uses them (DWARF 5, section 2.5): a stack machine
 * over registers and memory, with a bounded stack and a bounded number of steps. */
#include "cfi.h"
#include "leb.h"

#include "pycore/limits.h"

enum { STACK_MAX = 64 };

struct machine {
	struct cursor c;
	struct mem *mem;
	uint64_t bias;
	const struct unwind_regs *regs;
	uint64_t stack[STACK_MAX];
	size_t n;
};

static struct err bad(void)
{
	return err_of(ERR_CORRUPT, "DWARF expression");
}

static struct err push(struct machine *m, uint64_t v)
{
	if (m->n == STACK_MAX)
		return bad();
	m->stack[m->n++] = v;
	return NO_ERR;
}

/* The value `depth` below the top. */
static struct err copy(struct machine *m, uint64_t depth)
{
	return depth < m->n ? push(m, m->stack[m->n - 1 - depth]) : bad();
}

static struct err push_register(struct machine *m, uint64_t column, int64_t offset)
{
	if (column >= COLUMNS_MAX || !regs_has(m->regs, (unsigned)column))
		return err_of(ERR_ABSENT, "register of a DWARF expression");
	return push(m, m->regs->value[column] + (uint64_t)offset);
}

static struct err deref(struct machine *m, unsigned size)
{
	if (!m->n || (size != 1 && size != 2 && size != 4 && size != 8))
		return bad();
	uint64_t *top = &m->stack[m->n - 1];
	return mem_uint(m->mem, *top, size, top);
}

static struct err jump(struct machine *m, bool taken)
{
	const uint8_t *p = cursor_take(&m->c, 2);
	if (!p)
		return bad();
	int64_t by = bytes_int(p, 2, m->c.order);
	if (!taken)
		return NO_ERR;
	if (by < 0 ? (size_t)-by > m->c.at : (size_t)by > m->c.size - m->c.at)
		return bad();
	m->c.at = (size_t)((int64_t)m->c.at + by);
	return NO_ERR;
}

static struct err unary(struct machine *m, unsigned op)
{
	if (!m->n)
		return bad();
	uint64_t *top = &m->stack[m->n - 1];
	switch (op) {
	case 0x13: /* drop */
		m->n--;
		return NO_ERR;
	case 0x19: /* abs */
		*top = (int64_t)*top < 0 ? -*top : *top;
		return NO_ERR;
	case 0x1f: /* neg */
		*top = -*top;
		return NO_ERR;
	case 0x20: /* not */
		*top = ~*top;
		return NO_ERR;
	case 0x23: /* plus_uconst */
		*top += cursor_uleb(&m->c);
		return NO_ERR;
	case 0x28: { /* bra */
		bool taken = *top;
		m->n--;
		return jump(m, taken);
	}
	}
	return bad();
}

static struct err divide(uint64_t a, uint64_t b, bool rest, uint64_t *ret)
{
	if (!b || (!rest && b == UINT64_MAX && a == UINT64_C(1) << 63))
		return bad();
	*ret = rest ? a % b : (uint64_t)((int64_t)a / (int64_t)b);
	return NO_ERR;
}

static struct err binary(struct machine *m, unsigned op)
{
	if (m->n < 2)
		return bad();
	uint64_t b = m->stack[--m->n], *top = &m->stack[m->n - 1], a = *top;
	int64_t x = (int64_t)a, y = (int64_t)b;
	switch (op) {
	case 0x1a:
		*top = a & b;
		return NO_ERR;
	case 0x1b:
		return divide(a, b, false, top);
	case 0x1c:
		*top = a - b;
		return NO_ERR;
	case 0x1d:
		return divide(a, b, true, top);
	case 0x1e:
		*top = a * b;
		return NO_ERR;
	case 0x21:
		*top = a | b;
		return NO_ERR;
	case 0x22:
		*top = a + b;
		return NO_ERR;
	case 0x24:
		*top = b < 64 ? a << b : 0;
		return NO_ERR;
	case 0x25:
		*top = b < 64 ? a >> b : 0;
		return NO_ERR;
	case 0x26:
		*top = (uint64_t)(x >> (b < 64 ? b : 63));
		return NO_ERR;
	case 0x27:
		*top = a ^ b;
		return NO_ERR;
	case 0x29:
		*top = a == b;
		return NO_ERR;
	case 0x2a:
		*top = x >= y;
		return NO_ERR;
	case 0x2b:
		*top = x > y;
		return NO_ERR;
	case 0x2c:
		*top = x <= y;
		return NO_ERR;
	case 0x2d:
		*top = x < y;
		return NO_ERR;
	case 0x2e:
		*top = a != b;
		return NO_ERR;
	}
	return bad();
}

/* swap, rot: the top goes below the next `under` ones */
static struct err sink(struct machine *m, size_t under)
{
	if (m->n <= under)
		return bad();
	uint64_t top = m->stack[m->n - 1];
	for (size_t i = 1; i <= under; i++)
		m->stack[m->n - i] = m->stack[m->n - i - 1];
	m->stack[m->n - 1 - under] = top;
	return NO_ERR;
}

static struct err constant(struct machine *m, unsigned op)
{
	if (op == 0x10) /* constu */
		return push(m, cursor_uleb(&m->c));
	if (op == 0x11) /* consts */
		return push(m, (uint64_t)cursor_sleb(&m->c));
	unsigned size = 1u << ((op - 0x08) / 2); /* const1u, const1s, ... const8s */
	const uint8_t *p = cursor_take(&m->c, size);
	if (!p)
		return bad();
	return push(m, op & 1 ? (uint64_t)bytes_int(p, size, m->c.order)
			      : bytes_uint(p, size, m->c.order));
}

static struct err step(struct machine *m)
{
	unsigned op = (unsigned)cursor_uint(&m->c, 1);
	if (op >= 0x30 && op <= 0x4f) /* lit0 to lit31 */
		return push(m, op - 0x30);
	if (op >= 0x70 && op <= 0x8f) /* breg0 to breg31 */
		return push_register(m, op - 0x70, cursor_sleb(&m->c));
	if (op >= 0x08 && op <= 0x11)
		return constant(m, op);
	switch (op) {
	case 0x03: /* addr */
		return push(m, m->bias + cursor_uint(&m->c, m->mem->ptr_size));
	case 0x06: /* deref */
		return deref(m, m->mem->ptr_size);
	case 0x12: /* dup */
		return copy(m, 0);
	case 0x14: /* over */
		return copy(m, 1);
	case 0x15: /* pick */
		return copy(m, cursor_uint(&m->c, 1));
	case 0x16: /* swap */
		return sink(m, 1);
	case 0x17: /* rot */
		return sink(m, 2);
	case 0x2f: /* skip */
		return jump(m, true);
	case 0x92: { /* bregx */
		uint64_t column = cursor_uleb(&m->c);
		return push_register(m, column, cursor_sleb(&m->c));
	}
	case 0x94: /* deref_size */
		return deref(m, (unsigned)cursor_uint(&m->c, 1));
	case 0x96: /* nop */
		return NO_ERR;
	case 0x13:
	case 0x19:
	case 0x1f:
	case 0x20:
	case 0x23:
	case 0x28:
		return unary(m, op);
	}
	return binary(m, op);
}

struct err cfi_expression(struct cursor expr, struct mem *mem, uint64_t bias,
	const struct unwind_regs *regs, const uint64_t *first, uint64_t *ret)
{
	struct machine m = { .c = expr, .mem = mem, .bias = bias, .regs = regs };
	if (first)
		m.stack[m.n++] = *first;
	for (unsigned steps = 0; cursor_left(&m.c); steps++) {
		if (steps == EXPRESSION_STEPS_MAX)
			return err_of(ERR_LIMIT, "DWARF expression");
		TRY(step(&m));
		if (m.c.overrun)
			return bad();
	}
	if (!m.n)
		return bad();
	*ret = m.stack[m.n - 1];
	return NO_ERR;
}
