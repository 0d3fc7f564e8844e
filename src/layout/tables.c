/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows: of default builds, oldest first, then those of debug builds and of free-threaded
 * ones. The files of
 * tables/ say where things are, each read from one build (its heading names it); a row says for
 * which releases that holds and how things are encoded there.
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
#define MOVED(...)                                                                                 \
	.moved = (const struct field_moved[])                                                      \
	{                                                                                          \
		__VA_ARGS__,                                                                       \
		{                                                                                  \
			FIELD_COUNT, ABSENT                                                        \
		}                                                                                  \
	}
#define UNICODE(major, minor) .unicode = (major) << 8 | (minor)

#define X86_64(abi_)	     .abi = (abi_), .machine = EM_X86_64, .ptr_size = 8, .order = ORDER_LITTLE
#define RELEASE_X86_64	     X86_64(ABI_RELEASE)
#define DEBUG_X86_64	     X86_64(ABI_DEBUG)
#define FREE_THREADED_X86_64 X86_64(ABI_FREE_THREADED)
#define RELEASE_AARCH64                                                                            \
	.abi = ABI_RELEASE, .machine = EM_AARCH64, .ptr_size = 8, .order = ORDER_LITTLE
#define RELEASE_I386 .abi = ABI_RELEASE, .machine = EM_386, .ptr_size = 4, .order = ORDER_LITTLE
#define RELEASE_ARM  .abi = ABI_RELEASE, .machine = EM_ARM, .ptr_size = 4, .order = ORDER_LITTLE

#define RELEASE_S390X .abi = ABI_RELEASE, .machine = EM_S390, .ptr_size = 8, .order = ORDER_BIG

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

/* Arenas of 256 KiB with pools of 4 KiB (to 3.9, and in builds of 32 bit ever since); of 1 MiB with
 * pools of 16 KiB (Objects/obmalloc.c). Bits 3 and 4 of tp_flags are the managed weak references
 * and dict. */
#define HEAP_OLD(...) .heap = { HEAP_STATICS, .arena_bits = 18, .pool_bits = 12, __VA_ARGS__ }
#define HEAP_SMALL(scheme_, preheader, sizeofs_)                                                   \
	.heap = { (scheme_), .arena_bits = 18, .pool_bits = 12, .preheader_flags = (preheader),    \
		.sizeofs = (sizeofs_) }
#define HEAP_LARGE(scheme_, preheader, sizeofs_)                                                   \
	.heap = { (scheme_), .arena_bits = 20, .pool_bits = 14, .preheader_flags = (preheader),    \
		.sizeofs = (sizeofs_) }
#define NO_PREHEADER 0
#define MANAGED_DICT 0x10
#define MANAGED_BOTH 0x18
#define SIZEOF_3_12  (SIZEOF_ONE_DIGIT | SIZEOF_CODE_ROUNDED)
#define SIZEOF_3_12T (SIZEOF_3_12 | SIZEOF_LIST_HEADED)

/* The allocator of free-threaded builds, which others have too and mostly do not use: members that
 * differ between mimalloc 2.1 and 2.5, and where they are in free-threaded builds. */
#define MIMALLOC_MEMBERS                                                                           \
	FIELD_mi_heap_freed, FIELD_mi_heap_page_count, FIELD_mi_heap_pages, FIELD_mi_heap_sizeof,  \
		FIELD_mi_heap_tag, FIELD_mi_page_block_size, FIELD_mi_page_local_free,             \
		FIELD_mi_page_sizeof, FIELD_mi_page_start, FIELD_mi_page_tag,                      \
		FIELD_mi_page_thread_free, FIELD_mi_page_used, FIELD_mi_segment_abandoned,         \
		FIELD_mi_segment_cookie, FIELD_mi_segment_entries, FIELD_mi_segment_info_slices,   \
		FIELD_mi_segment_segment_slices, FIELD_mi_segment_sizeof, FIELD_mi_segment_slices, \
		FIELD_mi_segment_thread, FIELD_mi_segment_used, FIELD_mi_arena_sizeof
#define MIMALLOC_2_1                                                                               \
	{ FIELD_mi_heap_freed, AT(2840, 8) }, { FIELD_mi_heap_page_count, AT(3024, 8) },           \
		{ FIELD_mi_heap_pages, AT(1040, 24) }, { FIELD_mi_heap_sizeof, SIZEOF(3064) },     \
		{ FIELD_mi_heap_tag, AT(3057, 1) }, { FIELD_mi_page_block_size, AT(28, 4) },       \
		{ FIELD_mi_page_local_free, AT(32, 8) }, { FIELD_mi_page_sizeof, SIZEOF(96) },     \
		{ FIELD_mi_page_start, ABSENT }, { FIELD_mi_page_tag, BITS(8, 1, 3, 4) },          \
		{ FIELD_mi_page_thread_free, AT(40, 8) }, { FIELD_mi_page_used, AT(24, 4) },       \
		{ FIELD_mi_segment_abandoned, AT(192, 8) },                                        \
		{ FIELD_mi_segment_cookie, AT(216, 8) }, { FIELD_mi_segment_entries, AT(248, 8) }, \
		{ FIELD_mi_segment_info_slices, AT(232, 8) },                                      \
		{ FIELD_mi_segment_segment_slices, AT(224, 8) },                                   \
		{ FIELD_mi_segment_sizeof, SIZEOF(49512) },                                        \
		{ FIELD_mi_segment_slices, AT(264, 96) }, { FIELD_mi_segment_thread, AT(256, 8) }, \
		{ FIELD_mi_segment_used, AT(208, 8) },                                             \
	{                                                                                          \
		FIELD_mi_arena_sizeof, SIZEOF(144)                                                 \
	}
