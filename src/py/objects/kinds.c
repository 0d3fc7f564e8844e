/* SPDX-License-Identifier: Apache-2.0 */
#include "repr.h"

#include <string.h>

static const struct kind *const tables[] = {
	kinds_singletons,
	kinds_numbers,
	kinds_text,
	kinds_containers,
	kinds_code,
	kinds_frames,
	kinds_exceptions,
	kinds_collections,
	kinds_functional,
	kinds_annotations,
	kinds_decimals,
	kinds_paths,
	kinds_addresses,
	kinds_library,
	kinds_namespaces,
	kinds_logging,
	kinds_time,
	kinds_threading,
	kinds_asyncio,
	kinds_io,
	kinds_numpy,
	kinds_references,
	kinds_buffers,
	kinds_sockets,
};

const struct kind *kind_find(const char *name, bool by_python)
{
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		for (const struct kind *k = tables[i]; k->name; k++) {
			if (!(k->flags & KIND_BY_PYTHON) == !by_python && !strcmp(k->name, name))
				return k;
		}
	}
	return NULL;
}
