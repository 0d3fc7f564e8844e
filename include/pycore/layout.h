/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct layout: constant facts on one build of CPython, the only place that knows versions.
 *
 * Where something is: a field {offset, size, bits}, absent unless a source filled it. How something
 * is encoded: a scheme, named for its shape. Everybody else asks for a field or switches on a
 * scheme.
 *
 * To add CPython 3.x:
 *  1. `pycore layout --emit BINARY MODULE... > src/layout/tables/py3xx.inc` (files with DWARF; the
 * headings of the other tables name the modules);
 *  2. fields.def: CPython's new spelling in front of the old one, where a member was renamed;
 *  3. rows/: a row with its version range and what was proven, and its schemes; a new scheme only
 * where the shape is new, with its function in the one file that switches on that scheme;
 *  4. 3.13+: `pycore layout --emit-debug-offsets BINARY > src/layout/tables/offsets_py3xx.inc` and
 * its line in the shapes of debug_offsets.c;
 *  5. `make check` with that Python on the machine; support matrix in README.md; CHANGELOG.md.
 * An edit anywhere else means that the design has failed: mend the design.
 */
#pragma once

#include "pycore/bytes.h"
#include "pycore/err.h"
#include "pycore/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum field {
#define F(group, name, structs, members, debug_offsets) FIELD_##group##_##name,
#include "../../src/layout/fields.def"
#undef F
	FIELD_COUNT
};

/* "group.name" of a field. Static. */
const char *field_name(enum field f);

/* Which source a field's place came from. */
enum layout_origin {
	ORIGIN_NONE = 0, /* absent */
	ORIGIN_BUILTIN, /* the row */
	ORIGIN_DWARF, /* DWARF of the very binary */
	ORIGIN_DEBUG_OFFSETS, /* the target's own _Py_DebugOffsets */
};
const char *layout_origin_name(enum layout_origin o); /* "builtin", "dwarf", "debug-offsets" */

/*
 * Where a field is. Zero-initialised is absent.
 *
 * size: 1, 2, 4 or 8 for integers and pointers; of one element for arrays; 0 for "sizeof".
 * bit, bits: a bit-field inside it, its lowest bit and width. Bits count from the least significant
 * one of the loaded integer, in either byte order. bits 0: the whole member.
 */
struct field_at {
	uint32_t offset; /* in bytes from the start of its struct; for "sizeof" the size */
	uint16_t size; /* in bytes */
	uint8_t bit, bits;
	uint8_t origin; /* enum layout_origin */
};

/* PY_VERSION_HEX of text that begins with "3.8" or "3.8.18" or "3.13.0rc1"; 0: it does not begin
 * with a version. ret_micro: it says more than major and minor. */
uint32_t version_parse(const char *text, bool *ret_micro);
/* "3.11.7" or "3.13.0rc1"; without micro "3.11". */
enum { VERSION_TEXT_MAX = 32 };
void version_text(uint32_t hex, bool micro, char ret[VERSION_TEXT_MAX]);

/* How one gets at a build's interpreters. */
enum roots_scheme {
	ROOTS_STATICS, /* static variables: interp_head, _PyThreadState_Current (to 3.6) */
	ROOTS_RUNTIME, /* one struct: _PyRuntime */
};

/* What the frames of a thread are and where the chain starts. */
enum frames_scheme {
	FRAMES_OBJECTS, /* tstate.frame, a chain of frame objects (to 3.10) */
	FRAMES_CFRAME, /* tstate.cframe -> current_frame, interpreter frames (3.11, 3.12) */
	FRAMES_CURRENT, /* tstate.current_frame, interpreter frames (3.13 on) */
};

/* What the frame's instruction field counts, and from where. */
enum instr_scheme {
	INSTR_LASTI_BYTES, /* index of the last instruction in bytes */
	INSTR_LASTI_UNITS, /* the same in code units of two bytes (3.10) */
	INSTR_POINTER_LAST, /* pointer to the last unit executed (3.11, 3.12) */
	INSTR_POINTER, /* pointer to the current instruction (3.13 on) */
};

enum lines_scheme {
	LINES_LNOTAB_UNSIGNED, /* co_lnotab, line deltas 0 to 255 (2.7) */
	LINES_LNOTAB, /* co_lnotab, line deltas signed (3.6 to 3.9) */
	LINES_RANGES, /* co_linetable of ranges (3.10) */
	LINES_LOCATIONS, /* location table with columns (3.11 on) */
};

/* How the names in code objects are stored. */
enum text_scheme {
	TEXT_BYTES, /* byte strings (2.7) */
	TEXT_COMPACT, /* PEP 393 */
};

