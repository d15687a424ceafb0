/*
 * harness.h - real daemons under test, which leave nothing behind
 *
 * Each test is a process of its own (Check forks it) and the subreaper of all
 * that it starts: a daemon becomes its child, so waitpid(2) tells of its end
 * and nothing can escape. Nothing here sleeps to wait: a program under test
 * tells facts through a pipe, and every wait has the same deadline. Only
 * assertions of the test process itself count.
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
	/* Seconds, for every single wait: long enough for a machine ten times
	 * as slow, so that it only ends what hangs. */
	DEADLINE = 100,
	FACTS = 3,		/* the descriptor down which a program tells facts */
	CHILD_ASSERTED = 98	/* status of a child that failed to assert */
};

/*
 * Check's assertions, for the test process alone. For each one that holds,
 * Check adds a record to a file that the test's children share, and a killed
 * child can leave half a record, which Check cannot read. In a child they leave
 * none; the first one that fails is reported on stderr and ends the child.
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

/* A program that a test has started, as a shell would have. */
struct run {
	pid_t pid;	/* the process started; 0 once it was waited for */
	int facts;	/* here comes what it and its descendants tell() */
	int out_fd;
	int err_fd;
	char *out;	/* what came on stdout and stderr, '\0' at the end: */
	char *err;	/* complete once run_wait() has returned */
	char told[4096];
	size_t told_len;
};

/* Starts program() in a child with pipes as stdout and stderr, /dev/null as
 * stdin and the facts pipe; the child exits 0 if program() returns. */
void run_start(struct run *, void (*program)(void));

/* The same for a command: argv[0] is looked up in PATH. No facts. */
void run_command(struct run *, char *const argv[]);

/* Waits for the started process itself and reads what it wrote until then.
 * Returns its wait status. */
int run_wait(struct run *);

/* Both, for a start that must succeed: asserts exit status 0. */
void run_daemon(struct run *, void (*program)(void));

/* In the program: tells "word number"; tell_pid tells the caller's pid. */
void tell(const char *word, long number);
void tell_pid(const char *word);

/* In the test: the number of the next fact of that word; others that come first
 * are dropped. Fails at the deadline, or when no process is left to tell. */
long heard(struct run *, const char *word);

/* Like heard(), but returns 0 if all that could tell have gone first. */
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

/* Whether it is there and no zombie. */
int running(pid_t pid);

/* Its state as in proc(5): S if it sleeps; 0: there is no such process. */
char state_of(pid_t pid);

/* Waits until it is in that state. */
void becomes(pid_t pid, char state);

/* Waits until it has handled its events and sleeps again. */
void settled(pid_t pid);

/* Sends it SIGSTOP, and waits until it has stopped, or has ended first. */
void stopped(pid_t pid);

/* Asserts that no process of this test is left, zombies included. */
void nothing_left(void);

/* Waits until a process has one child, zombies included; returns it. */
pid_t only_child_of(pid_t pid);

/* Wait until a process has this many children, zombies included, or open
 * descriptors. */
void has_children(pid_t pid, int count);
void has_descriptors(pid_t pid, int count);

/* On a clock that is never set. */
double seconds(void);

/* Between two checks of a state that no event announces; the first sets since,
 * which was 0. Fails at the deadline. */
void look_again(long *since, const char *what);

/* The port that a process listens on with IPv4, or 0. */
int port_of_process(pid_t pid);

/* The port of an IPv4 or IPv6 socket. */
int port_of(int fd);

/* How many descriptors a process has open. */
int descriptors_of(pid_t pid);

/* The text of that word's line in /proc/PID/status; the target of a link in
 * /proc/PID, "" if there is none. Valid until the next call. */
const char *status_of(pid_t pid, const char *word);
const char *link_of(pid_t pid, const char *name);
const char *link_of_fd(pid_t pid, int fd);
/* Whether the set of signals on that line of its status has signo. */
int has_signal(pid_t pid, const char *word, int signo);

/* kill(2) that refuses pids below 2 and asserts that it worked. */
void send_signal(pid_t pid, int signo);

/* For what is checked thousands of times: an assertion of Check's leaves a
 * record each time that it holds. */
#define hold(condition, ...) \
	do { \
		if (!(condition)) \
			ck_abort_msg(__VA_ARGS__); \
	} while (0)

/* If the texts differ, or part is not in text, fails and prints both. */
void says(const char *text, const char *part);

/* A port that the kernel chose and gives to no other test until this one ends,
 * even while nobody listens there: a socket stays bound to it. */
int reserve_port(void);

/* A listening socket at such a port of 127.0.0.1. */
int listen_anywhere(int *port);

/* Clients. A connect that must succeed, perhaps from this address; those that
 * say whether they did. */
int client(int port);
int connect_from(const char *address, int port);
int client_if(int port);
int connect_if(const struct sockaddr *addr, socklen_t len);
/* Waits until a connection is refused. */
void nobody_listens(int port);
void client_says(int fd, const char *text);
/* The next line without its newline; NULL at end of file or reset. The
 * text is valid until the next call. */
const char *client_hears(int fd);
/* That line comes next; NULL: the end. */
void hears(int fd, const char *line);
/* The answer to a line, which must come; and one that is the line itself. */
const char *answer(int fd, const char *line);
void echoes(int fd, const char *line);
/* Whether nothing has come; whether nothing comes within this many ms. */
int silent(int fd);
int silent_for(int fd, int ms);
/* Closes the connection so that the other side sees a reset. */
void reset(int fd);
/* One line there and one back, on a connection of its own. */
void ask(int port, const char *line, const char *answer);

/* Memory that it shares with the programs that it starts. */
void *shared_memory(size_t size);

/* Of this process: no signal is blocked; whether two sets are the same. */
void unblock_all(void);
int same_set(const sigset_t *a, const sigset_t *b);

/* Whether there is a file of that name. */
int exists(const char *name);

/* TZ. */
void set_time_zone(const char *zone);

/* A new empty directory, removed with all it holds after the test. */
const char *scratch(void);

/* From now on this system call fails with that error, here and in children;
 * argument: only if that argument is value; -1: always. Returns whether it
 * does: the kernel may not support filters. */
int forbid_call(long call, int argument, unsigned value, int error);

/* From now on nothing reaches this socket: it acknowledges nothing, as if its
 * machine were gone. The second leaves the test out where that is not allowed. */
void become_deaf(int fd);
int cannot_become_deaf(void);

/* Leaves the test out, and says why where tools/check.sh counts it:
 * if (skip_if(cond, "why")) return; */
int skip_if(int cond, const char *why);
/* The same, if this command fails; and if orphans cannot be adopted. */
int missing(const char *command);
int cannot_adopt(void);

/* Runs the tests, several at a time, since they mostly wait; TEST_PARTS in the
 * environment says how many. Each is a case of its own name, with the fixtures
 * that make the above true. Returns main()'s status. */
int run_tests(const char *name, const TTest *const *tests, int count);

#define RUN_TESTS(name, tests) \
	run_tests(name, tests, (int)(sizeof tests / sizeof tests[0]))

#endif
