/*
 * check_privileges.c - daemon_drop_privileges(), seen from outside in proc(5)
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <sched.h>
#include <stdarg.h>
#include <linux/capability.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "puppet.h"

enum { USER = 64001, GROUP = 64002, OTHER = 64003, FIRST = 100000 };

#define NOT_ROOT skip_if(geteuid() != 0, "only root has privileges to drop")

static struct run run;

/* What the program does. */
static struct {
	const char *user, *group, *root;
	void (*before)(void);
	int groups;	/* the user's groups, in the files below */
	int again;
} does = { .user = "walter" };

/*
 * The test's own accounts: passwd(5) and group(5) are replaced, in a mount
 * namespace of the program's own.
 */

static char files[PATH_MAX];

static void
write_file(const char *path, const char *format, ...)
{
	FILE *file = fopen(path, "w");
	va_list args;

	va_start(args, format);
	if (file == NULL || vfprintf(file, format, args) < 0 ||
	    fclose(file) == EOF)
		_exit(90);
	va_end(args);
}

static void
write_groups(const char *path, int count)
{
	FILE *file = fopen(path, "w");
	int i;

	fprintf(file, "walters:x:%d:\nothers:x:%d:\n", GROUP, OTHER);
	for (i = 0; i < count; i++)
		fprintf(file, "g%d:x:%d:root,walter\n", i, FIRST + i);
	if (fclose(file) == EOF)
		_exit(90);
}

static void
mount_over(const char *name, const char *text_or_null, int groups)
{
	char from[PATH_MAX + 32], to[64];

	snprintf(from, sizeof from, "%s/%s", files, name);
	snprintf(to, sizeof to, "/etc/%s", name);
	if (text_or_null != NULL)
		write_file(from, "%s", text_or_null);
	else
		write_groups(from, groups);
	if (mount(from, to, NULL, MS_BIND, NULL) == -1)
		_exit(91);
}

static void
make_accounts(void)
{
	char passwd[256];

	if (unshare(CLONE_NEWNS) == -1 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1)
		_exit(92);
	snprintf(passwd, sizeof passwd, "root:x:0:0::/root:/bin/sh\n"
	    "walter:x:%d:%d::/:/bin/sh\n", USER, GROUP);
	mount_over("passwd", passwd, 0);
	mount_over("group", NULL, does.groups);
	mount_over("nsswitch.conf", "passwd: files\ngroup: files\n", 0);
}

/*
 * The program
 */

static void
drop(void)
{
	int result;

	errno = E2BIG;
	result = daemon_drop_privileges(does.user, does.group, does.root);
	tell("errno", errno);
	tell("result", result);
}

static void
dropper(void)
{
	daemon_set_program_name("dropper");
	make_accounts();
	if (does.before != NULL)
		does.before();
	drop();
	if (does.again)
		drop();
	tell_pid("pid");
	pause();
}

/*
 * The test
 */

/* The result, or errno if that is -1. */
static int
result(void)
{
	long error = heard(&run, "errno");

	if (heard(&run, "result") == 0) {
		ck_assert_int_eq(error, E2BIG);	/* unchanged */
		return 0;
	}
	return (int)error;
}

static int
dropped(const char *user, const char *group, const char *root)
{
	snprintf(files, sizeof files, "%s", scratch());
	does.user = user;
	does.group = group;
	does.root = root;
	run_start(&run, dropper);
	return result();
}

static void
end(void)
{
	send_signal(run.pid, SIGKILL);
	run_wait(&run);
	nothing_left();
}

/* The real, effective, saved and file system id. */
static void
has_ids(pid_t pid, const char *word, int number)
{
	char all[64];

	snprintf(all, sizeof all, "%d\t%d\t%d\t%d", number, number, number,
	    number);
	says(status_of(pid, word), all);
}

static void
is_walter(pid_t pid)
{
	has_ids(pid, "Uid", USER);
	has_ids(pid, "Gid", GROUP);
	says(status_of(pid, "CapPrm"), "0000000000000000");
	says(status_of(pid, "CapEff"), "0000000000000000");
	says(status_of(pid, "CapInh"), "0000000000000000");
}

