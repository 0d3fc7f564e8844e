/* SPDX-License-Identifier: Apache-2.0 */
/* What programs are made of: functions, methods, descriptors, classes, modules, cells. */
#include "repr.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void put_address(struct repr *r, uint64_t addr)
{
	repr_putf(r, "0x%" PRIx64, addr);
}

/* Field f where this version has it, else g. */
static struct err either(const struct py_object *o, enum field f, enum field g, uint64_t *ret)
{
	return object_get(o, layout_has(&o->h->rt->layout, f) ? f : g, ret);
}

static struct err render_function(struct repr *r, const struct py_object *o)
{
	uint64_t name;
	TRY(either(o, FIELD_function_qualname, FIELD_function_name, &name));
	repr_put(r, "<function ");
	repr_name(r, name);
	repr_put(r, " at ");
	put_address(r, o->addr);
	repr_put(r, ">");
	return NO_ERR;
}

static struct err cfunction_name(const struct py_object *o, char *buf, size_t size)
{
	uint64_t def, name;
	TRY(object_get(o, FIELD_cfunction_def, &def));
	TRY(py_field(o->h->rt, def, FIELD_methoddef_name, &name));
	struct err e = mem_cstr(o->h->rt->mem, name, buf, size, NULL);
	if (e.code != ERR_NOT_SAVED)
		return e;
	snprintf(buf, size, "?"); /* a literal of a file that is not here */
	return NO_ERR;
}

/* Functions of a module have it as self. */
static struct err render_cfunction(struct repr *r, const struct py_object *o)
{
	char name[256];
	uint64_t self;
	struct py_object owner;
	TRY(cfunction_name(o, name, sizeof(name)));
	r->damaged |= !strcmp(name, "?");
	TRY(object_get(o, FIELD_cfunction_self, &self));
	if (self)
		TRY(object_open(o->h, self, &owner));
	if (!self || type_is(owner.type, "module"))
		repr_putf(r, "<built-in function %s>", name);
	else
		repr_putf(r, "<built-in method %s of %s object at 0x%" PRIx64 ">", name,
			type_raw_name(owner.type), self);
	return NO_ERR;
}

/* What a bound method calls its function; false: nothing, Python writes "?". */
static bool put_function_name(struct repr *r, const struct py_object *f)
{
	char text[256];
	uint64_t name;
	if (!strcmp(f->type->full, "function") &&
		!failed(either(f, FIELD_function_qualname, FIELD_function_name, &name))) {
		repr_name(r, name);
		return true;
	}
	if (!strcmp(f->type->full, "builtin_function_or_method") &&
		!failed(cfunction_name(f, text, sizeof(text)))) {
		repr_put(r, text);
		return true;
	}
	return false;
}

/* 2.7: the name of the class through which the method was looked up. */
static void put_class_name(struct repr *r, uint64_t class)
{
	struct py_object o;
	const struct py_type *t;
	uint64_t name;
	if (!failed(type_at(r->h, class, &t)))
		repr_put(r, t->name);
	else if (!failed(object_open(r->h, class, &o)) &&
		 !failed(object_get(&o, FIELD_old_class_name, &name)))
		repr_name(r, name);
	else
		repr_put(r, "?");
}

static struct err render_method(struct repr *r, const struct py_object *o)
{
	uint64_t function, self, class;
	struct py_object f;
	TRY(object_get(o, FIELD_method_function, &function));
	TRY(object_get(o, FIELD_method_self, &self));
	TRY(object_open(o->h, function, &f));
	repr_put(r, self ? "<bound method " : "<unbound method ");
	if (!failed(object_get(o, FIELD_method_class, &class))) {
		put_class_name(r, class);
		repr_put(r, ".");
	}
	if (!put_function_name(r, &f))
		repr_put(r, "?");
	if (self) {
		repr_put(r, " of ");
		repr_value(r, self);
	}
	repr_put(r, ">");
	return NO_ERR;
}

/* <method 'append' of 'list' objects> */
static struct err put_descriptor(struct repr *r, const struct py_object *o, const char *what)
{
	uint64_t name, type;
	const struct py_type *t;
	TRY(object_get(o, FIELD_descr_name, &name));
	TRY(object_get(o, FIELD_descr_type, &type));
	TRY(type_at(o->h, type, &t));
	repr_putf(r, "<%s '", what);
	repr_name(r, name);
	bool bare =
		r->h->rt->layout.row->repr & REPR_OBJECT_ATTRIBUTES && !strcmp(t->full, "object");
	if (bare)
		repr_put(r, "'>");
	else
		repr_putf(r, "' of '%s' objects>", type_raw_name(t));
	return NO_ERR;
}

static struct err render_method_descr(struct repr *r, const struct py_object *o)
{
	return put_descriptor(r, o, "method");
}

static struct err render_slot_wrapper(struct repr *r, const struct py_object *o)
{
	return put_descriptor(r, o, "slot wrapper");
}

