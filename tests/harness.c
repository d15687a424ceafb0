/*
 * harness.c - real daemons under test, which leave nothing behind
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#ifdef HAVE_SYS_PRCTL_H
#include <sys/prctl.h>
#endif
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stddef.h>
#include <time.h>

#include "harness.h"

enum {
	CHILDREN_MAX = 1024,	/* of a process, that can be counted */
	PORTS_KEPT = 16,
	ABOVE_OTHERS = 400,	/* descriptors */
	LISTENING = 0x0a	/* the state in /proc/net/tcp */
};

/* The output of the last program that has ended. */
static char last_err[1024];

double
seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

void
set_time_zone(const char *zone)
{
	ck_assert_int_eq(setenv("TZ", zone, 1), 0);
	tzset();
}

/* A short pause between two checks of a state that no event announces. */
static void
rest(void)
{
	poll(NULL, 0, 2);
}

/*
 * Programs
 */

static void
pipe_to(int *read_end, int *write_end)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	*read_end = fcntl(ends[0], F_DUPFD_CLOEXEC, 10);
	*write_end = fcntl(ends[1], F_DUPFD_CLOEXEC, 10);
	close(ends[0]);
	close(ends[1]);
}

/* Each socket keeps a port for this test. */
static int port_keepers[PORTS_KEPT];

static void
leave_ports(void)
{
	int i;

	for (i = 0; i < PORTS_KEPT; i++)
		if (port_keepers[i] > 0)
			close(port_keepers[i]);
}

static void
spawn(struct run *run, void (*program)(void), char *const argv[])
{
	static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM,
		SIGUSR1, SIGUSR2, SIGCHLD, SIGPIPE, SIGALRM };
	int out, err, facts, null;
	size_t i;

	memset(run, 0, sizeof *run);
	pipe_to(&run->out_fd, &out);
	pipe_to(&run->err_fd, &err);
	pipe_to(&run->facts, &facts);
	fflush(NULL);
	if ((run->pid = fork()) == 0) {
		/* Check has handlers, which would end the test. */
		for (i = 0; i < sizeof signals / sizeof signals[0]; i++)
			signal(signals[i], SIG_DFL);
		null = open("/dev/null", O_RDWR);
		dup2(null, 0);
		dup2(out, 1);
		dup2(err, 2);
		dup2(facts, FACTS);
		if (program != NULL) {
			close(null);
			close(out);
			close(err);
			close(facts);
			close(run->out_fd);
			close(run->err_fd);
			close(run->facts);
			leave_ports();
			program();
			exit(0);
		}
		close(FACTS);
		execvp(argv[0], argv);
		perror(argv[0]);
		_exit(127);
	}
	ck_assert_int_gt(run->pid, 0);
	close(out);
	close(err);
	close(facts);
}

void
run_start(struct run *run, void (*program)(void))
{
	spawn(run, program, NULL);
}

void
run_command(struct run *run, char *const argv[])
{
	spawn(run, NULL, argv);
}

/* Appends what can be read; returns whether there may be more. */
static int
gather(int fd, char **text, size_t *len)
{
	char buf[65536];
	ssize_t n;

	if ((n = read(fd, buf, sizeof buf)) <= 0)
		return n == -1 && (errno == EAGAIN || errno == EINTR);
	*text = realloc(*text, *len + (size_t)n + 1);
	memcpy(*text + *len, buf, (size_t)n);
	*len += (size_t)n;
	(*text)[*len] = '\0';
	return 1;
}

