/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every cap on what a target can make pycore do. No size, count, depth or chain read from a core or
 * a process reaches an allocator, a loop bound or a recursion without one of these before it.
 */
#pragma once

enum {
	/* core files */
	SEGMENTS_MAX = 4 * 1024 * 1024, /* program headers; busy processes have 65 536 and more */
	NOTES_BYTES_MAX = 256 * 1024 * 1024, /* note segments: some 1 KiB a thread, NT_FILE */
	OS_THREADS_MAX = 1024 * 1024,
	FILE_ENTRIES_MAX = 1024 * 1024, /* rows of NT_FILE */
	AUXV_MAX = 256,
	PATH_BYTES_MAX = 4096,
	BUILD_ID_MAX = 64, /* bytes; 20 is usual */
	COMMAND_LINE_MAX = 128 * 1024,
	ENVIRONMENT_MAX = 16384, /* words of the environment that are looked at */

	/* system calls that threads are in */
	CALL_FDS_SHOWN = 8, /* descriptors of one poll, select or epoll */
	KERNEL_FRAMES_MAX = 64, /* of one thread */
	SELECT_BITS_MAX = 4096, /* bits of one set of select that are looked at */

	/* ELF images */
	IMAGES_MAX = 65536,
	IMAGE_PHDRS_MAX = 512,
	ELF_SECTIONS_MAX = 65536, /* of a file that are looked at */
	LINK_MAP_MAX = 65536, /* steps along the dynamic linker's list */
	HASH_CHAIN_MAX = 65536, /* steps along one symbol hash chain */
	SYMBOL_NAME_MAX = 256,

	/* files that are looked for */
	SEARCH_DIRS_MAX = 64, /* folders that the command line names, of each kind */
	SEARCH_DEEP_MAX = 8, /* folders inside of such a folder, one in the other */
	SEARCH_ENDS_MAX = 32, /* folders at the start of a path that a sysroot may lack */
	SEARCH_FILES_MAX = 200000, /* entries of such a folder and those inside of it */

	/* native stacks */
	NATIVE_FRAMES_MAX = 1000000, /* of one thread that are kept */
	NATIVE_SCAN_BYTES_MAX = 8192, /* of a stack that are searched for one return address */
	NATIVE_FRAME_BYTES_MAX = 16 * 1024 * 1024, /* that a frame pointer may lead over */
	STACK_SWITCHES_MAX = 64, /* frames of one thread that lie below the one that they called */
	EXPRESSION_STEPS_MAX = 10000, /* of one DWARF expression */
	MODULE_COPY_MAX = 64 * 1024 * 1024, /* bytes of a module without file that are copied */
	MODULES_COPY_MAX = 512 * 1024 * 1024, /* of all of them */
	SYMBOLS_MAX = 4 * 1024 * 1024, /* of one module */
	SYMBOL_STEPS_MAX = 65536, /* symbols that are looked at for one address */
	MANGLED_NAME_MAX = 4096, /* longer names are not demangled */
	DEMANGLED_NAME_MAX = 16384, /* nor what would become longer */
	DEBUGDATA_MAX = 256 * 1024 * 1024, /* bytes of symbols that unpacking may yield */
	DEBUG_UNPACKED_MAX = 1024 * 1024 * 1024, /* bytes of a file's debug information likewise */
	LINE_BYTES_MAX =
		1 << 29, /* of one module's line programs; a unit begun is run to its end */
	INLINED_MAX = 64, /* functions inside of each other at one place */

	/* Python */
	RUNTIMES_MAX = 16,
	INTERPRETERS_MAX = 10000,
	THREADS_MAX = 100000, /* thread states of one interpreter */
	FRAMES_MAX = 1000000, /* of one thread that are kept; those further out are counted */
	FRAME_STEPS_MAX = 20000000, /* along the chain of one thread */
	CODES_MAX = 1000000, /* distinct code objects in one report */
	NAME_CHARS_MAX = 65536, /* characters kept of a name; longer ones are cut and marked */
	LINETABLE_MAX = 64 * 1024 * 1024, /* bytes of one line table */
	SCAN_BYTES_MAX = 256 * 1024 * 1024, /* of one range that is searched for interpreters */
	STACK_SEARCH_MAX = 8 * 1024 * 1024, /* of one C stack that are searched for a word */
	SCAN_TOTAL_MAX = 2000000000, /* bytes of all ranges that are searched for one report */
	LINETABLES_TOTAL_MAX = 1000000000, /* bytes of all line tables of one report */
	SCAN_HITS_MAX = 4096, /* interpreters proposed by one memory scan */

