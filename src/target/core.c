/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A core file as a target. Its bytes are those that the core saved, and where it left a mapped file
 * out, those of the file on disk: opened when an address in it is first asked for, and only if it
 * is the same build.
 */
#include "target_internal.h"

#include "core_internal.h"

#include "pycore/alloc.h"
#include "pycore/log.h"
#include "pycore/search.h"

#include <elf.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>

/* The overlay met an address that the core leaves out. */
static bool supply_file(void *ctx, uint64_t addr)
{
	struct target *t = ctx;
	struct image *img = target_image_at(t, addr);
	return img && !img->file_tried && !failed(target_need_file(t, img));
}

/* A segment that is written to, be it by relocation only, is not in memory what it is in the file.
 */
static bool written_to(const struct image *img, uint64_t addr)
{
	for (size_t i = 0; i < img->n_phdrs; i++) {
		const struct elf_phdr *p = &img->phdrs[i];
		uint64_t start = (img->bias + p->vaddr) & ~UINT64_C(4095);
		if (p->type == PT_LOAD && p->flags & PF_W && addr >= start &&
			addr < img->bias + p->vaddr + p->memsz)
			return true;
	}
	return false;
}

/* Lays the file's bytes under the image's pieces. */
static void overlay_image(struct target *t, const struct image *img)
{
	for (size_t i = 0; i < img->n_pieces; i++) {
		const struct image_piece *p = &img->pieces[i];
		size_t size;
		const uint8_t *bytes = image_file_bytes(img, p->start, &size);
		if (bytes && !written_to(img, p->start))
			mem_overlay_add(&t->core->overlay, p->start, bytes, size);
	}
}

static struct err core_need_file(struct target *t, struct image *img)
{
	if (failed(image_probe(img, t->mem)))
		log_debug("%s: no ELF header in the core", img->path);
	struct err e = err_of(ERR_ABSENT, "file");
	if (img == t->exe && t->core->exe_by_user)
		e = searcher_try(t->files, img, t->core->exe_by_user, PLACE_EXE);
	if (failed(e))
		e = searcher_find_image(t->files, img);
	if (!failed(e))
		overlay_image(t, img);
	log_debug("%s: %s", img->path, failed(e) ? "no file attached" : "file attached");
	return e;
}

static struct err core_fetch_file(struct target *t, struct image *img)
{
	struct err e = searcher_fetch_image(t->files, img);
	if (!failed(e))
		overlay_image(t, img);
	return e;
}

/* Whoever names an executable wants to hear if it is the wrong one, also where nothing was missing
 * without it. */
static void use_named_exe(struct target *t)
{
	const char *path = t->core->exe_by_user;
	if (path && t->exe)
		(void)failed(target_need_file(t, t->exe));
	else if (path)
		problems_notef(&t->problems, path,
			"not used: the core does not tell where its executable was mapped");
}

static void take_threads(struct target *t)
{
	const struct elfcore *c = &t->core->elf;
	for (size_t i = 0; i < c->n_threads; i++) {
		struct os_thread *th = target_add_thread(t, c->threads[i].tid);
		th->regs = c->threads[i].regs;
	}
}

/* The main thread's id is the process's; NT_PRPSINFO says it, and so does the smallest thread id as
 * a rule, if none is lost. */
static pid_t pid_of(const struct elfcore *c)
{
	if (c->pid)
		return c->pid;
	if (c->minidump && c->notes_cut)
		return 0;
	pid_t least = 0;
	for (size_t i = 0; i < c->n_threads; i++) {
		if (!least || c->threads[i].tid < least)
			least = c->threads[i].tid;
	}
	return least;
}

/*
 * A core can be made up, and one that says it was root's would have the report show what only root
 * may read. The kernel gives a core to the user of the process, and nobody else can give a file
 * away, so a user and group count that the file has as well.
 */
static void take_user(struct target *t)
{
	const struct elfcore *c = &t->core->elf;
	const struct container *file = &t->core->container;
	if (!c->has_process || c->uid != file->uid)
		return;
	t->user.known = true;
	t->user.uid = c->uid;
	t->user.gid = c->gid == file->gid ? c->gid : NO_GROUP;
}

void target_unpack_text(const struct target_coverage *c, struct str *to)
{
	static const char temporary[] = "temporary file";
	char text[ERR_TEXT_MAX];
	struct err e = c->unpack_why;
	bool room = e.what && !strcmp(e.what, temporary);
	if (e.code == ERR_TRUNCATED)
		str_puts(to, "unpacked only in part: the compressed file ends early");
	else
		str_addf(to, "unpacked only in part: %s", err_text(e, text));
	if (room && e.code == ERR_LIMIT)
		str_puts(to, "; raise --tmp-limit");
	else if (room)
		str_puts(to, "; name a place with more room by --tmpdir");
	else if (e.code == ERR_TRUNCATED || e.code == ERR_CORRUPT)
		str_puts(to, "; get the file anew, if there is a whole one");
}

