/*
 * check_superserver.c - examples/superserver with programs that know nothing
 * about daemons, among them those of git, rsync and OpenSSH
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#ifdef HAVE_FLOCK
#include <sys/file.h>
#endif
#include <sys/socket.h>
#include <sys/stat.h>
#include <netinet/in.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <stdarg.h>

#include "example.h"

#ifdef HAVE_FLOCK
enum { HAS_LOCKS = 1 };
#else
enum { HAS_LOCKS = 0 };
#endif
#define NO_PID_FILE skip_if(!HAS_LOCKS, "no pid file without flock(2)")

static const char *program_name;	/* the one that the shell finds */
static struct run run;
static struct run user;	/* of the program that superserver runs */

/* All tests start this program, on the loopback address. */
#define start(...) \
	start_example(&run, "superserver", "-a", "127.0.0.1", __VA_ARGS__)
#define started(port)		run_started(&run, port)
#define fails(status, said)	run_fails(&run, status, said)
#define stop(master)		stop_master(master)
#define stops(master)		master_ends(master)

/*
 * Commands
 */

/* Runs a shell command in the scratch directory; it must succeed. */
static void
shell(const char *format, ...)
{
	char text[1024], name[] = "sh", option[] = "-c";
	char *argv[] = { name, option, text, NULL };
	va_list values;
	int len;

	len = snprintf(text, sizeof text, "cd '%s' && ", scratch());
	va_start(values, format);
	vsnprintf(text + len, sizeof text - (size_t)len, format, values);
	va_end(values);
	start_words(&run, argv);
	run_succeeds(&run);
}

/* Not by "git daemon --help", which needs man(1) and its pages. */
static int
git_is_missing(void)
{
	return missing("git --version") || skip_if(system(
	    "test -x \"$(git --exec-path)/git-daemon\"") != 0,
	    "git daemon is not installed");
}

/* Without the caller's settings, such as those in a git hook. Automatic
 * maintenance would run on after git as a child of the test. */
static void
set_up_git(void)
{
	unsetenv("GIT_DIR");
	unsetenv("GIT_INDEX_FILE");
	unsetenv("GIT_WORK_TREE");
	unsetenv("XDG_CONFIG_HOME");
	setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
	setenv("HOME", scratch(), 1);
	shell("git config --global gc.auto 0 && "
	    "git config --global maintenance.auto false && "
	    "git config --global user.name A && "
	    "git config --global user.email a@example.org");
}

/*
 * The daemon
 */

static const char *
pid_file(void)
{
	static char path[64];

	snprintf(path, sizeof path, "%s/pid", scratch());
	return path;
}

/* The number in the pid file; 0 if there is none. */
static pid_t
pid_in_file(void)
{
	FILE *file = fopen(pid_file(), "r");
	long pid = 0;

	if (file == NULL) {
		ck_assert_int_eq(errno, ENOENT);
		return 0;
	}
	ck_assert_int_eq(fscanf(file, "%ld", &pid), 1);
	ck_assert_int_eq(fgetc(file), '\n');
	fclose(file);
	return (pid_t)pid;
}

/*
 * Programs
 */

START_TEST(superserver_makes_a_daemon_of_any_program)
{
	pid_t master;
	int port;

	start("cat", NULL);
	master = started(&port);
	ask(port, "anybody there?", "anybody there?");
	ask(port, "and now?", "and now?");
	stop(master);
}
END_TEST

START_TEST(superserver_runs_programs_as_the_user_that_is_named)
{
	pid_t master;
	int port;

	if (skip_if(geteuid() != 0, "only root has privileges to drop"))
		return;
	start("-u", "nobody", "id", "-un", NULL);
	master = started(&port);
	ask(port, "", "nobody");
	stop(master);
	start("-u", "no-such-user", "cat", NULL);
	fails(1, "unable to drop privileges: user no-such-user: unknown");
}
END_TEST

START_TEST(superserver_leaves_the_options_after_the_program_to_it)
{
	pid_t master;
	int port;

	start("sh", "-c", "echo \"$0 $*\"", "-f", "-P", "/no/where", "", "-x",
	    NULL);
	master = started(&port);
	ask(port, "", "-f -P /no/where  -x");
	stop(master);
}
END_TEST

START_TEST(superserver_tells_the_program_both_ends_of_the_connection)
{
	struct sockaddr_in addr;
	socklen_t len = sizeof addr;
	char expected[128];
	pid_t master;
	int port, fd;

	setenv("TCPREMOTEHOST", "a.lie", 1);
	start("sh", "-c", "echo $PROTO $TCPREMOTEIP $TCPREMOTEPORT "
	    "$TCPLOCALIP $TCPLOCALPORT ${TCPREMOTEHOST-unknown}", NULL);
	master = started(&port);
	fd = client(port);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	snprintf(expected, sizeof expected,
	    "TCP 127.0.0.1 %d 127.0.0.1 %d unknown", ntohs(addr.sin_port),
	    port);
	ck_assert_pstr_eq(client_hears(fd), expected);
	close(fd);
	stop(master);
}
END_TEST

/* tcprules checks $TCPREMOTEIP. */
START_TEST(superserver_tells_a_program_of_tcpservers_its_client)
{
	char rules[512];
	pid_t master;
	int port, fd;

	if (missing("command -v tcprules && command -v tcprulescheck"))
		return;
	shell("printf '127.0.0.1:allow,SEEN=\"yes\"\\n:deny\\n' | "
	    "tcprules rules.cdb rules.tmp");
	snprintf(rules, sizeof rules, "%s/rules.cdb", scratch());
	setenv("TCPREMOTEIP", "192.0.2.1", 1);
	start("tcprulescheck", rules, NULL);
	master = started(&port);
	fd = client(port);
	ck_assert_pstr_eq(client_hears(fd), "rule 127.0.0.1:");
	ck_assert_pstr_eq(client_hears(fd), "set environment variable SEEN=yes");
	ck_assert_pstr_eq(client_hears(fd), "allow connection");
	close(fd);
	stop(master);
}
END_TEST