#define MIMALLOC_2_5                                                                               \
	{ FIELD_mi_heap_freed, AT(8, 8) }, { FIELD_mi_heap_page_count, AT(192, 8) },               \
		{ FIELD_mi_heap_pages, AT(1288, 24) }, { FIELD_mi_heap_sizeof, SIZEOF(3088) },     \
		{ FIELD_mi_heap_tag, AT(249, 1) }, { FIELD_mi_page_block_size, AT(40, 8) },        \
		{ FIELD_mi_page_local_free, AT(24, 8) }, { FIELD_mi_page_sizeof, SIZEOF(112) },    \
		{ FIELD_mi_page_start, AT(48, 8) }, { FIELD_mi_page_tag, AT(35, 1) },              \
		{ FIELD_mi_page_thread_free, AT(56, 8) }, { FIELD_mi_page_used, AT(32, 2) },       \
		{ FIELD_mi_segment_abandoned, AT(200, 8) },                                        \
		{ FIELD_mi_segment_cookie, AT(224, 8) }, { FIELD_mi_segment_entries, AT(272, 8) }, \
		{ FIELD_mi_segment_info_slices, AT(256, 8) },                                      \
		{ FIELD_mi_segment_segment_slices, AT(248, 8) },                                   \
		{ FIELD_mi_segment_sizeof, SIZEOF(57744) },                                        \
		{ FIELD_mi_segment_slices, AT(288, 112) },                                         \
		{ FIELD_mi_segment_thread, AT(280, 8) }, { FIELD_mi_segment_used, AT(216, 8) },    \
	{                                                                                          \
		FIELD_mi_arena_sizeof, SIZEOF(192)                                                 \
	}
/* What the descriptions without DWARF leave out: queues of memory that is freed later. */
#define FREED_CHUNKS                                                                               \
	{ FIELD_freed_chunk_first, AT(16, 8) }, { FIELD_freed_chunk_end, AT(24, 8) },              \
		{ FIELD_freed_chunk_items, AT(32, 16) },                                           \
		{ FIELD_freed_chunk_sizeof, SIZEOF(4096) },                                        \
	{                                                                                          \
		FIELD_freed_item_sizeof, SIZEOF(16)                                                \
	}

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
	REPR_3_14 = REPR_3_13 | REPR_UNION_OF_TYPING,
	REPR_3_15 = REPR_3_14 | REPR_COMMAND_REPR | REPR_CARETS_SPACED | REPR_OBJECT_ATTRIBUTES |
		    REPR_BYTEARRAY_QUOTES,
};

/* A lock is one PyMutex from 3.13.1 on, and pickle has other members. */
#define SINCE_3_13_1                                                                               \
	{ FIELD_lock_locked, ABSENT }, { FIELD_lock_semaphore, ABSENT },                           \
		{ FIELD_lock_mutex, AT(16, 1) }, { FIELD_pickler_output, AT(64, 8) },              \
		{ FIELD_pickler_sizeof, SIZEOF(152) }, { FIELD_unpickler_marks, AT(240, 8) },      \
		{ FIELD_unpickler_marks_size, AT(256, 8) },                                        \
		{ FIELD_unpickler_input_line, AT(152, 8) },                                        \
		{ FIELD_unpickler_encoding, AT(224, 8) }, { FIELD_unpickler_errors, AT(232, 8) },  \
	{                                                                                          \
		FIELD_unpickler_sizeof, SIZEOF(272)                                                \
	}
/* Debug builds count references in struct _Py_object_state; what stands behind it moves. */
#define DEBUG_BEHIND_OBJECTS FIELD_interp_obmalloc, FIELD_interp_sizeof

/* What the builds of a version have in common. */
#define AS_2_7                                                                                     \
	STATE_IN_STATICS(GIL_LOCK_STATIC),                                                         \
		FRAMES_AS_OBJECTS(INSTR_LASTI_BYTES, LINES_LNOTAB_UNSIGNED), GENERATORS_BY_LASTI,  \
		OBJECTS_OF_2, HEAP_OLD(.number_blocks = true), .repr = REPR_2_7, UNICODE(5, 2)
#define AS_3_8                                                                                     \
	STATE_IN_RUNTIME(GIL_RUNTIME, TID_PTHREAD),                                                \
		FRAMES_AS_OBJECTS(INSTR_LASTI_BYTES, LINES_LNOTAB), GENERATORS_BY_LASTI,           \
		OBJECTS_WITH_SPLIT_DICTS, HEAP_OLD(), .repr = REPR_3_8, UNICODE(12, 1)
#define AS_3_9                                                                                     \
	STATE_IN_RUNTIME(GIL_RUNTIME, TID_PTHREAD),                                                \
		FRAMES_AS_OBJECTS(INSTR_LASTI_BYTES, LINES_LNOTAB), GENERATORS_BY_LASTI,           \
		OBJECTS_WITH_SPLIT_DICTS, HEAP_OLD(), .repr = REPR_3_9, UNICODE(13, 0)
