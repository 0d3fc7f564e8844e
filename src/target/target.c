/* SPDX-License-Identifier: Apache-2.0 */
#include "pycore/target.h"

#include "target_internal.h"

#include "pycore/alloc.h"
#include "pycore/search.h"
#include "pycore/sorted.h"

#include <string.h>
#include <sys/stat.h>

static const struct target_ops *ops_of(const struct target *t)
{
	switch (t->kind) {
	case TARGET_CORE:
		return &target_core_ops;
	case TARGET_LIVE:
		return &target_live_ops;
	}
	__builtin_unreachable();
}

struct image *target_add_image(struct target *t, const char *path)
{
	t->images = xgrow(t->images, &t->cap_images, t->n_images, sizeof(*t->images));
	struct image *img = &t->images[t->n_images++];
	image_init(img, path);
	return img;
}

struct os_thread *target_add_thread(struct target *t, pid_t tid)
{
	t->threads = xgrow(t->threads, &t->cap_threads, t->n_threads, sizeof(*t->threads));
	struct os_thread *th = &t->threads[t->n_threads++];
	*th = (struct os_thread){ .tid = tid, .ns_tid = tid };
	return th;
}

/* A small library's data may show its first page again; a true second mapping begins beyond the
 * first one's span. */
static bool begins_second_mapping(const struct image *img, const struct image_piece *piece)
{
	return piece->offset == 0 && img->n_pieces && img->pieces[0].offset == 0 &&
	       piece->start != image_end(img);
}

void target_add_mapping(struct target *t, const char *path, struct image_piece piece)
{
	struct image *last = t->n_images ? &t->images[t->n_images - 1] : NULL;
	if (!last || strcmp(last->path, path) || begins_second_mapping(last, &piece)) {
		if (t->n_images >= IMAGES_MAX)
			return;
		last = target_add_image(t, path);
	}
	image_add_piece(last, piece);
}

struct image *target_image_at(struct target *t, uint64_t addr)
{
	size_t at = PARTITION_POINT(t->n_images, i, image_end(&t->images[i]) <= addr);
	return at < t->n_images && image_holds(&t->images[at], addr) ? &t->images[at] : NULL;
}

struct os_thread *target_thread(struct target *t, pid_t tid)
{
	for (size_t i = 0; i < t->n_threads; i++) {
		if (t->threads[i].tid == tid)
			return &t->threads[i];
	}
	return NULL;
}

struct err target_stop(struct target *t, struct str *why)
{
	const struct target_ops *ops = ops_of(t);
	if (!ops->stop)
		return NO_ERR;
	searcher_offline(t->files, true);
	return ops->stop(t, why);
}

void target_resume(struct target *t)
{
	const struct target_ops *ops = ops_of(t);
	if (ops->resume)
		ops->resume(t);
	searcher_offline(t->files, false);
}

struct err target_snapshot(struct target *t, struct str *why)
{
	const struct target_ops *ops = ops_of(t);
	return ops->snapshot ? ops->snapshot(t, why) : NO_ERR;
}

struct err target_stop_in_place(struct target *t, struct str *why)
{
	const struct target_ops *ops = ops_of(t);
	TRY(target_stop(t, why));
	if (ops->show_in_place)
		ops->show_in_place(t);
	return NO_ERR;
}

void target_forget(struct target *t)
{
	const struct target_ops *ops = ops_of(t);
	if (ops->forget)
		ops->forget(t);
}

bool target_thread_rests(const struct target *t, const struct os_thread *th, uint64_t *ret)
{
	const struct target_ops *ops = ops_of(t);
	*ret = 0;
	return ops->rests ? ops->rests(t, th, ret) : true;
}

struct err target_need_file(struct target *t, struct image *img)
{
	if (!img->file_tried) {
		img->file_tried = true;
		img->machine = t->machine;
		img->file_why = ops_of(t)->need_file(t, img);
	}
	return img->match == MATCH_NONE ? img->file_why : NO_ERR;
}

struct err target_fetch_file(struct target *t, struct image *img)
{
	const struct target_ops *ops = ops_of(t);
	struct err e = target_need_file(t, img);
	return failed(e) && ops->fetch_file && !failed(ops->fetch_file(t, img)) ? NO_ERR : e;
}

void target_open_files(struct target *t, const struct file_search *search)
{
	if (search && search->sysroot) {
		free(t->root);
		t->root = xstrdup(search->sysroot);
		t->root_by_user = true;
	}
	t->files = searcher_open(search, t->root, &t->problems);
}

static bool in_group(const struct target_user *u, gid_t gid)
{
	for (size_t i = 0; i < u->n_groups; i++) {
		if (u->groups[i] == gid)
			return true;
	}
	return u->gid != NO_GROUP && u->gid == gid;
}

/* As the kernel decides, without access control lists: the first class that fits counts. */
static bool may_read(const struct target_user *u, const struct file_map *f)
{
	if (!u->known)
		return f->mode & S_IROTH;
	if (u->uid == 0)
		return true;
	if (u->uid == f->uid)
		return f->mode & S_IRUSR;
	return f->mode & (in_group(u, f->gid) ? S_IRGRP : S_IROTH);
}

struct err target_open_file(const struct target *t, const char *path, struct file_map *ret)
{
	struct file_map f;
	TRY(file_map_open_below(t->root, path, &f));
	if (!may_read(&t->user, &f)) {
		file_map_close(&f);
		return err_of(ERR_DENIED, "file that the target may not read");
	}
	if (t->root_by_user)
		f.changed = f.modified;
	*ret = f;
	return NO_ERR;
}

void target_pid_text(const struct target *t, struct str *to)
{
	str_addf(to, "%d", (int)t->pid);
	if (t->inner_numbers)
		str_puts(to, " (as its own pid namespace numbers it)");
	else if (t->ns_pid != t->pid)
		str_addf(to, " (%d in its own pid namespace)", (int)t->ns_pid);
}

void target_close(struct target *t)
{
	if (!t)
		return;
	target_resume(t);
	ops_of(t)->close(t);
	for (size_t i = 0; i < t->n_images; i++)
		image_fini(&t->images[i]);
	for (size_t i = 0; i < t->argc; i++)
		free(t->argv[i]);
	free(t->images);
	free(t->threads);
	free(t->argv);
	free(t->exe_path);
	searcher_close(t->files);
	free(t->root);
	free(t->user.groups);
	free(t->path);
	problems_fini(&t->problems);
	free(t);
}