static const char *
arguments_of(pid_t pid)
{
	static char line[4096];
	char path[32];
	FILE *file;

	memset(line, 0, sizeof line);
	snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
	if ((file = fopen(path, "r")) == NULL)
		return "";
	line[fread(line, 1, sizeof line - 1, file)] = '\0';
	fclose(file);
	return line;
}

/* The title, up to the first NUL. */
static void
shows(pid_t pid, const char *title)
{
	long since = 0;

	while (strcmp(arguments_of(pid), title) != 0)
		look_again(&since, title);
}

START_TEST(superserver_shows_what_each_process_is)
{
	pid_t master, server;
	int port, fd;

	if (skip_if(strcmp(arguments_of(getpid()), program_name) != 0,
	    "the system does not show the arguments of a process"))
		return;
	start_example(&run, "superserver", "-T", "-a", "127.0.0.1", "-c", "7",
	    "cat", "-", NULL);
	master = started(&port);
	server = only_child_of(master);
	shows(master, "superserver: master");
	shows(server, "superserver: server 0/7");
	fd = client(port);
	echoes(fd, "hello");
	shows(server, "superserver: server 1/7");
	shows(only_child_of(server), "cat");
	close(fd);
	shows(server, "superserver: server 0/7");
	stop(master);
}
END_TEST

START_TEST(superserver_logs_its_connections)
{
	char begin[64];
	int port, fd;

	start("-f", "-v", "-c", "7", "cat", NULL);
	port = port_in(client_hears(run.out_fd));
	fd = client(port);
	echoes(fd, "hello");
	snprintf(begin, sizeof begin, " begins with 127.0.0.1:%d, 1 of 7",
	    port_of(fd));
	says(client_hears(run.err_fd), begin);
	close(fd);
	says(client_hears(run.err_fd), " ended with status 0 after ");
	send_signal(run.pid, SIGTERM);
	exited(run_wait(&run), 0);
	nothing_left();
}
END_TEST

