/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows, oldest first. The files of tables/ say where things are, each read from one build (its
 * heading names it); a row says for which releases that holds and how things are encoded there.
 *
 * Ranges are by PY_VERSION_HEX. Fields that move inside a row's range are listed as moving, and are
 * absent until a better source fills them:
 *  - 3.7.4 made the GC head 32 bytes again, not 24 (bpo-27987), so everything in _PyRuntime from
 * `gc` on moved by 88: a row of its own for the releases before, of which no build was seen;
 *  - 3.14.5 took back the incremental GC: what stands behind `gc` in PyInterpreterState moved by
 * 24, likewise;
 *  - sizes grew within 3.9, 3.12 and 3.13 by members at the end and by static strings.
 */
#include "pycore/layout.h"

#include <elf.h>

#include "pycore/attr.h"

#define AT(o, s)                                                                                   \
	{                                                                                          \
		.offset = (o), .size = (s), .origin = ORIGIN_BUILTIN                               \
	}
#define BITS(o, s, b, n)                                                                           \
	{                                                                                          \
		.offset = (o), .size = (s), .bit = (b), .bits = (n), .origin = ORIGIN_BUILTIN      \
	}
#define SIZEOF(n)                                                                                  \
	{                                                                                          \
		.offset = (n), .origin = ORIGIN_BUILTIN                                            \
	}

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

/* A final release; the first release of a minor version, alphas included; the last one. */
#define V(major, minor, micro)	  ((major) << 24 | (minor) << 16 | (micro) << 8 | 0xf0)
#define FROM(major, minor, micro) ((major) << 24 | (minor) << 16 | (micro) << 8)
#define TO(major, minor, micro)	  ((major) << 24 | (minor) << 16 | (micro) << 8 | 0xff)
#define ALL(major, minor)	  .first = FROM(major, minor, 0), .last = TO(major, minor, 0xff)

#define RELEASE_X86_64                                                                             \
	.abi = ABI_RELEASE, .machine = EM_X86_64, .ptr_size = 8, .order = ORDER_LITTLE

/* Owners of interpreter frames, CPython's enum _frameowner: 1 generator; 3 (and 4 in 3.14) the
 * shims that stand for a call from C, from 3.12 on. */
#define NO_OWNERS    .owner = { .generator = -1, .shim_from = -1 }
#define OWNERS	     .owner = { .generator = 1, .shim_from = -1 }
#define OWNERS_SHIMS .owner = { .generator = 1, .shim_from = 3 }

