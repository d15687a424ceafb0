/*
 * check_http.c - examples/http as its clients see it, even nasty ones
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "example.h"

enum {
	BIG = 16 << 20,		/* more than the buffers of a connection */
	UNWANTED = 1 << 20,
	MAX_ARGS = 16
};

static const char secret[] = "nobody may read this";

static struct run run;
#define START(...)	start_example(&run, "http", __VA_ARGS__)
static char site[64];
static char *reply;
static size_t reply_len;

/*
 * The site: a directory www in the scratch directory, a secret beside it
 */

static const char *
path_of(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/%s", site, name);
	return path;
}

static void
write_file(const char *name, const char *data, size_t len)
{
	FILE *file = fopen(path_of(name), "w");

	ck_assert_msg(file != NULL, "%s: %s", name, strerror(errno));
	ck_assert_uint_eq(fwrite(data, 1, len, file), len);
	ck_assert_int_eq(fclose(file), 0);
}

static void
write_text(const char *name, const char *text)
{
	write_file(name, text, strlen(text));
}

static char *
big_data(void)
{
	char *data = malloc(BIG);
	size_t i;

	ck_assert_ptr_nonnull(data);
	for (i = 0; i < BIG; i++)
		data[i] = (char)(i % 251);
	return data;
}

static void
make_site(void)
{
	snprintf(site, sizeof site, "%s/www", scratch());
	ck_assert_int_eq(mkdir(site, 0755), 0);
	ck_assert_int_eq(mkdir(path_of("docs"), 0755), 0);
	ck_assert_int_eq(mkdir(path_of("empty"), 0755), 0);
	write_text("index.html", "<p>home</p>\n");
	write_text("docs/index.html", "<p>docs</p>\n");
	write_text("docs/a page.txt", "a page\n");
	write_text("nothing", "");
	write_text("../secret", secret);
}

/*
 * The daemon
 */

/* Serves the site; returns the master. */
static pid_t
serve(const char *seconds, int *port)
{
	make_site();
	START("-a", "127.0.0.1", "-p", "0", "-t", seconds, site, NULL);
	return run_started(&run, port);
}

/*
 * Clients
 */

static void
send_data(int fd, const char *data, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = send(fd, data, len, MSG_NOSIGNAL);
		ck_assert_msg(n > 0, "unable to send: %s", strerror(errno));
		data += n;
		len -= (size_t)n;
	}
}

/* Reads the reply to end of file: a reset is a failure. */
static void
receive(int fd)
{
	const size_t size = BIG + 65536;
	ssize_t n;

	free(reply);
	ck_assert_ptr_nonnull(reply = malloc(size));
	reply_len = 0;
	while ((n = read(fd, reply + reply_len, size - 1 - reply_len)) > 0)
		reply_len += (size_t)n;
	ck_assert_msg(n == 0, "no end of the reply: %s", strerror(errno));
	reply[reply_len] = '\0';
}

static void
request_data(int port, const char *data, size_t len)
{
	int fd = client(port);

	send_data(fd, data, len);
	receive(fd);
	close(fd);
}

static void
request(int port, const char *text)
{
	request_data(port, text, strlen(text));
}

static void
get(int port, const char *target)
{
	char text[1024];

	snprintf(text, sizeof text, "GET %s HTTP/1.0\r\n\r\n", target);
	request(port, text);
}

static void
answered(const char *status)
{
	char start[64];

	snprintf(start, sizeof start, "HTTP/1.0 %s", status);
	ck_assert_msg(strncmp(reply, start, strlen(start)) == 0,
	    "not \"%s\" but: %.400s", status, reply);
	says(reply, "\r\nConnection: close\r\n");
}

static const char *
body(void)
{
	const char *end = strstr(reply, "\r\n\r\n");

	ck_assert_msg(end != NULL, "no end of header: %.400s", reply);
	return end + 4;
}

static size_t
body_len(void)
{
	return reply_len - (size_t)(body() - reply);
}

/* Asserts that the length in the header is the length of the body. */
static void
length_agrees(void)
{
	char field[64];

	snprintf(field, sizeof field, "\r\nContent-Length: %zu\r\n",
	    body_len());
	ck_assert_msg(strstr(reply, field) != NULL, "no \"%s\" in: %.400s",
	    field + 2, reply);
}

