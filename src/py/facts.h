/* SPDX-License-Identifier: Apache-2.0 */
/* What the readers of facts share. */
#pragma once

#include "objects/objects.h"

#include "pycore/facts.h"

/* The facts of one interpreter while they are being read. */
struct fact_reader {
	struct heap *h;
	uint64_t interp;
	struct py_facts *facts;
	uint64_t steps_left; /* entries of dicts that may still be looked at */
	size_t text_left; /* bytes of text that may still be kept */
};

/* A name that is looked for in a dict. */
struct fact_name {
	const char *name;
	uint64_t value; /* address of the object found; 0: not there */
};
/* Fills the values of n names in one pass over the dict, which ends with the last one found. */
struct err fact_find(struct fact_reader *r, uint64_t dict, struct fact_name *names, size_t n);
/* Counts one more entry of a dict; false: no more may be looked at. */
bool fact_step(struct fact_reader *r);

/* Whether the object at addr is text as Python 3's str or 2.7's str and unicode are. */
bool fact_is_text(struct heap *h, uint64_t addr);
/* The text at addr; none for 0 and None. False: there is no room for it any more. */
bool fact_text(struct fact_reader *r, uint64_t addr, struct py_text *ret);

/* The same for what need not be text. */
void fact_optional_text(struct fact_reader *r, uint64_t addr, struct py_text *ret);

/* A list that grows; fact_keep() hands it over. */
struct fact_list {
	struct py_release *list;
	size_t len, cap, omitted;
};
void fact_add(struct fact_list *to, const struct py_release *release);
void fact_keep(struct fact_reader *r, struct fact_list *l, struct py_releases *ret);

/* facts_flags.c: sys.flags, an object at addr. */
void fact_read_flags(struct fact_reader *r, uint64_t addr);
/* facts_modules.c: all that sys.modules tells. builtin_names: address of the tuple
 * sys.builtin_module_names, 0: unknown. */
void fact_read_modules(struct fact_reader *r, uint64_t builtin_names);
/* facts_distributions.c: the distributions that Python's own tools for them have found. */
void fact_read_distributions(struct fact_reader *r);