static void say_what_is_cut(struct target *t)
{
	const struct elfcore *c = &t->core->elf;
	const struct core_zeros *zeros = &t->core->zeros;
	AUTO_STR(lost);
	core_lost_summary(t, &lost);
	if (c->segments_cut && !c->cut)
		problems_damagef(&t->problems, t->path,
			"lists more pieces of memory than pycore reads, or the same ones again and "
			"again: some are left out");
	else if (c->segments_cut && c->minidump)
		problems_damagef(&t->problems, t->path,
			"cut off at its byte %" PRIu64 ", before its list of memory: of %" PRIu64
			" bytes that the process had it is not known whether they were in it; get "
			"the file anew, if there is a whole one",
			c->size, c->bytes_unlisted);
	else if (c->segments_cut)
		problems_damagef(&t->problems, t->path,
			"cut off inside its program headers: most of it is lost");
	if (c->notes_cut && c->minidump)
		problems_damagef(&t->problems, t->path,
			"cut off inside its lists of threads and modules: some may be missing");
	else if (c->notes_cut)
		problems_damagef(
			&t->problems, t->path, "cut off inside its notes: threads may be missing");
	if (c->bytes_cut)
		problems_damagef(&t->problems, t->path,
			"cut off: %s%" PRIu64 " of %" PRIu64
			" bytes of memory that it should hold are lost%s%s",
			c->segments_cut ? "at least " : "", c->bytes_cut,
			c->bytes_cut + c->bytes_saved, lost.len ? ": " : "", str_text(&lost));
	if (c->cut && !c->segments_cut && !c->notes_cut && !c->bytes_cut)
		problems_damagef(&t->problems, t->path, "cut off behind its memory");
	if (zeros->found && zeros->to_end)
		problems_damagef(&t->problems, t->path,
			"holds nothing but zeros from byte %" PRIu64
			" on, also where no process has zeros: it was never written there, or "
			"copied "
			"in part; this is taken for cut off",
			zeros->offset);
	else if (zeros->found)
		problems_damage(&t->problems, t->path,
			err_at(ERR_CORRUPT, zeros->address,
				"holds zeros where no process has them, so parts of it were never "
				"written, or not copied"));
}

static void mark(const struct elfcore *c, bool *marked, uint64_t addr)
{
	const struct core_range *r = elfcore_range_at(c, addr, NULL);
	if (r)
		marked[r - c->ranges] = true;
}

/* As coredump_filter without its bits 0 and 1 makes them; and minidumps, which have the stacks and
 * what thread pointers point to. */
static bool holds_no_data(const struct elfcore *c)
{
	bool left_out = false, any = false;
	AUTO_FREE bool *of_thread = xcalloc(c->n_ranges, sizeof(*of_thread));
	for (size_t i = 0; c->minidump && i < c->n_threads; i++) {
		const struct core_regs *regs = &c->threads[i].regs;
		if (regs->has_sp)
			mark(c, of_thread, regs->sp);
		if (regs->has_tls)
			mark(c, of_thread, regs->tls);
	}
	for (size_t i = 0; i < c->n_ranges; i++) {
		const struct core_range *r = &c->ranges[i];
		if (!(r->flags & PF_W))
			continue;
		any |= r->backing != CORE_NOT_SAVED && !of_thread[i];
		left_out |= r->backing == CORE_NOT_SAVED;
	}
	return left_out && !any;
}

static void say_what_is_missing(struct target *t)
{
	const struct elfcore *c = &t->core->elf;
	const struct container *file = &t->core->container;
	if (file->cut) {
		AUTO_STR(text);
		struct target_coverage coverage = target_coverage(t);
		target_unpack_text(&coverage, &text);
		problems_damagef(&t->problems, t->path, "%s", str_text(&text));
	}
	if (file->in_ram)
		problems_notef(&t->problems, t->path,
			"was unpacked into memory, for the folder for temporary files is a RAM "
			"disk; --tmpdir names another one");
	say_what_is_cut(t);
	if (!c->n_threads)
		problems_damagef(&t->problems, t->path, "holds no thread (%s)",
			c->minidump ? "no list of them" : "no NT_PRSTATUS note");
	else if (c->threads_claimed > c->n_threads)
		problems_damagef(&t->problems, t->path,
			"has %zu of the %" PRIu64 " threads that there were", c->n_threads,
			c->threads_claimed);
	if (c->minidump && !c->segments_cut && holds_no_data(c))
		problems_damagef(&t->problems, t->path,
			"a minidump that holds stacks only: neither heap nor data, so there is "
			"nothing of Python in it (LLDB 19 and later write all of a process by "
			"`process save-core --style full`, and gcore does)");
	if (c->files_claimed > c->n_files)
		problems_notef(&t->problems, t->path,
			"its list of mapped files is cut: %zu of %" PRIu64 " are there", c->n_files,
			c->files_claimed);
}