/* What curl prints for this target with these options. */
static const char *
curl(int port, const char *options, const char *target)
{
	char text[512], *argv[MAX_ARGS + 1] = { NULL }, *word;
	int count = 0;

	snprintf(text, sizeof text, "curl -q -sS --noproxy * "
	    "--path-as-is %s http://127.0.0.1:%d%s", options, port, target);
	for (word = strtok(text, " "); word != NULL && count < MAX_ARGS;
	    word = strtok(NULL, " "))
		argv[count++] = word;
	start_words(&run, argv);
	run_succeeds(&run);
	return run.out;
}

static int
no_curl(void)
{
	return skip_if(system("curl --version >/dev/null 2>&1") != 0,
	    "there is no curl");
}

/*
 * Tests
 */

START_TEST(http_sends_each_file_with_its_type_and_length)
{
	static const char *const types[][2] = {
		{ "a.html", "text/html" }, { "a.htm", "text/html" },
		{ "a.txt", "text/plain" }, { "a.css", "text/css" },
		{ "a.js", "text/javascript" }, { "a.PNG", "image/png" },
		{ "a.json", "application/json" }, { "a.jpg", "image/jpeg" },
		{ "a.jpeg", "image/jpeg" }, { "a.gif", "image/gif" },
		{ "a.svg", "image/svg+xml" }, { "a.pdf", "application/pdf" },
		{ "a.tar.gz", "application/octet-stream" },
		{ "html", "application/octet-stream" },
		{ "docs/a.b/c", "application/octet-stream" }
	};
	char target[64], field[64];
	pid_t master;
	size_t i;
	int port;

	master = serve("20", &port);
	ck_assert_int_eq(mkdir(path_of("docs/a.b"), 0755), 0);
	for (i = 0; i < sizeof types / sizeof types[0]; i++) {
		write_text(types[i][0], types[i][0]);
		snprintf(target, sizeof target, "/%s", types[i][0]);
		snprintf(field, sizeof field, "\r\nContent-Type: %s\r\n",
		    types[i][1]);
		get(port, target);
		answered("200 OK");
		says(reply, field);
		length_agrees();
		ck_assert_str_eq(body(), types[i][0]);
	}
	get(port, "/nothing");
	answered("200 OK");
	says(reply, "\r\nContent-Length: 0\r\n");
	ck_assert_uint_eq(body_len(), 0);
	stop_master(master);
}
END_TEST

START_TEST(http_tells_when_a_file_was_modified)
{
	struct timespec times[2] = { { 0, 0 }, { 951827696, 0 } };
	pid_t master;
	int port;

	master = serve("20", &port);
	ck_assert_int_eq(utimensat(AT_FDCWD, path_of("nothing"), times, 0),
	    0);
	get(port, "/nothing");
	says(reply, "\r\nLast-Modified: Tue, 29 Feb 2000 12:34:56 GMT\r\n");
	says(reply, " GMT\r\n");
	says(reply, "\r\nDate: ");
	stop_master(master);
}
END_TEST

START_TEST(http_is_understood_by_curl)
{
	pid_t master;
	int port;

	if (no_curl())
		return;
	master = serve("20", &port);
	ck_assert_str_eq(curl(port, "-f", "/"), "<p>home</p>\n");
	ck_assert_str_eq(curl(port, "-f", "/docs/a%20page.txt?x=/.."),
	    "a page\n");
	ck_assert_str_eq(curl(port, "-f -L", "/docs"), "<p>docs</p>\n");
	says(curl(port, "-I", "/index.html"), "Content-Length: 12\r\n");
	says(curl(port, "-o /dev/null -w %{http_code}", "/no"), "404");
	says(curl(port, "-d x=1 -i", "/"), "\r\nAllow: GET, HEAD\r\n");
	says(curl(port, "-i", "/%2e%2e/secret"), "HTTP/1.0 403 ");
	stop_master(master);
}
END_TEST

START_TEST(http_answers_head_with_the_header_alone)
{
	pid_t master;
	int port;

	master = serve("20", &port);
	request(port, "HEAD /index.html HTTP/1.1\r\nHost: here\r\n\r\n");
	answered("200 OK");
	says(reply, "\r\nContent-Length: 12\r\n");
	says(reply, "\r\nContent-Type: text/html\r\n");
	ck_assert_uint_eq(body_len(), 0);
	request(port, "HEAD /no HTTP/1.0\r\n\r\n");
	answered("404 ");
	ck_assert_uint_eq(body_len(), 0);
	stop_master(master);
}
END_TEST