#define AS_3_10                                                                                    \
	STATE_IN_RUNTIME(GIL_RUNTIME, TID_PTHREAD),                                                \
		FRAMES_AS_OBJECTS(INSTR_LASTI_UNITS, LINES_RANGES),                                \
		GENERATORS_BY_STATE(GENERATORS_FRAME_STATE, -2, -1, NO_MARK, 0, 4),                \
		OBJECTS_WITH_SPLIT_DICTS, HEAP_LARGE(HEAP_STATICS, NO_PREHEADER, 0),               \
		.repr = REPR_3_10, UNICODE(13, 0)
#define AS_3_11_0(heap_)                                                                           \
	STATE_IN_RUNTIME(GIL_RUNTIME, TID_NATIVE),                                                 \
		FRAMES_AS_STRUCTS(FRAMES_CFRAME, INSTR_POINTER_LAST, NO_SHIMS),                    \
		GENERATORS_BY_STATE(GENERATORS_EMBEDDED, -2, -1, NO_MARK, 0, 4),                   \
		OBJECTS_WITH_MANAGED_DICTS(INTS_SIGN_IN_SIZE, ATTRS_MANAGED_PAIR, REFS_STATIC),    \
		heap_(HEAP_STATICS, MANAGED_DICT, SIZEOF_ONE_DIGIT),                               \
		.repr = REPR_3_11 | REPR_WEAKREF_INSTANCE, UNICODE(14, 0)
#define AS_3_11_4(heap_)                                                                           \
	STATE_IN_RUNTIME(GIL_RUNTIME, TID_NATIVE),                                                 \
		FRAMES_AS_STRUCTS(FRAMES_CFRAME, INSTR_POINTER_LAST, NO_SHIMS),                    \
		GENERATORS_BY_STATE(GENERATORS_EMBEDDED, -2, -1, NO_MARK, 0, 4),                   \
		OBJECTS_WITH_MANAGED_DICTS(INTS_SIGN_IN_SIZE, ATTRS_MANAGED_PAIR, REFS_STATIC),    \
		heap_(HEAP_STATICS, MANAGED_DICT, SIZEOF_ONE_DIGIT), .repr = REPR_3_11,            \
								     UNICODE(14, 0)
#define AS_3_12                                                                                    \
	STATE_IN_RUNTIME(GIL_INTERP, TID_NATIVE),                                                  \
		FRAMES_AS_STRUCTS(FRAMES_CFRAME, INSTR_POINTER_LAST, SHIMS),                       \
		GENERATORS_BY_STATE(GENERATORS_EMBEDDED, -2, -1, NO_MARK, 0, 4),                   \
		OBJECTS_WITH_MANAGED_DICTS(INTS_TAGGED, ATTRS_MANAGED_TAGGED, REFS_IMMORTAL),      \
		HEAP_LARGE(HEAP_IN_INTERP, MANAGED_BOTH, SIZEOF_3_12), .repr = REPR_3_12,          \
								       UNICODE(15, 0)
#define AS_3_13(refs_, heap_, scheme_)                                                             \
	STATE_IN_RUNTIME(GIL_INTERP, TID_NATIVE),                                                  \
		FRAMES_AS_STRUCTS(FRAMES_CURRENT, INSTR_POINTER, SHIMS),                           \
		GENERATORS_BY_STATE(GENERATORS_EMBEDDED, -3, -2, -1, 0, 4),                        \
		OBJECTS_WITH_INLINE_VALUES(refs_), heap_(scheme_, MANAGED_BOTH, SIZEOF_3_12),      \
		.repr = REPR_3_13, UNICODE(15, 1)
#define AS_3_14(refs_, heap_, scheme_)                                                             \
	STATE_IN_RUNTIME(GIL_INTERP, TID_NATIVE),                                                  \
		FRAMES_AS_STRUCTS(FRAMES_CURRENT, INSTR_POINTER, SHIMS), TAGGED_STACK,             \
		GENERATORS_BY_STATE(GENERATORS_EMBEDDED, -3, -2, -1, 0, 4),                        \
		OBJECTS_WITH_INLINE_VALUES(refs_), heap_(scheme_, MANAGED_BOTH, SIZEOF_3_12),      \
		.repr = REPR_3_14, UNICODE(16, 0)
#define AS_3_15(refs_, heap_, scheme_)                                                             \
	STATE_IN_RUNTIME(GIL_INTERP, TID_NATIVE),                                                  \
		FRAMES_AS_STRUCTS(FRAMES_CURRENT, INSTR_POINTER, SHIMS), TAGGED_STACK,             \
		GENERATORS_BY_STATE(GENERATORS_EMBEDDED, 0, 1, 2, 4, 5),                           \
		OBJECTS_WITH_INLINE_VALUES(refs_), heap_(scheme_, MANAGED_BOTH, SIZEOF_3_12),      \
		.repr = REPR_3_15, UNICODE(17, 0)

/* A mutex of the C library is larger there. */
#define AARCH64_GIL                                                                                \
	{ FIELD_gil_mutex, AT(80, 48) },                                                           \
	{                                                                                          \
		FIELD_gil_sizeof, SIZEOF(224)                                                      \
	}

/* Bit-fields begin at the other end where the byte order is the other one, and long double is
 * aligned to 8. */