/* In a chroot, proc(5) may show paths as seen from outside. */
static void
has(const char *link, const char *path)
{
	struct stat its, wanted;
	char name[64];

	snprintf(name, sizeof name, "/proc/%ld/%s/.", (long)run.pid, link);
	ck_assert_int_eq(stat(name, &its), 0);
	ck_assert_int_eq(stat(path, &wanted), 0);
	ck_assert(its.st_dev == wanted.st_dev && its.st_ino == wanted.st_ino);
}

static void
is_root(void)
{
	has_ids(run.pid, "Uid", 0);
	has_ids(run.pid, "Gid", 0);
	has("root", "/");
}

static void
has_groups(const char *wanted)
{
	char numbers[128] = "";
	const char *line = status_of(run.pid, "Groups");
	int number, length;

	for (; sscanf(line, "%d%n", &number, &length) == 1; line += length)
		snprintf(numbers + strlen(numbers), sizeof numbers -
		    strlen(numbers), "%d ", number);
	ck_assert_str_eq(numbers, wanted);
}

/* The program says so in one line, and nothing has changed. */
static void
refused(const char *line)
{
	heard(&run, "pid");
	is_root();
	end();
	ck_assert_str_eq(run.err, line);
}

START_TEST(privileges_are_dropped_to_those_of_a_user)
{
	if (NOT_ROOT)
		return;
	does.groups = 2;
	ck_assert_int_eq(dropped("walter", NULL, NULL), 0);
	is_walter(run.pid);
	has_groups("64002 100000 100001 ");
	end();
	ck_assert_str_eq(run.err, "");
}
END_TEST

static void
has_a_group(void)
{
	gid_t groups[] = { 0, 4, 7 };

	setgroups(3, groups);
}

START_TEST(privileges_keep_no_group_of_before)
{
	if (NOT_ROOT)
		return;
	does.before = has_a_group;
	ck_assert_int_eq(dropped("walter", NULL, NULL), 0);
	has_groups("64002 ");
	end();
}
END_TEST

START_TEST(privileges_of_a_user_in_another_group)
{
	if (NOT_ROOT)
		return;
	does.groups = 1;
	ck_assert_int_eq(dropped("walter", "others", NULL), 0);
	has_ids(run.pid, "Uid", USER);
	has_ids(run.pid, "Gid", OTHER);
	has_groups("64003 100000 ");
	end();
}
END_TEST

START_TEST(privileges_of_a_number_are_those_of_its_account)
{
	if (NOT_ROOT)
		return;
	does.groups = 1;
	ck_assert_int_eq(dropped("64001", NULL, NULL), 0);
	is_walter(run.pid);
	has_groups("64002 100000 ");
	end();
}
END_TEST

START_TEST(privileges_of_a_number_without_an_account_need_a_group)
{
	if (NOT_ROOT)
		return;
	ck_assert_int_eq(dropped("64999", "64998", NULL), 0);
	has_ids(run.pid, "Uid", 64999);
	has_ids(run.pid, "Gid", 64998);
	has_groups("64998 ");
	end();
	ck_assert_int_eq(dropped("64999", NULL, NULL), ENOENT);
	refused("dropper: unable to drop privileges: user 64999 has no "
	    "account: name a group, too\n");
}
END_TEST

START_TEST(privileges_of_a_group_alone_leave_the_user)
{
	if (NOT_ROOT)
		return;
	does.before = has_a_group;
	ck_assert_int_eq(dropped(NULL, "others", NULL), 0);
	has_ids(run.pid, "Uid", 0);
	has_ids(run.pid, "Gid", OTHER);
	has_groups("64003 ");
	end();
}
END_TEST

START_TEST(privileges_stay_where_nothing_is_named)
{
	if (NOT_ROOT)
		return;
	ck_assert_int_eq(dropped(NULL, NULL, NULL), 0);
	is_root();
	end();
}
END_TEST

