/* SPDX-License-Identifier: Apache-2.0 */
#include "pycore/problems.h"

#include "pycore/limits.h"
#include "pycore/str.h"

#include <stdarg.h>

static void add(struct problems *p, struct problem row, const char *where, const char *why)
{
	p->damage |= row.damage;
	if (p->len >= PROBLEMS_MAX) {
		p->dropped++;
		return;
	}
	row.where = xstrdup(where);
	row.why = xstrdup(why);
	p->list = xgrow(p->list, &p->cap, p->len, sizeof(*p->list));
	p->list[p->len++] = row;
}

void problems_damage(struct problems *p, const char *where, struct err e)
{
	char text[ERR_TEXT_MAX];
	uint64_t address = e.addr;
	e.addr = 0;
	add(p, (struct problem){ .address = address, .damage = true }, where, err_text(e, text));
}

void problems_damagef(struct problems *p, const char *where, const char *fmt, ...)
{
	AUTO_STR(why);
	va_list ap;
	va_start(ap, fmt);
	str_vaddf(&why, fmt, ap);
	va_end(ap);
	add(p, (struct problem){ .damage = true }, where, str_text(&why));
}

void problems_notef(struct problems *p, const char *where, const char *fmt, ...)
{
	AUTO_STR(why);
	va_list ap;
	va_start(ap, fmt);
	str_vaddf(&why, fmt, ap);
	va_end(ap);
	add(p, (struct problem){ 0 }, where, str_text(&why));
}

void problems_fini(struct problems *p)
{
	for (size_t i = 0; i < p->len; i++) {
		free(p->list[i].where);
		free(p->list[i].why);
	}
	free(p->list);
	*p = (struct problems){ 0 };
}