#define S390X_BITS                                                                                 \
	{ FIELD_str_kind, BITS(32, 4, 27, 3) }, { FIELD_str_compact, BITS(32, 4, 26, 1) },         \
		{ FIELD_str_ascii, BITS(32, 4, 25, 1) },                                           \
		{ FIELD_fileio_created, BITS(20, 4, 31, 1) },                                      \
		{ FIELD_fileio_readable, BITS(20, 4, 30, 1) },                                     \
		{ FIELD_fileio_writable, BITS(20, 4, 29, 1) },                                     \
		{ FIELD_fileio_appending, BITS(20, 4, 28, 1) },                                    \
	{                                                                                          \
		FIELD_cdata_sizeof, SIZEOF(88)                                                     \
	}
#define S390X_3_11                                                                                 \
	S390X_BITS, { FIELD_str_ready, BITS(32, 4, 24, 1) },                                       \
	{                                                                                          \
		FIELD_fileio_closefd, BITS(20, 4, 25, 1)                                           \
	}
#define S390X_3_14                                                                                 \
	S390X_BITS, { FIELD_object_refcnt, AT(4, 4) },                                             \
	{                                                                                          \
		FIELD_task_must_cancel, BITS(108, 4, 13, 1)                                        \
	}

static const struct layout_row rows[] = {
	{
		.name = "2.7",
		ALL(2, 7),
		PROVEN(V(2, 7, 18)),
		RELEASE_X86_64,
		AS_2_7,
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
		HEAP_OLD(.sizeofs = SIZEOF_BYTE_CELLS),
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
		HEAP_OLD(),
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
		HEAP_OLD(),
		.repr = REPR_3_7,
		UNICODE(11, 0),
		.fields = py37,
	},
	{
		.name = "3.8",
		ALL(3, 8),
		PROVEN(V(3, 8, 18)),
		RELEASE_X86_64,
		AS_3_8,
		.fields = py38,
	},
	{
		.name = "3.9",
		ALL(3, 9),
		PROVEN(V(3, 9, 2), V(3, 9, 18)),
		RELEASE_X86_64,
		AS_3_9,
		.fields = py39,
		MOVING(FIELD_interp_sizeof),
	},
	{
		.name = "3.10",
		ALL(3, 10),
		PROVEN(V(3, 10, 13), V(3, 10, 16)),
		RELEASE_X86_64,
		AS_3_10,
		.fields = py310,
	},
	{
		.name = "3.11.0-3.11.3",
		RANGE(FROM(3, 11, 0), TO(3, 11, 3)),
		PROVEN(V(3, 11, 2)),
		RELEASE_X86_64,
		AS_3_11_0(HEAP_LARGE),
		.fields = py311,
	},
	{
		.name = "3.11",
		RANGE(FROM(3, 11, 4), TO(3, 11, 0xff)),
		PROVEN(V(3, 11, 7), V(3, 11, 11)),
		RELEASE_X86_64,
		AS_3_11_4(HEAP_LARGE),
		.fields = py311,
	},
	{
		.name = "3.12",
		ALL(3, 12),
		PROVEN(V(3, 12, 1), V(3, 12, 3)),
		RELEASE_X86_64,
		AS_3_12,
		.fields = py312,
		MOVING(FIELD_runtime_sizeof),
	},
	{
		.name = "3.13.0",
		RANGE(FROM(3, 13, 0), TO(3, 13, 0)),
		PROVEN(V(3, 13, 0)),
		RELEASE_X86_64,
		AS_3_13(REFS_IMMORTAL, HEAP_LARGE, HEAP_POINTED),
		.fields = py313,
	},
	{
		.name = "3.13",
		RANGE(FROM(3, 13, 1), TO(3, 13, 0xff)),
		PROVEN(V(3, 13, 1), V(3, 13, 5)),
		RELEASE_X86_64,
		AS_3_13(REFS_IMMORTAL, HEAP_LARGE, HEAP_POINTED),
		.fields = py313,
		MOVED(SINCE_3_13_1),
		MOVING(FIELD_runtime_sizeof, FIELD_interp_sizeof, FIELD_tstate_sizeof,
			FIELD_tstate_freed),
	},
	{
		.name = "3.14.0-3.14.4",
		RANGE(FROM(3, 14, 0), TO(3, 14, 4)),
		UNPROVEN,
		RELEASE_X86_64,
		AS_3_14(REFS_FLAGGED, HEAP_LARGE, HEAP_POINTED),
		.fields = py314,
		MOVED({ FIELD_interp_gc_young, AT(7432, 24) },
			{ FIELD_interp_gc_old, AT(7456, 24) }),
		MOVING(FIELD_runtime_sizeof, FIELD_interp_modules, FIELD_interp_sysdict,
			FIELD_interp_builtins, FIELD_interp_gc_collecting,
			FIELD_interp_gc_generation0, FIELD_interp_obmalloc, FIELD_interp_freelists,
			FIELD_free_memory_errors, FIELD_free_memory_errors_count,
			FIELD_interp_sizeof, FIELD_tstate_sizeof, MIMALLOC_MEMBERS),
	},
	{
		.name = "3.14",
		RANGE(FROM(3, 14, 5), TO(3, 14, 0xff)),
		PROVEN(V(3, 14, 6), V(3, 14, 8)),
		RELEASE_X86_64,
		AS_3_14(REFS_FLAGGED, HEAP_LARGE, HEAP_POINTED),
		.fields = py314,
		MOVING(MIMALLOC_MEMBERS),
	},
	{
		.name = "3.15",
		ALL(3, 15),
		PROVEN(V(3, 15, 2)),
		RELEASE_X86_64,
		AS_3_15(REFS_FLAGGED, HEAP_LARGE, HEAP_POINTED),
		.fields = py315,
		MOVING(MIMALLOC_MEMBERS),
	},
	{
		.name = "2.7d",
		ALL(2, 7),
		PROVEN(V(2, 7, 18)),
		DEBUG_X86_64,
		AS_2_7,
		.fields = py27d,
	},
	{
		.name = "3.8d",
		ALL(3, 8),
		UNPROVEN,
		DEBUG_X86_64,
		AS_3_8,
		.fields = py38,
		MOVING(FIELD_interp_sizeof, FIELD_runtime_sizeof, FIELD_tstate_sizeof),
	},
	{
		.name = "3.9d",
		ALL(3, 9),
		PROVEN(V(3, 9, 2)),
		DEBUG_X86_64,
		AS_3_9,
		.fields = py39,
		MOVING(FIELD_interp_sizeof),
	},
	{
		.name = "3.10d",
		ALL(3, 10),
		UNPROVEN,
		DEBUG_X86_64,
		AS_3_10,
		.fields = py310,
		MOVING(FIELD_interp_sizeof, FIELD_runtime_sizeof, FIELD_tstate_sizeof),
	},
	{
		.name = "3.11.0d-3.11.3d",
		RANGE(FROM(3, 11, 0), TO(3, 11, 3)),
		PROVEN(V(3, 11, 2)),
		DEBUG_X86_64,
		AS_3_11_0(HEAP_LARGE),
		.fields = py311,
	},
	{
		.name = "3.11d",
		RANGE(FROM(3, 11, 4), TO(3, 11, 0xff)),
		UNPROVEN,
		DEBUG_X86_64,
		AS_3_11_4(HEAP_LARGE),
		.fields = py311,
	},
	{
		.name = "3.12d",
		ALL(3, 12),
		UNPROVEN,
		DEBUG_X86_64,
		AS_3_12,
		.fields = py312,
		MOVING(FIELD_runtime_sizeof, DEBUG_BEHIND_OBJECTS),
	},
	{
		.name = "3.13d",
		RANGE(FROM(3, 13, 1), TO(3, 13, 0xff)),
		PROVEN(V(3, 13, 5)),
		DEBUG_X86_64,
		AS_3_13(REFS_IMMORTAL, HEAP_LARGE, HEAP_POINTED),
		.fields = py313,
		MOVED(SINCE_3_13_1, { FIELD_interp_obmalloc, AT(10808, 8) },
			{ FIELD_interp_freelists, AT(10960, 3536) },
			{ FIELD_free_memory_errors, AT(82664, 8) },
			{ FIELD_free_memory_errors_count, AT(82672, 4) },
			{ FIELD_interp_freed, AT(82696, 16) }),
		MOVING(FIELD_runtime_sizeof, FIELD_interp_sizeof, FIELD_tstate_sizeof,
			FIELD_tstate_freed, MIMALLOC_MEMBERS),
	},
	{
		.name = "3.14d",
		RANGE(FROM(3, 14, 5), TO(3, 14, 0xff)),
		PROVEN(V(3, 14, 8)),
		DEBUG_X86_64,
		AS_3_14(REFS_FLAGGED, HEAP_LARGE, HEAP_POINTED),
		.fields = py314,
		MOVED({ FIELD_interp_obmalloc, AT(10912, 8) },
			{ FIELD_interp_freelists, AT(11128, 624) },
			{ FIELD_free_memory_errors, AT(79912, 8) },
			{ FIELD_free_memory_errors_count, AT(79920, 4) },
			{ FIELD_interp_freed, AT(79944, 16) },
			{ FIELD_interp_sizeof, SIZEOF(225880) },
			{ FIELD_runtime_sizeof, SIZEOF(332632) }),
		MOVING(MIMALLOC_MEMBERS),
	},
	{
		.name = "3.15d",
		ALL(3, 15),
		PROVEN(V(3, 15, 2)),
		DEBUG_X86_64,
		AS_3_15(REFS_FLAGGED, HEAP_LARGE, HEAP_POINTED),
		.fields = py315,
		MOVED({ FIELD_interp_obmalloc, AT(10888, 8) },
			{ FIELD_interp_freelists, AT(11104, 656) },
			{ FIELD_free_memory_errors, AT(79920, 8) },
			{ FIELD_free_memory_errors_count, AT(79928, 4) },
			{ FIELD_interp_freed, AT(79952, 16) },
			{ FIELD_interp_sizeof, SIZEOF(226256) },
			{ FIELD_runtime_sizeof, SIZEOF(362592) }),
		MOVING(MIMALLOC_MEMBERS),
	},
	{
		.name = "3.13.0t",
		RANGE(FROM(3, 13, 0), TO(3, 13, 0)),
		UNPROVEN,
		FREE_THREADED_X86_64,
		AS_3_13(REFS_BIASED, HEAP_LARGE, HEAP_MIMALLOC),
		.fields = py313t,
		MOVED({ FIELD_lock_locked, AT(48, 1) }, { FIELD_lock_semaphore, AT(32, 8) },
			{ FIELD_lock_mutex, ABSENT }),
		MOVING(FIELD_pickler_output, FIELD_pickler_sizeof, FIELD_unpickler_marks,
			FIELD_unpickler_marks_size, FIELD_unpickler_input_line,
			FIELD_unpickler_encoding, FIELD_unpickler_errors, FIELD_unpickler_sizeof,
			FIELD_runtime_sizeof, FIELD_interp_sizeof, FIELD_tstate_sizeof,
			FIELD_tstate_mi_heaps, FIELD_tstate_freed, FIELD_tstate_freelists),
	},
	{
		.name = "3.13t",
		RANGE(FROM(3, 13, 1), TO(3, 13, 0xff)),
		PROVEN(V(3, 13, 5)),
		FREE_THREADED_X86_64,
		AS_3_13(REFS_BIASED, HEAP_LARGE, HEAP_MIMALLOC),
		.fields = py313t,
		MOVING(FIELD_runtime_sizeof, FIELD_interp_sizeof, FIELD_tstate_sizeof,
			FIELD_tstate_mi_heaps, FIELD_tstate_freed, FIELD_tstate_freelists),
	},
	{
		.name = "3.14.0t-3.14.8t",
		RANGE(FROM(3, 14, 0), TO(3, 14, 8)),
		PROVEN(V(3, 14, 7)),
		FREE_THREADED_X86_64,
		AS_3_14(REFS_BIASED, HEAP_LARGE, HEAP_MIMALLOC),
		.fields = py314t,
	},
	{
		.name = "3.14t",
		RANGE(FROM(3, 14, 9), TO(3, 14, 0xff)),
		UNPROVEN,
		FREE_THREADED_X86_64,
		AS_3_14(REFS_BIASED, HEAP_LARGE, HEAP_MIMALLOC),
		.fields = py314t,
		MOVED(MIMALLOC_2_5, { FIELD_interp_freed, AT(85720, 16) },
			{ FIELD_interp_obmalloc, AT(17328, 8) },
			{ FIELD_interp_sizeof, SIZEOF(249976) },
			{ FIELD_runtime_sizeof, SIZEOF(365624) },
			{ FIELD_free_memory_errors, AT(85688, 8) },
			{ FIELD_free_memory_errors_count, AT(85696, 4) },
			{ FIELD_tstate_freelists, AT(18440, 624) },
			{ FIELD_tstate_mi_heaps, AT(944, 3088) }),
	},
	{
		.name = "3.15.0t",
		RANGE(FROM(3, 15, 0), TO(3, 15, 0)),
		UNPROVEN,
		FREE_THREADED_X86_64,
		AS_3_15(REFS_BIASED, HEAP_LARGE, HEAP_MIMALLOC),
		.fields = py315t,
		MOVED(FREED_CHUNKS, MIMALLOC_2_1, { FIELD_interp_freed, AT(85984, 16) },
			{ FIELD_interp_obmalloc, AT(17592, 8) },
			{ FIELD_interp_sizeof, SIZEOF(247040) },
			{ FIELD_runtime_sizeof, SIZEOF(406016) },
			{ FIELD_free_memory_errors, AT(85952, 8) },
			{ FIELD_free_memory_errors_count, AT(85960, 4) },
			{ FIELD_tstate_freelists, AT(15000, 656) },
			{ FIELD_tstate_mi_heaps, AT(1112, 3064) }),
	},
	{
		.name = "3.15t",
		RANGE(FROM(3, 15, 1), TO(3, 15, 0xff)),
		UNPROVEN,
		FREE_THREADED_X86_64,
		AS_3_15(REFS_BIASED, HEAP_LARGE, HEAP_MIMALLOC),
		.fields = py315t,
		MOVED(FREED_CHUNKS),
	},
	{
		.name = "3.9 aarch64",
		ALL(3, 9),
		PROVEN(V(3, 9, 2)),
		RELEASE_AARCH64,
		AS_3_9,
		.fields = py39,
		MOVED(AARCH64_GIL, { FIELD_runtime_gil, AT(352, 224) }),
		MOVING(FIELD_interp_sizeof, FIELD_runtime_sizeof),
	},
	{
		.name = "3.10 aarch64",
		ALL(3, 10),
		UNPROVEN,
		RELEASE_AARCH64,
		AS_3_10,
		.fields = py310,
		MOVED(AARCH64_GIL, { FIELD_runtime_gil, AT(352, 224) }),
		MOVING(FIELD_runtime_sizeof),
	},
	{
		.name = "3.11.0-3.11.3 aarch64",
		RANGE(FROM(3, 11, 0), TO(3, 11, 3)),
		PROVEN(V(3, 11, 2)),
		RELEASE_AARCH64,
		AS_3_11_0(HEAP_LARGE),
		.fields = py311,
		MOVED(AARCH64_GIL, { FIELD_runtime_gil, AT(360, 224) }),
		MOVING(FIELD_runtime_sizeof),
	},
	{
		.name = "3.11 aarch64",
		RANGE(FROM(3, 11, 4), TO(3, 11, 0xff)),
		UNPROVEN,
		RELEASE_AARCH64,
		AS_3_11_4(HEAP_LARGE),
		.fields = py311,
		MOVED(AARCH64_GIL, { FIELD_runtime_gil, AT(360, 224) }),
		MOVING(FIELD_runtime_sizeof),
	},
	{
		.name = "3.12 aarch64",
		ALL(3, 12),
		UNPROVEN,
		RELEASE_AARCH64,
		AS_3_12,
		.fields = py312,
		MOVED(AARCH64_GIL, { FIELD_interp_obmalloc, AT(3976, 65535) },
			{ FIELD_free_memory_errors, AT(273424, 8) },
			{ FIELD_free_memory_errors_count, AT(273432, 4) }),
		MOVING(FIELD_interp_sizeof, FIELD_runtime_sizeof),
	},
	{
		.name = "3.13 aarch64",
		RANGE(FROM(3, 13, 1), TO(3, 13, 0xff)),
		PROVEN(V(3, 13, 5)),
		RELEASE_AARCH64,
		AS_3_13(REFS_IMMORTAL, HEAP_LARGE, HEAP_POINTED),
		.fields = py313,
		MOVED(SINCE_3_13_1, AARCH64_GIL, { FIELD_interp_obmalloc, AT(10816, 8) },
			{ FIELD_interp_freelists, AT(10968, 3536) },
			{ FIELD_free_memory_errors, AT(82664, 8) },
			{ FIELD_free_memory_errors_count, AT(82672, 4) },
			{ FIELD_interp_freed, AT(82696, 16) }),
		MOVING(FIELD_runtime_sizeof, FIELD_interp_sizeof, FIELD_tstate_sizeof,
			FIELD_tstate_freed),
	},
	{
		.name = "3.14 aarch64",
		RANGE(FROM(3, 14, 5), TO(3, 14, 0xff)),
		PROVEN(V(3, 14, 8)),
		RELEASE_AARCH64,
		AS_3_14(REFS_FLAGGED, HEAP_LARGE, HEAP_POINTED),
		.fields = py314,
		MOVED(AARCH64_GIL, { FIELD_interp_obmalloc, AT(10920, 8) },
			{ FIELD_interp_freelists, AT(11136, 624) },
			{ FIELD_free_memory_errors, AT(79912, 8) },
			{ FIELD_free_memory_errors_count, AT(79920, 4) },
			{ FIELD_interp_freed, AT(79944, 16) },
			{ FIELD_interp_sizeof, SIZEOF(225880) },
			{ FIELD_runtime_sizeof, SIZEOF(316632) }),
		MOVING(MIMALLOC_MEMBERS),
	},
	{
		.name = "3.15 aarch64",
		ALL(3, 15),
		PROVEN(V(3, 15, 2)),
		RELEASE_AARCH64,
		AS_3_15(REFS_FLAGGED, HEAP_LARGE, HEAP_POINTED),
		.fields = py315,
		MOVED(AARCH64_GIL, { FIELD_interp_obmalloc, AT(10896, 8) },
			{ FIELD_interp_freelists, AT(11112, 656) },
			{ FIELD_free_memory_errors, AT(79920, 8) },
			{ FIELD_free_memory_errors_count, AT(79928, 4) },
			{ FIELD_interp_freed, AT(79952, 16) },
			{ FIELD_interp_sizeof, SIZEOF(226256) },
			{ FIELD_runtime_sizeof, SIZEOF(346584) }),
		MOVING(MIMALLOC_MEMBERS),
	},
	{
		.name = "3.11.0-3.11.3 i386",
		RANGE(FROM(3, 11, 0), TO(3, 11, 3)),
		PROVEN(V(3, 11, 2)),
		RELEASE_I386,
		AS_3_11_0(HEAP_SMALL),
		.fields = py311_i386,
	},
	{
		.name = "3.11 i386",
		RANGE(FROM(3, 11, 4), TO(3, 11, 0xff)),
		UNPROVEN,
		RELEASE_I386,
		AS_3_11_4(HEAP_SMALL),
		.fields = py311_i386,
	},
	{
		.name = "3.13 i386",
		RANGE(FROM(3, 13, 1), TO(3, 13, 0xff)),
		PROVEN(V(3, 13, 5)),
		RELEASE_I386,
		AS_3_13(REFS_HIGH, HEAP_SMALL, HEAP_POINTED),
		.fields = py313_i386,
		MOVING(FIELD_runtime_sizeof, FIELD_interp_sizeof, FIELD_tstate_sizeof,
			FIELD_tstate_freed),
	},
	{
		.name = "3.14 i386",
		RANGE(FROM(3, 14, 5), TO(3, 14, 0xff)),
		PROVEN(V(3, 14, 8)),
		RELEASE_I386,
		AS_3_14(REFS_HIGH, HEAP_SMALL, HEAP_POINTED),
		.fields = py314_i386,
		MOVING(MIMALLOC_MEMBERS),
	},
	{
		.name = "3.15 i386",
		ALL(3, 15),
		PROVEN(V(3, 15, 2)),
		RELEASE_I386,
		AS_3_15(REFS_HIGH, HEAP_SMALL, HEAP_POINTED),
		.fields = py315_i386,
		MOVING(MIMALLOC_MEMBERS),
	},
	{
		.name = "3.11.0-3.11.3 armhf",
		RANGE(FROM(3, 11, 0), TO(3, 11, 3)),
		PROVEN(V(3, 11, 2)),
		RELEASE_ARM,
		AS_3_11_0(HEAP_SMALL),
		.fields = py311_armhf,
	},
	{
		.name = "3.11 armhf",
		RANGE(FROM(3, 11, 4), TO(3, 11, 0xff)),
		UNPROVEN,
		RELEASE_ARM,
		AS_3_11_4(HEAP_SMALL),
		.fields = py311_armhf,
	},
	{
		.name = "3.13 armhf",
		RANGE(FROM(3, 13, 1), TO(3, 13, 0xff)),
		PROVEN(V(3, 13, 5)),
		RELEASE_ARM,
		AS_3_13(REFS_HIGH, HEAP_SMALL, HEAP_POINTED),
		.fields = py313_armhf,
		MOVING(FIELD_runtime_sizeof, FIELD_interp_sizeof, FIELD_tstate_sizeof,
			FIELD_tstate_freed),
	},
	{
		.name = "3.14 armhf",
		RANGE(FROM(3, 14, 5), TO(3, 14, 0xff)),
		PROVEN(V(3, 14, 8)),
		RELEASE_ARM,
		AS_3_14(REFS_HIGH, HEAP_SMALL, HEAP_POINTED),
		.fields = py314_armhf,
		MOVING(MIMALLOC_MEMBERS),
	},
	{
		.name = "3.15 armhf",
		ALL(3, 15),
		PROVEN(V(3, 15, 2)),
		RELEASE_ARM,
		AS_3_15(REFS_HIGH, HEAP_SMALL, HEAP_POINTED),
		.fields = py315_armhf,
		MOVING(MIMALLOC_MEMBERS),
	},
	{
		.name = "3.9 s390x",
		ALL(3, 9),
		UNPROVEN,
		RELEASE_S390X,
		AS_3_9,
		.fields = py39,
		MOVED(S390X_3_11),
		MOVING(FIELD_interp_sizeof),
	},
	{
		.name = "3.10 s390x",
		ALL(3, 10),
		UNPROVEN,
		RELEASE_S390X,
		AS_3_10,
		.fields = py310,
		MOVED(S390X_3_11),
	},
	{
		.name = "3.11.0-3.11.3 s390x",
		RANGE(FROM(3, 11, 0), TO(3, 11, 3)),
		PROVEN(V(3, 11, 2)),
		RELEASE_S390X,
		AS_3_11_0(HEAP_LARGE),
		.fields = py311,
		MOVED(S390X_3_11),
	},
	{
		.name = "3.11 s390x",
		RANGE(FROM(3, 11, 4), TO(3, 11, 0xff)),
		UNPROVEN,
		RELEASE_S390X,
		AS_3_11_4(HEAP_LARGE),
		.fields = py311,
		MOVED(S390X_3_11),
	},
	{
		.name = "3.12 s390x",
		ALL(3, 12),
		UNPROVEN,
		RELEASE_S390X,
		AS_3_12,
		.fields = py312,
		MOVED(S390X_BITS, { FIELD_fileio_closefd, BITS(20, 4, 25, 1) }),
		MOVING(FIELD_runtime_sizeof),
	},
	{
		.name = "3.13 s390x",
		RANGE(FROM(3, 13, 1), TO(3, 13, 0xff)),
		PROVEN(V(3, 13, 5)),
		RELEASE_S390X,
		AS_3_13(REFS_IMMORTAL, HEAP_LARGE, HEAP_POINTED),
		.fields = py313,
		MOVED(SINCE_3_13_1, S390X_BITS, { FIELD_fileio_closefd, BITS(20, 4, 25, 1) },
			{ FIELD_task_must_cancel, BITS(100, 4, 29, 1) },
			{ FIELD_mi_page_tag, BITS(8, 1, 1, 4) }),
		MOVING(FIELD_runtime_sizeof, FIELD_interp_sizeof, FIELD_tstate_sizeof,
			FIELD_tstate_freed),
	},
	{
		.name = "3.14 s390x",
		RANGE(FROM(3, 14, 5), TO(3, 14, 0xff)),
		PROVEN(V(3, 14, 8)),
		RELEASE_S390X,
		AS_3_14(REFS_FLAGGED, HEAP_LARGE, HEAP_POINTED),
		.fields = py314,
		MOVED(S390X_3_14, { FIELD_fileio_closefd, BITS(20, 4, 25, 1) },
			{ FIELD_runtime_sizeof, SIZEOF(316520) }),
		MOVING(MIMALLOC_MEMBERS),
	},
	{
		.name = "3.15 s390x",
		ALL(3, 15),
		PROVEN(V(3, 15, 2)),
		RELEASE_S390X,
		AS_3_15(REFS_FLAGGED, HEAP_LARGE, HEAP_POINTED),
		.fields = py315,
		MOVED(S390X_3_14, { FIELD_fileio_closefd, BITS(20, 4, 24, 1) },
			{ FIELD_interp_sizeof, SIZEOF(226232) },
			{ FIELD_runtime_sizeof, SIZEOF(346456) }),
		MOVING(MIMALLOC_MEMBERS),
	},
};

const struct layout_row *layout_rows(size_t *ret_len)
{
	*ret_len = ARRAY_LEN(rows);
	return rows;
}