int
run_wait(struct run *run)
{
	double deadline = seconds() + DEADLINE;
	size_t out_len = 0, err_len = 0;
	struct pollfd fds[2];
	int status = 0, over = 0;

	run->out = calloc(1, 1);
	run->err = calloc(1, 1);
	fcntl(run->out_fd, F_SETFL, O_NONBLOCK);
	fcntl(run->err_fd, F_SETFL, O_NONBLOCK);
	fds[0].fd = run->out_fd;
	fds[1].fd = run->err_fd;
	fds[0].events = fds[1].events = POLLIN;
	/* Does not wait for end of file: a process that the program has left
	 * may hold the pipes. One more read after the program's end gets all
	 * that it wrote. */
	while (!over) {
		over = waitpid(run->pid, &status, WNOHANG) == run->pid;
		if (!over)
			poll(fds, 2, 5);
		while (fds[0].fd >= 0 && poll(&fds[0], 1, 0) == 1)
			if (!gather(run->out_fd, &run->out, &out_len))
				fds[0].fd = -1;
		while (fds[1].fd >= 0 && poll(&fds[1], 1, 0) == 1)
			if (!gather(run->err_fd, &run->err, &err_len))
				fds[1].fd = -1;
		ck_assert_msg(over || seconds() < deadline,
		    "the program did not end; stderr: %s", run->err);
	}
	snprintf(last_err, sizeof last_err, "%s", run->err);
	run->pid = 0;
	close(run->out_fd);
	close(run->err_fd);
	return status;
}

void
run_daemon(struct run *run, void (*program)(void))
{
	run_start(run, program);
	exited(run_wait(run), 0);
}

/*
 * Facts
 */

void
tell(const char *word, long number)
{
	char line[128];
	int len;

	len = snprintf(line, sizeof line, "%s %ld\n", word, number);
	if (write(FACTS, line, (size_t)len) != len)
		_exit(99);
}

void
tell_pid(const char *word)
{
	tell(word, (long)getpid());
}

int
heard_if(struct run *run, const char *word, long *number)
{
	double deadline = seconds() + DEADLINE;
	struct pollfd pfd = { run->facts, POLLIN, 0 };
	size_t len, word_len = strlen(word);
	char *end;
	int match;
	ssize_t n;

	for (;;) {
		while ((end = memchr(run->told, '\n', run->told_len)) != NULL) {
			*end = '\0';
			match = strncmp(run->told, word, word_len) == 0 &&
			    run->told[word_len] == ' ';
			if (match)
				*number = atol(run->told + word_len);
			len = (size_t)(end + 1 - run->told);
			run->told_len -= len;
			memmove(run->told, end + 1, run->told_len);
			if (match)
				return 1;
		}
		ck_assert_msg(seconds() < deadline, "no process told \"%s\"", word);
		if (poll(&pfd, 1, 100) != 1)
			continue;
		n = read(run->facts, run->told + run->told_len,
		    sizeof run->told - run->told_len);
		if (n == 0)
			return 0;
		ck_assert_int_gt(n, 0);
		run->told_len += (size_t)n;
	}
}

long
heard(struct run *run, const char *word)
{
	long number = 0;

	ck_assert_msg(heard_if(run, word, &number),
	    "all have gone, and none told \"%s\"", word);
	return number;
}

/*
 * Processes
 */

void
look_again(long *since, const char *what)
{
	long ms = (long)(seconds() * 1000);

	poll(NULL, 0, 1);
	if (*since == 0)
		*since = ms;
	ck_assert_msg(ms - *since < DEADLINE * 1000L,
	    "waited in vain for %s", what);
}

int
ended(pid_t pid)
{
	double deadline = seconds() + DEADLINE;
	int status;
	pid_t got;

	ck_assert_int_gt(pid, 1);
	while ((got = waitpid(pid, &status, WNOHANG)) == 0 ||
	    (got == -1 && errno == ECHILD && kill(pid, 0) == 0)) {
		/* ECHILD: it becomes ours only when its parent has ended. */
		ck_assert_msg(seconds() < deadline, "process %ld does not end",
		    (long)pid);
		rest();
	}
	ck_assert_msg(got == pid, "process %ld is not ours", (long)pid);
	return status;
}

void
exited(int wait_status, int status)
{
	ck_assert_msg(WIFEXITED(wait_status) &&
	    WEXITSTATUS(wait_status) == status,
	    "wait status %#x, not exit status %d; stderr: %s", wait_status,
	    status, last_err);
}

char
state_of(pid_t pid)
{
	return read_state(pid, NULL);
}

void
becomes(pid_t pid, char state)
{
	long since = 0;

	while (state_of(pid) != state)
		look_again(&since, "a process to be in a state");
}

void
stopped(pid_t pid)
{
	long since = 0;

	send_signal(pid, SIGSTOP);
	while (state_of(pid) != 'T' && running(pid))
		look_again(&since, "a process to be stopped");
}