enum gil_scheme {
	GIL_LOCK_STATIC, /* static interpreter_lock, holder in _PyThreadState_Current (2.7) */
	GIL_STATICS, /* static gil_*, holder in _PyThreadState_Current (3.6) */
	GIL_RUNTIME, /* inside _PyRuntime (3.7 to 3.11) */
	GIL_INTERP, /* the interpreter points to it (3.12 on) */
};

/* How a thread state names its OS thread. */
enum tid_scheme {
	TID_PTHREAD, /* thread_id: pthread_t */
	TID_NATIVE, /* native_thread_id: the kernel's number; thread_id as well */
};

/* How many digits an int has, and its sign. */
enum ints_scheme {
	INTS_SIGN_IN_SIZE, /* ob_size: the count, negative for negative numbers (to 3.11) */
	INTS_TAGGED, /* lv_tag: sign in the low bits, the count above bit 3 (3.12 on) */
};

enum dicts_scheme {
	DICTS_TABLE, /* one hash table of entries, in no order (2.7) */
	DICTS_SIZED, /* indices, then entries in order; the width of an index by dk_size (3.6
			to 3.10) */
	DICTS_KINDS, /* the same, widths as logarithms, three kinds of entries (3.11 on) */
};

/* The values of a dict that shares its keys (a split dict). */
enum values_scheme {
	VALUES_NONE, /* no dict does (2.7) */
	VALUES_IN_KEY_ORDER, /* an array as long as the keys, with gaps (3.6 to 3.10) */
	VALUES_PREFIXED, /* the same; bytes in front of it tell the order (3.11, 3.12) */
	VALUES_HEADED, /* a struct with capacity, size and order bytes behind (3.13 on) */
};

/* Where an instance has its attributes, beside __slots__. */
enum attrs_scheme {
	ATTRS_DICTOFFSET, /* a dict pointer at tp_dictoffset (to 3.10; later for some types too) */
	ATTRS_MANAGED_PAIR, /* or two words in front of the object: dict, values (3.11) */
	ATTRS_MANAGED_TAGGED, /* or one word in front, whose lowest bit says which (3.12) */
	ATTRS_INLINE, /* or a dict pointer in front, else values inside the object (3.13 on) */
};

/* What tells the names of a frame's variables. */
enum locals_scheme {
	LOCALS_BY_TUPLES, /* co_varnames, co_cellvars, co_freevars (to 3.10) */
	LOCALS_BY_KINDS, /* co_localsplusnames and a byte for each, co_localspluskinds (3.11 on) */
};

/* Where the exceptions that a thread handles are. */
enum exceptions_scheme {
	EXCEPTIONS_IN_TSTATE, /* tstate.exc_type, exc_value, exc_traceback (2.7, 3.6) */
	EXCEPTIONS_STACKED, /* tstate.exc_info, a chain (3.7 on) */
};

/* Where a generator or coroutine stands. */
enum generators_scheme {
	GENERATORS_FRAME, /* gi_frame, whose f_lasti tells (to 3.9) */
	GENERATORS_FRAME_STATE, /* gi_frame, whose f_state tells (3.10) */
	GENERATORS_EMBEDDED, /* the frame inside, and gi_frame_state (3.11 on) */
};

/* The numbers of f_state and gi_frame_state. A missing one is NO_MARK. */
struct generator_marks {
	int8_t created, suspended, suspended_in_yield_from, executing, cleared;
};
#define NO_MARK INT8_MIN

/* How an object is marked whose references are not counted. */
enum refs_scheme {
	REFS_PLAIN, /* none is (to 3.10) */
	REFS_STATIC, /* static objects start at 999999999 (3.11) */
	REFS_IMMORTAL, /* bit 31 of the low word (3.12, 3.13) */
	REFS_FLAGGED, /* the same, with flags in the high word (3.14 on) */
	REFS_HIGH, /* a count of 0x3fffffff or more (32 bit, 3.12 on) */
	REFS_BIASED, /* two counts: of the thread that owns the object, and of all others
			(free-threaded) */
};

/* Which allocator objects come from; for pymalloc, where it keeps the list of its arenas. */
enum heap_scheme {
	HEAP_STATICS, /* static variables: arenas, maxarenas (to 3.11) */
	HEAP_IN_INTERP, /* inside each interpreter (3.12) */
	HEAP_POINTED, /* each interpreter points to it (3.13 on) */
	HEAP_MIMALLOC, /* mimalloc, in heaps of each thread; objects have no GC head (free-threaded)
			*/
};

