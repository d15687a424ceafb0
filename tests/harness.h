/*
 * harness.h - real daemons under test, which leave nothing behind
 *
 * Each test is a process of its own (Check forks it) and the subreaper of all
 * that it starts: a daemon becomes its child, so waitpid(2) reports its end and
 * no process escapes. No wait is a sleep: a program under test tells facts
 * through a pipe, and all waits have the same deadline. Only assertions of the
 * test process itself count.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef HAVE_SYS_PRCTL_H
#include <sys/prctl.h>
#endif

#include "daemon.h"
#include "keeper.h"

#define COUNT(array)	((int)(sizeof(array) / sizeof((array)[0])))

/* Whether the library can adopt orphans here. */
#if defined(HAVE_PRCTL) && defined(PR_SET_CHILD_SUBREAPER)
enum { ADOPTING = 1 };
#else
enum { ADOPTING = 0 };
#endif

enum {
	/* Seconds, for each wait: enough for a machine ten times as slow, so it
	 * ends only what hangs. */
	DEADLINE = 100,
	FACTS = 3,		/* where a program tells facts */
	CHILD_ASSERTED = 98	/* status of a child with a failed assertion */
};

/*
 * Check's assertions. For each one that holds, Check adds a record to a file
 * that the test's children share; a killed child can leave half a record, which
 * Check cannot read. So in a child they leave none, and the first one that
 * fails is reported on stderr and ends the child.
 */