static const struct layout_row rows[] = {
	{
		.name = "2.7",
		ALL(2, 7),
		.proven = (const uint32_t[]){ V(2, 7, 18), 0 },
		RELEASE_X86_64,
		.roots = ROOTS_STATICS,
		.frames = FRAMES_OBJECTS,
		.instr = INSTR_LASTI_BYTES,
		.lines = LINES_LNOTAB_UNSIGNED,
		.text = TEXT_BYTES,
		.gil = GIL_LOCK_STATIC,
		.tid = TID_PTHREAD,
		NO_OWNERS,
		.fields = py27,
	},
	{
		.name = "3.6",
		ALL(3, 6),
		.proven = (const uint32_t[]){ V(3, 6, 15), 0 },
		RELEASE_X86_64,
		.roots = ROOTS_STATICS,
		.frames = FRAMES_OBJECTS,
		.instr = INSTR_LASTI_BYTES,
		.lines = LINES_LNOTAB,
		.text = TEXT_COMPACT,
		.gil = GIL_STATICS,
		.tid = TID_PTHREAD,
		NO_OWNERS,
		.fields = py36,
	},
	{
		.name = "3.7.0-3.7.3",
		.first = FROM(3, 7, 0),
		.last = TO(3, 7, 3),
		.proven = (const uint32_t[]){ 0 },
		RELEASE_X86_64,
		.roots = ROOTS_RUNTIME,
		.frames = FRAMES_OBJECTS,
		.instr = INSTR_LASTI_BYTES,
		.lines = LINES_LNOTAB,
		.text = TEXT_COMPACT,
		.gil = GIL_RUNTIME,
		.tid = TID_PTHREAD,
		NO_OWNERS,
		.fields = py37,
		.moving = (const enum field[]){ FIELD_runtime_gil, FIELD_runtime_gc_collecting,
			FIELD_runtime_sizeof, FIELD_COUNT },
	},
	{
		.name = "3.7",
		.first = FROM(3, 7, 4),
		.last = TO(3, 7, 0xff),
		.proven = (const uint32_t[]){ V(3, 7, 16), 0 },
		RELEASE_X86_64,
		.roots = ROOTS_RUNTIME,
		.frames = FRAMES_OBJECTS,
		.instr = INSTR_LASTI_BYTES,
		.lines = LINES_LNOTAB,
		.text = TEXT_COMPACT,
		.gil = GIL_RUNTIME,
		.tid = TID_PTHREAD,
		NO_OWNERS,
		.fields = py37,
	},
	{
		.name = "3.8",
		ALL(3, 8),
		.proven = (const uint32_t[]){ V(3, 8, 18), 0 },
		RELEASE_X86_64,
		.roots = ROOTS_RUNTIME,
		.frames = FRAMES_OBJECTS,
		.instr = INSTR_LASTI_BYTES,
		.lines = LINES_LNOTAB,
		.text = TEXT_COMPACT,
		.gil = GIL_RUNTIME,
		.tid = TID_PTHREAD,
		NO_OWNERS,
		.fields = py38,
	},
	{
		.name = "3.9",
		ALL(3, 9),
		.proven = (const uint32_t[]){ V(3, 9, 18), 0 },
		RELEASE_X86_64,
		.roots = ROOTS_RUNTIME,
		.frames = FRAMES_OBJECTS,
		.instr = INSTR_LASTI_BYTES,
		.lines = LINES_LNOTAB,
		.text = TEXT_COMPACT,
		.gil = GIL_RUNTIME,
		.tid = TID_PTHREAD,
		NO_OWNERS,
		.fields = py39,
		.moving = (const enum field[]){ FIELD_interp_sizeof, FIELD_COUNT },
	},
	{
		.name = "3.10",
		ALL(3, 10),
		.proven = (const uint32_t[]){ V(3, 10, 13), 0 },
		RELEASE_X86_64,
		.roots = ROOTS_RUNTIME,
		.frames = FRAMES_OBJECTS,
		.instr = INSTR_LASTI_UNITS,
		.lines = LINES_RANGES,
		.text = TEXT_COMPACT,
		.gil = GIL_RUNTIME,
		.tid = TID_PTHREAD,
		NO_OWNERS,
		.fields = py310,
	},
	{
		.name = "3.11",
		ALL(3, 11),
		.proven = (const uint32_t[]){ V(3, 11, 2), V(3, 11, 7), 0 },
		RELEASE_X86_64,
		.roots = ROOTS_RUNTIME,
		.frames = FRAMES_CFRAME,
		.instr = INSTR_POINTER_LAST,
		.lines = LINES_LOCATIONS,
		.text = TEXT_COMPACT,
		.gil = GIL_RUNTIME,
		.tid = TID_NATIVE,
		OWNERS,
		.fields = py311,
	},
	{
		.name = "3.12",
		ALL(3, 12),
		.proven = (const uint32_t[]){ V(3, 12, 1), 0 },
		RELEASE_X86_64,
		.roots = ROOTS_RUNTIME,
		.frames = FRAMES_CFRAME,
		.instr = INSTR_POINTER_LAST,
		.lines = LINES_LOCATIONS,
		.text = TEXT_COMPACT,
		.gil = GIL_INTERP,
		.tid = TID_NATIVE,
		OWNERS_SHIMS,
		.fields = py312,
		.moving = (const enum field[]){ FIELD_runtime_sizeof, FIELD_COUNT },
	},
	{
		.name = "3.13",
		ALL(3, 13),
		.proven = (const uint32_t[]){ V(3, 13, 0), 0 },
		RELEASE_X86_64,
		.roots = ROOTS_RUNTIME,
		.frames = FRAMES_CURRENT,
		.instr = INSTR_POINTER,
		.lines = LINES_LOCATIONS,
		.text = TEXT_COMPACT,
		.gil = GIL_INTERP,
		.tid = TID_NATIVE,
		OWNERS_SHIMS,
		.fields = py313,
		.moving = (const enum field[]){ FIELD_runtime_sizeof, FIELD_interp_sizeof,
			FIELD_tstate_sizeof, FIELD_COUNT },
	},
	{
		.name = "3.14.0-3.14.4",
		.first = FROM(3, 14, 0),
		.last = TO(3, 14, 4),
		.proven = (const uint32_t[]){ 0 },
		RELEASE_X86_64,
		.roots = ROOTS_RUNTIME,
		.frames = FRAMES_CURRENT,
		.instr = INSTR_POINTER,
		.lines = LINES_LOCATIONS,
		.text = TEXT_COMPACT,
		.gil = GIL_INTERP,
		.tid = TID_NATIVE,
		OWNERS_SHIMS,
		.ref_tag_mask = 3,
		.fields = py314,
		.moving = (const enum field[]){ FIELD_runtime_sizeof, FIELD_interp_modules,
			FIELD_interp_sysdict, FIELD_interp_gc_collecting, FIELD_interp_sizeof,
			FIELD_tstate_sizeof, FIELD_COUNT },
	},
	{
		.name = "3.14",
		.first = FROM(3, 14, 5),
		.last = TO(3, 14, 0xff),
		.proven = (const uint32_t[]){ 0 },
		RELEASE_X86_64,
		.roots = ROOTS_RUNTIME,
		.frames = FRAMES_CURRENT,
		.instr = INSTR_POINTER,
		.lines = LINES_LOCATIONS,
		.text = TEXT_COMPACT,
		.gil = GIL_INTERP,
		.tid = TID_NATIVE,
		OWNERS_SHIMS,
		.ref_tag_mask = 3,
		.fields = py314,
	},
	{
		.name = "3.15",
		ALL(3, 15),
		.proven = (const uint32_t[]){ 0 },
		RELEASE_X86_64,
		.roots = ROOTS_RUNTIME,
		.frames = FRAMES_CURRENT,
		.instr = INSTR_POINTER,
		.lines = LINES_LOCATIONS,
		.text = TEXT_COMPACT,
		.gil = GIL_INTERP,
		.tid = TID_NATIVE,
		OWNERS_SHIMS,
		.ref_tag_mask = 3,
		.fields = py315,
	},
};

const struct layout_row *layout_rows(size_t *ret_len)
{
	*ret_len = ARRAY_LEN(rows);
	return rows;
}