START_TEST(http_leads_to_the_page_of_a_directory)
{
	pid_t master;
	int port;

	master = serve("20", &port);
	get(port, "/docs/");
	answered("200 OK");
	ck_assert_str_eq(body(), "<p>docs</p>\n");
	get(port, "/docs");
	answered("301 ");
	says(reply, "\r\nLocation: /docs/\r\n");
	length_agrees();
	get(port, "/docs?a=b");
	says(reply, "\r\nLocation: /docs/?a=b\r\n");
	/* With two slashes at its start it would name another host. */
	get(port, "//docs");
	says(reply, "\r\nLocation: /docs/\r\n");
	get(port, "/empty/");
	answered("404 ");
	get(port, "/index.html/");
	answered("404 ");
	stop_master(master);
}
END_TEST

START_TEST(http_says_what_is_wrong_with_a_request)
{
	static const char *const requests[][2] = {
		{ "GET /no HTTP/1.0\r\n\r\n", "404 " },
		{ "GET /no/such/way HTTP/1.0\r\n\r\n", "404 " },
		{ "GET /index.html/x HTTP/1.0\r\n\r\n", "404 " },
		{ "GET / HTTP/1.0\n\n", "200 " },
		{ "GET /\r\n", "400 " },
		{ "GET\r\n", "400 " },
		{ "\r\n", "400 " },
		{ "get / HTTP/1.0\r\n\r\n", "400 " },
		{ "GET index.html HTTP/1.0\r\n\r\n", "400 " },
		{ "GET / HTTP/1.0 \r\n\r\n", "400 " },
		{ "GET / HTTP/one\r\n\r\n", "400 " },
		{ "GET / FTP/1.0\r\n\r\n", "400 " },
		{ "GET /% HTTP/1.0\r\n\r\n", "400 " },
		{ "GET /%4 HTTP/1.0\r\n\r\n", "400 " },
		{ "GET /%zz HTTP/1.0\r\n\r\n", "400 " },
		{ "GET /%-1 HTTP/1.0\r\n\r\n", "400 " },
		{ "GET /%0x1 HTTP/1.0\r\n\r\n", "400 " },
		{ "GET /index.html%00.txt HTTP/1.0\r\n\r\n", "400 " },
		{ "\x16\x03\x01\x02\x01\x01\xfc\x03\x03\n", "400 " },
		{ "GET / HTTP/2.0\r\n\r\n", "505 " },
		{ "POST / HTTP/1.0\r\nContent-Length: 0\r\n\r\n", "405 " },
		{ "OPTIONS / HTTP/1.1\r\n\r\n", "405 " }
	};
	pid_t master;
	size_t i;
	int port;

	master = serve("20", &port);
	for (i = 0; i < sizeof requests / sizeof requests[0]; i++) {
		request(port, requests[i][0]);
		answered(requests[i][1]);
		length_agrees();
	}
	says(reply, "\r\nAllow: GET, HEAD\r\n");
	request_data(port, "GET /\0 HTTP/1.0\r\n\r\n", 19);
	answered("400 ");
	stop_master(master);
}
END_TEST

START_TEST(http_refuses_what_is_too_long)
{
	char *data = malloc(UNWANTED);
	pid_t master;
	size_t i;
	int port;

	ck_assert_ptr_nonnull(data);
	master = serve("20", &port);
	memset(data, 'a', UNWANTED);
	memcpy(data, "GET /", 5);
	request_data(port, data, UNWANTED);
	answered("414 ");
	length_agrees();
	memcpy(data, "GET / HTTP/1.0\r\nX: ", 19);
	request_data(port, data, UNWANTED);
	answered("431 ");
	length_agrees();
	/* Short fields, but they never end. */
	for (i = 15; i < UNWANTED; i++)
		data[i] = "a: b\n"[i % 5];
	request_data(port, data, UNWANTED);
	answered("431 ");
	free(data);
	stop_master(master);
}
END_TEST

START_TEST(http_never_leaves_its_directory)
{
	static const char *const targets[] = { "/../secret", "/%2e%2e/secret",
		"/%2E./secret", "/..%2fsecret", "/%2e%2e%2Fsecret",
		"/docs/../../secret", "/docs/%2e%2e/..%2fsecret",
		"/docs/..", "/..", "/../", "/../www/index.html", "..",
		"../secret", "/./../secret", "//../secret", "/..\\secret",
		"/..%5csecret", "/%252e%252e/secret", "/.../secret",
		"/index.html%00/../../secret", "/%00/../../secret", "/link",
		"/absolute", "/way/secret", "/way/", "/docs/up/secret" };
	char path[PATH_MAX];
	pid_t master;
	size_t i;
	int port;

	master = serve("20", &port);
	snprintf(path, sizeof path, "%s/secret", scratch());
	ck_assert_int_eq(access(path, R_OK), 0);
	ck_assert_int_eq(symlink(path, path_of("absolute")), 0);
	ck_assert_int_eq(symlink("../secret", path_of("link")), 0);
	ck_assert_int_eq(symlink("..", path_of("way")), 0);
	ck_assert_int_eq(symlink("../..", path_of("docs/up")), 0);
	for (i = 0; i < sizeof targets / sizeof targets[0]; i++) {
		get(port, targets[i]);
		ck_assert_msg(strncmp(reply, "HTTP/1.0 40", 11) == 0,
		    "%s: %.400s", targets[i], reply);
		ck_assert_msg(strstr(reply, secret) == NULL, "%s: %.400s",
		    targets[i], reply);
	}
	get(port, "/./docs//.%2f%61%20page.txt");
	answered("200 OK");
	ck_assert_str_eq(body(), "a page\n");
	stop_master(master);
}
END_TEST

