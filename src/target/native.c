/* SPDX-License-Identifier: Apache-2.0 */
#include "pycore/native.h"

#include <stdlib.h>

const char *native_found_text(enum native_found f)
{
	switch (f) {
	case NATIVE_CFI:
		return "cfi";
	case NATIVE_PROLOGUE:
		return "prologue";
	case NATIVE_FRAME_POINTER:
		return "frame-pointer";
	case NATIVE_SCAN:
		return "scan";
	}
	return "?";
}

void native_stack_fini(struct native_stack *s)
{
	free(s->frames);
	*s = (struct native_stack){ 0 };
}