void
settled(pid_t pid)
{
	long since = 0;

	while (state_of(pid) != 'S') {
		ck_assert_msg(running(pid), "process %ld has ended",
		    (long)pid);
		look_again(&since, "a process to wait");
	}
}

int
running(pid_t pid)
{
	char state = state_of(pid);

	ck_assert_int_gt(pid, 1);
	return state != 0 && state != 'Z' && state != 'X';
}

void
gone(pid_t pid)
{
	double deadline = seconds() + DEADLINE;

	while (running(pid)) {
		ck_assert_msg(seconds() < deadline, "process %ld stays",
		    (long)pid);
		rest();
	}
}

void
reaped(pid_t pid)
{
	long since = 0;

	while (kill(pid, 0) == 0)
		look_again(&since, "a process to be reaped");
	ck_assert_int_eq(errno, ESRCH);
}

void
has_children(pid_t pid, int count)
{
	pid_t pids[CHILDREN_MAX];
	char what[64];
	long since = 0;

	ck_assert_int_lt(count, CHILDREN_MAX);
	snprintf(what, sizeof what, "%d children of %ld", count, (long)pid);
	while (children_of(pid, pids, CHILDREN_MAX) != count)
		look_again(&since, what);
}

void
has_descriptors(pid_t pid, int count)
{
	char what[64];
	long since = 0;

	snprintf(what, sizeof what, "%d descriptors of %ld", count,
	    (long)pid);
	while (descriptors_of(pid) != count)
		look_again(&since, what);
}

const char *
status_of(pid_t pid, const char *word)
{
	static char line[256];
	size_t len = strlen(word);
	char name[64];
	int found = 0;
	FILE *file;

	snprintf(name, sizeof name, "/proc/%ld/status", (long)pid);
	ck_assert_ptr_nonnull(file = fopen(name, "r"));
	while (!found && fgets(line, sizeof line, file) != NULL)
		found = strncmp(line, word, len) == 0 && line[len] == ':';
	fclose(file);
	ck_assert_msg(found, "no %s in %s", word, name);
	return line + len + 1;
}

int
has_signal(pid_t pid, const char *word, int signo)
{
	return strtoull(status_of(pid, word), NULL, 16) >> (signo - 1) & 1;
}

const char *
link_of(pid_t pid, const char *name)
{
	static char target[PATH_MAX];
	char path[64];
	ssize_t len;

	snprintf(path, sizeof path, "/proc/%ld/%s", (long)pid, name);
	len = readlink(path, target, sizeof target - 1);
	target[len > 0 ? len : 0] = '\0';
	return target;
}

const char *
link_of_fd(pid_t pid, int fd)
{
	char name[32];

	snprintf(name, sizeof name, "fd/%d", fd);
	return link_of(pid, name);
}

pid_t
only_child_of(pid_t pid)
{
	pid_t pids[2];
	long since = 0;

	while (children_of(pid, pids, 2) != 1)
		look_again(&since, "a process to have one child");
	return pids[0];
}

int
descriptors_of(pid_t pid)
{
	char path[64];
	int count = 0;
	DIR *dir;

	snprintf(path, sizeof path, "/proc/%ld/fd", (long)pid);
	ck_assert_ptr_nonnull(dir = opendir(path));
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count - 2;
}

void
nothing_left(void)
{
	double deadline = seconds() + DEADLINE;
	pid_t got;
	int status;

	/* The last ones may be just ending, which is waited for. */
	for (;;) {
		while ((got = waitpid(-1, &status, WNOHANG)) > 0)
			;
		if (got == -1)
			break;
		ck_assert_msg(seconds() < deadline, "a process is left");
		rest();
	}
	ck_assert_int_eq(errno, ECHILD);
}

void
send_signal(pid_t pid, int signo)
{
	ck_assert_int_gt(pid, 1);
	ck_assert_msg(kill(pid, signo) == 0, "kill(%ld, %d): %s", (long)pid,
	    signo, strerror(errno));
}