#undef ck_assert_msg
#define ck_assert_msg(expr, ...) \
	((expr) ? assertion_holds(__FILE__, __LINE__) : \
	    assertion_fails(__FILE__, __LINE__, \
	    "Assertion '" #expr "' failed", __VA_ARGS__))
#undef ck_abort_msg
#define ck_abort_msg(...) \
	assertion_fails(__FILE__, __LINE__, "Failed", __VA_ARGS__)

void assertion_holds(const char *file, int line);
void assertion_fails(const char *file, int line, const char *assertion,
    const char *format, ...)
	__attribute__((noreturn, format(printf, 4, 5)));

/* A program that a test has started, as from a shell. */
struct run {
	pid_t pid;	/* the process started; 0 once it has been waited for */
	int facts;	/* what it and its descendants tell() arrives here */
	int out_fd;
	int err_fd;
	char *out;	/* its stdout and stderr, which end with '\0': */
	char *err;	/* complete once run_wait() has returned */
	char told[4096];
	size_t told_len;
};

/* Starts program() in a child, with pipes as stdout and stderr, /dev/null as
 * stdin, and the facts pipe. The child exits with 0 if program() returns. */
void run_start(struct run *, void (*program)(void));

/* The same for a command, which tells no facts: argv[0] is looked up in
 * PATH. */
void run_command(struct run *, char *const argv[]);

/* Waits for the started process only, and reads what it has written. Returns
 * its wait status. */
int run_wait(struct run *);

/* Both, for a start that must succeed: asserts exit status 0. */
void run_daemon(struct run *, void (*program)(void));

/* In the program: tells "word number"; tell_pid tells the caller's pid. */
void tell(const char *word, long number);
void tell_pid(const char *word);

/* In the test: the number in the next fact of that word; facts before it are
 * dropped. Fails at the deadline, or if no process is left that could tell
 * it. */
long heard(struct run *, const char *word);

/* As heard(), but returns 0 if no process is left that could tell it. */
int heard_if(struct run *, const char *word, long *number);

/* Waits for the end of an adopted process (a master, or an orphan).
 * Returns its wait status. */
int ended(pid_t pid);

/* Asserts that this wait status is that exit status. */
void exited(int wait_status, int status);

/* Waits until the process no longer runs (it is gone, or a zombie). */
void gone(pid_t pid);

/* Waits until its parent has reaped it. */
void reaped(pid_t pid);

/* Whether it exists and is not a zombie. */
int running(pid_t pid);

/* Its state in proc(5), for example S: it sleeps; 0: there is no such
 * process. */
char state_of(pid_t pid);

/* Waits until it is in that state. */
void becomes(pid_t pid, char state);

/* Waits until it has handled its events and sleeps again. */
void settled(pid_t pid);

/* Sends it SIGSTOP, and waits until it has stopped, or ended before that. */
void stopped(pid_t pid);

/* Asserts that no process of this test is left, zombies included. */
void nothing_left(void);

/* Waits until a process has one child, zombies included; returns it. */
pid_t only_child_of(pid_t pid);

/* Wait until a process has this many children, zombies included, or open
 * descriptors. */
void has_children(pid_t pid, int count);
void has_descriptors(pid_t pid, int count);

/* By a clock that is never set. */
double seconds(void);

/* Waits between two checks of a state that no event announces. The first call
 * sets since, which must be 0. Fails at the deadline. */
void look_again(long *since, const char *what);

/* The port that a process listens on with IPv4, or 0. */
int port_of_process(pid_t pid);

/* The port of an IPv4 or IPv6 socket. */
int port_of(int fd);

/* How many descriptors a process has open. */
int descriptors_of(pid_t pid);

/* The text in the line of that word in /proc/PID/status; the target of a link
 * in /proc/PID, "" if there is none. Valid until the next call. */
const char *status_of(pid_t pid, const char *word);
const char *link_of(pid_t pid, const char *name);
const char *link_of_fd(pid_t pid, int fd);
/* Whether that line of its status, a set of signals, has signo. */
int has_signal(pid_t pid, const char *word, int signo);

/* kill(2); refuses pids below 2 and asserts success. */
void send_signal(pid_t pid, int signo);

/* For conditions that are checked thousands of times: Check leaves a record of
 * each assertion that holds. */
#define hold(condition, ...) \
	do { \
		if (!(condition)) \
			ck_abort_msg(__VA_ARGS__); \
	} while (0)

/* Unless the texts are equal, or part is in text, fails and prints both. */
void says(const char *text, const char *part);

/* A port that the kernel gives to no other test until this one ends, even while
 * nothing listens on it: a socket stays bound to it. */
int reserve_port(void);

/* A socket listening on such a port of 127.0.0.1. */
int listen_anywhere(int *port);

/* Clients. The first two must succeed, the second connects from this address;
 * the others return -1 if they are refused. */
int client(int port);
int connect_from(const char *address, int port);
int client_if(int port);
int connect_if(const struct sockaddr *addr, socklen_t len);
/* Waits until a connection is refused. */
void nobody_listens(int port);
void client_says(int fd, const char *text);
/* The next line without its newline; NULL: end of file, or reset. Valid until
 * the next call. */
const char *client_hears(int fd);
/* Asserts that this is the next line; NULL: end of file. */
void hears(int fd, const char *line);
/* The answer to a line, which must come; asserts that it is the line itself. */
const char *answer(int fd, const char *line);
void echoes(int fd, const char *line);
/* Whether nothing has come; whether nothing comes for this many ms. */
int silent(int fd);
int silent_for(int fd, int ms);
/* Closes the connection so that the other side gets a reset. */
void reset(int fd);
/* Sends a line and asserts the answer, on a new connection. */
void ask(int port, const char *line, const char *answer);

/* Memory shared with the programs that it starts. */
void *shared_memory(size_t size);

/* Unblocks all signals of this process; whether two sets are the same. */
void unblock_all(void);
int same_set(const sigset_t *a, const sigset_t *b);

/* Whether a file of that name exists. */
int exists(const char *name);

void set_time_zone(const char *zone);

/* A new empty directory, which is removed with its contents after the test. */
const char *scratch(void);

/* From now on this system call fails with that error, here and in children;
 * argument: only if that argument has this value; -1: always. Returns whether
 * it does: the kernel may have no filters. */
int forbid_call(long call, int argument, unsigned value, int error);

/* From now on nothing reaches this socket: it acknowledges nothing, as if its
 * machine were gone. The second call leaves the test out if that is not
 * allowed. */
void become_deaf(int fd);
int cannot_become_deaf(void);

/* Leaves the test out, and says why where tools/check.sh counts it: if
 * (skip_if(cond, "why")) return; */
int skip_if(int cond, const char *why);
/* The same, if this command fails; if orphans cannot be adopted. */
int missing(const char *command);
int cannot_adopt(void);

/* Runs the tests; several at a time, since they mostly wait. TEST_PARTS in the
 * environment says how many. Each is a case of its own name, in a process
 * prepared as described above. Returns main()'s status. */
int run_tests(const char *name, const TTest *const *tests, int count);

#define RUN_TESTS(name, tests) \
	run_tests(name, tests, (int)(sizeof tests / sizeof tests[0]))

#endif
