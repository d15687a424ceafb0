/*
 * suite.c - a program's tests: in parts side by side, and what each may rely on
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <stdarg.h>

#include "harness.h"

/* Seconds: more than DEADLINE, so that what hangs is said in most cases. */
enum { TEST_TIMEOUT = 3 * DEADLINE };

static pid_t test_process;
static char scratch_path[96];	/* of this test */

/*
 * Assertions
 */

void
assertion_holds(const char *file, int line)
{
	if (getpid() == test_process)
		_mark_point(file, line);
}

void
assertion_fails(const char *file, int line, const char *assertion,
    const char *format, ...)
{
	char text[4096];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof text, format != NULL ? format : assertion,
	    values);
	va_end(values);
	if (getpid() == test_process)
		_ck_assert_failed(file, line, assertion, "%s", text);
	fprintf(stderr, "%s:%d: %s\n", file, line, text);
	_exit(CHILD_ASSERTED);
}

/*
 * Files
 */

const char *
scratch(void)
{
	if (scratch_path[0] == '\0') {
		snprintf(scratch_path, sizeof scratch_path, "%s/test.XXXXXX",
		    kept_directory());
		ck_assert_ptr_nonnull(mkdtemp(scratch_path));
	}
	return scratch_path;
}

/*
 * Suites
 */

/* What run_tests() was called with. */
struct suite {
	const char *name;
	const TTest *const *tests;
	int count;
};

int
skip_if(int cond, const char *why)
{
	/* Written at once: Check's child leaves by its own way. */
	if (cond) {
		printf("SKIP: %s\n", why);
		fflush(stdout);
	}
	return cond;
}

static void
setup(void)
{
	test_process = getpid();
	signal(SIGPIPE, SIG_IGN);
	adopt_orphans();
}

static void
teardown(void)
{
	kill_descendants();
	if (scratch_path[0] != '\0')
		remove_tree(scratch_path);
}

static int
run_part(const struct suite *all, int part, int parts)
{
	Suite *suite = suite_create(all->name);
	TCase *tcase = tcase_create(all->name);
	SRunner *runner = srunner_create(suite);
	int i, failed;

	adopt_orphans();
	for (i = part; i < all->count; i += parts)
		tcase_add_test(tcase, all->tests[i]);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, TEST_TIMEOUT);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int
run_parts(void *argument)
{
	const struct suite *all = argument;
	const char *wish = getenv("TEST_PARTS");
	int parts = wish != NULL ? atoi(wish) : 3;
	int part, status, result = EXIT_SUCCESS;

	for (part = 0; part < parts && part < all->count; part++)
		switch (fork()) {
		case -1:
			perror("fork");
			result = EXIT_FAILURE;
			break;
		case 0:
			exit(run_part(all, part, parts));
		}
	while (wait(&status) != -1)
		if (status != 0)
			result = EXIT_FAILURE;
	return result;
}

int
run_tests(const char *name, const TTest *const *tests, int count)
{
	struct suite all = { name, tests, count };

	return keep(run_parts, &all);
}