START_TEST(privileges_stay_where_a_name_is_unknown)
{
	if (NOT_ROOT)
		return;
	ck_assert_int_eq(dropped("wilma", NULL, "/"), ENOENT);
	refused("dropper: unable to drop privileges: user wilma: unknown\n");
	ck_assert_int_eq(dropped("", NULL, NULL), ENOENT);
	refused("dropper: unable to drop privileges: user : unknown\n");
	ck_assert_int_eq(dropped("walter", "wilmas", "/"), ENOENT);
	refused("dropper: unable to drop privileges: group wilmas: unknown\n");
	ck_assert_int_eq(dropped("4294967295", "0", NULL), ENOENT);
	refused("dropper: unable to drop privileges: user 4294967295: "
	    "unknown\n");
	ck_assert_int_eq(dropped("-1", "0", NULL), ENOENT);
	refused("dropper: unable to drop privileges: user -1: unknown\n");
}
END_TEST

START_TEST(privileges_stay_where_the_root_is_not_a_directory)
{
	if (NOT_ROOT)
		return;
	ck_assert_int_eq(dropped("walter", NULL, "/nowhere"), ENOENT);
	refused("dropper: unable to drop privileges: change root to /nowhere: "
	    "No such file or directory\n");
	ck_assert_int_eq(dropped("walter", NULL, "/dev/null"), ENOTDIR);
	refused("dropper: unable to drop privileges: change root to /dev/null:"
	    " Not a directory\n");
}
END_TEST

/* The empty directory has no passwd(5). */
START_TEST(privileges_are_dropped_in_a_root_without_accounts)
{
	char root[PATH_MAX];

	if (NOT_ROOT)
		return;
	snprintf(root, sizeof root, "%s", scratch());
	does.groups = 1;
	ck_assert_int_eq(dropped("walter", "others", root), 0);
	has("root", root);
	has("cwd", root);
	has_ids(run.pid, "Uid", USER);
	has_groups("64003 100000 ");
	end();
}
END_TEST

START_TEST(privileges_of_65536_groups_are_as_many_as_may_be)
{
	if (NOT_ROOT)
		return;
	does.groups = 65535;
	ck_assert_int_eq(dropped("walter", NULL, NULL), 0);
	is_walter(run.pid);
	end();
	does.groups = 65536;
	ck_assert_int_eq(dropped("walter", NULL, NULL), EINVAL);
	refused("dropper: unable to drop privileges: too many groups of user "
	    "walter: Invalid argument\n");
}
END_TEST

START_TEST(privileges_dropped_twice_are_dropped)
{
	if (NOT_ROOT)
		return;
	does.again = 1;
	ck_assert_int_eq(dropped("walter", NULL, NULL), 0);
	ck_assert_int_eq(result(), 0);
	is_walter(run.pid);
	end();
	ck_assert_str_eq(run.err, "");
}
END_TEST

static void
is_another(void)
{
	if (setgroups(0, NULL) == -1 || setgid(OTHER) == -1 ||
	    setuid(OTHER) == -1)
		_exit(93);
}

START_TEST(privileges_of_another_need_those_of_root)
{
	if (NOT_ROOT)
		return;
	does.before = is_another;
	ck_assert_int_eq(dropped("walter", NULL, NULL), EPERM);
	heard(&run, "pid");
	has_ids(run.pid, "Uid", OTHER);
	has_ids(run.pid, "Gid", OTHER);
	end();
	ck_assert_str_eq(run.err, "dropper: unable to drop privileges: become "
	    "user walter: Operation not permitted\n");
}
END_TEST

/* The saved user id could bring root back. */
static void
hides_root(void)
{
	if (setgroups(0, NULL) == -1 || setresgid(GROUP, GROUP, GROUP) == -1 ||
	    setresuid(USER, USER, 0) == -1)
		_exit(93);
}

START_TEST(privileges_that_are_only_hidden_are_not_dropped)
{
	if (NOT_ROOT)
		return;
	does.before = hides_root;
	ck_assert_int_eq(dropped("walter", NULL, NULL), EPERM);
	end();
	says(run.err, "dropper: unable to drop privileges: ");
}
END_TEST

static void
keeps_capabilities(void)
{
	prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
}