/* What __sizeof__ counts, where versions differ; or'ed. */
enum sizeof_style {
	SIZEOF_BYTE_CELLS = 1 << 0, /* code: one byte for each cell that is an argument (3.6) */
	SIZEOF_ONE_DIGIT = 1 << 1, /* int: 0 has a digit, too (3.11 on) */
	SIZEOF_CODE_ROUNDED = 1 << 2, /* code: its instructions in whole words (3.12 on) */
	SIZEOF_LIST_HEADED = 1 << 3, /* list: not the word in front of its items, which says for how
					many there is room (free-threaded) */
};

/* How the allocator divides memory, and what lies in front of objects. */
struct heap_shape {
	enum heap_scheme scheme;
	uint8_t arena_bits, pool_bits; /* logarithms of their sizes */
	/* tp_flags of types whose instances have two words in front of the GC head (dict, values or
	 * weak references) */
	uint64_t preheader_flags;
	bool number_blocks; /* int and float lie in blocks of their own (2.7) */
	unsigned sizeofs; /* enum sizeof_style, or'ed */
};

/* How repr() writes things, where versions differ; or'ed. */
enum repr_style {
	REPR_BYTE_STRINGS = 1 << 0, /* str is bytes: 'x', u'x' for unicode, 1L for long, all but
				       ASCII escaped (2.7) */
	REPR_TYPE_WORD = 1 << 1, /* <type 'int'> for what C defines (2.7) */
	REPR_SET_CALLS = 1 << 2, /* set([1, 2]) (2.7) */
	REPR_EXCEPTION_COMMA = 1 << 3, /* ValueError('x',) (to 3.6) */
	REPR_ORDERED_DICT_AS_DICT = 1 << 4, /* OrderedDict({'a': 1}) (3.12 on) */
	REPR_TIMEDELTA_NAMES = 1 << 5, /* datetime.timedelta(days=1) (3.7 on) */
	REPR_FRAME_PLACE = 1 << 6, /* <frame at 0x..., file 'x', line 1, code f> (3.7 on) */
	REPR_SUBCLASS_NAMES = 1 << 7, /* subclasses of deque, defaultdict, bytearray and array by
					 their own name: D([1]) (3.7 on) */
	REPR_LIBRARY_PLAIN = 1 << 8, /* partial, itemgetter, patterns, matches, loggers and
					sockets as <... object at 0x...>; io files without mode
					and closefd; a subclass of a named tuple by the name that
					its base was made with (2.7) */
	REPR_MODULE_BY_FILE = 1 << 9, /* <module 'x' from __file__>, else (built-in): no loader or
					 spec is asked (2.7) */
	REPR_MODULE_NAMESPACE = 1 << 10, /* a namespace package: <module 'x' (namespace)>, not its
					    loader (3.6 to 3.9) */
	REPR_MODULE_PATHS = 1 << 11, /* the same: <module 'x' (namespace) from ['/a/x']> (3.12
					on) */
	REPR_NAMESPACE_SORTED = 1 << 12, /* namespace(a=1, b=2) by name, not in order (to 3.8) */
	REPR_WRAPPED_METHODS = 1 << 14, /* <staticmethod(<function f at 0x...>)>, likewise
					   classmethod (3.10 on) */
	REPR_FLAGS_IN_ORDER = 1 << 15, /* enum.Flag: <F.A|B: 3>, <F: 0>, <flag 'F'>; before that
					  <F.B|A: 3>, <F.0: 0>, <enum 'F'> (3.11 on) */
	REPR_SOCKET_NUMBERS = 1 << 17, /* family=2, type=1; before that family=AddressFamily.AF_INET
					  (3.11 on) */
	REPR_PARTIAL_QUALIFIED = 1 << 18, /* a subclass of partial with its module: m.P(f) (3.13
					     on) */
	REPR_STRUCT_FORMAT = 1 << 19, /* Struct('i') (3.13 on) */
	REPR_WEAKREF_QUALNAME = 1 << 20, /* <weakref at 0x...; to 'app.Outer.Inner' at 0x...>, and
					    proxies likewise; before that 'Inner', and
					    <weakproxy at 0x... to Inner at 0x...> (3.13 on) */
	REPR_WEAKREF_INSTANCE = 1 << 22, /* <weakref ... (name)> also by a __name__ that only the
					    instance has, as modules do (to 3.11.3) */
	REPR_IO_TYPE_NAME = 1 << 23, /* files by the name of their own class, not of the one whose
					repr() runs (3.13 on) */
	REPR_CALLBACK_BARE = 1 << 24, /* asyncio's callbacks without their arguments (3.13 on) */
	REPR_ASYNC_TIGHT = 1 << 25, /* [unlocked,value:2], no blank (3.6) */
	REPR_RE_TEMPLATE = 1 << 26, /* re.TEMPLATE has a name (3.6 to 3.12) */
	REPR_CARETS_AT_CALLS = 1 << 27, /* tracebacks mark what is called apart from its arguments:
					   ~~~^^^ (3.13 on) */
	REPR_WEAKREF_DOTTED = 1 << 28, /* <class 'weakref.ReferenceType'>; before that 'weakref'
					  (3.10 on) */
	REPR_COMMAND_REPR = 1 << 13, /* CalledProcessError: Command ['a'] returned; before that
					'['a']' (3.15 on) */
	REPR_CARETS_SPACED = 1 << 16, /* only blanks in front of the carets of a SyntaxError, no
					 tabs (3.15 on) */
	REPR_ALIAS_LISTS = 1 << 21, /* lists in annotations as types: dict[str, [int]]; before that
				   dict[str, [<class 'int'>]] (3.12 on) */
	REPR_OBJECT_ATTRIBUTES = 1
				 << 29, /* descriptors of `object` without its name, <attribute
					   '__dict__'>; before that of 'object' objects (3.15 on) */
	REPR_BYTEARRAY_QUOTES = 1 << 30, /* bytearray(b"it's") as bytes; before that ' was escaped
					    in any quotes (3.15 on) */
	REPR_UNION_OF_TYPING = (int)(1u << 31), /* <class 'typing.Union'>; before that
						   'types.UnionType' (3.14 on) */
};

