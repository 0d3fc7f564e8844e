/* SPDX-License-Identifier: Apache-2.0 */
/* Places: each instruction that any frame stands on is decoded once, however many threads and
 * recursions are there. */
#include "py_internal.h"

const struct py_place *py_place_at(struct python *p, const struct py_code *code, int32_t offset)
{
	uint64_t key = (uint64_t)code->number << 32 | (uint32_t)offset, known;
	if (hash_get(&p->place_of, key, &known))
		return (const struct py_place *)(uintptr_t)known;
	struct py_place *place = arena_alloc(&p->arena, sizeof(*place));
	*place = (struct py_place){
		.code = code, .offset = offset, .at = { -1, -1, -1, -1 }, .next = p->places
	};
	p->places = place;
	hash_put(&p->place_of, key, (uintptr_t)place);
	return place;
}

static struct err locate(const struct py_place *place, struct py_location *ret)
{
	const struct py_code *c = place->code;
	TRY(c->why);
	TRY(c->linetable_why);
	return py_lines_locate(
		c->lines, c->linetable, c->linetable_size, c->firstlineno, place->offset, ret);
}

void py_locate_place(struct py_place *place)
{
	place->why = locate(place, &place->at);
}

void python_locate(struct python *p)
{
	for (struct py_place *place = p->places; place; place = place->next)
		py_locate_place(place);
}
