/* SPDX-License-Identifier: Apache-2.0 */
/* Groups by the module of a type. */
#include "internal.h"

uint64_t survey_text_hash(const char *text)
{
	uint64_t v = UINT64_C(0xcbf29ce484222325);
	for (; *text; text++)
		v = (v ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
	return v;
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