/* Numbers that decide which frames of the chain Python itself would list. */
struct owner_marks {
	int8_t generator; /* owner value of a generator's frame; -1: frames have no owner */
	int8_t shim_from; /* owners from here on are shims; -1: this build has none */
};

enum layout_abi {
	ABI_RELEASE = 0,
	ABI_DEBUG = 1,
	ABI_FREE_THREADED = 2,
};

/* What a build is known by before its layout is chosen. */
struct layout_key {
	uint32_t version; /* PY_VERSION_HEX: 0x030b07f0 is 3.11.7 final */
	unsigned abi; /* enum layout_abi, or'ed */
	uint16_t machine; /* EM_X86_64, ... */
	unsigned ptr_size;
	enum byte_order order;
};

struct field_moved {
	enum field field;
	struct field_at at;
};

/* One build family: constant data, committed. */
struct layout_row {
	const char *name; /* "3.11" */
	uint32_t first, last; /* version range, inclusive */
	const uint32_t *proven; /* releases that were run, 0-terminated; the others are assumed */
	uint16_t machine;
	unsigned abi, ptr_size;
	enum byte_order order;
	enum roots_scheme roots;
	enum frames_scheme frames;
	enum instr_scheme instr;
	enum lines_scheme lines;
	enum text_scheme text;
	enum gil_scheme gil;
	enum tid_scheme tid;
	enum ints_scheme ints;
	enum dicts_scheme dicts;
	enum values_scheme values;
	enum attrs_scheme attrs;
	enum locals_scheme locals;
	enum exceptions_scheme exceptions;
	enum generators_scheme generators;
	struct generator_marks generator;
	enum refs_scheme refs;
	uint8_t gc_refs_flags; /* low bits of a collectable object's gc_refs that are flags, not
				  part of its number */
	struct heap_shape heap;
	unsigned repr; /* enum repr_style, or'ed */
	uint16_t unicode; /* version of the Unicode database: 0x0f00 is 15.0 */
	struct owner_marks owner;
	uint64_t ref_tag_mask; /* low bits that a stack reference carries beside the address; 0:
				  none */
	/* FIELD_COUNT of them, as in one build of this version. Read them through layout_pick(),
	 * which heeds: */
	const struct field_at *fields;
	/* those that the builds of this range have elsewhere, or not at all, ended by FIELD_COUNT;
	 * NULL: none; */
	const struct field_moved *moved;
	/* those that move inside the range, so are absent, ended by FIELD_COUNT; NULL: none do. */
	const enum field *moving;
};

/* The facts in use for one runtime: a row, with fields replaced by better sources. A plain value.
 */
struct layout {
	const struct layout_row *row;
	struct layout_key key;
	bool assumed; /* no run has proven this version: its data must prove itself */
	bool guess; /* outside every known range: read by debug offsets or DWARF and the nearest
		       row's schemes */
	struct field_at field[FIELD_COUNT];
};

