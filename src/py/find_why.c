/* SPDX-License-Identifier: Apache-2.0 */
/* Why no Python was found: what the core lacks, or what was looked at in its place. */
#include "py_internal.h"

#include <string.h>

static void say_what_was_lost(struct python *p)
{
	struct target_coverage c = target_coverage(p->target);
	if (c.no_data)
		str_addf(&p->why,
			"%sthe core leaves out all that the process wrote to, and with it "
			"Python's state (see coredump_filter in core(5))",
			p->why.len ? "; " : "");
	if (c.only_stacks)
		str_addf(&p->why,
			"%sthe core is a minidump that holds stacks only, and Python's state is "
			"elsewhere",
			p->why.len ? "; " : "");
	if (!c.cut && !c.cut_file)
		return;
	if (p->why.len)
		str_puts(&p->why, "; ");
	if (failed(c.unpack_why)) {
		str_puts(&p->why, "Python's state is not in what there is of the core, which was ");
		target_unpack_text(&c, &p->why);
	} else {
		str_puts(&p->why,
			"the core is cut off, and Python's state is not in what is left of it");
	}
}

/* qemu-user (linux-user/elfload.c) writes the core of its program by itself, under a name of its
 * own, and then dies of the same signal, which leaves the kernel's core of the emulator beside it.
 * False: it is none. */
static bool say_emulator(struct python *p)
{
	static const char *const machines[] = { "aarch64", "aarch64_be", "alpha", "arm", "armeb",
		"hexagon", "hppa", "i386", "loongarch64", "m68k", "microblaze", "microblazeel",
		"mips", "mips64", "mips64el", "mipsel", "mipsn32", "mipsn32el", "or1k", "ppc",
		"ppc64", "ppc64le", "riscv32", "riscv64", "s390x", "sh4", "sh4eb", "sparc",
		"sparc32plus", "sparc64", "x86_64", "xtensa", "xtensaeb" };
	static const char prefix[] = "qemu-", suffix[] = "-static";
	const struct image *exe = p->target->exe;
	const char *name = exe ? image_name(exe) : "";
	if (p->target->kind != TARGET_CORE || strncmp(name, prefix, strlen(prefix)) != 0)
		return false;
	const char *machine = name + strlen(prefix);
	size_t n = strlen(machine);
	n -= text_ends(machine, suffix) ? strlen(suffix) : 0;
	for (size_t i = 0; i < ARRAY_LEN(machines); i++) {
		if (strlen(machines[i]) != n || memcmp(machines[i], machine, n) != 0)
			continue;
		str_addf(&p->why,
			"%sthis is the core of an emulator (%s): its program's is another file, "
			"qemu_NAME_DATE_PID.core",
			p->why.len ? "; " : "", name);
		return true;
	}
	return false;
}

/* Emulators' cores have nothing of the program but its data. */
static void say_what_is_needed(struct python *p)
{
	const struct image *exe = p->target->exe;
	if (p->target->kind != TARGET_CORE || !exe || exe->elf)
		return;
	str_addf(&p->why,
		"; the core has nothing of its executable%s%s but its data: name the file after "
		"the core, or the tree that it is in by --sysroot",
		exe->path[0] ? " " : "", exe->path);
}

/* PyInstaller's bundles in one file start themselves once more: the launcher unpacks the files,
 * waits, removes them, and dies of the signal that its child died of. */
static void say_launcher(struct python *p)
{
	static const char magic[] = "MEI\014\013\012\013\016"; /* near the archive's end */
	struct image *exe = p->target->exe;
	if (!exe || failed(target_need_file(p->target, exe)) ||
		!memmem(exe->file.bytes, exe->file.size, magic, strlen(magic)))
		return;
	str_addf(&p->why,
		"; the executable is a bundle made by PyInstaller, and this is its launcher: the "
		"program %s",
		p->target->kind == TARGET_LIVE
			? "runs in a child process"
			: "ran in a child process, which left a core of its own");
}

/* PyPy is a program that its translator made out of Python: none of CPython's structs is in it. */
static void say_pypy(struct python *p)
{
	bool found = p->target->exe && text_starts(image_name(p->target->exe), "pypy");
	for (size_t i = 0; !found && i < p->target->n_images; i++)
		found = text_starts(image_name(&p->target->images[i]), "libpypy");
	if (found)
		str_puts(&p->why, "; this is PyPy, and pycore reads CPython only");
}

/* Shells, sudo, timeout and the like stand between a service and its Python. */
static void say_children(struct python *p)
{
	enum { SHOWN = 4 };
	struct target_child list[SHOWN];
	size_t n = target_children(p->target, list, SHOWN);
	if (!n)
		return;
	str_addf(&p->why, "; it has %s: try --pid", n == 1 ? "a child process" : "child processes");
	for (size_t i = 0; i < n && i < SHOWN; i++)
		str_addf(&p->why, "%s %d (%s)", i ? "," : "", (int)list[i].pid, list[i].name);
	if (n > SHOWN)
		str_addf(&p->why, " or one of %zu more", n - SHOWN);
}

void py_say_why_none(struct python *p)
{
	if (say_emulator(p))
		return;
	say_what_was_lost(p);
	if (!p->why.len)
		str_puts(&p->why, "no Python in it: no module exports its symbols, and memory "
				  "shows no interpreter");
	say_what_is_needed(p);
	say_launcher(p);
	say_pypy(p);
	say_children(p);
}
