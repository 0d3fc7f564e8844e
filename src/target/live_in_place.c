/* SPDX-License-Identifier: Apache-2.0 */
/* A stopped process whose memory is looked at where it is. */
#include "live.h"

#include "pycore/alloc.h"
#include "pycore/limits.h"
#include "pycore/opener.h"

#include <inttypes.h>

void live_open_pagemap(struct target_live *live)
{
	AUTO_FREE char *path = xasprintf("%s/pagemap", live->mm_dir);
	struct opened file;
	if (live->mem.pagemap < 0 && !failed(opener_open(path, OPEN_PROC, &file)))
		live->mem.pagemap = file.fd;
}

void live_show_in_place(struct target *t)
{
	struct target_live *live = t->live;
	live_open_pagemap(live);
	mem_demand_init(&live->in_place, &live->mem.base, IN_PLACE_BYTES);
	t->mem = &live->in_place.base;
}

void live_leave_place(struct target *t)
{
	struct target_live *live = t->live;
	if (t->mem != &live->in_place.base)
		return;
	if (live->in_place.lost)
		problems_damagef(&t->problems, "memory", "%" PRIu64 " bytes could not be read",
			live->in_place.lost);
	mem_demand_end(&live->in_place);
	t->mem = &live->cache.base;
}
