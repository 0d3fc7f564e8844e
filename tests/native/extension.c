/* SPDX-License-Identifier: Apache-2.0 */
/* An extension module for every CPython from 2.7: it calls back into Python in the ways in which
 * extension modules do, and dies in some. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <frameobject.h>
#include <pthread.h>

#include "shadow.h"

volatile int *null_pointer;

static NOINLINE PyObject *nat_fault_inner(PyObject *o)
{
	ENTER();
	return PyLong_FromLong(*null_pointer + (o != NULL));
}

static NOINLINE PyObject *nat_fault(PyObject *module, PyObject *o)
{
	ENTER();
	(void)module;
	return nat_fault_inner(o);
}

static NOINLINE PyObject *call_with(PyObject *callable, PyObject *args)
{
	return PyObject_CallObject(callable, args);
}

static NOINLINE PyObject *nat_call_object(PyObject *module, PyObject *args)
{
	ENTER();
	(void)module;
	PyObject *rest = PyTuple_GetSlice(args, 1, PyTuple_GET_SIZE(args));
	PyObject *found = call_with(PyTuple_GET_ITEM(args, 0), rest);
	Py_XDECREF(rest);
	return found;
}

static NOINLINE PyObject *nat_run(PyObject *module, PyObject *args)
{
	ENTER();
	(void)module;
	const char *text;
	PyObject *space;
	if (!PyArg_ParseTuple(args, "sO", &text, &space))
		return NULL;
	return PyRun_String(text, Py_file_input, space, space);
}

/* Runs text in an interpreter of its own. */
static NOINLINE PyObject *nat_interpreter(PyObject *module, PyObject *args)
{
	ENTER();
	(void)module;
	const char *text;
	if (!PyArg_ParseTuple(args, "s", &text))
		return NULL;
	PyThreadState *mine = PyThreadState_Get(), *other = Py_NewInterpreter();
	if (!other)
		Py_FatalError("no interpreter");
	int failed = PyRun_SimpleString(text);
	Py_EndInterpreter(other);
	PyThreadState_Swap(mine);
	return PyLong_FromLong(failed);
}

static NOINLINE void *nat_gil_thread_start(void *callable)
{
	ENTER();
	PyGILState_STATE state = PyGILState_Ensure();
	PyObject *found = PyObject_CallObject(callable, NULL);
	Py_XDECREF(found);
	PyGILState_Release(state);
	return NULL;
}

static NOINLINE PyObject *nat_gil_thread(PyObject *module, PyObject *callable)
{
	ENTER();
	(void)module;
	pthread_t thread;
	PyThreadState *mine = PyEval_SaveThread();
	pthread_create(&thread, NULL, nat_gil_thread_start, callable);
	pthread_join(thread, NULL);
	PyEval_RestoreThread(mine);
	Py_RETURN_NONE;
}

/* As Cython does: C functions on Python objects, and a frame made up for the traceback alone. */
static void add_traceback(const char *function, int line)
{
	PyObject *type, *value, *trace, *globals = PyDict_New();
	PyErr_Fetch(&type, &value, &trace);
	PyCodeObject *code = PyCode_NewEmpty("extension.pyx", function, line);
	PyFrameObject *frame = PyFrame_New(PyThreadState_Get(), code, globals, NULL);
	PyErr_Restore(type, value, trace);
	PyTraceBack_Here(frame);
	Py_XDECREF((PyObject *)frame);
	Py_XDECREF((PyObject *)code);
	Py_XDECREF(globals);
}

static NOINLINE PyObject *nat_cy_item(PyObject *o, Py_ssize_t i)
{
	ENTER();
	PyObject *found = PySequence_GetItem(o, i);
	if (!found)
		add_traceback("extension.item", 12);
	return found;
}

static NOINLINE PyObject *nat_cy_total(PyObject *o, PyObject *when_missing)
{
	ENTER();
	PyObject *found = nat_cy_item(o, 99);
	if (!found) {
		PyObject *type, *value, *trace;
		add_traceback("extension.total", 7);
		PyErr_Fetch(&type, &value, &trace);
		found = PyObject_CallObject(when_missing, NULL);
		Py_XDECREF(type);
		Py_XDECREF(value);
		Py_XDECREF(trace);
	}
	return found;
}