int
forbid_call(long call, int argument, unsigned value, int error)
{
	unsigned from = argument == -1 ? offsetof(struct seccomp_data, nr) :
	    offsetof(struct seccomp_data, args[argument]) +
	    (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? sizeof(int) : 0);
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, from),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
		    argument == -1 ? (unsigned)call : value, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
	};
	struct sock_fprog program = { sizeof code / sizeof code[0], code };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static int
drop_all(int fd)
{
	struct sock_filter drop = { .code = BPF_RET | BPF_K, .k = 0 };
	struct sock_fprog filter = { .len = 1, .filter = &drop };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter,
	    sizeof filter);
}

void
become_deaf(int fd)
{
	ck_assert_int_eq(drop_all(fd), 0);
}

int
cannot_become_deaf(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), result;

	ck_assert_int_ge(fd, 0);
	result = drop_all(fd);
	close(fd);
	return skip_if(result == -1,
	    "the kernel lets only root filter what a socket gets");
}

int
same_set(const sigset_t *a, const sigset_t *b)
{
	int signo;

	for (signo = 1; signo < NSIG; signo++)
		if (sigismember(a, signo) != sigismember(b, signo))
			return 0;
	return 1;
}

void
unblock_all(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

void *
shared_memory(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(at, MAP_FAILED);
	return at;
}

int
exists(const char *name)
{
	struct stat file;

	return lstat(name, &file) == 0;
}

/*
 * Texts
 */

void
says(const char *text, const char *part)
{
	ck_assert_msg(text != NULL && strstr(text, part) != NULL,
	    "\"%s\" does not say \"%s\"", text, part);
}

/*
 * Clients
 */

static struct sockaddr_in
loopback(int port)
{
	struct sockaddr_in addr;

	memset(&addr, 0, sizeof addr);
	addr.sin_family = AF_INET;
	addr.sin_port = htons((unsigned short)port);
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return addr;
}

/* Others that do not listen may be bound to its address, too. */
static int
bind_shared(int fd, const void *addr, socklen_t len)
{
	int on = 1;

	return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 ?
	    bind(fd, addr, len) : -1;
}

/* Bound to a port in IPv4 and IPv6, if the machine has both. */
static int
keep_port(void)
{
	struct sockaddr_in6 all = { .sin6_family = AF_INET6 };
	struct sockaddr_in addr = loopback(0);
	int off = 0, fd = socket(AF_INET6, SOCK_STREAM, 0);

	if (fd != -1 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off,
	    sizeof off) == 0 && bind_shared(fd, &all, sizeof all) == 0)
		return fd;
	if (fd != -1)
		close(fd);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind_shared(fd, &addr, sizeof addr), 0);
	return fd;
}

int
reserve_port(void)
{
	static int next;
	int fd = keep_port(), *keeper = &port_keepers[next++ % PORTS_KEPT];

	if (*keeper > 0)
		close(*keeper);
	*keeper = fcntl(fd, F_DUPFD_CLOEXEC, ABOVE_OTHERS);
	ck_assert_int_ge(*keeper, 0);
	close(fd);
	return port_of(*keeper);
}

int
listen_anywhere(int *port)
{
	struct sockaddr_in addr = loopback(*port = reserve_port());
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind_shared(fd, &addr, sizeof addr), 0);
	ck_assert_int_eq(listen(fd, SOMAXCONN), 0);
	return fd;
}

int
connect_if(const struct sockaddr *addr, socklen_t len)
{
	struct timeval limit = { DEADLINE, 0 };
	int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	if (connect(fd, addr, len) == 0)
		return fd;
	close(fd);
	return -1;
}

int
client_if(int port)
{
	struct sockaddr_in addr = loopback(port);

	return connect_if((struct sockaddr *)&addr, sizeof addr);
}

int
client(int port)
{
	int fd = client_if(port);

	ck_assert_msg(fd >= 0, "connect to port %d: %s", port,
	    strerror(errno));
	return fd;
}

int
connect_from(const char *address, int port)
{
	struct timeval limit = { DEADLINE, 0 };
	struct sockaddr_in from = { .sin_family = AF_INET };
	struct sockaddr_in to = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	ck_assert_int_eq(inet_pton(AF_INET, address, &from.sin_addr), 1);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&from, sizeof from), 0);
	to.sin_port = htons((in_port_t)port);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	return fd;
}