START_TEST(superserver_shows_its_status_in_a_file)
{
	char path[512], line[128] = "";
	long since = 0;
	pid_t master;
	FILE *file;
	int port;

	snprintf(path, sizeof path, "%s/superserver.prom", scratch());
	start("-s", path, "cat", NULL);
	master = started(&port);
	while ((file = fopen(path, "r")) == NULL)
		look_again(&since, path);
	while (fgets(line, sizeof line, file) != NULL && strcmp(line,
	    "daemonsrv_workers{daemon=\"superserver\"} 0\n") != 0)
		;
	fclose(file);
	says(line, "daemonsrv_workers{");
	stop(master);
	ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

/* It checks $TCPCONNNUM. */
START_TEST(superserver_tells_a_program_of_s6_how_many_connections)
{
	int port, fd, second;
	pid_t master;

	if (missing("command -v s6-connlimit"))
		return;
	setenv("TCPCONNMAX", "1", 1);
	start("s6-connlimit", "cat", NULL);
	master = started(&port);
	fd = client(port);
	echoes(fd, "hello");
	second = client(port);
	hears(second, NULL);
	echoes(fd, "still");
	close(fd);
	close(second);
	stop(master);
}
END_TEST

START_TEST(superserver_gives_the_program_nothing_but_the_connection)
{
	pid_t master;
	int port, fd;

	if (NO_PID_FILE)
		return;
	start("-P", pid_file(), "cat", NULL);
	master = started(&port);
	fd = client(port);
	echoes(fd, "hello");
	ck_assert_int_eq(descriptors_of(only_child_of(only_child_of(master))),
	    3);
	close(fd);
	stop(master);
}
END_TEST

START_TEST(superserver_serves_a_repository_by_git_daemon)
{
	char base[128];
	pid_t master;
	int port;

	if (git_is_missing())
		return;
	set_up_git();
	shell("git init -q project && cd project && echo hello >file && "
	    "git add file && git commit -q -m first");
	snprintf(base, sizeof base, "--base-path=%s", scratch());
	start("git", "daemon", "--inetd", "--export-all", base, scratch(),
	    NULL);
	master = started(&port);
	shell("git clone -q git://127.0.0.1:%d/project copy && "
	    "cmp project/file copy/file && git -C copy fsck", port);
	shell("! git clone -q git://127.0.0.1:%d/no-project copy2", port);
	stop(master);
}
END_TEST

/* Root's rsync would become nobody; another user's cannot set groups. */
static void
prepare_module(void)
{
	shell("mkdir -p mod/dir && printf 'use chroot = no\\n"
	    "log file = %s/log\\n%s[mod]\\npath = %s/mod\\n' >conf", scratch(),
	    geteuid() == 0 ? "uid = 0\\ngid = 0\\n" : "", scratch());
}

START_TEST(superserver_serves_files_by_rsync)
{
	char config[128];
	pid_t master;
	int port;

	if (missing("rsync --version"))
		return;
	unsetenv("RSYNC_PROXY");
	prepare_module();
	shell("head -c 300000 /dev/zero >mod/dir/zeros && "
	    "echo hello >mod/file");
	snprintf(config, sizeof config, "--config=%s/conf", scratch());
	start("rsync", "--daemon", config, NULL);
	master = started(&port);
	shell("rsync -rt rsync://127.0.0.1:%d/mod/ copy && diff -r mod copy",
	    port);
	stop(master);
}
END_TEST

/*
 * Programs that HUP and USR2 would end, in the middle of their work
 */

/* The program's client is at work, and finishes even if the daemon is reloaded
 * or stopped in between. */
static void
is_let_alone(pid_t master, int signo, void (*finish)(void))
{
	pid_t server = only_child_of(master), worker = only_child_of(server);

	send_signal(master, signo);
	settled(master);
	settled(server);
	ck_assert(running(worker));
	finish();
	gone(worker);
	if (signo == SIGUSR2) {
		stops(master);
		return;
	}
	gone(server);
	stop(master);
}

/* It writes more than a pipe holds, so it waits for its reader. */
static void
start_transfer(int port)
{
	char text[256], name[] = "sh", option[] = "-c";
	char *argv[] = { name, option, text, NULL };

	snprintf(text, sizeof text, "cd '%s' && exec rsync -rt "
	    "--out-format=$(printf %%03000d) rsync://127.0.0.1:%d/mod/ copy",
	    scratch(), port);
	run_command(&user, argv);
	ck_assert_ptr_nonnull(client_hears(user.out_fd));
}

static void
finish_transfer(void)
{
	int status = run_wait(&user);

	ck_assert_msg(status == 0, "rsync: wait status %#x, stderr: %s",
	    status, user.err);
	shell("diff -r mod copy && rm -r copy");
}

START_TEST(superserver_lets_a_transfer_by_rsync_go_on_when_it_is_signalled)
{
	static const int signals[] = { SIGHUP, SIGUSR2 };
	char config[128];
	pid_t master;
	size_t i;
	int port;

	if (missing("rsync --version"))
		return;
	unsetenv("RSYNC_PROXY");
	prepare_module();
	shell("cd mod && seq 32 | xargs truncate -s 1M");
	snprintf(config, sizeof config, "--config=%s/conf", scratch());
	for (i = 0; i < sizeof signals / sizeof signals[0]; i++) {
		start("rsync", "--daemon", config, NULL);
		master = started(&port);
		start_transfer(port);
		is_let_alone(master, signals[i], finish_transfer);
	}
}
END_TEST

static const char sshd[] = "/usr/sbin/sshd";
static const char privileged[] = "/run/sshd";	/* root's sshd needs it */

static int
has_shell(const struct passwd *entry)
{
	return access(entry->pw_shell, X_OK) == 0 &&
	    strstr(entry->pw_shell, "nologin") == NULL &&
	    strstr(entry->pw_shell, "/false") == NULL;
}

/* Whether sshd takes the account for locked, if this user can read that
 * file. */
static int
is_locked(const struct passwd *entry)
{
	char text[256];

	snprintf(text, sizeof text, "grep -qs '^%s:!' /etc/shadow",
	    entry->pw_name);
	return system(text) == 0;
}

/* Whether this user cannot have a session by ssh. */
static int
has_no_login(void)
{
	const struct passwd *entry = getpwuid(geteuid());

	return skip_if(access(sshd, X_OK) == -1, "there is no sshd") ||
	    missing("ssh -V") ||
	    skip_if(entry == NULL, "this user has no name") ||
	    skip_if(!has_shell(entry), "this user has no shell") ||
	    skip_if(is_locked(entry), "this user's account is locked");
}

/* A session that says when it begins, and copies what comes through a FIFO. */
static void
start_session(int port)
{
	char text[1024], name[] = "sh", option[] = "-c";
	char *argv[] = { name, option, text, NULL };
	const char *said;

	snprintf(text, sizeof text, "cd '%s' && exec ssh -F /dev/null "
	    "-o BatchMode=yes -o IdentitiesOnly=yes -o LogLevel=ERROR "
	    "-o StrictHostKeyChecking=no -o UserKnownHostsFile=known "
	    "-i user_key -p %d 127.0.0.1 'echo here; cat %s/gate; echo done'",
	    scratch(), port, scratch());
	run_command(&user, argv);
	said = client_hears(user.out_fd);
	if (said == NULL) {
		run_wait(&user);
		ck_abort_msg("ssh: %s", user.err);
	}
	ck_assert_str_eq(said, "here");
}

/* Root's sshd needs that directory. Another run of this test on the machine
 * must not remove it until this process ends. */
static int
make_privileged(void)
{
#ifdef HAVE_FLOCK
	flock(open("/run", O_RDONLY | O_CLOEXEC), LOCK_EX);
#endif
	return geteuid() == 0 && mkdir(privileged, 0755) == 0;
}

static void
finish_session(void)
{
	shell("echo and still here >gate");
	ck_assert_int_eq(run_wait(&user), 0);
	ck_assert_str_eq(user.out, "and still here\ndone\n");
}

START_TEST(superserver_lets_a_session_of_sshd_go_on_when_it_is_signalled)
{
	static const int signals[] = { SIGHUP, SIGUSR2 };
	char host_key[128], authorized[128];
	int port, made;
	pid_t master;
	size_t i;

	if (has_no_login())
		return;
	shell("mkfifo gate && ssh-keygen -q -t ed25519 -N '' -f host_key && "
	    "ssh-keygen -q -t ed25519 -N '' -f user_key");
	snprintf(host_key, sizeof host_key, "-h%s/host_key", scratch());
	snprintf(authorized, sizeof authorized,
	    "-oAuthorizedKeysFile=%s/user_key.pub", scratch());
	made = make_privileged();
	for (i = 0; i < sizeof signals / sizeof signals[0]; i++) {
		start(sshd, "-i", "-f/dev/null", host_key, authorized,
		    "-oStrictModes=no", "-oUsePAM=no", NULL);
		master = started(&port);
		start_session(port);
		is_let_alone(master, signals[i], finish_session);
	}
	if (made)
		rmdir(privileged);
}
END_TEST

/*
 * The pid file
 */

START_TEST(superserver_keeps_its_pid_in_a_file_while_it_runs)
{
	pid_t master;
	int port;

	if (NO_PID_FILE)
		return;
	start("-P", pid_file(), "cat", NULL);
	master = started(&port);
	ck_assert_int_eq(pid_in_file(), master);
	ask(port, "hello", "hello");
	ck_assert_int_eq(pid_in_file(), master);
	stop(master);
	ck_assert_int_eq(pid_in_file(), 0);
}
END_TEST

START_TEST(superserver_keeps_its_pid_in_a_file_in_the_foreground_too)
{
	int port;

	if (NO_PID_FILE)
		return;
	start("-f", "-P", pid_file(), "cat", NULL);
	port = port_in(client_hears(run.out_fd));
	ask(port, "hello", "hello");
	ck_assert_int_eq(pid_in_file(), run.pid);
	send_signal(run.pid, SIGTERM);
	ck_assert_int_eq(run_wait(&run), 0);
	ck_assert_int_eq(pid_in_file(), 0);
	nothing_left();
}
END_TEST

START_TEST(superserver_leaves_no_pid_file_after_a_failed_start)
{
	char port[16];
	int fd, number;

	if (NO_PID_FILE)
		return;
	fd = listen_anywhere(&number);
	snprintf(port, sizeof port, "%d", number);
	start("-P", pid_file(), "-p", port, "cat", NULL);
	fails(1, port);
	ck_assert_int_eq(pid_in_file(), 0);
	start("-P", pid_file(), "no-such-program", NULL);
	fails(127, "no-such-program");
	ck_assert_int_eq(pid_in_file(), 0);
	close(fd);
}
END_TEST

START_TEST(superserver_does_not_start_with_a_descriptor_that_is_not_open)
{
	start("-d", "1000", "cat", NULL);
	fails(2, "unable to set notify_fd to 1000: Bad file descriptor");
}
END_TEST

START_TEST(superserver_does_not_start_where_it_cannot_keep_its_pid)
{
	start("-P", "/no/such/directory/pid", "cat", NULL);
	fails(1, "/no/such/directory/pid: No such file");
	start("-P", scratch(), "cat", NULL);
	fails(1, "Is a directory");
	shell("ln -s elsewhere pid");
	start("-P", pid_file(), "cat", NULL);
	fails(1, "pid");
	shell("rm pid && mkfifo pid");
	start("-P", pid_file(), "cat", NULL);
	fails(1, "not a regular file");
}
END_TEST

START_TEST(superserver_refuses_the_pid_file_of_another)
{
	pid_t master;
	int port;

	if (NO_PID_FILE)
		return;
	start("-P", pid_file(), "cat", NULL);
	master = started(&port);
	start("-P", pid_file(), "cat", NULL);
	ck_assert_int_eq(run_wait(&run), 1 << 8);
	says(run.err, "already running as process");
	ck_assert_int_eq(pid_in_file(), master);
	ask(port, "hello", "hello");
	ck_assert_int_eq(only_child_of(getpid()), master);
	stop(master);
}
END_TEST

START_TEST(superserver_takes_over_the_pid_file_of_a_daemon_that_was_killed)
{
	pid_t master;
	int port;

	if (NO_PID_FILE)
		return;
	shell("echo 4194305 and more >pid");
	start("-P", pid_file(), "cat", NULL);
	master = started(&port);
	ck_assert_int_eq(pid_in_file(), master);
	stop(master);
	ck_assert_int_eq(pid_in_file(), 0);
}
END_TEST

/* Runs superserver -k with that word; returns what it prints. */
static const char *
controls(const char *word, int expected)
{
	start("-P", pid_file(), "-k", word, NULL);
	exited(run_wait(&run), expected);
	return run.out;
}

START_TEST(superserver_stops_a_daemon_and_waits_for_its_end)
{
	pid_t master;
	int port;

	if (NO_PID_FILE)
		return;
	start("-P", pid_file(), "cat", NULL);
	master = started(&port);
	ck_assert_str_eq(controls("stop", 0), "");
	ck_assert_int_eq(pid_in_file(), 0);
	stops(master);
	controls("stop", 3);
	says(run.err, "pid: no daemon runs");
}
END_TEST

START_TEST(superserver_quits_when_the_last_client_has_gone)
{
	pid_t master;
	int port, fd;

	if (NO_PID_FILE)
		return;
	start("-P", pid_file(), "cat", NULL);
	master = started(&port);
	fd = client(port);
	echoes(fd, "hello");
	start("-P", pid_file(), "-k", "quit", NULL);
	nobody_listens(port);
	echoes(fd, "still there");
	ck_assert_int_eq(waitpid(run.pid, NULL, WNOHANG), 0);
	close(fd);
	exited(run_wait(&run), 0);
	ck_assert_int_eq(pid_in_file(), 0);
	stops(master);
}
END_TEST

START_TEST(superserver_reloads_and_tells_its_pid)
{
	pid_t master, server;
	char number[32];
	int port;

	if (NO_PID_FILE)
		return;
	start("-P", pid_file(), "cat", NULL);
	master = started(&port);
	server = only_child_of(master);
	snprintf(number, sizeof number, "%ld\n", (long)master);
	ck_assert_str_eq(controls("status", 0), number);
	controls("reload", 0);
	reaped(server);
	ask(port, "hello", "hello");
	ck_assert_str_eq(controls("status", 0), number);
	stop(master);
	ck_assert_str_eq(controls("status", 3), "");
}
END_TEST

/* The daemon was killed, another process has its number, and a third one has
 * locked the file. */
START_TEST(superserver_cannot_stop_a_process_that_is_not_the_daemon)
{
	char name[] = "sleep", time[] = "1000", *argv[] = { name, time, NULL };
	int fd;

	if (NO_PID_FILE)
		return;
	run_command(&user, argv);
	shell("echo %ld >pid", (long)user.pid);
	fd = open(pid_file(), O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	controls("stop", 3);
	says(run.err, "unable to read /");
	controls("status", 4);
	ck_assert(running(user.pid));
	send_signal(user.pid, SIGTERM);
	run_wait(&user);
	close(fd);
}
END_TEST

START_TEST(superserver_asks_nothing_without_a_pid_file)
{
	start("-k", "stop", NULL);
	fails(2, "usage: superserver ");
	start("-P", pid_file(), "-k", "stop", "cat", NULL);
	fails(2, "usage: superserver ");
	start("-P", pid_file(), "-k", "halt", NULL);
	fails(2, "usage: superserver ");
	start("-P", "/", "-k", "stop", NULL);
	fails(1, "unable to read /");
	start("-P", "/", "-k", "status", NULL);
	fails(4, "unable to read /");
}
END_TEST

START_TEST(superserver_is_started_by_start_stop_daemon_once)
{
	char program[PATH_MAX];
	pid_t master;
	int port;

	if (NO_PID_FILE || skip_if(access("/sbin/start-stop-daemon", X_OK) ==
	    -1, "there is no start-stop-daemon"))
		return;
	snprintf(program, sizeof program, "%s/examples/superserver",
	    getenv("TOP_BUILDDIR"));
	shell("start-stop-daemon --start --pidfile %s --startas %s -- "
	    "-a 127.0.0.1 -P %s cat", pid_file(), program, pid_file());
	port = port_in(run.out);
	master = only_child_of(getpid());
	ck_assert_int_eq(pid_in_file(), master);
	ask(port, "hello", "hello");
	/* It starts nothing where the process of the number runs. */
	shell("start-stop-daemon --start --oknodo --pidfile %s "
	    "--startas %s -- -a 127.0.0.1 -P %s cat", pid_file(), program,
	    pid_file());
	ck_assert_int_eq(only_child_of(getpid()), master);
	stop(master);
	ck_assert_int_eq(pid_in_file(), 0);
}
END_TEST

START_TEST(superserver_removes_no_pid_file_but_its_own)
{
	pid_t master;
	int port;

	if (NO_PID_FILE)
		return;
	start("-P", pid_file(), "cat", NULL);
	master = started(&port);
	shell("echo 1 >new && mv new pid");
	stop(master);
	ck_assert_int_eq(pid_in_file(), 1);
}
END_TEST

/*
 * Signals and limits
 */

START_TEST(superserver_reloads_while_a_program_goes_on_with_its_client)
{
	pid_t master, server;
	int port, fd, late;

	if (NO_PID_FILE)
		return;
	start("-P", pid_file(), "cat", NULL);
	master = started(&port);
	server = only_child_of(master);
	fd = client(port);
	echoes(fd, "before");
	send_signal(master, SIGHUP);
	echoes(fd, "after");
	late = client(port);
	close(fd);
	echoes(late, "late");
	close(late);
	gone(server);
	ask(port, "new", "new");
	ck_assert_int_ne(only_child_of(master), server);
	ck_assert_int_eq(pid_in_file(), master);
	stop(master);
	ck_assert_int_eq(pid_in_file(), 0);
}
END_TEST

START_TEST(superserver_reloads_without_waiting_for_a_client)
{
	pid_t master, server;
	int port, fd;

	if (cannot_adopt())
		return;
	start("-n", "cat", NULL);
	master = started(&port);
	server = only_child_of(master);
	fd = client(port);
	echoes(fd, "before");
	send_signal(master, SIGHUP);
	reaped(server);
	ask(port, "new", "new");
	echoes(fd, "after");
	close(fd);
	stop(master);
}
END_TEST

START_TEST(superserver_stops_when_the_last_program_has_ended)
{
	pid_t master;
	int port, fd;

	if (NO_PID_FILE)
		return;
	start("-P", pid_file(), "cat", NULL);
	master = started(&port);
	fd = client(port);
	echoes(fd, "before");
	send_signal(master, SIGUSR2);
	echoes(fd, "after");
	ck_assert_int_eq(pid_in_file(), master);
	close(fd);
	stops(master);
	ck_assert_int_eq(pid_in_file(), 0);
}
END_TEST

/* Shell scripts often end their helpers like this. */
START_TEST(superserver_is_not_reached_by_a_program_that_signals_its_group)
{
	pid_t master, server;
	int port, first, second;

	start("sh", "-c", "read -r what && test \"$what\" != kill || kill 0; "
	    "echo \"$what\"; cat", NULL);
	master = started(&port);
	server = only_child_of(master);
	first = client(port);
	echoes(first, "first");
	second = client(port);
	client_says(second, "kill\n");
	ck_assert_pstr_eq(client_hears(second), NULL);
	close(second);
	echoes(first, "again");
	close(first);
	ask(port, "new", "new");
	ck_assert_int_eq(only_child_of(master), server);
	stop(master);
}
END_TEST

START_TEST(superserver_lets_clients_wait_for_a_worker)
{
	struct pollfd second = { -1, POLLIN, 0 };
	pid_t master, server, worker;
	int port, first;

	start("-c", "1", "cat", NULL);
	master = started(&port);
	server = only_child_of(master);
	first = client(port);
	echoes(first, "first");
	worker = only_child_of(server);
	second.fd = client(port);
	client_says(second.fd, "second\n");
	echoes(first, "again");
	ck_assert_int_eq(poll(&second, 1, 0), 0);
	ck_assert_int_eq(only_child_of(server), worker);
	close(first);
	ck_assert_pstr_eq(client_hears(second.fd), "second");
	gone(worker);
	close(second.fd);
	stop(master);
}
END_TEST

/*
 * The command line
 */

START_TEST(superserver_refuses_clients_of_a_source_at_its_limit)
{
	int port, fd, other;
	pid_t master;

	start("-C", "1", "-N", "24,56", "-m", "one at a time", "-K", "60",
	    "-R", "1000/1", "cat", NULL);
	master = started(&port);
	fd = client(port);
	echoes(fd, "hello");
	other = client(port);
	hears(other, "one at a time");
	hears(other, NULL);
	close(other);
	close(fd);
	stop(master);
}
END_TEST

START_TEST(superserver_tells_the_program_the_client_behind_a_proxy)
{
	pid_t master;
	int port, fd;

	start("-H", "127.0.0.0/8", "sh", "-c",
	    "echo $TCPREMOTEIP $TCPREMOTEPORT; cat", NULL);
	master = started(&port);
	fd = client(port);
	client_says(fd, "PROXY TCP4 192.0.2.1 198.51.100.2 4711 80\r\nhello\n");
	hears(fd, "192.0.2.1 4711");
	hears(fd, "hello");
	close(fd);
	stop(master);
	start("-H", "10.0.0.1/8", "cat", NULL);
	fails(2, "unable to set proxy_sources to 10.0.0.1/8: Invalid");
}
END_TEST

START_TEST(superserver_ends_a_program_whose_time_is_over)
{
	pid_t master;
	int port, fd;

	start("-t", "1", "cat", NULL);
	master = started(&port);
	fd = client(port);
	echoes(fd, "hello");
	hears(fd, NULL);
	close(fd);
	stop(master);
}
END_TEST

START_TEST(superserver_refuses_clients_where_all_workers_are_busy)
{
	int port, fd, other;
	pid_t master;

	start("-c", "1", "-r", "-m", "busy", "cat", NULL);
	master = started(&port);
	fd = client(port);
	echoes(fd, "hello");
	other = client(port);
	hears(other, "busy");
	hears(other, NULL);
	close(other);
	close(fd);
	stop(master);
}
END_TEST

START_TEST(superserver_finds_the_program_before_it_starts)
{
	char path[4096];

	shell("echo 'echo hello' >text");
	start("no-such-program", NULL);
	fails(127, "no-such-program: not found");
	start("", NULL);
	fails(127, "not found");
	start("/no/such/program", NULL);
	fails(127, "/no/such/program: No such file");
	start(scratch(), NULL);
	fails(127, "Permission denied");
	snprintf(path, sizeof path, "%s:%s", scratch(), getenv("PATH"));
	setenv("PATH", path, 1);
	start("text", NULL);
	fails(127, "text: not found");
}
END_TEST

START_TEST(superserver_takes_relative_paths_from_where_it_was_started)
{
	static const char *const ways[] = { "./found", "found" };
	pid_t master;
	size_t i;
	int port;

	if (NO_PID_FILE)
		return;
	shell("mkdir bin && printf '#!/bin/sh\\necho found\\n' >bin/found && "
	    "chmod +x bin/found");
	for (i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		shell("cd bin && PATH=no:$PATH: \"$TOP_BUILDDIR\""
		    "/examples/superserver -a 127.0.0.1 -P ../pid %s",
		    ways[i]);
		port = port_in(run.out);
		master = only_child_of(getpid());
		ck_assert_int_eq(pid_in_file(), master);
		ask(port, "", "found");
		stop(master);
		ck_assert_int_eq(pid_in_file(), 0);
	}
}
END_TEST

START_TEST(superserver_shows_its_usage_where_it_is_not_understood)
{
	start("-x", "-f", "cat", NULL);
	fails(2, "usage: superserver ");
	start("-f", NULL);
	fails(2, "usage: superserver ");
	start("-T", "cat", NULL);
	fails(2, "-T has to be the first argument");
	start("-p", "65536", "cat", NULL);
	fails(1, "port 65536");
	start("-p", "-1", "cat", NULL);
	fails(1, "port -1");
}
END_TEST

/* Each option is known, and refuses this value. Nothing starts: the daemon that
 * -k asks about does not run. */
START_TEST(superserver_sets_what_is_named_to_the_value_that_follows)
{
	static const struct {
		const char *name, *good, *bad;
	} settings[] = {
		{ "program_name", "name", "a/b" }, { "foreground", "0", "x" },
		{ "working_directory", ".", "" },
		{ "status_file", "status", "" }, { "thread_check", "0", "-1" },
		{ "start_timeout", "5", "1x" }, { "stop_timeout", "0", "" },
		{ "drain_timeout", "5", "1 " }, { "reload_overlap", "1", "+1" },
		{ "restart_count_max", "5", "99999999999999999999" },
		{ "server_fast_time", "5", "2147483648" },
		{ "server_fast_max", "2147483647", "4294967296" },
		{ "server_hang_max", "5", "-1" }, { "server_tick", "1", "0" },
		{ "worker_count_max", "65536", "65537" },
		{ "worker_spare_count", "5", "65537" },
		{ "worker_time_max", "5", "x" }, { "worker_ask", "1", "x" },
		{ "worker_environment", "0", "x" },
		{ "worker_refuse", "1", "x" },
		{ "source_worker_max", "5", "-1" },
		{ "source_prefix", "24,56", "24,129" },
		{ "accept_rate", "5/1", "5/0" }, { "keepalive", "5", "32768" },
		{ "proxy_sources", "10.0.0.0/8 unix", "10.0.0.1/8" },
		{ "connection_log", "1", "x" },
		{ "logger_name_format", "log.%Y", "log.%" },
		{ "logger_prefix_format", "%s ", "%" },
		{ "logger_size_max", "4294967296", "1k" },
		{ "logger_file_count_max", "5", "-1" },
		{ "logger_total_max", "4294967296", "-1" },
		{ "logger_mode", "0640,0", "0440" },
		{ "logger_link", "link", "" },
		{ "logger_processor", "/bin/gzip", "" },
		{ "logger_drop", "1", "x" }, { "logger_escape", "1", "x" },
		{ "logger_fast_time", "5", "x" }, { "logger_fast_max", "5", "x" }
	};
	char option[128];
	size_t i;

	if (NO_PID_FILE)
		return;
	for (i = 0; i < sizeof settings / sizeof settings[0]; i++) {
		snprintf(option, sizeof option, "%s=%s", settings[i].name,
		    settings[i].good);
		start("-o", option, "-P", pid_file(), "-k", "status", NULL);
		fails(3, "no daemon runs");
		snprintf(option, sizeof option, "%s=%s", settings[i].name,
		    settings[i].bad);
		start("-o", option, "-P", pid_file(), "-k", "status", NULL);
		snprintf(option, sizeof option, "unable to set %s to %s: ",
		    settings[i].name, settings[i].bad);
		fails(2, option);
	}
}
END_TEST

START_TEST(superserver_refuses_values_that_are_not_numbers_or_pairs)
{
	static const char *const wrong[][2] = { { "-c", "0" }, { "-c", "x" },
		{ "-c", "1x" }, { "-c", "" }, { "-C", "-1" }, { "-N", "24" },
		{ "-N", "0,56" }, { "-N", "24,56," }, { "-R", "5" },
		{ "-R", "/1" }, { "-R", "5/86401" }, { "-P", "" } };
	static const char *const unknown[] = { "worker_ask", "worker_ask1",
		"worker_as=1", "worker_asks=1", "=1", "" };
	char line[1025];
	size_t i;

	for (i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		start(wrong[i][0], wrong[i][1], "cat", NULL);
		fails(2, "superserver: unable to set ");
	}
	for (i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
		start("-o", unknown[i], "cat", NULL);
		fails(2, "not a setting and its value");
	}
	memset(line, 'x', sizeof line - 1);
	line[sizeof line - 1] = '\0';
	start("-m", line, "cat", NULL);
	fails(2, "superserver: unable to set refuse_text to xxx");
}
END_TEST

/* All settings in the header, except those for a program that handles
 * connections itself. */
START_TEST(superserver_has_an_option_for_each_setting)
{
	char line[512], name[128];
	const char *from;
	FILE *header;
	int found = 0;

	ck_assert_ptr_nonnull(getenv("TOP_SRCDIR"));
	snprintf(line, sizeof line, "%s/include/daemon.h",
	    getenv("TOP_SRCDIR"));
	ck_assert_ptr_nonnull(header = fopen(line, "r"));
	start(NULL);
	run_wait(&run);
	while (fgets(line, sizeof line, header) != NULL) {
		if (sscanf(line, "int daemon_set_%100[a-z_]", name) != 1 ||
		    strstr(name, "_return_fatal") != NULL ||
		    strcmp(name, "worker_connection_max") == 0)
			continue;
		found++;
		if ((from = strstr(run.err, name)) == NULL ||
		    strchr(" =\n", from[strlen(name)]) == NULL)
			ck_abort_msg("no option for daemon_set_%s()", name);
	}
	fclose(header);
	ck_assert_int_gt(found, 30);
}
END_TEST

START_TEST(superserver_shows_its_options_on_one_screen)
{
	const char *text, *end;
	int lines = 0;

	start(NULL);
	exited(run_wait(&run), 2);
	for (text = run.err; (end = strchr(text, '\n')) != NULL; lines++) {
		ck_assert_int_le(end - text, 80);
		text = end + 1;
	}
	ck_assert_int_le(lines, 24);
}
END_TEST

/*
 * More settings, by a shell script
 */

/* It asks until it gets a name, complains to the log, and finishes even if it
 * gets HUP. */
static const char *
script(void)
{
	static char path[512];
	FILE *file;

	snprintf(path, sizeof path, "%s/greet", scratch());
	ck_assert_ptr_nonnull(file = fopen(path, "w"));
	fputs("#!/bin/sh\n"
	    "trap 'echo bye; exit' HUP\n"
	    "echo \"hello ${TCPREMOTEIP-stranger}, here is $(pwd)\"\n"
	    "while read -r name; do\n"
	    "	test -n \"$name\" && echo \"hello $name\" && continue\n"
	    "	echo 'no name' >&2\n"
	    "	echo again\n"
	    "done\n", file);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(chmod(path, 0755), 0);
	return path;
}

static const char *
in_scratch(const char *name)
{
	static char path[512];

	snprintf(path, sizeof path, "%s/%s", scratch(), name);
	return path;
}

START_TEST(superserver_writes_what_a_script_complains_of_to_a_log)
{
	pid_t master;
	int port, fd;

	start("-L", in_scratch("log.%Y"), "-o", "logger_prefix_format=at %Y: ",
	    "-o", "logger_escape=1", script(), NULL);
	run_succeeds(&run);
	port = port_in(run.out);
	fd = client(port);
	hears(fd, "hello 127.0.0.1, here is /");
	ck_assert_str_eq(answer(fd, ""), "again");
	ck_assert_str_eq(answer(fd, "Ada"), "hello Ada");
	close(fd);
	master = only_child_of(getpid());
	stop(master);
	shell("year=$(date +%%Y) && printf 'at %%s: no name\\n' $year >right && "
	    "cmp right log.$year");
}
END_TEST

START_TEST(superserver_takes_settings_for_a_script_that_knows_its_signals)
{
	char directory[512], said[600];
	pid_t master;
	int port, fd;

	snprintf(directory, sizeof directory, "working_directory=%s",
	    scratch());
	start("-o", directory, "-o", "worker_environment=0", "-o",
	    "worker_ask=1", "-o", "worker_spare_count=2", "-o",
	    "program_name=greeter", script(), NULL);
	master = started(&port);
	fd = client(port);
	snprintf(said, sizeof said, "hello stranger, here is %s", scratch());
	hears(fd, said);
	ck_assert_str_eq(answer(fd, "Ada"), "hello Ada");
	send_signal(master, SIGHUP);
	hears(fd, "bye");
	hears(fd, NULL);
	close(fd);
	stop(master);
	start("-o", "program_name=greeter", "-p", "/x", "cat", NULL);
	fails(1, "greeter: unable to listen on /x: it has no address 127.0");
}
END_TEST

START_TEST(superserver_ends_after_the_restarts_that_it_is_allowed)
{
	pid_t master, server;
	int port, i;

	start("-o", "restart_count_max=1", "-o", "server_fast_time=0", "cat",
	    NULL);
	master = started(&port);
	for (i = 0; i < 2; i++) {
		ask(port, "hello", "hello");
		server = only_child_of(master);
		has_children(server, 0);
		send_signal(server, SIGKILL);
	}
	exited(ended(master), 128 + SIGKILL);
	nothing_left();
}
END_TEST

START_TEST(superserver_replaces_a_server_that_hangs)
{
	pid_t master, server;
	int port;

	/* On a busy machine the server may seem to hang several times. */
	start("-o", "server_hang_max=2", "-o", "stop_timeout=1", "-o",
	    "server_fast_time=0", "cat", NULL);
	master = started(&port);
	server = only_child_of(master);
	stopped(server);
	reaped(server);
	ask(port, "hello", "hello");
	stop(master);
}
END_TEST

START_TEST(superserver_prints_the_number_of_its_port_alone_as_tcpserver_does)
{
	pid_t master;
	int port = 0;

	start("-1", "cat", NULL);
	run_succeeds(&run);
	ck_assert_int_eq(sscanf(run.out, "%d", &port), 1);
	ask(port, "hello", "hello");
	master = only_child_of(getpid());
	stop(master);
}
END_TEST

START_TEST(superserver_listens_on_a_unix_domain_socket)
{
	pid_t master;

	start_example(&run, "superserver", "-p", in_scratch("socket"), "cat",
	    NULL);
	run_succeeds(&run);
	ck_assert_str_eq(run.out, "");
	master = only_child_of(getpid());
	ck_assert_int_eq(access(in_scratch("socket"), F_OK), 0);
	stop(master);
	ck_assert_int_eq(access(in_scratch("socket"), F_OK), -1);
}
END_TEST

/* What systemd passes. */
START_TEST(superserver_listens_on_the_inherited_sockets_of_a_name)
{
	int fd = listen_anywhere(&(int){ 0 }), port = port_of(fd);
	pid_t master;

	fd = dup(fd);	/* so that exec does not close it */
	shell("export LISTEN_FDS=1 LISTEN_FDNAMES=web LISTEN_PID=$$ && "
	    "exec 3<&%d && exec \"$TOP_BUILDDIR\"/examples/superserver "
	    "-p no-such-port -i web cat", fd);
	master = only_child_of(getpid());
	ask(port, "hello", "hello");
	stop(master);
}
END_TEST

START_TEST(superserver_runs_programs_with_another_group_and_root)
{
	char jail[512];
	pid_t master;
	int port;

	if (skip_if(geteuid() != 0, "only root has privileges to drop") ||
	    missing("ldd /bin/cat"))
		return;
	start("-u", "nobody", "-g", "daemon", "id", "-gn", NULL);
	master = started(&port);
	ask(port, "", "daemon");
	stop(master);

	shell("mkdir -m 755 jail && cp -L --parents /bin/cat "
	    "$(ldd /bin/cat | grep -o '/[^ ]*') jail && "
	    "echo 'inside' >jail/motd");
	snprintf(jail, sizeof jail, "%s/jail", scratch());
	start("-u", "nobody", "-j", jail, "/bin/cat", "/motd", NULL);
	master = started(&port);
	ask(port, "", "inside");
	stop(master);
	start("-j", jail, "cat", NULL);
	fails(127, "-j takes an absolute path");
	start("-j", jail, "/bin/sh", NULL);
	fails(127, "jail/bin/sh: No such file");
}
END_TEST

/* A service as an administrator would set it up. */
START_TEST(superserver_serves_a_repository_with_limits_a_log_and_reloads)
{
	char base[128];
	pid_t master;
	int port;

	if (NO_PID_FILE || git_is_missing() || cannot_adopt())
		return;
	set_up_git();
	shell("git init -q project && cd project && echo hello >file && "
	    "git add file && git commit -q -m first");
	snprintf(base, sizeof base, "--base-path=%s", scratch());
	start("-nv", "-P", pid_file(), "-L", in_scratch("log"), "-C5", "-c20",
	    "-R100/1", "-t600", "-K60", "-oserver_hang_max=60", "git",
	    "daemon", "--inetd", "--export-all", base, scratch(), NULL);
	run_succeeds(&run);
	port = port_in(run.out);
	shell("git clone -q git://127.0.0.1:%d/project copy && "
	    "git -C copy fsck", port);
	master = pid_in_file();
	shell("\"$TOP_BUILDDIR\"/examples/superserver -P pid -k reload && "
	    "git -C copy fetch -q && git clone -q git://127.0.0.1:%d/project "
	    "another && cmp project/file another/file", port);
	/* It waits for the last program. */
	shell("\"$TOP_BUILDDIR\"/examples/superserver -P pid -k quit");
	master_ends(master);
	shell("test $(grep -c ' begins with 127.0.0.1:' log) = 3 && "
	    "test $(grep -c ' ended with status 0' log) = 3");
}
END_TEST

int
main(int argc, char *argv[])
{
	const TTest *const tests[] = {
		superserver_makes_a_daemon_of_any_program,
		superserver_runs_programs_as_the_user_that_is_named,
		superserver_leaves_the_options_after_the_program_to_it,
		superserver_tells_the_program_both_ends_of_the_connection,
		superserver_tells_a_program_of_tcpservers_its_client,
		superserver_shows_what_each_process_is,
		superserver_logs_its_connections,
		superserver_shows_its_status_in_a_file,
		superserver_tells_a_program_of_s6_how_many_connections,
		superserver_gives_the_program_nothing_but_the_connection,
		superserver_serves_a_repository_by_git_daemon,
		superserver_serves_files_by_rsync,
		superserver_lets_a_transfer_by_rsync_go_on_when_it_is_signalled,
		superserver_lets_a_session_of_sshd_go_on_when_it_is_signalled,
		superserver_keeps_its_pid_in_a_file_while_it_runs,
		superserver_keeps_its_pid_in_a_file_in_the_foreground_too,
		superserver_leaves_no_pid_file_after_a_failed_start,
		superserver_does_not_start_with_a_descriptor_that_is_not_open,
		superserver_does_not_start_where_it_cannot_keep_its_pid,
		superserver_refuses_the_pid_file_of_another,
		superserver_takes_over_the_pid_file_of_a_daemon_that_was_killed,
		superserver_stops_a_daemon_and_waits_for_its_end,
		superserver_quits_when_the_last_client_has_gone,
		superserver_reloads_and_tells_its_pid,
		superserver_cannot_stop_a_process_that_is_not_the_daemon,
		superserver_asks_nothing_without_a_pid_file,
		superserver_is_started_by_start_stop_daemon_once,
		superserver_removes_no_pid_file_but_its_own,
		superserver_reloads_while_a_program_goes_on_with_its_client,
		superserver_reloads_without_waiting_for_a_client,
		superserver_stops_when_the_last_program_has_ended,
		superserver_is_not_reached_by_a_program_that_signals_its_group,
		superserver_lets_clients_wait_for_a_worker,
		superserver_refuses_clients_of_a_source_at_its_limit,
		superserver_tells_the_program_the_client_behind_a_proxy,
		superserver_ends_a_program_whose_time_is_over,
		superserver_refuses_clients_where_all_workers_are_busy,
		superserver_finds_the_program_before_it_starts,
		superserver_takes_relative_paths_from_where_it_was_started,
		superserver_shows_its_usage_where_it_is_not_understood,
		superserver_sets_what_is_named_to_the_value_that_follows,
		superserver_refuses_values_that_are_not_numbers_or_pairs,
		superserver_has_an_option_for_each_setting,
		superserver_shows_its_options_on_one_screen,
		superserver_writes_what_a_script_complains_of_to_a_log,
		superserver_takes_settings_for_a_script_that_knows_its_signals,
		superserver_ends_after_the_restarts_that_it_is_allowed,
		superserver_replaces_a_server_that_hangs,
		superserver_prints_the_number_of_its_port_alone_as_tcpserver_does,
		superserver_listens_on_a_unix_domain_socket,
		superserver_listens_on_the_inherited_sockets_of_a_name,
		superserver_runs_programs_with_another_group_and_root,
		superserver_serves_a_repository_with_limits_a_log_and_reloads
	};

	program_name = argc > 0 ? argv[0] : "";
	return RUN_TESTS("superserver", tests);
}
