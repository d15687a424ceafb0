/*
 * finger-before.c - a finger server (RFC 1288): one client after another
 *
 *     finger-before [port [homes]]
 *
 * An empty query lists the accounts that can log in; a name shows its full
 * name and plan, and with "/W" more. Queries are not forwarded to other
 * machines. The default port is 7009; 0: a free one. homes is an absolute path
 * that is put before those of the home directories.
 *
 * SPDX-License-Identifier: ISC
 */
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum {
	MAX_QUERY = 512,
	MAX_PLAN = 65536	/* bytes shown */
};

static const char *homes = "";

/*
 * Output: by section 3.3 clients drop everything except printable ASCII, tabs
 * and line ends, but some do not
 */

static void
put_char(FILE *out, int c)
{
	if (c == '\n')
		fputs("\r\n", out);
	else if (c == '\t' || (c >= ' ' && c <= '~'))
		putc(c, out);
}

static void
put(FILE *out, const char *text)
{
	while (*text != '\0')
		put_char(out, (unsigned char)*text++);
}

static void
put_field(FILE *out, const char *name, const char *value)
{
	put(out, name);
	put(out, value);
	put(out, "\n");
}

/*
 * Accounts
 */

static const char *
full_name(struct passwd *account)
{
	account->pw_gecos[strcspn(account->pw_gecos, ",")] = '\0';
	return account->pw_gecos;
}

static int
can_log_in(const struct passwd *account)
{
	const char *shell;

	setusershell();
	do
		shell = getusershell();
	while (shell != NULL && strcmp(shell, account->pw_shell) != 0);
	endusershell();
	return shell != NULL;
}

/* Only files of the user that everyone may read: this process may be allowed to
 * read more, and a link could point there. A FIFO would block the server. */
static FILE *
open_plan(const struct passwd *account)
{
	char path[PATH_MAX];
	struct stat st;
	int fd;

	if (snprintf(path, sizeof path, "%s%s/.plan", homes,
	    account->pw_dir) >= (int)sizeof path)
		return NULL;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1)
		return NULL;
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) ||
	    st.st_uid != account->pw_uid || !(st.st_mode & S_IROTH)) {
		close(fd);
		return NULL;
	}
	return fdopen(fd, "r");
}

static void
put_plan(FILE *out, const struct passwd *account)
{
	FILE *plan = open_plan(account);
	int c, last = '\n', left = MAX_PLAN;

	if (plan == NULL) {
		put(out, "No plan.\n");
		return;
	}
	put(out, "Plan:\n");
	for (; left > 0 && (c = getc(plan)) != EOF; left--) {
		put_char(out, c);
		last = c;
	}
	if (last != '\n')
		put(out, "\n");
	fclose(plan);
}

/*
 * Queries
 */

static void
list_accounts(FILE *out)
{
	struct passwd *account;

	setpwent();
	while ((account = getpwent()) != NULL)
		if (can_log_in(account)) {
			put(out, account->pw_name);
			put_field(out, "\t", full_name(account));
		}
	endpwent();
}

static void
show_account(FILE *out, const char *name, int wordy)
{
	struct passwd *account = getpwnam(name);

	if (account == NULL) {
		put(out, "No such user.\n");
		return;
	}
	put_field(out, "Login: ", account->pw_name);
	put_field(out, "Name: ", full_name(account));
	if (wordy) {
		put_field(out, "Directory: ", account->pw_dir);
		put_field(out, "Shell: ", account->pw_shell);
	}
	put_plan(out, account);
}

static void
serve(FILE *in, FILE *out)
{
	char query[MAX_QUERY], *word;
	int wordy;

	if (fgets(query, sizeof query, in) == NULL)
		return;
	if (strchr(query, '\n') == NULL && !feof(in)) {
		put(out, "Query too long.\n");
		return;
	}
	word = strtok(query, " \r\n");
	wordy = word != NULL && strcasecmp(word, "/W") == 0;
	if (wordy)
		word = strtok(NULL, " \r\n");
	if (word == NULL)
		list_accounts(out);
	else if (strchr(word, '@') != NULL)
		put(out, "Finger forwarding service denied.\n");
	else
		show_account(out, word, wordy);
}

int
main(int argc, char *argv[])
{
	const char *port = argc > 1 ? argv[1] : "7009";
	struct sockaddr_in addr = { .sin_family = AF_INET };
	int listener, conn, on = 1;
	FILE *in, *out;

	if (argc > 2)
		homes = argv[2];
	signal(SIGPIPE, SIG_IGN);	/* a client may go at any time */
	addr.sin_port = htons((unsigned short)atoi(port));
	listener = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(listener, (struct sockaddr *)&addr, sizeof addr) == -1 ||
	    listen(listener, 5) == -1)
		err(1, "unable to listen on port %s", port);
	for (;;) {
		conn = accept(listener, NULL, NULL);
		if (conn == -1)
			continue;
		in = fdopen(conn, "r");
		out = fdopen(dup(conn), "w");
		serve(in, out);
		fclose(out);
		fclose(in);
	}
}
