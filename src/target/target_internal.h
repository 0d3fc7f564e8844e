/* SPDX-License-Identifier: Apache-2.0 */
/* What target.c, core.c and live.c share. */
#pragma once

#include "pycore/target.h"

/* How the two kinds fill the same interface. Each may be NULL where there is nothing to do. */
struct target_ops {
	struct err (*stop)(struct target *t, struct str *why);
	void (*resume)(struct target *t);
	struct err (*snapshot)(struct target *t, struct str *why);
	void (*show_in_place)(struct target *t); /* which is stopped */
	void (*forget)(struct target *t);
	bool (*rests)(const struct target *t, const struct os_thread *th, uint64_t *ret);
	struct err (*need_file)(struct target *t, struct image *img);
	struct err (*fetch_file)(struct target *t, struct image *img);
	void (*close)(struct target *t);
};
extern const struct target_ops target_core_ops, target_live_ops;

/* Opens t->files; t->root becomes the sysroot, if there is one. */
void target_open_files(struct target *t, const struct file_search *search);

/* Appends; the pointer stays valid until the next one is added. */
struct image *target_add_image(struct target *t, const char *path);
struct os_thread *target_add_thread(struct target *t, pid_t tid);

/*
 * Makes images of mapped files: called for each mapping in ascending order; runs of the same path
 * become one image unless a new header (offset 0) begins a second mapping of the same file.
 */
void target_add_mapping(struct target *t, const char *path, struct image_piece piece);
