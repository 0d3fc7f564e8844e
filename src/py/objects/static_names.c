/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of static types without their tp_name: that lies in read-only data of a file, which a core
 * leaves out. Modules bind most types to names: `builtins` those of the language, `types` those
 * without a name there, and the modules written in C their own. Where a module's name for a type is
 * not the type's own, a table says so. So it does for numpy, many of whose files have their
 * build-id where no core has it, so that they are not used.
 */
#include "repr.h"

#include <string.h>

/* What a module calls a type, and its tp_name. */
static const struct alias {
	const char *module, *name, *tp_name;
	unsigned style; /* enum repr_style: only where the layout has these bits */
} aliases[] = {
	{ "types", "FunctionType", "function" },
	{ "types", "CodeType", "code" },
	{ "types", "GeneratorType", "generator" },
	{ "types", "CoroutineType", "coroutine" },
	{ "types", "AsyncGeneratorType", "async_generator" },
	{ "types", "MethodType", "method" },
	{ "types", "BuiltinFunctionType", "builtin_function_or_method" },
	{ "types", "WrapperDescriptorType", "wrapper_descriptor" },
	{ "types", "MethodWrapperType", "method-wrapper" },
	{ "types", "MethodDescriptorType", "method_descriptor" },
	{ "types", "ClassMethodDescriptorType", "classmethod_descriptor" },
	{ "types", "ModuleType", "module" },
	{ "types", "TracebackType", "traceback" },
	{ "types", "FrameType", "frame" },
	{ "types", "GetSetDescriptorType", "getset_descriptor" },
	{ "types", "MemberDescriptorType", "member_descriptor" },
	{ "types", "MappingProxyType", "mappingproxy" },
	{ "types", "CellType", "cell" },
	{ "types", "NoneType", "NoneType" },
	{ "types", "EllipsisType", "ellipsis" },
	{ "types", "NotImplementedType", "NotImplementedType" },
	{ "types", "SimpleNamespace", "types.SimpleNamespace" },
	{ "types", "GenericAlias", "types.GenericAlias" },
	{ "types", "UnionType", "typing.Union", REPR_UNION_OF_TYPING },
	{ "types", "UnionType", "types.UnionType" },
	{ "types", "UnboundMethodType", "instancemethod" },
	{ "types", "InstanceType", "instance" },
	{ "types", "ClassType", "classobj" },
	{ "types", "DictProxyType", "dictproxy" },
	{ "types", "FileType", "file" },
	{ "datetime", "date", "datetime.date" },
	{ "datetime", "datetime", "datetime.datetime" },
	{ "datetime", "time", "datetime.time" },
	{ "datetime", "timedelta", "datetime.timedelta" },
	{ "datetime", "timezone", "datetime.timezone" },
	{ "datetime", "tzinfo", "datetime.tzinfo" },
	{ "numpy", "ndarray", "numpy.ndarray" },
	{ "numpy", "dtype", "numpy.dtype" },
	{ "numpy", "ufunc", "numpy.ufunc" },
	{ "numpy", "flatiter", "numpy.flatiter" },
	{ "numpy", "nditer", "numpy.nditer" },
	{ "numpy", "broadcast", "numpy.broadcast" },
	{ "numpy", "generic", "numpy.generic" },
	{ "numpy", "number", "numpy.number" },
	{ "numpy", "integer", "numpy.integer" },
	{ "numpy", "signedinteger", "numpy.signedinteger" },
	{ "numpy", "unsignedinteger", "numpy.unsignedinteger" },
	{ "numpy", "inexact", "numpy.inexact" },
	{ "numpy", "floating", "numpy.floating" },
	{ "numpy", "complexfloating", "numpy.complexfloating" },
	{ "numpy", "flexible", "numpy.flexible" },
	{ "numpy", "character", "numpy.character" },
	{ "numpy", "bool", "numpy.bool" },
	{ "numpy", "bool_", "numpy.bool_" },
	{ "numpy", "int8", "numpy.int8" },
	{ "numpy", "uint8", "numpy.uint8" },
	{ "numpy", "int16", "numpy.int16" },
	{ "numpy", "uint16", "numpy.uint16" },
	{ "numpy", "int32", "numpy.int32" },
	{ "numpy", "uint32", "numpy.uint32" },
	{ "numpy", "int64", "numpy.int64" },
	{ "numpy", "uint64", "numpy.uint64" },
	{ "numpy", "longlong", "numpy.longlong" },
	{ "numpy", "ulonglong", "numpy.ulonglong" },
	{ "numpy", "float16", "numpy.float16" },
	{ "numpy", "float32", "numpy.float32" },
	{ "numpy", "float64", "numpy.float64" },
	{ "numpy", "complex64", "numpy.complex64" },
	{ "numpy", "complex128", "numpy.complex128" },
	{ "numpy", "datetime64", "numpy.datetime64" },
	{ "numpy", "timedelta64", "numpy.timedelta64" },
	{ "numpy", "object_", "numpy.object_" },
	{ "numpy", "void", "numpy.void" },
	{ "numpy", "string_", "numpy.string_", REPR_BYTE_STRINGS },
	{ "numpy", "unicode_", "numpy.unicode_", REPR_BYTE_STRINGS },
	{ "numpy", "str_", "numpy.str_" },
	{ "numpy", "bytes_", "numpy.bytes_" },
	{ "_collections_abc", "generator", "generator" },
	{ "_collections_abc", "coroutine", "coroutine" },
	{ "_collections_abc", "async_generator", "async_generator" },
	{ "_collections_abc", "mappingproxy", "mappingproxy" },
	{ "_collections_abc", "dict_keys", "dict_keys" },
	{ "_collections_abc", "dict_values", "dict_values" },
	{ "_collections_abc", "dict_items", "dict_items" },
	{ "_collections_abc", "dict_keyiterator", "dict_keyiterator" },
	{ "_collections_abc", "dict_valueiterator", "dict_valueiterator" },
	{ "_collections_abc", "dict_itemiterator", "dict_itemiterator" },
	{ "_collections_abc", "list_iterator", "list_iterator" },
	{ "_collections_abc", "range_iterator", "range_iterator" },
	{ "_collections_abc", "set_iterator", "set_iterator" },
	{ "_collections_abc", "tuple_iterator", "tuple_iterator" },
	{ "_weakref", "ReferenceType", "weakref.ReferenceType", REPR_WEAKREF_DOTTED },
	{ "_weakref", "ReferenceType", "weakref" },
	{ "_collections", "_tuplegetter", "_collections._tuplegetter" },
	{ "_weakref", "ProxyType", "weakproxy" },
	{ "_thread", "LockType", "_thread.lock" },
	{ "_thread", "RLock", "_thread.RLock" },
	{ "_collections", "deque", "collections.deque" },
	{ "_collections", "defaultdict", "collections.defaultdict" },
	{ "collections", "OrderedDict", "collections.OrderedDict" },
	{ "_functools", "partial", "functools.partial" },
	{ "_socket", "SocketType", "_socket.socket" },
	{ "array", "array", "array.array" },
	{ "_datetime", "date", "datetime.date" },
	{ "_datetime", "datetime", "datetime.datetime" },
	{ "_datetime", "time", "datetime.time" },
	{ "_datetime", "timedelta", "datetime.timedelta" },
	{ "_datetime", "timezone", "datetime.timezone" },
	{ "datetime", "date", "datetime.date" },
	{ "datetime", "datetime", "datetime.datetime" },
	{ "datetime", "time", "datetime.time" },
	{ "datetime", "timedelta", "datetime.timedelta" },
	{ "thread", "LockType", "thread.lock" },
	{ "_decimal", "Decimal", "decimal.Decimal" },
	{ "_io", "FileIO", "_io.FileIO" },
	{ "_io", "TextIOWrapper", "_io.TextIOWrapper" },
	{ "_io", "BufferedReader", "_io.BufferedReader" },
	{ "_io", "BufferedWriter", "_io.BufferedWriter" },
	{ "_io", "BufferedRandom", "_io.BufferedRandom" },
	{ "_io", "BytesIO", "_io.BytesIO" },
	{ "_io", "StringIO", "_io.StringIO" },
	{ "_asyncio", "Future", "_asyncio.Future" },
	{ "_asyncio", "Task", "_asyncio.Task" },
};

