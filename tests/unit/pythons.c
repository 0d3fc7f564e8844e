/* SPDX-License-Identifier: Apache-2.0 */
#include "pythons.h"

#include "pycore/alloc.h"

size_t pythons_like(const char *version, const char *name, glob_t *ret)
{
	const char *root = getenv("PYENV_ROOT"), *home = getenv("HOME");
	AUTO_FREE char *pattern =
		root ? xasprintf("%s/versions/%s/bin/python", root, version)
		     : xasprintf("%s/.pyenv/versions/%s/bin/python", home ? home : "", version);
	AUTO_FREE char *own = xasprintf("/usr/bin/%s", name);
	*ret = (glob_t){ 0 };
	glob(pattern, 0, NULL, ret);
	glob(own, ret->gl_pathc ? GLOB_APPEND : 0, NULL, ret);
	return ret->gl_pathc;
}

size_t pythons_find(glob_t *ret)
{
	return pythons_like("*", "python3", ret);
}

FILE *python_open(const char *python, const char *script)
{
	AUTO_FREE char *command = xasprintf("'%s' '%.*s%s'", python,
		(int)(sizeof(__FILE__) - sizeof("pythons.c")), __FILE__, script);
	return popen(command, "r");
}
