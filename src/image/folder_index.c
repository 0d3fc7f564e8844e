/* SPDX-License-Identifier: Apache-2.0 */
#include "folder_index.h"

#include "pycore/alloc.h"
#include "pycore/image.h"
#include "pycore/sorted.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void add_file(void *ctx, const char *path, int fd)
{
	struct folder_index *x = ctx;
	char magic[SELFMAG];
	struct file_map map;
	struct elf_ident id;
	if (pread(fd, magic, SELFMAG, 0) != SELFMAG || memcmp(magic, ELFMAG, SELFMAG) != 0 ||
		failed(file_map_fd(fd, &map)))
		return;
	bool good = !failed(elf_ident_read(map.bytes, map.size, &id));
	file_map_close(&map);
	if (!good || !id.build_id_size)
		return;
	x->list = xgrow(x->list, &x->cap, x->n, sizeof(*x->list));
	struct folder_file *f = &x->list[x->n++];
	*f = (struct folder_file){ .id_size = id.build_id_size,
		.path = xstrdup(path),
		.program = id.program,
		.has_debug = id.has_debug };
	memcpy(f->id, id.build_id, id.build_id_size);
}

struct err folder_index_add(
	struct folder_index *x, const char *folder, unsigned depth, size_t *budget)
{
	return opener_visit(folder, depth, budget, add_file, x);
}

static int by_id(const void *a, const void *b)
{
	const struct folder_file *x = a, *y = b;
	if (x->id_size != y->id_size)
		return x->id_size < y->id_size ? -1 : 1;
	int order = memcmp(x->id, y->id, x->id_size);
	return order ? order : strcmp(x->path, y->path);
}

void folder_index_sort(struct folder_index *x)
{
	if (x->n)
		qsort(x->list, x->n, sizeof(*x->list), by_id);
}

const struct folder_file *folder_index_find(
	const struct folder_index *x, const uint8_t *id, size_t id_size, size_t i)
{
	struct folder_file wanted = { .id_size = id_size, .path = (char[]){ "" } };
	memcpy(wanted.id, id, id_size);
	size_t first = PARTITION_POINT(x->n, k, by_id(&x->list[k], &wanted) < 0);
	if (i >= x->n - first)
		return NULL;
	const struct folder_file *f = &x->list[first + i];
	return f->id_size == id_size && !memcmp(f->id, id, id_size) ? f : NULL;
}

void folder_index_fini(struct folder_index *x)
{
	for (size_t i = 0; i < x->n; i++)
		free(x->list[i].path);
	free(x->list);
	*x = (struct folder_index){ 0 };
}
