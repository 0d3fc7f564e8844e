/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of which there is one of each. */
#include "repr.h"

static struct err render_none(struct repr *r, const struct py_object *o)
{
	(void)o;
	repr_put(r, "None");
	return NO_ERR;
}

static struct err render_ellipsis(struct repr *r, const struct py_object *o)
{
	(void)o;
	repr_put(r, "Ellipsis");
	return NO_ERR;
}

static struct err render_not_implemented(struct repr *r, const struct py_object *o)
{
	(void)o;
	repr_put(r, "NotImplemented");
	return NO_ERR;
}

static struct err render_bool(struct repr *r, const struct py_object *o)
{
	int64_t v;
	TRY(int_value(o, &v));
	if (v != 0 && v != 1)
		return err_at(ERR_CORRUPT, o->addr, "bool");
	repr_put(r, v ? "True" : "False");
	return NO_ERR;
}

const struct kind kinds_singletons[] = {
	{ "NoneType", render_none },
	{ "ellipsis", render_ellipsis },
	{ "NotImplementedType", render_not_implemented },
	{ "bool", render_bool },
	{ 0 },
};