static struct err render_member_descr(struct repr *r, const struct py_object *o)
{
	return put_descriptor(r, o, "member");
}

static struct err render_getset_descr(struct repr *r, const struct py_object *o)
{
	return put_descriptor(r, o, "attribute");
}

/* A slot wrapper bound to an object: <method-wrapper '__add__' of int object at 0x...> */
static struct err render_method_wrapper(struct repr *r, const struct py_object *o)
{
	uint64_t descr, self, name;
	struct py_object of;
	TRY(object_get(o, FIELD_wrapper_descr, &descr));
	TRY(object_get(o, FIELD_wrapper_self, &self));
	TRY(py_field(o->h->rt, descr, FIELD_descr_name, &name));
	TRY(object_open(o->h, self, &of));
	repr_put(r, "<method-wrapper '");
	repr_name(r, name);
	repr_putf(r, "' of %s object at 0x%" PRIx64 ">", type_raw_name(of.type), self);
	return NO_ERR;
}

static struct err render_type(struct repr *r, const struct py_object *o)
{
	const struct py_type *t;
	bool old = r->h->rt->layout.row->repr & REPR_TYPE_WORD;
	TRY(type_at(o->h, o->addr, &t));
	const char *word = old && !(t->flags & TYPE_HEAP) ? "type" : "class";
	if (old && t->by_python && *t->module && strcmp(t->module, "__builtin__") != 0)
		repr_putf(r, "<%s '%s.%s'>", word, t->module, t->name);
	else
		repr_putf(r, "<%s '%s'>", word, t->full);
	return NO_ERR;
}

static struct err render_cell(struct repr *r, const struct py_object *o)
{
	uint64_t content;
	struct py_object in;
	TRY(object_get(o, FIELD_cell_ref, &content));
	if (content)
		TRY(object_open(o->h, content, &in));
	repr_putf(r, "<cell at 0x%" PRIx64 ": ", o->addr);
	if (content)
		repr_putf(r, "%s object at 0x%" PRIx64 ">", type_raw_name(in.type), content);
	else
		repr_put(r, "empty>");
	return NO_ERR;
}

static struct err render_super(struct repr *r, const struct py_object *o)
{
	uint64_t type, of;
	const struct py_type *t = NULL, *obj = NULL;
	TRY(object_get(o, FIELD_super_type, &type));
	TRY(object_get(o, FIELD_super_obj_type, &of));
	if (type)
		TRY(type_at(o->h, type, &t));
	if (of)
		TRY(type_at(o->h, of, &obj));
	repr_putf(r, "<super: <class '%s'>, ", t ? type_raw_name(t) : "NULL");
	if (obj)
		repr_putf(r, "<%s object>>", type_raw_name(obj));
	else
		repr_put(r, "NULL>");
	return NO_ERR;
}

/* 2.7's classes without `object` among their bases, and their instances. */
static struct err put_old_class(struct repr *r, const struct py_object *class)
{
	uint64_t name, dict, module;
	TRY(object_get(class, FIELD_old_class_name, &name));
	TRY(object_get(class, FIELD_old_class_dict, &dict));
	if (dict_find(r->h, dict, "__module__", &module)) {
		repr_name(r, module);
		repr_put(r, ".");
	} else {
		repr_put(r, "?.");
	}
	repr_name(r, name);
	return NO_ERR;
}

static struct err render_old_class(struct repr *r, const struct py_object *o)
{
	repr_put(r, "<class ");
	TRY(put_old_class(r, o));
	repr_put(r, " at ");
	put_address(r, o->addr);
	repr_put(r, ">");
	return NO_ERR;
}

static struct err render_old_instance(struct repr *r, const struct py_object *o)
{
	uint64_t class, dict;
	struct py_object c;
	TRY(object_get(o, FIELD_old_instance_class, &class));
	TRY(object_get(o, FIELD_old_instance_dict, &dict));
	TRY(object_open(o->h, class, &c));
	repr_put(r, "<");
	TRY(put_old_class(r, &c));
	repr_put(r, " instance at ");
	put_address(r, o->addr);
	repr_put(r, ">");
	return repr_attributes_of(r, dict);
}

const struct kind kinds_code[] = {
	{ "function", render_function },
	{ "builtin_function_or_method", render_cfunction },
	{ "method", render_method, KIND_CONTAINER, "<bound method ...>" },
	{ "instancemethod", render_method, KIND_CONTAINER, "<bound method ...>" },
	{ "method_descriptor", render_method_descr },
	{ "classmethod_descriptor", render_method_descr },
	{ "wrapper_descriptor", render_slot_wrapper },
	{ "method-wrapper", render_method_wrapper },
	{ "member_descriptor", render_member_descr },
	{ "getset_descriptor", render_getset_descr },
	{ "type", render_type },
	{ "cell", render_cell },
	{ "super", render_super },
	{ "classobj", render_old_class },
	{ "instance", render_old_instance, KIND_CONTAINER, "<instance ...>" },
	{ 0 },
};