/* The rows, oldest first. */
const struct layout_row *layout_rows(size_t *ret_len);

/* "aarch64", of a row's machine. */
const char *layout_machine_name(uint16_t machine);

/* "3.7.4 to 3.7.*" or "3.13.0", appended. */
void layout_row_range(const struct layout_row *row, struct str *ret);

/* The layout for a build from the built-in rows: ERR_UNSUPPORTED when no row's range holds the
 * version for this ABI, width and byte order; `what` then says which of them it is. A version newer
 * than every row yields a guess on the newest row's schemes with no field filled at all, when
 * `allow_guess`; debug offsets or DWARF must then fill them. Alphas, betas and release candidates
 * are never proven. */
struct err layout_pick(const struct layout_key *key, bool allow_guess, struct layout *ret);

/* Whether that very release was run with this row. */
bool layout_row_proven(const struct layout_row *row, uint32_t version);

/* The versions that are known of builds like that one, or of any if of none, as "2.7, 3.6 to 3.15",
 * appended to text. key: NULL for any. */
void layout_known(const struct layout_key *key, struct str *text);

/* The 8 bytes that _Py_DebugOffsets begins with, and the bytes to read for its head. */
#define DEBUG_OFFSETS_COOKIE "xdebugpy"
enum { DEBUG_OFFSETS_HEAD = 24, DEBUG_OFFSETS_MAX = 4096 };

/* The head of a block: its version word and whether it says free-threaded. ERR_CORRUPT if it can be
 * none. */
struct err debug_offsets_head(
	const void *head, enum byte_order order, uint32_t *ret_version, bool *ret_free_threaded);
/* How many bytes the block of that version has; 0 when its shape is not known. A version newer than
 * every shape is taken to begin as the newest does. */
size_t debug_offsets_size(uint32_t version);
/*
 * Takes every field that the block states, over whatever the layout held. The block speaks for its
 * own process, so it also wins over the row of a proven release. All or nothing: a block of another
 * version, ABI or byte order than l->key, a cut one, or one with an implausible value (beyond its
 * struct's own size, not aligned) fails with ERR_CORRUPT and changes nothing; a version without a
 * shape is ERR_UNSUPPORTED. Members that the block leaves at 0 though they cannot be there are
 * skipped. Widths and the bits inside str.state, of which the block does not speak, are the row's.
 * The newest shape is tried on newer versions only when l->guess.
 */
struct err layout_merge_debug_offsets(struct layout *l, const void *block, size_t size);

/*
 * Fills every field that the DWARF of an ELF file tells; ERR_ABSENT if it has none of CPython's
 * structs, ERR_CORRUPT if it is no ELF file or of another width or byte order than l->key. `image`
 * is the whole file, mapped so that it may be changed (file_map_unshare()); it is not kept.
 * `replace`: also fields that another source has filled. Opens no other file.
 */
struct err layout_merge_dwarf(struct layout *l, const void *image, size_t size, bool replace);

/* An ELF file, mapped, and what a heading calls it. */
struct layout_file {
	const void *image;
	size_t size;
	const char *name;
};

/*
 * `pycore layout --emit`: the table of one build as a C include file, from DWARF, appended to ret.
 * Fields of structs that the first file lacks come from the next that has them: the extension
 * modules of that build. Fails as layout_merge_dwarf(), and then tells which file it was.
 */
struct err layout_emit(
	const struct layout_file *files, size_t n, struct str *ret, size_t *ret_failed);
/* The same for the shape of _Py_DebugOffsets; ERR_ABSENT before 3.13. */
struct err layout_emit_debug_offsets(const struct layout_file *file, struct str *ret);

/* Bytes of the GC's head in front of an object that it may track. Free-threaded builds mark objects
 * in themselves. */
static inline uint32_t layout_gc_head(const struct layout *l)
{
	return l->row->heap.scheme == HEAP_MIMALLOC ? 0 : l->field[FIELD_gc_head_sizeof].offset;
}

static inline bool layout_has(const struct layout *l, enum field f)
{
	return l->field[f].origin != ORIGIN_NONE;
}

/*
 * One field out of the local bytes of its struct, bit-fields shifted down. ERR_ABSENT naming the
 * field when this build has none; ERR_CORRUPT when it lies beyond `size`; ERR_UNSUPPORTED for what
 * is no integer (a "sizeof", an embedded struct).
 */
struct err layout_get(
	const struct layout *l, enum field f, const void *bytes, size_t size, uint64_t *ret);