static NOINLINE PyObject *nat_cython(PyObject *module, PyObject *args)
{
	ENTER();
	(void)module;
	return nat_cy_total(PyTuple_GET_ITEM(args, 0), PyTuple_GET_ITEM(args, 1));
}

/* An object that asks a callable whatever it is asked. */
struct asker {
	PyObject base;
	PyObject *callable;
};

static PyObject *ask(PyObject *self)
{
	PyObject *callable = ((struct asker *)self)->callable;
	return PyObject_CallObject(callable, NULL);
}

static NOINLINE PyObject *nat_new(PyTypeObject *type, PyObject *args, PyObject *names)
{
	ENTER();
	(void)names;
	PyObject *callable;
	if (!PyArg_ParseTuple(args, "O", &callable))
		return NULL;
	struct asker *a = (struct asker *)type->tp_alloc(type, 0);
	Py_INCREF(callable);
	a->callable = callable;
	return (PyObject *)a;
}

static NOINLINE void nat_dealloc(PyObject *self)
{
	ENTER();
	Py_INCREF(self); /* it must live on while it is asked */
	PyObject *said = ask(self);
	Py_XDECREF(said);
	PyErr_Clear();
}

static NOINLINE PyObject *nat_add(PyObject *a, PyObject *b)
{
	ENTER();
	(void)b;
	return ask(a);
}

static NOINLINE PyObject *nat_next(PyObject *self)
{
	ENTER();
	return ask(self);
}

static NOINLINE PyObject *nat_compare(PyObject *a, PyObject *b, int how)
{
	ENTER();
	(void)b, (void)how;
	return ask(a);
}

static NOINLINE PyObject *nat_called(PyObject *self, PyObject *args, PyObject *names)
{
	ENTER();
	(void)args, (void)names;
	return ask(self);
}

static NOINLINE PyObject *nat_attribute(PyObject *self, PyObject *name)
{
	ENTER();
	(void)name;
	return ask(self);
}

static NOINLINE Py_ssize_t nat_length(PyObject *self)
{
	ENTER();
	PyObject *said = ask(self);
	Py_XDECREF(said);
	return said ? 1 : -1;
}

static NOINLINE PyObject *nat_item(PyObject *self, Py_ssize_t i)
{
	ENTER();
	(void)i;
	return ask(self);
}

static PyNumberMethods asker_number = { .nb_add = nat_add };
static PySequenceMethods asker_sequence = { .sq_length = nat_length, .sq_item = nat_item };
static PyTypeObject asker_type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "extension.Asker",
	.tp_basicsize = sizeof(struct asker),
#if PY_MAJOR_VERSION < 3
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_CHECKTYPES,
#else
	.tp_flags = Py_TPFLAGS_DEFAULT,
#endif
	.tp_new = nat_new,
	.tp_dealloc = nat_dealloc,
	.tp_as_number = &asker_number,
	.tp_as_sequence = &asker_sequence,
	.tp_iter = PyObject_SelfIter,
	.tp_iternext = nat_next,
	.tp_richcompare = nat_compare,
	.tp_call = nat_called,
	.tp_getattro = nat_attribute,
};

static PyMethodDef functions[] = {
	{ "fault", nat_fault, METH_O, NULL },
	{ "call_object", nat_call_object, METH_VARARGS, NULL },
	{ "run", nat_run, METH_VARARGS, NULL },
	{ "interpreter", nat_interpreter, METH_VARARGS, NULL },
	{ "gil_thread", nat_gil_thread, METH_O, NULL },
	{ "cython", nat_cython, METH_VARARGS, NULL },
	{ NULL, NULL, 0, NULL },
};

static PyObject *fill(PyObject *module)
{
	if (PyType_Ready(&asker_type) < 0)
		return NULL;
	Py_INCREF(&asker_type);
	PyModule_AddObject(module, "Asker", (PyObject *)&asker_type);
	return module;
}

#if PY_MAJOR_VERSION < 3
PyMODINIT_FUNC initextension(void)
{
	fill(Py_InitModule("extension", functions));
}
#else
static struct PyModuleDef definition = {
	PyModuleDef_HEAD_INIT,
	.m_name = "extension",
	.m_size = -1,
	.m_methods = functions,
};

PyMODINIT_FUNC PyInit_extension(void)
{
	return fill(PyModule_Create(&definition));
}
#endif