/* Objects that a module binds, and the name of their type. */
static const struct alias specimens[] = {
	{ "builtins", "None", "NoneType" },
	{ "builtins", "Ellipsis", "ellipsis" },
	{ "builtins", "NotImplemented", "NotImplementedType" },
	{ "builtins", "len", "builtin_function_or_method" },
	{ "__builtin__", "None", "NoneType" },
	{ "__builtin__", "Ellipsis", "ellipsis" },
	{ "__builtin__", "NotImplemented", "NotImplementedType" },
	{ "__builtin__", "len", "builtin_function_or_method" },
	{ "_frozen_importlib", "_wrap", "function" },
	{ "os", "fsencode", "function" },
	{ "os", "_exists", "function" },
	{ "sys", "implementation", "types.SimpleNamespace" },
	{ "sys", "stdout", "_io.TextIOWrapper" },
};

static void remember(struct heap *h, uint64_t type, const char *name)
{
	uint64_t known;
	if (!hash_get(&h->static_names, type, &known))
		hash_put(&h->static_names, type, (uintptr_t)name);
}

static void remember_type_of(struct heap *h, uint64_t object, const char *name)
{
	uint64_t type;
	if (object && !failed(py_field(h->rt, object, FIELD_object_type, &type)) && type)
		remember(h, type, name);
}

