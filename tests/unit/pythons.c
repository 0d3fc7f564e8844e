/* SPDX-License-Identifier: Apache-2.0 */
#include "pythons.h"

#include "pycore/alloc.h"

size_t pythons_find(glob_t *ret)
{
	const char *root = getenv("PYENV_ROOT"), *home = getenv("HOME");
	AUTO_FREE char *pattern =
		root ? xasprintf("%s/versions/*/bin/python", root)
		     : xasprintf("%s/.pyenv/versions/*/bin/python", home ? home : "");
	*ret = (glob_t){ 0 };
	glob(pattern, 0, NULL, ret);
	glob("/usr/bin/python3", ret->gl_pathc ? GLOB_APPEND : 0, NULL, ret);
	return ret->gl_pathc;
}

FILE *python_open(const char *python, const char *script)
{
	AUTO_FREE char *command = xasprintf("'%s' '%.*s%s'", python,
		(int)(sizeof(__FILE__) - sizeof("pythons.c")), __FILE__, script);
	return popen(command, "r");
}