START_TEST(privileges_are_dropped_with_capabilities_that_were_to_stay)
{
	if (NOT_ROOT)
		return;
	does.before = keeps_capabilities;
	ck_assert_int_eq(dropped("walter", NULL, NULL), 0);
	is_walter(run.pid);
	end();
}
END_TEST

/* As in a container without the capability. */
static void
forbid_chroot(void)
{
	if (!forbid_call(SYS_chroot, -1, 0, EPERM))
		_exit(94);
}

START_TEST(privileges_stay_where_the_root_may_not_be_changed)
{
	if (NOT_ROOT)
		return;
	does.before = forbid_chroot;
	ck_assert_int_eq(dropped("walter", NULL, "/"), EPERM);
	refused("dropper: unable to drop privileges: change root to /: "
	    "Operation not permitted\n");
}
END_TEST

#ifdef HAVE_SETRESUID
enum { CAN_TRY = 1 };
#else
enum { CAN_TRY = 0 };
#endif

static void
forbid_setuid(void)
{
	if (!forbid_call(SYS_setresuid, -1, 0, EPERM))
		_exit(94);
}

START_TEST(privileges_stay_where_the_user_may_not_be_changed)
{
	if (NOT_ROOT || skip_if(!CAN_TRY,
	    "without setresuid(2) that is not known before"))
		return;
	does.before = forbid_setuid;
	ck_assert_int_eq(dropped("walter", NULL, "/tmp"), EPERM);
	refused("dropper: unable to drop privileges: become user walter: "
	    "Operation not permitted\n");
}
END_TEST

/* The namespace has no user but root. */
static void
enter_user_namespace(void)
{
	if (unshare(CLONE_NEWUSER) == -1)
		_exit(95);
	write_file("/proc/self/setgroups", "deny");
	write_file("/proc/self/uid_map", "0 0 1\n");
	write_file("/proc/self/gid_map", "0 0 1\n");
}

static int
has_user_namespaces(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(unshare(CLONE_NEWUSER) == -1);
	waitpid(pid, &status, 0);
	return status == 0;
}

/* A way back that is open: the call succeeds, here without effect. */
static struct {
	long call;
	int argument;
} way_back;

static void
leave_a_way_back(void)
{
	if (!forbid_call(way_back.call, way_back.argument, 0, 0))
		_exit(93);
}

static void
can_be_had_back(long call, int argument, const char *root)
{
	way_back.call = call;
	way_back.argument = argument;
	ck_assert_int_eq(dropped("walter", NULL, root), EPERM);
	heard(&run, "pid");
	end();
	ck_assert_str_eq(run.err, "dropper: unable to drop privileges: "
	    "they can be had back: Operation not permitted\n");
}

START_TEST(privileges_that_can_be_had_back_are_not_dropped)
{
	if (NOT_ROOT)
		return;
	does.before = leave_a_way_back;
	can_be_had_back(SYS_setuid, 0, NULL);
	can_be_had_back(SYS_setgroups, 0, NULL);
	can_be_had_back(SYS_chroot, -1, "/");
}
END_TEST

START_TEST(privileges_stay_in_a_namespace_that_has_not_that_user)
{
	if (NOT_ROOT || skip_if(!has_user_namespaces(),
	    "there are no user namespaces"))
		return;
	does.before = enter_user_namespace;
	ck_assert_int_eq(dropped("walter", NULL, "/tmp"), EPERM);
	refused("dropper: unable to drop privileges: become user walter: "
	    "Operation not permitted\n");
}
END_TEST

/* The namespace has the user and the user's group, but none of the other
 * groups. */
static void
enter_small_namespace(void)
{
	char name[64], byte;
	int ready[2];
	pid_t helper, program = getpid();

	if (pipe(ready) == -1 || (helper = fork()) == -1)
		_exit(95);
	if (helper == 0) {
		if (read(ready[0], &byte, 1) != 1)
			_exit(1);
		snprintf(name, sizeof name, "/proc/%ld/uid_map", (long)program);
		write_file(name, "0 0 1\n%d %d 1\n", USER, USER);
		snprintf(name, sizeof name, "/proc/%ld/gid_map", (long)program);
		write_file(name, "0 0 1\n%d %d 1\n", GROUP, GROUP);
		_exit(0);
	}
	if (unshare(CLONE_NEWUSER) == -1 || write(ready[1], "", 1) != 1 ||
	    waitpid(helper, NULL, 0) != helper)
		_exit(95);
}

