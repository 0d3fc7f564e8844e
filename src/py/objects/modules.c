/* SPDX-License-Identifier: Apache-2.0 */
/* Modules by name: sys.modules of an interpreter, and the dict of a module
 * (Objects/moduleobject.c). */
#include "objects.h"

#include <string.h>

struct err module_dict(struct heap *h, uint64_t module, uint64_t *ret)
{
	struct py_object o;
	TRY(object_open(h, module, &o));
	if (!type_is(o.type, "module"))
		return err_at(ERR_CORRUPT, module, "module");
	return object_get(&o, FIELD_module_dict, ret);
}

bool module_find(
	struct heap *h, uint64_t interp, const char *module, const char *name, uint64_t *ret)
{
	uint64_t modules, found, dict;
	return !failed(py_field(h->rt, interp, FIELD_interp_modules, &modules)) &&
	       dict_find(h, modules, module, &found) && !failed(module_dict(h, found, &dict)) &&
	       dict_find(h, dict, name, ret);
}
