/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows: of each processor the default builds, oldest first, then debug builds and free-threaded
 * ones. The files of tables/ say where things are, each read from one build (its heading names it);
 * a row, in a file of rows/, says for which releases that holds and how things are encoded there.
 *
 * Ranges are by PY_VERSION_HEX. Fields that move inside a row's range are listed as moving, and are
 * absent until a better source fills them:
 *  - 3.7.4 made the GC head 32 bytes again, not 24 (bpo-27987), so everything in _PyRuntime from
 * `gc` on moved by 88: a row of its own for the releases before, of which no build was seen;
 *  - 3.13.1 made a _thread.lock of one PyMutex (gh-117721), so the releases from there on have a
 * row of their own; since then, or 3.13.5 at the latest, objects of _pickle have a member more;
 *  - 3.14.5 took back the incremental GC: what stands behind `gc` in PyInterpreterState moved by
 * 24, likewise; its lists of young and old objects stood where free-threaded builds, which do not
 * use them, still have them;
 *  - sizes grew within 3.9, 3.12 and 3.13 by members at the end and by static strings; so what
 * stands behind PyThreadState in a free-threaded 3.13 moved by a word;
 *  - 3.14.9 or .10, and 3.15.1 or .2, took a newer mimalloc.
 */
#include "rows.h"

#include "pycore/attr.h"

static const struct field_at py27[FIELD_COUNT] = {
#include "tables/py27.inc"
};
static const struct field_at py36[FIELD_COUNT] = {
#include "tables/py36.inc"
};
static const struct field_at py37[FIELD_COUNT] = {
#include "tables/py37.inc"
};
static const struct field_at py38[FIELD_COUNT] = {
#include "tables/py38.inc"
};
static const struct field_at py39[FIELD_COUNT] = {
#include "tables/py39.inc"
};
static const struct field_at py310[FIELD_COUNT] = {
#include "tables/py310.inc"
};
static const struct field_at py311[FIELD_COUNT] = {
#include "tables/py311.inc"
};
static const struct field_at py312[FIELD_COUNT] = {
#include "tables/py312.inc"
};
static const struct field_at py313[FIELD_COUNT] = {
#include "tables/py313.inc"
};
static const struct field_at py314[FIELD_COUNT] = {
#include "tables/py314.inc"
};
static const struct field_at py315[FIELD_COUNT] = {
#include "tables/py315.inc"
};
static const struct field_at py27d[FIELD_COUNT] = {
#include "tables/py27d.inc"
};
static const struct field_at py313t[FIELD_COUNT] = {
#include "tables/py313t.inc"
};
static const struct field_at py314t[FIELD_COUNT] = {
#include "tables/py314t.inc"
};
static const struct field_at py315t[FIELD_COUNT] = {
#include "tables/py315t.inc"
};
static const struct field_at py311_i386[FIELD_COUNT] = {
#include "tables/py311-i386.inc"
};
static const struct field_at py311_armhf[FIELD_COUNT] = {
#include "tables/py311-armhf.inc"
};
static const struct field_at py313_i386[FIELD_COUNT] = {
#include "tables/py313-i386.inc"
};
static const struct field_at py313_armhf[FIELD_COUNT] = {
#include "tables/py313-armhf.inc"
};
static const struct field_at py314_i386[FIELD_COUNT] = {
#include "tables/py314-i386.inc"
};
static const struct field_at py314_armhf[FIELD_COUNT] = {
#include "tables/py314-armhf.inc"
};
static const struct field_at py315_i386[FIELD_COUNT] = {
#include "tables/py315-i386.inc"
};
static const struct field_at py315_armhf[FIELD_COUNT] = {
#include "tables/py315-armhf.inc"
};

static const struct layout_row rows[] = {
#include "rows/x86_64.inc"
#include "rows/aarch64.inc"
#include "rows/i386.inc"
#include "rows/armhf.inc"
#include "rows/s390x.inc"
};

const struct layout_row *layout_rows(size_t *ret_len)
{
	*ret_len = ARRAY_LEN(rows);
	return rows;
}
