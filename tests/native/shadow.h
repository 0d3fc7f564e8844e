/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program's own word on what it called: every function of the tests whose name begins with nat_
 * or py_ writes it down on entry and takes it back on return, thread by thread, in the file
 * "shadow" of the working directory, which survives the process. merged.py reads it.
 */
#pragma once

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SHADOW_THREADS = 16, SHADOW_DEPTH = 1024, SHADOW_NAME = 32 };

struct shadow_stack {
	int32_t tid, depth;
	char names[SHADOW_DEPTH][SHADOW_NAME]; /* outermost first */
};

/* That of the calling thread; several libraries of one process share the file. */
static struct shadow_stack *shadow_mine(void)
{
	static struct shadow_stack *all;
	int32_t tid = (int32_t)syscall(SYS_gettid);
	if (!all) {
		int fd = open("shadow", O_RDWR | O_CREAT, 0666);
		size_t size = SHADOW_THREADS * sizeof(*all);
		if (ftruncate(fd, (off_t)size))
			_exit(3);
		all = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		close(fd);
	}
	for (int i = 0; i < SHADOW_THREADS; i++) {
		int32_t nobody = 0;
		if (all[i].tid == tid || __atomic_compare_exchange_n(&all[i].tid, &nobody, tid, 0,
						 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			return &all[i];
	}
	_exit(4);
}

static int shadow_enter(const char *name)
{
	struct shadow_stack *s = shadow_mine();
	if (s->depth < SHADOW_DEPTH)
		snprintf(s->names[s->depth], SHADOW_NAME, "%s", name);
	return s->depth++;
}

static void shadow_leave(int *entered)
{
	shadow_mine()->depth = *entered;
}

#define ENTER()	 __attribute__((cleanup(shadow_leave), unused)) int entered = shadow_enter(__func__)
#define NOINLINE __attribute__((noinline))
