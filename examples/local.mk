# The examples use only the public interface, as any program would.
noinst_PROGRAMS += examples/echo examples/finger examples/finger-before \
	examples/http examples/logged examples/qotd examples/superserver
examples_echo_SOURCES = examples/echo.c
examples_finger_SOURCES = examples/finger.c
examples_finger_before_SOURCES = examples/finger-before.c
examples_http_SOURCES = examples/http.c
examples_logged_SOURCES = examples/logged.c
examples_qotd_SOURCES = examples/qotd.c
examples_superserver_SOURCES = examples/superserver.c
examples_echo_LDADD = lib/libdaemonsrv.la
examples_finger_LDADD = lib/libdaemonsrv.la
examples_http_LDADD = lib/libdaemonsrv.la
examples_logged_LDADD = lib/libdaemonsrv.la
examples_qotd_LDADD = lib/libdaemonsrv.la
examples_superserver_LDADD = lib/libdaemonsrv.la
examples_echo_LDFLAGS = $(AM_LDFLAGS) $(NOW_LDFLAGS)
examples_finger_LDFLAGS = $(AM_LDFLAGS) $(NOW_LDFLAGS)
examples_http_LDFLAGS = $(AM_LDFLAGS) $(NOW_LDFLAGS)
examples_logged_LDFLAGS = $(AM_LDFLAGS) $(NOW_LDFLAGS)
examples_qotd_LDFLAGS = $(AM_LDFLAGS) $(NOW_LDFLAGS)
examples_superserver_LDFLAGS = $(AM_LDFLAGS) $(NOW_LDFLAGS)

# The library itself never links OpenSSL.
if HAVE_OPENSSL
noinst_PROGRAMS += examples/tls
examples_tls_SOURCES = examples/tls.c
examples_tls_CFLAGS = $(AM_CFLAGS) $(OPENSSL_CFLAGS)
examples_tls_LDADD = lib/libdaemonsrv.la $(OPENSSL_LIBS)
examples_tls_LDFLAGS = $(AM_LDFLAGS) $(NOW_LDFLAGS)
endif

# Beside README.md, which shows them; and what runs them as a service.
nobase_dist_doc_DATA += \
	examples/echo.c \
	examples/finger-before.c \
	examples/finger.c \
	examples/haproxy.cfg \
	examples/http.c \
	examples/logged.c \
	examples/qotd.c \
	examples/qotd.service \
	examples/qotd.socket \
	examples/superserver-forking.service \
	examples/superserver.c \
	examples/superserver.init \
	examples/superserver.service \
	examples/superserver.socket \
	examples/tls.c \
	# EOL