/* Nor has it the groups that the program is in. */
static void
enter_small_namespace_from_groups(void)
{
	has_a_group();
	enter_small_namespace();
}

START_TEST(privileges_stay_in_a_namespace_that_has_not_all_groups)
{
	if (NOT_ROOT || skip_if(!has_user_namespaces(),
	    "there are no user namespaces"))
		return;
	does.before = enter_small_namespace;
	ck_assert_int_eq(dropped("walter", NULL, NULL), 0);
	is_walter(run.pid);
	end();
	does.before = enter_small_namespace_from_groups;
	ck_assert_int_eq(dropped("walter", NULL, NULL), 0);
	is_walter(run.pid);
	has_groups("64002 ");
	end();
	does.groups = 1;
	ck_assert_int_eq(dropped("walter", NULL, "/tmp"), EINVAL);
	refused("dropper: unable to drop privileges: become user walter: "
	    "Invalid argument\n");
}
END_TEST

/*
 * Capabilities without root: as a service manager gives them
 */

static void
has_capabilities(unsigned set)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];
	gid_t group = GROUP;

	memset(caps, 0, sizeof caps);
	caps[0].effective = caps[0].permitted = set;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == -1 ||
	    setgroups(1, &group) == -1 || setgid(GROUP) == -1 ||
	    setuid(USER) == -1 || syscall(SYS_capset, &header, caps) == -1)
		_exit(93);
}

static void
may_change_root(void)
{
	has_capabilities(1U << CAP_SYS_CHROOT | 1U << CAP_SETUID |
	    1U << CAP_NET_BIND_SERVICE);
}

static void
may_change_group(void)
{
	has_capabilities(1U << CAP_SETGID | 1U << CAP_NET_BIND_SERVICE);
}

#define ONLY_NET_BIND_SERVICE	"0000000000000400"

START_TEST(privileges_to_leave_the_root_are_dropped_with_it)
{
	if (NOT_ROOT)
		return;
	does.before = may_change_root;
	ck_assert_int_eq(dropped("walter", NULL, "/usr"), 0);
	has("root", "/usr");
	says(status_of(run.pid, "CapPrm"), ONLY_NET_BIND_SERVICE);
	end();
	ck_assert_int_eq(dropped(NULL, NULL, "/usr"), 0);
	has("root", "/usr");
	says(status_of(run.pid, "CapPrm"), ONLY_NET_BIND_SERVICE);
	end();
}
END_TEST

START_TEST(privileges_to_change_the_group_are_dropped_with_it)
{
	if (NOT_ROOT)
		return;
	does.before = may_change_group;
	ck_assert_int_eq(dropped(NULL, "others", NULL), 0);
	has_ids(run.pid, "Uid", USER);
	has_ids(run.pid, "Gid", OTHER);
	has_groups("64003 ");
	says(status_of(run.pid, "CapPrm"), ONLY_NET_BIND_SERVICE);
	end();
	does.groups = 1;
	ck_assert_int_eq(dropped("walter", NULL, NULL), 0);
	has_groups("64002 100000 ");
	says(status_of(run.pid, "CapPrm"), ONLY_NET_BIND_SERVICE);
	end();
}
END_TEST

/*
 * In a daemon
 */

static void
drop_in_server(void)
{
	if (daemon_drop_privileges(does.user, does.group, does.root) == -1)
		_exit(1);
}

START_TEST(privileges_are_dropped_by_each_server_and_its_workers)
{
	pid_t worker;
	int fd;

	if (NOT_ROOT)
		return;
	snprintf(files, sizeof files, "%s", scratch());
	here.before_start = make_accounts;
	here.before_success = drop_in_server;
	start(1, talker);
	has_ids(here.master, "Uid", 0);
	is_walter(here.server);
	fd = served(here.port, &worker);
	is_walter(worker);
	close(fd);
	send_signal(here.master, SIGHUP);
	next_server();
	call(here.port);
	is_walter(here.server);
	stop();
}
END_TEST