/* What was never written is lost as if the file ended before it. */
static struct err parse_core(struct target_core *core)
{
	const struct container *file = &core->container;
	struct elfcore *elf = &core->elf;
	TRY(elfcore_parse(file->bytes, file->size, elf));
	if (!core_find_zeros(elf, file->fd, &core->zeros) || !core->zeros.to_end)
		return NO_ERR;
	elfcore_fini(elf);
	TRY(elfcore_parse(file->bytes, core->zeros.offset, elf));
	elf->cut = true;
	return NO_ERR;
}

struct err target_open_core(
	const char *path, const struct target_core_options *opt, struct target **ret)
{
	struct target *t = xcalloc(1, sizeof(*t));
	t->kind = TARGET_CORE;
	t->path = xstrdup(path);
	t->pause_seconds = -1;
	struct target_core *core = t->core = xcalloc(1, sizeof(*core));
	struct err e = container_open(path, &opt->container, &core->container);
	if (!failed(e))
		e = parse_core(core);
	if (failed(e) && core->container.cut && core->container.size < ELF_HEAD_MAX) {
		e = core->container.cut_why; /* too little came out to tell what it is */
		e.code = e.code == ERR_TRUNCATED ? ERR_CORRUPT : e.code;
	}
	if (failed(e)) {
		target_close(t);
		return e;
	}
	core->exe_by_user = opt->exe;
	mem_core_init(&core->mem, &core->elf, core->container.fd);
	mem_overlay_init(&core->overlay, &core->mem.base);
	mem_overlay_on_demand(&core->overlay, supply_file, t);
	t->mem = &core->overlay.base;
	t->machine = core->elf.head.machine;
	t->as_of = core->container.mtime;
	if (!elfcore_auxv(&core->elf, AT_RANDOM, &t->first_stack))
		(void)elfcore_auxv(&core->elf, AT_EXECFN, &t->first_stack);
	t->pid = t->ns_pid = pid_of(&core->elf);
	t->inner_numbers =
		core->elf.from_kernel && core->elf.has_process && t->pid > 0 && !core->elf.ppid;
	take_user(t);
	take_threads(t);
	core_order_stacks(t);
	target_open_files(t, opt->search);
	core_find_images(t);
	use_named_exe(t);
	core_find_death(t);
	core_take_attributes(t);
	core_find_command_line(t);
	say_what_is_missing(t);
	*ret = t;
	return NO_ERR;
}

static void core_close(struct target *t)
{
	if (!t->core)
		return;
	mem_overlay_fini(&t->core->overlay);
	elfcore_fini(&t->core->elf);
	container_close(&t->core->container);
	free(t->core->stacks);
	free(t->core);
}

static const char *cut_place(const struct elfcore *c)
{
	if (!c->segments_cut || !c->cut)
		return NULL;
	return c->minidump ? "before its list of memory" : "inside its headers";
}

/* The limit holds for what the kernel writes, and for emulators, which imitate it. */
static const char *cut_reasons(const struct elfcore *c)
{
	if (c->minidump || (c->n_threads && !c->from_kernel))
		return "too little room on its disk, or it was copied in part; get it anew, if "
		       "there is a whole one, or have it written again";
	return "too little room on its disk, or a limit; `ulimit -c unlimited` lifts that before "
	       "the start";
}

struct target_coverage target_coverage(const struct target *t)
{
	if (t->kind != TARGET_CORE)
		return (struct target_coverage){ 0 };
	const struct elfcore *c = &t->core->elf;
	bool no_data = holds_no_data(c);
	return (struct target_coverage){
		.mapped = c->bytes_mapped,
		.saved = c->bytes_saved,
		.left_out = c->bytes_not_saved,
		.cut = c->bytes_cut,
		.cut_file = c->cut || t->core->container.cut,
		.no_data = no_data && !c->minidump,
		.only_stacks = no_data && c->minidump,
		.unlisted = c->bytes_unlisted,
		.cut_place = cut_place(c),
		.cut_reasons = cut_reasons(c),
		.unpack_why = t->core->container.cut_why,
	};
}

bool target_next_lost(const struct target *t, uint64_t from, struct lost_range *ret)
{
	if (t->kind != TARGET_CORE)
		return false;
	const struct elfcore *c = &t->core->elf;
	size_t i = elfcore_range_above(c, from);
	while (i < c->n_ranges && c->ranges[i].backing != CORE_CUT &&
		c->ranges[i].backing != CORE_UNLISTED)
		i++;
	if (i == c->n_ranges)
		return false;
	const struct core_range *r = &c->ranges[i];
	*ret = (struct lost_range){
		.start = r->start,
		.end = r->end,
		.why = r->backing == CORE_CUT ? "the core file is cut off before it"
					      : "the core file is cut off before the list that "
						"would tell whether it is in it",
	};
	return true;
}

const struct target_ops target_core_ops = {
	.need_file = core_need_file,
	.fetch_file = core_fetch_file,
	.close = core_close,
};
