/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs all unit tests, or the suites named as arguments; --list names them. Check's own environment
 * variables apply: CK_FORK=no for a debugger, CK_RUN_SUITE, CK_RUN_CASE, CK_VERBOSITY.
 */
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	Suite *(*make)(void);
} suites[] = {
#define SUITE_ROW(name) { #name, suite_##name },
	SUITES(SUITE_ROW)
};

enum { N_SUITES = sizeof(suites) / sizeof(suites[0]) };

static int asked_for(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], name))
			return 1;
	}
	return argc < 2;
}

static int list_suites(void)
{
	for (int i = 0; i < N_SUITES; i++)
		puts(suites[i].name);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--list"))
		return list_suites();
	SRunner *runner = srunner_create(NULL);
	int chosen = 0;
	for (int i = 0; i < N_SUITES; i++) {
		if (asked_for(suites[i].name, argc, argv)) {
			srunner_add_suite(runner, suites[i].make());
			chosen++;
		}
	}
	if (!chosen) {
		fputs("no suite of that name\n", stderr);
		return EXIT_FAILURE;
	}
	srunner_run_all(runner, CK_ENV);
	int failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
