/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that share the counting. Each is a copy of this one that goes through another part of
 * the arenas, and sends its sums through a pipe: nothing of what reads a target has to be safe for
 * threads, and one that dies takes nothing with it.
 */
#include "internal.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORTH_BYTES = 32 * 1024 * 1024 }; /* for less, making a process takes longer */

/* In front of what a worker sends: the tallies follow, and their picks. */
struct parcel {
	struct counted sums;
	struct heap_part part;
	size_t n_tallies;
};

static unsigned cpus(void)
{
	cpu_set_t set;
	return sched_getaffinity(0, sizeof(set), &set) ? 1 : (unsigned)CPU_COUNT(&set);
}

static unsigned parts_wanted(const struct counting *c)
{
	uint64_t worth = heap_walk_divisible(c->walk) / WORTH_BYTES + 1;
	uint64_t n = cpus() < worth ? cpus() : worth;
	if (c->opt->workers)
		n = c->opt->workers;
	return n < WORKERS_MAX ? (unsigned)n : WORKERS_MAX;
}

static bool send_all(int fd, const void *bytes, size_t n)
{
	const uint8_t *at = bytes;
	while (n) {
		ssize_t done = write(fd, at, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		at += done;
		n -= (size_t)done;
	}
	return true;
}

/* A signal that ends the wait may be the wish to stop. */
static bool receive_all(int fd, void *bytes, size_t n, struct counting *c)
{
	uint8_t *at = bytes;
	while (n) {
		ssize_t done = read(fd, at, n);
		if (done < 0 && errno == EINTR) {
			counting_heed(c);
			continue;
		}
		if (done <= 0)
			return false;
		at += done;
		n -= (size_t)done;
	}
	return true;
}

static size_t picks_size(const struct tallies *t)
{
	return 2 * t->sample * sizeof(*t->picks);
}

static bool send_parcel(int fd, struct counting *c)
{
	struct tallies own = { 0 };
	struct parcel p = { .sums = c->sums };
	heap_walk_part(c->walk, &p.part);
	counting_take(c, &own);
	p.n_tallies = own.n;
	return send_all(fd, &p, sizeof(p)) && send_all(fd, own.list, own.n * sizeof(*own.list)) &&
	       send_all(fd, own.picks, own.n * picks_size(&own));
}

/* Never returns. It holds what its parent has open, and gives none of it back. Who wants to stop
 * tells the parent. */
static void work(struct counting *c, int fd, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	c->is_worker = true;
	if (getppid() != parent)
		_exit(1);
	counting_run(c);
	_exit(!send_parcel(fd, c));
}

/* One that workers see too; where there is none, they go on to the end. */
static void make_flag(struct counting *c)
{
	void *page = mmap(
		NULL, sizeof(*c->stop), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	c->stop = page == MAP_FAILED ? NULL : page;
}

static struct worker start(struct counting *c, unsigned part, unsigned parts)
{
	struct worker none = { .pid = -1, .fd = -1 };
	int ends[2];
	pid_t parent = getpid();
	if (pipe(ends))
		return none;
	pid_t pid = fork();
	if (!pid) {
		heap_walk_divide(c->walk, part, parts);
		close(ends[0]);
		work(c, ends[1], parent);
	}
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return none;
	}
	return (struct worker){ .pid = pid, .fd = ends[0] };
}

void workers_start(struct workers *w, struct counting *c)
{
	unsigned parts = parts_wanted(c);
	*w = (struct workers){ .n = parts - 1 };
	if (w->n)
		make_flag(c);
	for (unsigned i = 0; i < w->n; i++)
		w->list[i] = start(c, i + 1, parts);
	heap_walk_divide(c->walk, 0, parts);
}

static void add_sums(struct counted *to, const struct counted *s)
{
	for (size_t i = 0; i < HEAP_PLACES; i++) {
		struct place_sums *a = &to->place[i];
		const struct place_sums *b = &s->place[i];
		a->object_room += b->object_room;
		a->object_bytes += b->object_bytes;
		a->dead += b->dead;
		a->dead_room += b->dead_room;
		a->others += b->others;
		a->other_room += b->other_room;
		a->blocks += b->blocks;
	}
	to->doubtful += s->doubtful;
	to->interrupted |= s->interrupted;
}

/* Into *all, which stays as it was if not everything comes. */
static bool receive(int fd, struct counting *c, struct tallies *all)
{
	struct parcel p;
	size_t before = all->n, picks = picks_size(all);
	bool good = receive_all(fd, &p, sizeof(p), c);
	for (size_t i = 0; good && i < p.n_tallies; i++)
		good = receive_all(fd, tallies_add(all), sizeof(*all->list), c);
	for (size_t i = before; good && picks && i < all->n; i++)
		good = receive_all(fd, tally_picks(all, i, false), picks, c);
	if (!good) {
		all->n = before;
		return false;
	}
	add_sums(&c->sums, &p.sums);
	heap_walk_add_part(c->walk, &p.part);
	return true;
}

/* What a worker was to count. */
static void count_here(struct counting *c, unsigned part, unsigned parts, struct tallies *all)
{
	CLEANUP(counting_fini)
	struct counting own = { .p = c->p,
		.rt = c->rt,
		.opt = c->opt,
		.stop = c->stop,
		.generations = c->generations };
	struct heap_part done;
	if (failed(counting_open(&own)))
		return;
	heap_walk_divide(own.walk, part, parts);
	counting_run(&own);
	counting_take(&own, all);
	heap_walk_part(own.walk, &done);
	heap_walk_add_part(c->walk, &done);
	add_sums(&c->sums, &own.sums);
}

void workers_gather(struct workers *w, struct counting *c, struct tallies *all)
{
	for (unsigned i = 0; i < w->n; i++) {
		struct worker *worker = &w->list[i];
		if (worker->fd < 0 || !receive(worker->fd, c, all))
			count_here(c, i + 1, w->n + 1, all);
		if (worker->fd >= 0) {
			close(worker->fd);
			waitpid(worker->pid, NULL, 0);
		}
	}
	if (c->stop)
		munmap(c->stop, sizeof(*c->stop));
	c->stop = NULL;
}
