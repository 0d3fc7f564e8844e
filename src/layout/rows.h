/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a row is written. Schemes that change together stand together in a macro, named for what it
 * holds; what the builds of a version have in common, in one named AS_ that version.
 */
#pragma once

#include "pycore/layout.h"

#include <elf.h>

/* Where a field is, as the files of tables/ say it. */
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
