/* SPDX-License-Identifier: Apache-2.0 */
/* Names of C++ types. The demangler takes symbols only; the symbol of a type's name is "_ZTS" and
 * that name (Itanium C++ ABI, 5.1.4.1). */
#include "demangle.h"

#include "pycore/limits.h"
#include "pycore/unwind.h"

#include <string.h>

bool unwind_type_name(const char *mangled, struct str *to)
{
	static const char what[] = "typeinfo name for ";
	AUTO_STR(symbol);
	AUTO_STR(text);
	if (strlen(mangled) > MANGLED_NAME_MAX)
		return false;
	str_addf(&symbol, "_ZTS%s", mangled);
	if (!demangle(str_text(&symbol), &text) || !text_starts(str_text(&text), what))
		return false;
	str_puts(to, text.bytes + strlen(what));
	return true;
}
