/* SPDX-License-Identifier: Apache-2.0 */
/* Groups by the names of a type and of its module. */
#include "internal.h"

#include <string.h>

uint64_t survey_text_hash(const char *text)
{
	uint64_t v = UINT64_C(0xcbf29ce484222325);
	for (; *text; text++)
		v = (v ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
	return v;
}

uint64_t type_key(const struct counting *c, uint32_t type)
{
	const struct py_sizing *z = c->sizings[type];
	if (!strcmp(z->qualname, "?"))
		return z->type;
	return survey_text_hash(z->qualname) ^
	       survey_text_hash(z->module) * UINT64_C(0x9e3779b97f4a7c15);
}

size_t module_of(struct counting *c, uint32_t type)
{
	uint64_t first = type, key;
	while (c->n_modules < c->n_sizings) {
		c->modules = xgrow(c->modules, &c->cap_modules, c->n_modules, sizeof(*c->modules));
		c->modules[c->n_modules++] = 0;
	}
	if (!c->modules[type]) {
		key = survey_text_hash(c->sizings[type]->module);
		if (!hash_get(&c->module_names, key, &first))
			hash_put(&c->module_names, key, type);
		c->modules[type] = (uint32_t)first + 1;
	}
	return c->modules[type] - 1;
}
