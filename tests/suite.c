/*
 * suite.c - a program's tests: in parts side by side, and what each may rely on
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <fcntl.h>
#include <stdarg.h>

#include "harness.h"

/* Seconds: more than DEADLINE, so that what hangs is mostly reported by
 * that. */
enum { TEST_TIMEOUT = 3 * DEADLINE };

enum {
	PART = 6,			/* tests, on average */
	NOT_RUN = CK_ERROR + 1		/* next to Check's own results */
};

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
	/* Flushed at once, since Check's child does not end by exit(3). */
	if (cond) {
		printf("SKIP: %s\n", why);
		fflush(stdout);
	}
	return cond;
}

int
missing(const char *command)
{
	char text[128], why[128];

	snprintf(text, sizeof text, "%s >/dev/null 2>&1", command);
	snprintf(why, sizeof why, "\"%s\" does not work", command);
	return skip_if(system(text) != 0, why);
}

int
cannot_adopt(void)
{
	return skip_if(!ADOPTING, "orphans cannot be adopted");
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

/* In one piece, also for tools/count-tests.sh. */
static void
print_failure(const char *name, TestResult *result)
{
	int error = tr_rtype(result) == CK_ERROR;

	printf("%s:%d:%c:%s:%s: %s%s\n", tr_lfile(result), tr_lno(result),
	    error ? 'E' : 'F', name, tr_tcname(result),
	    error ? "(after this point) " : "", tr_msg(result));
	fflush(stdout);
}

/* A case of its own, so that CK_RUN_CASE=name selects it. Returns its result;
 * NOT_RUN if another was selected. */
static int
run_test(const char *name, const TTest *test)
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(test->name);
	SRunner *runner = srunner_create(suite);
	TestResult **results;
	int type = NOT_RUN;

	tcase_add_test(tcase, test);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, TEST_TIMEOUT);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_SILENT);
	results = srunner_results(runner);
	if (srunner_ntests_run(runner) == 1)
		type = tr_rtype(results[0]);
	if (type == CK_FAILURE || type == CK_ERROR)
		print_failure(name, results[0]);
	free(results);
	srunner_free(runner);
	return type;
}

/* Runs the next test that no part has taken, until there are no more. */
static void
run_part(const struct suite *all, int numbers, int results)
{
	int number, result;

	adopt_orphans();
	while (read(numbers, &number, sizeof number) == sizeof number) {
		result = run_test(all->name, all->tests[number]);
		if (write(results, &result, sizeof result) != sizeof result)
			perror("write");
		/* A failed test has had no teardown. */
		kill_descendants();
	}
}

/* Above 2 and close-on-exec, so that no executed program gets it. */
static int
move_up(int fd)
{
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, 10);

	close(fd);
	return moved;
}

static void
pipe_of_ints(int ends[2])
{
	if (pipe(ends) == -1) {
		perror("pipe");
		exit(EXIT_FAILURE);
	}
	ends[0] = move_up(ends[0]);
	ends[1] = move_up(ends[1]);
}

/* Returns the read end of a pipe that holds the number of each test. */
static int
hand_out(int count)
{
	int ends[2], i;

	pipe_of_ints(ends);
	for (i = 0; i < count; i++)
		if (write(ends[1], &i, sizeof i) != sizeof i)
			perror("write");
	close(ends[1]);
	return ends[0];
}

/* Returns the read end of a pipe in which the results arrive. */
static int
run_side_by_side(const struct suite *all, int parts)
{
	int numbers = hand_out(all->count), results[2];

	pipe_of_ints(results);
	for (; parts > 0; parts--)
		switch (fork()) {
		case -1:
			perror("fork");
			break;
		case 0:
			run_part(all, numbers, results[1]);
			exit(EXIT_SUCCESS);
		}
	close(numbers);
	close(results[1]);
	return results[0];
}

static int
run_suite(void *argument)
{
	const struct suite *all = argument;
	const char *wish = getenv("TEST_PARTS");
	int parts = wish != NULL ? atoi(wish) : 1 + all->count / PART;
	int results = run_side_by_side(all, parts), result, told = 0;
	int counts[NOT_RUN + 1] = { 0 }, run;

	while (read(results, &result, sizeof result) == sizeof result) {
		counts[result]++;
		told++;
	}
	/* Tests in which a part has died have no result. */
	counts[CK_ERROR] += all->count - told;
	run = all->count - counts[NOT_RUN];
	printf("Running suite(s): %s\n%d%%: Checks: %d, Failures: %d, "
	    "Errors: %d\n", all->name, run == 0 ? 0 : counts[CK_PASS] * 100 /
	    run, run, counts[CK_FAILURE], counts[CK_ERROR]);
	return counts[CK_PASS] == run ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
run_tests(const char *name, const TTest *const *tests, int count)
{
	struct suite all = { name, tests, count };

	close_inherited();
	return keep(run_suite, &all);
}
