/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows, oldest first. The files of tables/ say where things are, each read from one build (its
 * heading names it); a row says for which releases that holds and how things are encoded there.
 *
 * Ranges are by PY_VERSION_HEX. Fields that move inside a row's range are listed as moving, and are
 * absent until a better source fills them:
 *  - 3.7.4 made the GC head 32 bytes again, not 24 (bpo-27987), so everything in _PyRuntime from
 * `gc` on moved by 88: a row of its own for the releases before, of which no build was seen;
 *  - 3.13.1 made a _thread.lock of one PyMutex (gh-117721), so the releases from there on have a
 * row of their own;
 *  - 3.14.5 took back the incremental GC: what stands behind `gc` in PyInterpreterState moved by
 * 24, likewise;
 *  - sizes grew within 3.9, 3.12 and 3.13 by members at the end and by static strings.
 *
 * Schemes that change together stand together in the macros below, each named for what it holds.
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
#define ABSENT                                                                                     \
	{                                                                                          \
		0                                                                                  \
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

#define RANGE(from, to)	  .first = (from), .last = (to)
#define ALL(major, minor) RANGE(FROM(major, minor, 0), TO(major, minor, 0xff))
#define PROVEN(...)                                                                                \
	.proven = (const uint32_t[])                                                               \
	{                                                                                          \
		__VA_ARGS__, 0                                                                     \
	}
#define UNPROVEN                                                                                   \
	.proven = (const uint32_t[])                                                               \
	{                                                                                          \
		0                                                                                  \
	}
#define MOVING(...)                                                                                \
	.moving = (const enum field[])                                                             \
	{                                                                                          \
		__VA_ARGS__, FIELD_COUNT                                                           \
	}
#define UNICODE(major, minor) .unicode = (major) << 8 | (minor)

#define RELEASE_X86_64                                                                             \
	.abi = ABI_RELEASE, .machine = EM_X86_64, .ptr_size = 8, .order = ORDER_LITTLE

/* The interpreter's own state: roots, GIL, thread numbers, handled exceptions. */
#define STATE_IN_STATICS(gil_)                                                                     \
	.roots = ROOTS_STATICS, .gil = (gil_), .tid = TID_PTHREAD,                                 \
	.exceptions = EXCEPTIONS_IN_TSTATE
#define STATE_IN_RUNTIME(gil_, tid_)                                                               \
	.roots = ROOTS_RUNTIME, .gil = (gil_), .tid = (tid_), .exceptions = EXCEPTIONS_STACKED

/* Frames: objects (to 3.10), or structs that only some frames have an object for. Owners of the
 * latter are CPython's enum _frameowner: 1 generator; 3 (and 4 in 3.14) the shims that stand for a
 * call from C, from 3.12 on. */
#define FRAMES_AS_OBJECTS(instr_, lines_)                                                          \
	.frames = FRAMES_OBJECTS, .instr = (instr_), .lines = (lines_),                            \
	.locals = LOCALS_BY_TUPLES, .owner = { .generator = -1, .shim_from = -1 }
#define FRAMES_AS_STRUCTS(root, instr_, shim)                                                      \
	.frames = (root), .instr = (instr_), .lines = LINES_LOCATIONS, .locals = LOCALS_BY_KINDS,  \
	.owner = { .generator = 1, .shim_from = (shim) }
#define NO_SHIMS     -1
#define SHIMS	     3
#define TAGGED_STACK .ref_tag_mask = 3

/* Where generators stand: f_state has numbers in 3.10, gi_frame_state in 3.11 and later. */
#define GENERATORS_BY_LASTI                                                                        \
	.generators = GENERATORS_FRAME, .generator = { NO_MARK, NO_MARK, NO_MARK, NO_MARK, NO_MARK }
#define GENERATORS_BY_STATE(scheme, created_, suspended_, in_yield_from, executing_, cleared_)     \
	.generators = (scheme), .generator = { .created = (created_),                              \
		.suspended = (suspended_),                                                         \
		.suspended_in_yield_from = (in_yield_from),                                        \
		.executing = (executing_),                                                         \
		.cleared = (cleared_) }

/* Objects: strings, ints, dicts, attributes, counts of references. */
#define OBJECTS_OF_2                                                                               \
	.text = TEXT_BYTES, .ints = INTS_SIGN_IN_SIZE, .dicts = DICTS_TABLE,                       \
	.values = VALUES_NONE, .attrs = ATTRS_DICTOFFSET, .refs = REFS_PLAIN
#define OBJECTS_WITH_SPLIT_DICTS /* 3.6 to 3.10 */                                                 \
	.text = TEXT_COMPACT, .ints = INTS_SIGN_IN_SIZE, .dicts = DICTS_SIZED,                     \
	.values = VALUES_IN_KEY_ORDER, .attrs = ATTRS_DICTOFFSET, .refs = REFS_PLAIN
#define OBJECTS_WITH_MANAGED_DICTS(ints_, attrs_, refs_) /* 3.11, 3.12 */                          \
	.text = TEXT_COMPACT, .ints = (ints_), .dicts = DICTS_KINDS, .values = VALUES_PREFIXED,    \
	.attrs = (attrs_), .refs = (refs_)
#define OBJECTS_WITH_INLINE_VALUES(refs_) /* 3.13 on */                                            \
	.text = TEXT_COMPACT, .ints = INTS_TAGGED, .dicts = DICTS_KINDS, .values = VALUES_HEADED,  \
	.attrs = ATTRS_INLINE, .refs = (refs_)

/* Arenas of 256 KiB with pools of 4 KiB; of 1 MiB with pools of 16 KiB (Objects/obmalloc.c). Bits 3
 * and 4 of tp_flags are the managed weak references and dict. */
#define HEAP_SMALL(...) .heap = { HEAP_STATICS, .arena_bits = 18, .pool_bits = 12, __VA_ARGS__ }
#define HEAP_LARGE(scheme_, preheader, sizeofs_)                                                   \
	.heap = { (scheme_), .arena_bits = 20, .pool_bits = 14, .preheader_flags = (preheader),    \
		.sizeofs = (sizeofs_) }
#define NO_PREHEADER 0
#define MANAGED_DICT 0x10
#define MANAGED_BOTH 0x18
#define SIZEOF_3_12  (SIZEOF_ONE_DIGIT | SIZEOF_CODE_ROUNDED)

enum {
	REPR_2_7 = REPR_BYTE_STRINGS | REPR_TYPE_WORD | REPR_SET_CALLS | REPR_EXCEPTION_COMMA |
		   REPR_LIBRARY_PLAIN | REPR_MODULE_BY_FILE | REPR_WEAKREF_INSTANCE,
	REPR_3_6 = REPR_EXCEPTION_COMMA | REPR_MODULE_NAMESPACE | REPR_NAMESPACE_SORTED |
		   REPR_WEAKREF_INSTANCE | REPR_ASYNC_TIGHT | REPR_RE_TEMPLATE,
	REPR_3_7 = (REPR_3_6 & ~(REPR_EXCEPTION_COMMA | REPR_ASYNC_TIGHT)) | REPR_TIMEDELTA_NAMES |
		   REPR_FRAME_PLACE | REPR_SUBCLASS_NAMES,
	REPR_3_8 = REPR_3_7,
	REPR_3_9 = REPR_3_8 & ~REPR_NAMESPACE_SORTED,
	REPR_3_10 =
		(REPR_3_9 & ~REPR_MODULE_NAMESPACE) | REPR_WRAPPED_METHODS | REPR_WEAKREF_DOTTED,
	REPR_3_11 =
		(REPR_3_10 & ~REPR_WEAKREF_INSTANCE) | REPR_FLAGS_IN_ORDER | REPR_SOCKET_NUMBERS,
	REPR_3_12 = REPR_3_11 | REPR_ORDERED_DICT_AS_DICT | REPR_MODULE_PATHS | REPR_ALIAS_LISTS,
	REPR_3_13 = (REPR_3_12 & ~REPR_RE_TEMPLATE) | REPR_PARTIAL_QUALIFIED | REPR_STRUCT_FORMAT |
		    REPR_WEAKREF_QUALNAME | REPR_IO_TYPE_NAME | REPR_CALLBACK_BARE |
		    REPR_CARETS_AT_CALLS,
};

static const struct layout_row rows[] = {
	{
		.name = "2.7",
		ALL(2, 7),
		PROVEN(V(2, 7, 18)),
		RELEASE_X86_64,
		STATE_IN_STATICS(GIL_LOCK_STATIC),
		FRAMES_AS_OBJECTS(INSTR_LASTI_BYTES, LINES_LNOTAB_UNSIGNED),
		GENERATORS_BY_LASTI,
		OBJECTS_OF_2,
		HEAP_SMALL(.number_blocks = true),
		.repr = REPR_2_7,
		UNICODE(5, 2),
		.fields = py27,
	},
	{
		.name = "3.6",
		ALL(3, 6),
		PROVEN(V(3, 6, 15)),
		RELEASE_X86_64,
		STATE_IN_STATICS(GIL_STATICS),
		FRAMES_AS_OBJECTS(INSTR_LASTI_BYTES, LINES_LNOTAB),
		GENERATORS_BY_LASTI,
		OBJECTS_WITH_SPLIT_DICTS,
		.gc_refs_flags = 1,
		HEAP_SMALL(.sizeofs = SIZEOF_BYTE_CELLS),
		.repr = REPR_3_6,
		UNICODE(9, 0),
		.fields = py36,
	},
	{
		.name = "3.7.0-3.7.3",
		RANGE(FROM(3, 7, 0), TO(3, 7, 3)),
		UNPROVEN,
		RELEASE_X86_64,
		STATE_IN_RUNTIME(GIL_RUNTIME, TID_PTHREAD),
		FRAMES_AS_OBJECTS(INSTR_LASTI_BYTES, LINES_LNOTAB),
		GENERATORS_BY_LASTI,
		OBJECTS_WITH_SPLIT_DICTS,
		.gc_refs_flags = 1,
		HEAP_SMALL(),
		.repr = REPR_3_7,
		UNICODE(11, 0),
		.fields = py37,
		MOVING(FIELD_runtime_gil, FIELD_runtime_gc_collecting, FIELD_runtime_sizeof),
	},
	{
		.name = "3.7",
		RANGE(FROM(3, 7, 4), TO(3, 7, 0xff)),
		PROVEN(V(3, 7, 16)),
		RELEASE_X86_64,
		STATE_IN_RUNTIME(GIL_RUNTIME, TID_PTHREAD),
		FRAMES_AS_OBJECTS(INSTR_LASTI_BYTES, LINES_LNOTAB),
		GENERATORS_BY_LASTI,
		OBJECTS_WITH_SPLIT_DICTS,
		.gc_refs_flags = 1,
		HEAP_SMALL(),
		.repr = REPR_3_7,
		UNICODE(11, 0),
		.fields = py37,
	},
	{
		.name = "3.8",
		ALL(3, 8),
		PROVEN(V(3, 8, 18)),
		RELEASE_X86_64,
		STATE_IN_RUNTIME(GIL_RUNTIME, TID_PTHREAD),
		FRAMES_AS_OBJECTS(INSTR_LASTI_BYTES, LINES_LNOTAB),
		GENERATORS_BY_LASTI,
		OBJECTS_WITH_SPLIT_DICTS,
		HEAP_SMALL(),
		.repr = REPR_3_8,
		UNICODE(12, 1),
		.fields = py38,
	},
	{
		.name = "3.9",
		ALL(3, 9),
		PROVEN(V(3, 9, 18)),
		RELEASE_X86_64,
		STATE_IN_RUNTIME(GIL_RUNTIME, TID_PTHREAD),
		FRAMES_AS_OBJECTS(INSTR_LASTI_BYTES, LINES_LNOTAB),
		GENERATORS_BY_LASTI,
		OBJECTS_WITH_SPLIT_DICTS,
		HEAP_SMALL(),
		.repr = REPR_3_9,
		UNICODE(13, 0),
		.fields = py39,
		MOVING(FIELD_interp_sizeof),
	},
	{
		.name = "3.10",
		ALL(3, 10),
		PROVEN(V(3, 10, 13)),
		RELEASE_X86_64,
		STATE_IN_RUNTIME(GIL_RUNTIME, TID_PTHREAD),
		FRAMES_AS_OBJECTS(INSTR_LASTI_UNITS, LINES_RANGES),
		GENERATORS_BY_STATE(GENERATORS_FRAME_STATE, -2, -1, NO_MARK, 0, 4),
		OBJECTS_WITH_SPLIT_DICTS,
		HEAP_LARGE(HEAP_STATICS, NO_PREHEADER, 0),
		.repr = REPR_3_10,
		UNICODE(13, 0),
		.fields = py310,
	},
	{
		.name = "3.11.0-3.11.3",
		RANGE(FROM(3, 11, 0), TO(3, 11, 3)),
		PROVEN(V(3, 11, 2)),
		RELEASE_X86_64,
		STATE_IN_RUNTIME(GIL_RUNTIME, TID_NATIVE),
		FRAMES_AS_STRUCTS(FRAMES_CFRAME, INSTR_POINTER_LAST, NO_SHIMS),
		GENERATORS_BY_STATE(GENERATORS_EMBEDDED, -2, -1, NO_MARK, 0, 4),
		OBJECTS_WITH_MANAGED_DICTS(INTS_SIGN_IN_SIZE, ATTRS_MANAGED_PAIR, REFS_STATIC),
		HEAP_LARGE(HEAP_STATICS, MANAGED_DICT, SIZEOF_ONE_DIGIT),
		.repr = REPR_3_11 | REPR_WEAKREF_INSTANCE,
		UNICODE(14, 0),
		.fields = py311,
	},
	{
		.name = "3.11",
		RANGE(FROM(3, 11, 4), TO(3, 11, 0xff)),
		PROVEN(V(3, 11, 7)),
		RELEASE_X86_64,
		STATE_IN_RUNTIME(GIL_RUNTIME, TID_NATIVE),
		FRAMES_AS_STRUCTS(FRAMES_CFRAME, INSTR_POINTER_LAST, NO_SHIMS),
		GENERATORS_BY_STATE(GENERATORS_EMBEDDED, -2, -1, NO_MARK, 0, 4),
		OBJECTS_WITH_MANAGED_DICTS(INTS_SIGN_IN_SIZE, ATTRS_MANAGED_PAIR, REFS_STATIC),
		HEAP_LARGE(HEAP_STATICS, MANAGED_DICT, SIZEOF_ONE_DIGIT),
		.repr = REPR_3_11,
		UNICODE(14, 0),
		.fields = py311,
	},
	{
		.name = "3.12",
		ALL(3, 12),
		PROVEN(V(3, 12, 1)),
		RELEASE_X86_64,
		STATE_IN_RUNTIME(GIL_INTERP, TID_NATIVE),
		FRAMES_AS_STRUCTS(FRAMES_CFRAME, INSTR_POINTER_LAST, SHIMS),
		GENERATORS_BY_STATE(GENERATORS_EMBEDDED, -2, -1, NO_MARK, 0, 4),
		OBJECTS_WITH_MANAGED_DICTS(INTS_TAGGED, ATTRS_MANAGED_TAGGED, REFS_IMMORTAL),
		HEAP_LARGE(HEAP_IN_INTERP, MANAGED_BOTH, SIZEOF_3_12),
		.repr = REPR_3_12,
		UNICODE(15, 0),
		.fields = py312,
		MOVING(FIELD_runtime_sizeof),
	},
	{
		.name = "3.13.0",
		RANGE(FROM(3, 13, 0), TO(3, 13, 0)),
		PROVEN(V(3, 13, 0)),
		RELEASE_X86_64,
		STATE_IN_RUNTIME(GIL_INTERP, TID_NATIVE),
		FRAMES_AS_STRUCTS(FRAMES_CURRENT, INSTR_POINTER, SHIMS),
		GENERATORS_BY_STATE(GENERATORS_EMBEDDED, -3, -2, -1, 0, 4),
		OBJECTS_WITH_INLINE_VALUES(REFS_IMMORTAL),
		HEAP_LARGE(HEAP_POINTED, MANAGED_BOTH, SIZEOF_3_12),
		.repr = REPR_3_13,
		UNICODE(15, 1),
		.fields = py313,
	},
	{
		.name = "3.13",
		RANGE(FROM(3, 13, 1), TO(3, 13, 0xff)),
		UNPROVEN,
		RELEASE_X86_64,
		STATE_IN_RUNTIME(GIL_INTERP, TID_NATIVE),
		FRAMES_AS_STRUCTS(FRAMES_CURRENT, INSTR_POINTER, SHIMS),
		GENERATORS_BY_STATE(GENERATORS_EMBEDDED, -3, -2, -1, 0, 4),
		OBJECTS_WITH_INLINE_VALUES(REFS_IMMORTAL),
		HEAP_LARGE(HEAP_POINTED, MANAGED_BOTH, SIZEOF_3_12),
		.repr = REPR_3_13,
		UNICODE(15, 1),
		.fields = py313,
		.moved = (const struct field_moved[]){ { FIELD_lock_locked, ABSENT },
			{ FIELD_lock_semaphore, ABSENT }, { FIELD_lock_mutex, AT(16, 1) },
			{ FIELD_COUNT, ABSENT } },
		MOVING(FIELD_runtime_sizeof, FIELD_interp_sizeof, FIELD_tstate_sizeof),
	},
	{
		.name = "3.14.0-3.14.4",
		RANGE(FROM(3, 14, 0), TO(3, 14, 4)),
		UNPROVEN,
		RELEASE_X86_64,
		STATE_IN_RUNTIME(GIL_INTERP, TID_NATIVE),
		FRAMES_AS_STRUCTS(FRAMES_CURRENT, INSTR_POINTER, SHIMS),
		TAGGED_STACK,
		GENERATORS_BY_STATE(GENERATORS_EMBEDDED, -3, -2, -1, 0, 4),
		OBJECTS_WITH_INLINE_VALUES(REFS_FLAGGED),
		HEAP_LARGE(HEAP_POINTED, MANAGED_BOTH, SIZEOF_3_12),
		.repr = REPR_3_13,
		UNICODE(16, 0),
		.fields = py314,
		MOVING(FIELD_runtime_sizeof, FIELD_interp_modules, FIELD_interp_sysdict,
			FIELD_interp_builtins, FIELD_interp_gc_collecting,
			FIELD_interp_gc_generation0, FIELD_interp_gc_permanent,
			FIELD_interp_obmalloc, FIELD_interp_sizeof, FIELD_tstate_sizeof),
	},
	{
		.name = "3.14",
		RANGE(FROM(3, 14, 5), TO(3, 14, 0xff)),
		UNPROVEN,
		RELEASE_X86_64,
		STATE_IN_RUNTIME(GIL_INTERP, TID_NATIVE),
		FRAMES_AS_STRUCTS(FRAMES_CURRENT, INSTR_POINTER, SHIMS),
		TAGGED_STACK,
		GENERATORS_BY_STATE(GENERATORS_EMBEDDED, -3, -2, -1, 0, 4),
		OBJECTS_WITH_INLINE_VALUES(REFS_FLAGGED),
		HEAP_LARGE(HEAP_POINTED, MANAGED_BOTH, SIZEOF_3_12),
		.repr = REPR_3_13,
		UNICODE(16, 0),
		.fields = py314,
	},
	{
		.name = "3.15",
		ALL(3, 15),
		UNPROVEN,
		RELEASE_X86_64,
		STATE_IN_RUNTIME(GIL_INTERP, TID_NATIVE),
		FRAMES_AS_STRUCTS(FRAMES_CURRENT, INSTR_POINTER, SHIMS),
		TAGGED_STACK,
		GENERATORS_BY_STATE(GENERATORS_EMBEDDED, 0, 1, 2, 4, 5),
		OBJECTS_WITH_INLINE_VALUES(REFS_FLAGGED),
		HEAP_LARGE(HEAP_POINTED, MANAGED_BOTH, SIZEOF_3_12),
		.repr = REPR_3_13,
		UNICODE(17, 0),
		.fields = py315,
	},
};

const struct layout_row *layout_rows(size_t *ret_len)
{
	*ret_len = ARRAY_LEN(rows);
	return rows;
}
