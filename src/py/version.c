/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which build of CPython an image holds, out of the target's memory, best source first: the version
 * word of _Py_DebugOffsets (3.13 on); the constant Py_Version (3.11 on); the text that
 * Py_GetVersion() left in a static buffer ("3.8.18 (default, ...) \n[GCC
 * ...]", without the line break since 3.10); last, and only for major and minor, the file's name.
 */
#include "py_internal.h"

#include "pycore/limits.h"

#include <ctype.h>
#include <elf.h>
#include <string.h>

enum { LINE_MAX_BYTES = 256, CHUNK = 16384 };

static void take_hex(struct py_version *v, uint32_t hex, bool micro_known)
{
	v->key.version = hex;
	v->micro_known = micro_known;
	version_text(hex, micro_known, v->text);
}

static bool from_debug_offsets(struct target *t, uint64_t runtime, struct py_version *v)
{
	uint8_t head[DEBUG_OFFSETS_HEAD];
	uint32_t hex;
	bool free_threaded;
	if (!runtime || failed(mem_read(t->mem, runtime, head, sizeof(head))) ||
		failed(debug_offsets_head(head, t->mem->order, &hex, &free_threaded)))
		return false;
	take_hex(v, hex, true);
	v->key.abi |= free_threaded ? ABI_FREE_THREADED : 0;
	return true;
}

static bool from_constant(struct target *t, struct image *img, struct py_version *v)
{
	struct image_symbol sym;
	uint64_t hex;
	if (failed(image_dynsym(img, t->mem, "Py_Version", &sym)) ||
		failed(mem_uint(t->mem, sym.addr, 4, &hex)) || !hex)
		return false;
	take_hex(v, (uint32_t)hex, true);
	return true;
}

/* Whether text is what Py_GetVersion() returns: a version, then a build in parentheses. */
static bool take_version_text(const char *text, struct py_version *v)
{
	bool micro = false;
	uint32_t hex = version_parse(text, &micro);
	if (!hex || !micro || !strchr(text, '('))
		return false;
	take_hex(v, hex, true);
	if (strstr(text, "free-threading build"))
		v->key.abi |= ABI_FREE_THREADED;
	return true;
}

/* Looks in local bytes for the text around `mark`. It begins behind the NUL before it. */
static bool search_text(const char *bytes, size_t n, const char *mark, struct py_version *v)
{
	for (const char *at = bytes;
		(at = memmem(at, n - (size_t)(at - bytes), mark, strlen(mark))); at++) {
		const char *start = at;
		while (start > bytes && start[-1] && at - start < LINE_MAX_BYTES)
			start--;
		char text[2 * LINE_MAX_BYTES];
		size_t left = n - (size_t)(start - bytes);
		size_t len = strnlen(start, left < sizeof(text) - 1 ? left : sizeof(text) - 1);
		memcpy(text, start, len);
		text[len] = '\0';
		if (isdigit((unsigned char)text[0]) && take_version_text(text, v))
			return true;
	}
	return false;
}

/* The static buffer, in the image's writable data or the .bss behind it. */
static bool from_text(struct python *py, struct image *img, struct py_version *v)
{
	for (size_t i = 0; i < img->n_phdrs; i++) {
		const struct elf_phdr *p = &img->phdrs[i];
		if (p->type != PT_LOAD || !(p->flags & PF_W) || !py_may_scan(py, p->memsz))
			continue;
		uint64_t start = img->bias + p->vaddr;
		char chunk[CHUNK + LINE_MAX_BYTES];
		for (uint64_t at = 0; at < p->memsz; at += CHUNK) {
			size_t n = p->memsz - at < sizeof(chunk) ? p->memsz - at : sizeof(chunk);
			if (!failed(mem_read(py->target->mem, start + at, chunk, n)) &&
				(search_text(chunk, n, "\n[", v) ||
					search_text(chunk, n, ") [", v)))
				return true;
		}
	}
	return false;
}

static bool from_name(const struct image *img, struct py_version *v)
{
	const char *name = strstr(image_name(img), "python");
	bool micro;
	uint32_t hex = name ? version_parse(name + strlen("python"), &micro) : 0;
	if (!hex)
		return false;
	take_hex(v, hex, false);
	return true;
}

/* python3.13d, libpython3.13d.so.1.0, python2.7-dbg */
static bool named_as_debug(const struct image *img)
{
	const char *name = strstr(image_name(img), "python");
	name = name ? name + strlen("python") : "";
	name += strspn(name, "0123456789.");
	return name[0] == 'd' || !strncmp(name, "-dbg", strlen("-dbg"));
}

/* Where the file is gone, and with it the symbols, only its name can tell. */
static unsigned abi_marks(struct target *t, struct image *img)
{
	struct image_symbol sym;
	if (!failed(image_dynsym(img, t->mem, "_Py_RefTotal", &sym)))
		return ABI_DEBUG;
	bool symbols = !failed(image_dynsym(img, t->mem, "Py_IsInitialized", &sym));
	return !symbols && named_as_debug(img) ? ABI_DEBUG : 0;
}

bool py_version_find(struct python *p, struct image *img, uint64_t runtime, struct py_version *ret)
{
	struct target *t = p->target;
	struct py_version v = { .key = { .machine = t->machine,
					.ptr_size = t->mem->ptr_size,
					.order = t->mem->order } };
	if (!from_debug_offsets(t, runtime, &v) &&
		(!img || (!from_constant(t, img, &v) && !from_text(p, img, &v) &&
				 !from_name(img, &v))))
		return false;
	v.key.abi |= img ? abi_marks(t, img) : 0;
	*ret = v;
	return true;
}
