/* SPDX-License-Identifier: Apache-2.0 */
/* What a file is that is no core, by its first bytes, so that the user learns what was given.
 */
#include "parts.h"

#include "pycore/attr.h"

static bool is_text(const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool control = bytes[i] < 0x20 && !(bytes[i] >= '\t' && bytes[i] <= '\r') &&
			       bytes[i] != 0x1b;
		if (control || bytes[i] == 0x7f)
			return false;
	}
	return true;
}

static bool is_zero(const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (bytes[i])
			return false;
	}
	return true;
}

/* Only what was unpacked once comes here compressed. */
#define TWICE(by)                                                                                  \
	"this file is compressed twice, by " by                                                    \
	" inside: unpack it once, by gzip -dc or zstd -dc FILE > INNER, and give pycore that"

#define CRIU                                                                                       \
	"this is one of the files of a CRIU checkpoint, not a core file: criu-coredump "           \
	"(coredump -i FOLDER) makes a core file of the folder that it is in"

const char *core_describe_foreign(const uint8_t *bytes, uint64_t size)
{
	static const struct {
		const char *magic;
		size_t n;
		const char *what;
	} known[] = {
		{ "#!", 2, "this is a script, not a core file" },
		{ "PMDM", 4,
			"this is a minidump of a big-endian machine, which pycore does not read" },
		{ "\x19\x43\x56\x54", 4, CRIU },
		{ "KDUMP   ", 8, "this is a dump of a kernel, not a core file of a process" },
		{ "\xcf\xfa\xed\xfe", 4, "this is a Mach-O file, not a core file of Linux" },
		{ "MZ", 2, "this is a Windows executable, not a core file" },
		{ "\x1f\x8b", 2, TWICE("gzip") },
		{ "\x28\xb5\x2f\xfd", 4, TWICE("zstd") },
		{ "\xfd\x37zXZ\0", 6, TWICE("xz") },
		{ "\x04\x22\x4d\x18", 4, TWICE("lz4") },
		{ "BZh", 3, TWICE("bzip2") },
	};
	enum { LOOK_AT = 512 };
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (size >= known[i].n && !memcmp(bytes, known[i].magic, known[i].n))
			return known[i].what;
	}
	size_t n = size < LOOK_AT ? (size_t)size : LOOK_AT;
	if (is_text(bytes, n))
		return "this is a text file, not a core file";
	if (is_zero(bytes, n))
		return "this file begins with zeros: not a core file, or one whose beginning was "
		       "never written";
	return "this is not a core file: neither an ELF core nor a minidump";
}