	/* values */
	VALUE_NODES_MAX = 20000, /* objects written for one value */
	VALUE_NODES_TOTAL_MAX = 5000000, /* for one report */
	VALUE_BYTES_MAX = 16 * 1024 * 1024, /* of text for one value */
	VALUE_BYTES_TOTAL_MAX = 256 * 1024 * 1024, /* and for all that are different */
	VARIABLES_MAX = 10000, /* shown of one frame or module */
	VARIABLE_NAME_MAX = 200, /* characters of such a name */
	DICT_STEPS_MAX = 1 << 24, /* slots of one dict that are looked at */
	EXCEPTION_CHAIN_MAX = 100, /* causes, contexts and members of groups of one exception */
	TRACEBACK_MAX = 100000, /* entries of one traceback that are followed */
	TRACEBACKS_TOTAL_MAX = 2000000, /* entries of all tracebacks of one report */
	EXCEPTION_NOTES_MAX = 1000, /* of one exception */
	EXCEPTION_TEXT_TOTAL_MAX = 256 * 1024 * 1024, /* bytes of messages and notes of a report */

	/* heaps */
	IN_PLACE_BYTES = 48 * 1024 * 1024, /* of a stopped process that are kept at a time */
	ARENAS_MAX = 16 * 1024 * 1024, /* 16 TiB of them, where they are of 1 MiB */
	OBJECT_ITEMS_BITS = 40, /* no object has 2^40 items, no item so many bytes */
	NUMBER_TRIES_MAX = 1 << 22, /* blocks looked at to find the heads of 2.7's ints */
	GC_CHECK_MAX = 2 * 1000 * 1000, /* objects of the collector's lists that are counted */
	GENERATIONS_LOOKED_UP_MAX = 1000 * 1000, /* objects whose generation is remembered */
	SHAPE_KEYS_MAX = 64, /* keys of a dict that make its shape; more are only counted */
	SHAPE_NAMES_MAX = 1 << 18, /* names of attributes that are remembered */
	SHAPES_MAX = 1 << 16, /* shapes that are told apart */
	FREE_LIST_MAX = 1 << 16, /* entries of one free list */
	FREE_ENTRIES_MAX = 1 << 22, /* of all */
	MIMALLOC_SEGMENTS_MAX = 1 << 22, /* 128 TiB of them */
	MIMALLOC_FREED_MAX = 1 << 22, /* blocks that are freed, but not given back yet */
	MIMALLOC_QUEUE_MAX = 1 << 16, /* arrays of one queue of such blocks */
	TYPES_MET_MAX = 1 << 19, /* distinct types of objects in one heap */
	FORMAT_CODES_MAX = 1 << 20, /* parts of one struct.Struct */
	C_TEXT_MAX = 1 << 24, /* bytes of a C string that an object owns */
	ARRAY_DIMENSIONS_MAX = 64, /* of an array of an extension module */
	SAVED_ROWS_MAX = 1 << 20, /* rows of a survey that was saved as JSON */
	SAVED_SURVEY_MAX = 256 * 1024 * 1024, /* and bytes */

	/* facts for a bug report */
	FACT_WORDS_MAX = 10000, /* of sys.argv, sys.orig_argv, sys.path */
	FACT_MODULES_MAX = 100000, /* entries of sys.modules, distributions */
	FACT_BUILTINS_MAX = 1000, /* names of sys.builtin_module_names */
	FACT_FLAGS_MAX = 64, /* fields of sys.flags */
	FACT_STEPS_MAX = 10 * 1000 * 1000, /* entries of dicts looked at for one report */
	FACT_TEXT_MAX = 16 * 1024 * 1024, /* bytes of text kept for one report */

	/* the target's linecache */
	LINECACHE_ENTRIES_MAX = 100000, /* files that are looked at */
	LINECACHE_BYTES_MAX = 64 * 1024 * 1024, /* of names and lines that are read */

	/* output */
	SOURCE_LINE_MAX = 4096, /* bytes of a source line that are looked at */
	SOURCE_FILE_MAX = 64 * 1024 * 1024,
	SOURCE_TOTAL_MAX = 256 * 1024 * 1024, /* bytes of all source files of one report */
	SOURCE_OPENS_MAX = 20000, /* files that are opened for it, or tried */
	ZIP_BYTES_MAX = 1000000000, /* bytes of directories and members of archives, for it */
	PROBLEMS_MAX = 1000,
};
