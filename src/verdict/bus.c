/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIGBUS: a page of a mapped file that lies behind the file's end, or could not be read or given
 * room (BUS_ADRERR). Which of these it was only the file tells, as it is now.
 */
#include "death.h"

#include <inttypes.h>
#include <signal.h>

enum { PAGE = 4096 };

static const struct image_piece *piece_at(const struct image *img, uint64_t addr)
{
	for (size_t i = 0; i < img->n_pieces; i++) {
		if (addr >= img->pieces[i].start && addr < img->pieces[i].end)
			return &img->pieces[i];
	}
	return NULL;
}

/* By the opener's rules, and only if the process could read it too. */
static bool file_size(const struct death *d, const struct image *img, uint64_t *ret)
{
	struct file_map file;
	if (img->deleted || failed(target_open_file(d->t, img->path, &file)))
		return false;
	*ret = file.size;
	file_map_close(&file);
	return true;
}

static void put_why(struct death *d, const struct image *img, uint64_t at)
{
	uint64_t size;
	bool known = file_size(d, img, &size);
	bool shared = text_starts(img->path, "/dev/shm/") || text_starts(img->path, "/memfd:");
	if (known && at / PAGE * PAGE >= size) {
		d->v->cause = CAUSE_FILE_CUT_OFF;
		put_detail(d,
			"the file has %" PRIu64 " bytes now, so it was cut off while it was mapped",
			size);
	} else if (shared) {
		d->v->cause = CAUSE_BUS_ERROR;
		put_detail(d, "likely no room was left for shared memory (%s), or it was cut off",
			text_starts(img->path, "/memfd:") ? "memory limit" : "size of /dev/shm");
	} else if (known) {
		d->v->cause = CAUSE_BUS_ERROR;
		put_detail(d,
			"the file has %" PRIu64 " bytes now, which is enough: it was shorter "
			"then, or could not be read, or no room was left",
			size);
	} else {
		d->v->cause = CAUSE_FILE_CUT_OFF;
		put_detail(d, "likely it was cut off while it was mapped; the file %s",
			img->deleted ? "is deleted" : "is not at hand");
	}
}

static void judge_file(struct death *d, const struct image *img, const struct image_piece *piece)
{
	uint64_t at = piece->offset + (d->info.addr - piece->start);
	str_addf(&d->what, "%sthe mapped file %s at its byte %" PRIu64, attempt_text(d), img->path,
		at);
	put_why(d, img, at);
	str_puts(&d->what, d->v->cause == CAUSE_FILE_CUT_OFF ? ", which is beyond its end"
							     : ", which has no memory");
	put_in_frame(&d->what, d);
}

static void judge_other(struct death *d)
{
	const char *text = signal_code_text(SIGBUS, d->info.code);
	bool checked = d->info.code == BUS_ADRALN; /* x86 names no address then, which is 0 here */
	bool told = !checked || d->info.addr || failed(d->in_why) || !d->in.has_operand;
	d->v->cause = d->info.code == BUS_ADRALN ? CAUSE_MISALIGNED : CAUSE_BUS_ERROR;
	str_addf(&d->what, "%saddress 0x%" PRIx64, attempt_text(d),
		told ? d->info.addr : d->in.address);
	if (text)
		str_addf(&d->what, ": %s", text);
	put_in_frame(&d->what, d);
}

void judge_bus_error(struct death *d)
{
	const struct image *img = d->info.has_addr ? target_image_at(d->t, d->info.addr) : NULL;
	const struct image_piece *piece = img ? piece_at(img, d->info.addr) : NULL;
	put_operand(d);
	if (!d->info.has_addr && (judge_no_address(d) || judge_no_memory(d)))
		return;
	if (d->info.code == BUS_ADRERR && piece && img->path[0]) {
		judge_file(d, img, piece);
	} else if (d->info.has_addr) {
		judge_other(d);
	} else {
		judge_fault_or_sent(d, CAUSE_BUS_ERROR,
			d->info.present ? "bus error (the core does not tell the address)"
					: "bus error");
	}
}