void
nobody_listens(int port)
{
	long since = 0;
	int fd;

	while ((fd = client_if(port)) != -1 || errno != ECONNREFUSED) {
		if (fd != -1)
			close(fd);
		look_again(&since, "a connection to be refused");
	}
}

void
client_says(int fd, const char *text)
{
	ssize_t len = (ssize_t)strlen(text);

	ck_assert_int_eq(send(fd, text, (size_t)len, MSG_NOSIGNAL), len);
}

const char *
client_hears(int fd)
{
	static char line[65536];
	size_t len = 0;
	ssize_t n;

	while (len < sizeof line - 1) {
		n = read(fd, line + len, 1);
		ck_assert_msg(n >= 0 || errno == ECONNRESET,
		    "no answer: %s", strerror(errno));
		if (n <= 0 && len == 0)
			return NULL;
		if (n <= 0 || line[len] == '\n')
			break;
		len++;
	}
	line[len] = '\0';
	return line;
}

void
hears(int fd, const char *line)
{
	ck_assert_pstr_eq(client_hears(fd), line);
}

const char *
answer(int fd, const char *line)
{
	char *words = malloc(strlen(line) + 2);
	const char *text;

	/* In one write: a second half would wait for an acknowledgement. */
	sprintf(words, "%s\n", line);
	client_says(fd, words);
	free(words);
	text = client_hears(fd);
	ck_assert_msg(text != NULL, "no answer to \"%s\"", line);
	return text;
}

void
echoes(int fd, const char *line)
{
	ck_assert_str_eq(answer(fd, line), line);
}

int
silent_for(int fd, int ms)
{
	struct pollfd one = { .fd = fd, .events = POLLIN };

	return poll(&one, 1, ms) == 0;
}

int
silent(int fd)
{
	return silent_for(fd, 0);
}

void
reset(int fd)
{
	struct linger at_once = { 1, 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	close(fd);
}

void
ask(int port, const char *line, const char *answer)
{
	int fd = client(port);

	client_says(fd, line);
	client_says(fd, "\n");
	ck_assert_pstr_eq(client_hears(fd), answer);
	close(fd);
}

/*
 * Ports that the kernel has chosen, of programs that do not print them
 */

/* The port of the listening socket with that inode; 0: there is none. */
static int
port_of_inode(const char *tcp, unsigned long wanted)
{
	unsigned long inode;
	unsigned number, state;
	int found = 0;
	char line[512];
	FILE *file;

	if ((file = fopen(tcp, "r")) == NULL)
		return 0;
	while (found == 0 && fgets(line, sizeof line, file) != NULL)
		if (sscanf(line, " %*d: %*[^:]:%x %*s %x %*s %*s %*s %*s "
		    "%*s %lu", &number, &state, &inode) == 3 &&
		    state == LISTENING && inode == wanted)
			found = (int)number;
	fclose(file);
	return found;
}

/* The inode of the socket that a descriptor's link names; 0: it is not one. */
static unsigned long
inode_in(const char *dir, const char *name)
{
	char path[PATH_MAX], target[128];
	unsigned long inode;
	ssize_t len;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	if ((len = readlink(path, target, sizeof target - 1)) <= 0)
		return 0;
	target[len] = '\0';
	return sscanf(target, "socket:[%lu]", &inode) == 1 ? inode : 0;
}

int
port_of(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} addr;
	socklen_t len = sizeof addr;

	ck_assert_int_eq(getsockname(fd, &addr.any, &len), 0);
	return ntohs(addr.any.sa_family == AF_INET6 ? addr.v6.sin6_port :
	    addr.v4.sin_port);
}

int
port_of_process(pid_t pid)
{
	struct dirent *entry;
	unsigned long inode;
	char path[64];
	int found = 0;
	DIR *dir;

	snprintf(path, sizeof path, "/proc/%ld/fd", (long)pid);
	if ((dir = opendir(path)) == NULL)
		return 0;
	while (found == 0 && (entry = readdir(dir)) != NULL)
		if ((inode = inode_in(path, entry->d_name)) != 0)
			found = port_of_inode("/proc/net/tcp", inode);
	closedir(dir);
	return found;
}