START_TEST(http_sends_nothing_but_files)
{
	pid_t master;
	int port;

	master = serve("20", &port);
	ck_assert_int_eq(mkfifo(path_of("fifo"), 0644), 0);
	ck_assert_int_eq(mkdir(path_of("empty/index.html"), 0755), 0);
	get(port, "/fifo");
	answered("403 ");
	get(port, "/empty/");
	answered("403 ");
	if (geteuid() != 0) {
		ck_assert_int_eq(chmod(path_of("nothing"), 0), 0);
		get(port, "/nothing");
		answered("403 ");
	}
	stop_master(master);
}
END_TEST

START_TEST(http_sends_a_big_file_whole)
{
	char *data = big_data();
	pid_t master;
	int port;

	master = serve("20", &port);
	write_file("big", data, BIG);
	get(port, "/big");
	answered("200 OK");
	length_agrees();
	ck_assert_uint_eq(body_len(), BIG);
	ck_assert_int_eq(memcmp(body(), data, BIG), 0);
	free(data);
	stop_master(master);
}
END_TEST

START_TEST(http_replies_whole_to_a_client_that_sends_what_is_not_needed)
{
	static const struct {
		const char *start, *status;
		size_t unwanted;
	} cases[] = {
		{ "POST / HTTP/1.0\r\n\r\n", "405 ", UNWANTED },
		{ "GET /docs/ HTTP/1.0\r\n\r\n", "200 ", UNWANTED },
		{ "nonsense\r\n", "400 ", UNWANTED },
		{ "GET /big HTTP/1.0\r\n\r\n", "200 ", UNWANTED },
		{ "GET /big HTTP/1.0\r\n\r\n", "200 ", BIG }
	};
	char *data = big_data();
	pid_t master;
	size_t i;
	int port, fd;

	master = serve("20", &port);
	write_file("big", data, BIG);
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		/* The client sends everything before it reads anything. */
		fd = client(port);
		client_says(fd, cases[i].start);
		send_data(fd, data, cases[i].unwanted);
		receive(fd);
		close(fd);
		answered(cases[i].status);
		length_agrees();
	}
	ck_assert_int_eq(memcmp(body(), data, BIG), 0);
	free(data);
	stop_master(master);
}
END_TEST

START_TEST(http_replies_to_a_client_that_has_closed_its_side)
{
	pid_t master;
	int port, fd;

	master = serve("20", &port);
	fd = client(port);
	client_says(fd, "GET / HTTP/1.0\r\n\r\n");
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	receive(fd);
	answered("200 OK");
	length_agrees();
	close(fd);
	stop_master(master);
}
END_TEST

START_TEST(http_ends_clients_that_are_silent_or_do_not_read)
{
	char *data = big_data();
	int port, silent, unfinished, deaf, lasting;
	pid_t master, server, pids[4];
	int i, count;

	master = serve("1", &port);
	server = only_child_of(master);
	write_file("big", data, BIG);
	free(data);
	silent = client(port);
	unfinished = client(port);
	client_says(unfinished, "GET / HTTP/1.0\r\nHost:");
	deaf = client(port);
	client_says(deaf, "GET /big HTTP/1.0\r\n\r\n");
	/* This client has its reply but does not close. */
	lasting = client(port);
	client_says(lasting, "GET / HTTP/1.0\r\n\r\n");
	/* Both have their workers by now: connections are accepted in order. */
	says(client_hears(lasting), "200 OK");
	count = children_of(server, pids, 4);
	for (i = 0; i < count; i++)
		gone(pids[i]);
	ck_assert_ptr_null(client_hears(silent));
	ck_assert_ptr_null(client_hears(unfinished));
	close(silent);
	close(unfinished);
	close(deaf);
	close(lasting);
	get(port, "/");
	answered("200 OK");
	stop_master(master);
}
END_TEST

