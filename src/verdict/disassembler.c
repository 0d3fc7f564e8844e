/* SPDX-License-Identifier: Apache-2.0 */
#include "disassembler.h"

#include "pycore/attr.h"

#include <dlfcn.h>
#include <string.h>

#define TEXT_OF(x)  #x
#define VALUE_OF(x) TEXT_OF(x)
/* Its structs are those of the header that this was built with, so no other version will do. */
#define LIBRARY "libcapstone.so." VALUE_OF(CS_API_MAJOR)

static const struct {
	cs_arch arch;
	int mode;
} kinds[] = {
	[DIS_X86_64] = { CS_ARCH_X86, CS_MODE_64 },
	[DIS_I386] = { CS_ARCH_X86, CS_MODE_32 },
	[DIS_AARCH64] = { CS_ARCH_ARM64, CS_MODE_ARM },
	[DIS_ARM] = { CS_ARCH_ARM, CS_MODE_ARM | CS_MODE_V8 },
	[DIS_THUMB] = { CS_ARCH_ARM, CS_MODE_THUMB | CS_MODE_V8 },
	[DIS_S390X] = { CS_ARCH_SYSZ, 0 },
};

/* What opening needs; the rest is in struct disassembler_calls. */
struct openers {
	cs_err (*begin)(cs_arch, cs_mode, csh *);
	cs_err (*option)(csh, cs_opt_type, size_t);
	cs_insn *(*alloc)(csh);
};

static bool find(void *library, const char *name, void *ret_call)
{
	void *symbol = dlsym(library, name);
	memcpy(ret_call, &symbol, sizeof(symbol));
	return symbol != NULL;
}

static bool find_calls(void *library, struct openers *o, struct disassembler_calls *c)
{
	return find(library, "cs_open", &o->begin) && find(library, "cs_option", &o->option) &&
	       find(library, "cs_malloc", &o->alloc) && find(library, "cs_disasm_iter", &c->next) &&
	       find(library, "cs_free", &c->free) && find(library, "cs_close", &c->close);
}

struct err disassembler_open(
	enum disassembler_kind kind, enum byte_order order, struct disassembler *ret)
{
	struct openers o;
	struct disassembler d = { .kind = kind, .library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL) };
	if (!d.library)
		return err_of(ERR_UNSUPPORTED, "instructions without " LIBRARY);
	/* arm runs code that is little-endian whatever its data are */
	bool big = order == ORDER_BIG && kind == DIS_S390X;
	int mode = kinds[kind].mode | (int)(big ? CS_MODE_BIG_ENDIAN : CS_MODE_LITTLE_ENDIAN);
	if (!find_calls(d.library, &o, &d.calls) ||
		o.begin(kinds[kind].arch, (cs_mode)mode, &d.handle) != CS_ERR_OK)
		return err_of(ERR_UNSUPPORTED, "instructions by this " LIBRARY);
	*ret = d;
	if (o.option(d.handle, CS_OPT_DETAIL, CS_OPT_ON) == CS_ERR_OK)
		ret->insn = o.alloc(d.handle);
	if (ret->insn)
		return NO_ERR;
	disassembler_close(ret);
	return err_of(ERR_UNSUPPORTED, "instructions by this " LIBRARY);
}

/* The library stays, for loading it is what takes time. */
void disassembler_close(struct disassembler *d)
{
	if (!d->library)
		return;
	if (d->insn)
		d->calls.free(d->insn, 1);
	d->calls.close(&d->handle);
	*d = (struct disassembler){ 0 };
}

bool disassembler_decode(struct disassembler *d, const uint8_t *bytes, size_t n, uint64_t address)
{
	return d->calls.next(d->handle, &bytes, &n, &address, d->insn);
}