static void
drop_in_worker(void)
{
	printf("%d\n", daemon_drop_privileges(does.user, does.group,
	    does.root));
}

static void
serve_with_worker_that_drops(int spares, void (*program)(void))
{
	static const struct command commands[] = {
		{ "drop", drop_in_worker, NULL },
		{ NULL, NULL, NULL }
	};

	snprintf(files, sizeof files, "%s", scratch());
	here.before_start = make_accounts;
	here.commands = commands;
	here.spares = spares;
	start(1, program);
}

static void
drops(int fd, pid_t worker)
{
	ck_assert_int_eq(number(fd, "drop"), 0);
	is_walter(worker);
	has_ids(here.server, "Uid", 0);
}

START_TEST(privileges_are_dropped_by_one_worker_alone)
{
	pid_t worker, next;
	int fd, other;

	if (NOT_ROOT)
		return;
	serve_with_worker_that_drops(0, talker);
	fd = served(here.port, &worker);
	drops(fd, worker);
	other = served(here.port, &next);
	has_ids(next, "Uid", 0);
	stop();		/* both are still there */
	hears(fd, NULL);
	hears(other, NULL);
}
END_TEST

START_TEST(privileges_of_a_spare_stay_dropped_for_its_next_client)
{
	pid_t worker, next;
	int fd;

	if (NOT_ROOT)
		return;
	daemon_set_worker_count_max(1);
	serve_with_worker_that_drops(1, reused_talker);
	fd = served(here.port, &worker);
	drops(fd, worker);
	close(fd);
	fd = served(here.port, &next);
	ck_assert_int_eq(next, worker);
	drops(fd, next);	/* once more */
	close(fd);
	stop();
}
END_TEST

START_TEST(privileges_that_cannot_be_dropped_end_the_start)
{
	if (NOT_ROOT)
		return;
	snprintf(files, sizeof files, "%s", scratch());
	does.user = "wilma";
	here.before_start = make_accounts;
	here.before_success = drop_in_server;
	daemon_set_program_name("dropper");
	listen_on(1);
	run_puppet(run_start, talker);
	exited(run_wait(&here.run), 1);
	says(here.run.err, "dropper: unable to drop privileges: user wilma: "
	    "unknown\n");
	nothing_left();
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		privileges_are_dropped_to_those_of_a_user,
		privileges_keep_no_group_of_before,
		privileges_of_a_user_in_another_group,
		privileges_of_a_number_are_those_of_its_account,
		privileges_of_a_number_without_an_account_need_a_group,
		privileges_of_a_group_alone_leave_the_user,
		privileges_stay_where_nothing_is_named,
		privileges_stay_where_a_name_is_unknown,
		privileges_stay_where_the_root_is_not_a_directory,
		privileges_are_dropped_in_a_root_without_accounts,
		privileges_of_65536_groups_are_as_many_as_may_be,
		privileges_dropped_twice_are_dropped,
		privileges_of_another_need_those_of_root,
		privileges_that_are_only_hidden_are_not_dropped,
		privileges_are_dropped_with_capabilities_that_were_to_stay,
		privileges_stay_where_the_root_may_not_be_changed,
		privileges_stay_where_the_user_may_not_be_changed,
		privileges_that_can_be_had_back_are_not_dropped,
		privileges_stay_in_a_namespace_that_has_not_that_user,
		privileges_stay_in_a_namespace_that_has_not_all_groups,
		privileges_to_leave_the_root_are_dropped_with_it,
		privileges_to_change_the_group_are_dropped_with_it,
		privileges_are_dropped_by_each_server_and_its_workers,
		privileges_are_dropped_by_one_worker_alone,
		privileges_of_a_spare_stay_dropped_for_its_next_client,
		privileges_that_cannot_be_dropped_end_the_start
	};

	return RUN_TESTS("privileges", tests);
}