START_TEST(http_finishes_a_download_over_a_reload)
{
	pid_t master, server, worker;
	char *data = big_data();
	int port, fd;

	master = serve("20", &port);
	write_file("big", data, BIG);
	server = only_child_of(master);
	fd = client(port);
	client_says(fd, "GET /big HTTP/1.0\r\n\r\n");
	says(client_hears(fd), "200 OK");
	worker = only_child_of(server);
	send_signal(master, SIGHUP);
	send_signal(worker, SIGHUP);
	receive(fd);
	close(fd);
	ck_assert_uint_eq(body_len(), BIG);
	ck_assert_int_eq(memcmp(body(), data, BIG), 0);
	free(data);
	gone(server);
	get(port, "/");
	answered("200 OK");
	ck_assert_int_ne(only_child_of(master), server);
	stop_master(master);
}
END_TEST

START_TEST(http_serves_one_client_after_another_with_spares)
{
	pid_t master, worker;
	int port, i;

	make_site();
	START("-a", "127.0.0.1", "-p", "0", "-c", "1", "-s", "1", "-t", "5",
	    site, NULL);
	master = run_started(&run, &port);
	worker = only_child_of(only_child_of(master));
	for (i = 0; i < 20; i++) {
		get(port, "/");
		answered("200 OK");
		length_agrees();
		request(port, "HEAD / HTTP/1.0\r\n\r\n");
		answered("200 OK");
		ck_assert_uint_eq(body_len(), 0);
		get(port, "/missing");
		answered("404");
	}
	ck_assert_int_eq(only_child_of(only_child_of(master)), worker);
	stop_master(master);
}
END_TEST

START_TEST(http_can_stay_in_the_foreground)
{
	int port, status;

	make_site();
	START("-f", "-a", "127.0.0.1", "-p", "0", "-c", "2", site, NULL);
	port = port_in(client_hears(run.out_fd));
	get(port, "/");
	answered("200 OK");
	send_signal(run.pid, SIGTERM);
	status = run_wait(&run);
	ck_assert_int_eq(status, 0);
	ck_assert_pstr_eq(run.err, "");
	nothing_left();
}
END_TEST

START_TEST(http_does_not_start_where_it_cannot_serve)
{
	char port[16];
	int fd, number;

	make_site();
	START(path_of("missing"), NULL);
	run_fails(&run, 1, "missing: No such file");
	START("-p", "0", path_of("index.html"), NULL);
	run_fails(&run, 1, "index.html: Not a directory");
	fd = listen_anywhere(&number);
	snprintf(port, sizeof port, "%d", number);
	START("-a", "127.0.0.1", "-p", port, site, NULL);
	run_fails(&run, 1, port);
	close(fd);
}
END_TEST

START_TEST(http_shows_its_usage_where_it_is_not_understood)
{
	static const char *const wrong[][2] = { { "-c", "0" }, { "-c", "x" },
		{ "-c", "65537" }, { "-c", "1x" }, { "-c", "" },
		{ "-p", "65536" }, { "-p", "-1" }, { "-p", " 1" },
		{ "-p", "99999999999999999999" }, { "-t", "0" },
		{ "-x", "-f" } };
	size_t i;

	make_site();
	for (i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		START(wrong[i][0], wrong[i][1], site, NULL);
		run_fails(&run, 2, "usage: http ");
	}
	START(site, site, NULL);
	run_fails(&run, 2, "usage: http ");
	START(NULL);
	run_fails(&run, 2, "usage: http ");
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		http_sends_each_file_with_its_type_and_length,
		http_tells_when_a_file_was_modified,
		http_is_understood_by_curl,
		http_answers_head_with_the_header_alone,
		http_leads_to_the_page_of_a_directory,
		http_says_what_is_wrong_with_a_request,
		http_refuses_what_is_too_long,
		http_never_leaves_its_directory,
		http_sends_nothing_but_files,
		http_sends_a_big_file_whole,
		http_replies_whole_to_a_client_that_sends_what_is_not_needed,
		http_replies_to_a_client_that_has_closed_its_side,
		http_ends_clients_that_are_silent_or_do_not_read,
		http_finishes_a_download_over_a_reload,
		http_serves_one_client_after_another_with_spares,
		http_can_stay_in_the_foreground,
		http_does_not_start_where_it_cannot_serve,
		http_shows_its_usage_where_it_is_not_understood
	};

	return RUN_TESTS("http", tests);
}