/* 2.7 binds str to `bytes` too, and its exceptions have a module of their own. */
static const char *old_name(struct heap *h, uint64_t type, const char *name)
{
	uint64_t flags;
	if (!strcmp(name, "bytes"))
		return "str";
	if (failed(py_field(h->rt, type, FIELD_type_flags, &flags)) || !(flags & TYPE_EXCEPTION))
		return name;
	AUTO_STR(full);
	str_addf(&full, "exceptions.%s", name);
	return arena_copy(&h->p->arena, str_text(&full), full.len);
}

/* Everything that `builtins` binds and that is a type by its flags. */
static void learn_builtins(struct heap *h, uint64_t builtins)
{
	struct dict d;
	uint64_t key, value, type, flags;
	if (failed(dict_open(h, builtins, &d)))
		return;
	bool old = h->rt->layout.row->repr & REPR_BYTE_STRINGS;
	while (dict_next(&d, &key, &value)) {
		struct py_text name;
		if (failed(py_field(h->rt, value, FIELD_object_type, &type)) || !type ||
			failed(py_field(h->rt, type, FIELD_type_flags, &flags)))
			continue;
		py_text_read(h->p, h->rt, key, &name);
		if (flags & TYPE_TYPE && name.bytes)
			remember(h, value, old ? old_name(h, value, name.bytes) : name.bytes);
	}
}

/* A function leads to a code object, and to a cell if it has a closure. */
static void learn_function(struct heap *h, uint64_t function)
{
	const struct py_runtime *rt = h->rt;
	uint64_t code, closure, cell;
	if (!failed(py_field(rt, function, FIELD_function_code, &code)))
		remember_type_of(h, code, "code");
	if (!failed(py_field(rt, function, FIELD_function_closure, &closure)) && closure &&
		!failed(mem_ptr(
			rt->mem, closure + rt->layout.field[FIELD_tuple_items].offset, &cell)))
		remember_type_of(h, cell, "cell");
}

/* Without knowing yet that it is a module: its type's name is among what is to be learnt. */
static bool unnamed_module_dict(struct heap *h, uint64_t modules, const char *name, uint64_t *ret)
{
	uint64_t module;
	if (!dict_find(h, modules, name, &module))
		return false;
	remember_type_of(h, module, "module");
	return !failed(py_field(h->rt, module, FIELD_module_dict, ret));
}

/* Calls see() for each row of a table that is bound. Rows of one module stand together. */
static void each_bound(struct heap *h, uint64_t modules, const struct alias *table, size_t n,
	void see(struct heap *h, uint64_t value, const char *tp_name))
{
	const char *module = "";
	uint64_t dict = 0, value;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(module, table[i].module) != 0 &&
			!unnamed_module_dict(h, modules, table[i].module, &dict))
			dict = 0;
		module = table[i].module;
		bool fits = (h->rt->layout.row->repr & table[i].style) == table[i].style;
		if (dict && fits && dict_find(h, dict, table[i].name, &value))
			see(h, value, table[i].tp_name);
	}
}

static void see_specimen(struct heap *h, uint64_t value, const char *tp_name)
{
	remember_type_of(h, value, tp_name);
	if (!strcmp(tp_name, "function"))
		learn_function(h, value);
}

static void learn_modules(struct heap *h, uint64_t interp)
{
	uint64_t modules, builtins;
	if (!failed(py_field(h->rt, interp, FIELD_interp_builtins, &builtins)))
		learn_builtins(h, builtins);
	if (failed(py_field(h->rt, interp, FIELD_interp_modules, &modules)))
		return;
	each_bound(h, modules, aliases, ARRAY_LEN(aliases), remember);
	each_bound(h, modules, specimens, ARRAY_LEN(specimens), see_specimen);
}

const char *type_static_name(struct heap *h, uint64_t type)
{
	uint64_t known, interp;
	if (!h->has_static_names) {
		h->has_static_names = true;
		if (!failed(py_first_interpreter(h->rt, &interp)))
			learn_modules(h, interp);
	}
	return hash_get(&h->static_names, type, &known) ? (const char *)(uintptr_t)known : NULL;
}
