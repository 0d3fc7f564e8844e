/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The message of Py_FatalError, out of cores of every Python on this machine: the very one where it
 * can be had, and none where it cannot, or where a process aborts otherwise.
 */
#include "suites.h"

#include "pythons.h"
#include "tempdir.h"

#include "../../src/py/py_internal.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static struct tempdir dir;

static void setup(void)
{
	tempdir_init(&dir);
}

static void teardown(void)
{
	tempdir_fini(&dir);
}

static void run(const char *python, const char *code)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct rlimit all;
	if (getrlimit(RLIMIT_CORE, &all) == 0) {
		all.rlim_cur = all.rlim_max;
		setrlimit(RLIMIT_CORE, &all);
	}
	if (chdir(dir.path) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
		_exit(1);
	execl(python, python, "-c", code, (char *)NULL);
	_exit(1);
}

/* The core of a Python that ran this; NULL: this machine writes none here. */
static char *core_of(const char *python, const char *code)
{
	pid_t pid = fork();
	int status;
	ck_assert_int_ge(pid, 0);
	if (!pid)
		run(python, code);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(
		WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "%s: it did not abort", python);
	AUTO_FREE char *pattern = tempdir_path(&dir, "core*");
	glob_t found;
	char *path = glob(pattern, 0, NULL, &found) ? NULL : xstrdup(found.gl_pathv[0]);
	globfree(&found);
	return path;
}

/* The message and the version; false: there is no core. */
static bool look(const char *python, const char *code, char ret_message[256], uint32_t *ret_version)
{
	AUTO_FREE char *core = core_of(python, code);
	struct target *t;
	struct python *p;
	struct py_text text = { 0 };
	if (!core)
		return false;
	ck_assert_ok(target_open_core(core, &(struct target_core_options){ 0 }, &t));
	ck_assert_ok(python_find(t, &p));
	*ret_version = p->runtimes[0].layout.key.version;
	bool found = py_fatal_message(p, &text);
	ck_assert_int_eq(found, text.bytes != NULL);
	snprintf(ret_message, 256, "%s", found ? text.bytes : "");
	python_free(p);
	target_close(t);
	ck_assert_int_eq(unlink(core), 0);
	return true;
}

/* In 3.7 to 3.9 nothing holds it when the process dies. */
static bool is_kept(uint32_t version)
{
	return version < 0x03070000 || version >= 0x030a0000;
}

START_TEST(messages)
{
	static const struct {
		const char *code, *message;
	} cases[] = {
		{ "import ctypes; ctypes.pythonapi.Py_FatalError(b'of a test, %d')",
			"of a test, %d" },
		{ "import ctypes, threading\n"
		  "t = threading.Thread(target=lambda: ctypes.pythonapi.Py_FatalError(b'thread'))\n"
		  "t.start(); t.join()",
			"thread" },
		{ "import os; os.write(2, b'Fatal Python error: printed\\n'); os.abort()", "" },
		{ "import ctypes; ctypes.pythonapi.Py_FatalError(b'')", "" },
	};
	glob_t pythons;
	char message[256];
	uint32_t version;
	if (!pythons_find(&pythons))
		fputs("SKIP fatal: there is no Python\n", stderr);
	for (size_t i = 0; i < pythons.gl_pathc * ARRAY_LEN(cases); i++) {
		const char *python = pythons.gl_pathv[i / ARRAY_LEN(cases)];
		size_t k = i % ARRAY_LEN(cases);
		if (!look(python, cases[k].code, message, &version)) {
			fputs("SKIP fatal: cores don't land in the working directory\n", stderr);
			break;
		}
		const char *wanted = is_kept(version) ? cases[k].message : "";
		ck_assert_msg(!strcmp(message, wanted), "%s: '%s' in place of '%s'", python,
			message, wanted);
	}
	globfree(&pythons);
}
END_TEST

Suite *suite_fatal(void)
{
	Suite *s = suite_create("fatal");
	TCase *tc = tcase_create("messages");
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, messages);
	suite_add_tcase(s, tc);
	return s;
}
