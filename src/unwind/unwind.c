/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include "lines.h"

#include <stdlib.h>

struct err unwind_open(struct target *t, struct unwind **ret)
{
	struct unwind *u = xcalloc(1, sizeof(*u));
	u->target = t;
	u->arch = unwind_arch_find(t->machine, t->mem->ptr_size);
	u->n_modules = t->n_images;
	u->modules = xcalloc(u->n_modules, sizeof(*u->modules));
	for (size_t i = 0; i < u->n_modules; i++)
		u->modules[i].img = &t->images[i];
	*ret = u;
	return u->arch ? NO_ERR : err_of(ERR_UNSUPPORTED, "unwinding on this architecture");
}

void unwind_close(struct unwind *u)
{
	if (!u)
		return;
	for (size_t i = 0; i < u->n_modules; i++) {
		lines_close(u->modules[i].lines);
		module_fini(&u->modules[i]);
	}
	free(u->modules);
	hash_fini(&u->rows);
	hash_fini(&u->prologues);
	hash_fini(&u->symbol_places);
	hash_fini(&u->places);
	arena_fini(&u->arena);
	free(u);
}

static bool holds_code(const struct image *img)
{
	for (size_t i = 0; i < img->n_pieces; i++) {
		if (img->pieces[i].perm & MEM_EXEC)
			return true;
	}
	return false;
}

void unwind_prepare(struct unwind *u)
{
	for (size_t i = 0; i < u->n_modules; i++) {
		if (holds_code(u->modules[i].img))
			module_open(u, &u->modules[i]);
	}
}
