# Figures of speed and size, for Linux only. They are not part of the tests, and
# only the bench targets build them.
BENCH_TOOLS = \
	bench/echo \
	bench/echo-static \
	bench/floor \
	bench/load \
	bench/naive \
	bench/naive-now \
	bench/start \
	bench/trial \
	bench/zombies \
	# EOL
EXTRA_PROGRAMS += $(BENCH_TOOLS) bench/kills bench/logger

bench_echo_SOURCES = bench/echo.c bench/serve.h
bench_echo_LDADD = lib/libdaemonsrv.la
# Not a script that executes it: its start is measured.
bench_echo_LDFLAGS = $(AM_LDFLAGS) $(NOW_LDFLAGS) -no-install
bench_echo_static_SOURCES = bench/echo-static.c bench/serve.h
bench_echo_static_LDFLAGS = $(AM_LDFLAGS) -all-static
bench_load_SOURCES = bench/load.c
bench_start_SOURCES = bench/start.c bench/proc.c bench/proc.h
bench_trial_SOURCES = bench/trial.c bench/proc.c bench/proc.h
bench_zombies_SOURCES = bench/zombies.c bench/proc.c bench/proc.h
# Some compilers link with -z now by default.
bench_naive_SOURCES = bench/naive.c bench/listen.h bench/serve.h
bench_naive_LDFLAGS = $(AM_LDFLAGS) -Wl,-z,lazy
bench_naive_now_SOURCES = $(bench_naive_SOURCES)
bench_naive_now_LDFLAGS = $(AM_LDFLAGS) -Wl,-z,now
bench_floor_SOURCES = bench/floor.c bench/listen.h bench/serve.h
bench_floor_LDFLAGS = $(AM_LDFLAGS) -Wl,-z,now

bench_kills_SOURCES = bench/kills.c bench/proc.c bench/proc.h
bench_kills_LDADD = lib/libdaemonsrv.la
bench_kills_LDFLAGS = $(AM_LDFLAGS) $(NOW_LDFLAGS)
bench_logger_SOURCES = bench/logger.c bench/page.c bench/page.h
bench_logger_LDADD = lib/libdaemonsrv.la
bench_logger_LDFLAGS = $(AM_LDFLAGS) $(NOW_LDFLAGS)

if HAVE_OPENSSL
EXTRA_PROGRAMS += bench/tls
TLS_TRY = bench-tls-try
bench_tls_SOURCES = bench/tls.c bench/page.c bench/page.h
bench_tls_CFLAGS = $(AM_CFLAGS) $(OPENSSL_CFLAGS)
bench_tls_LDADD = $(OPENSSL_LIBS)
endif

EXTRA_DIST += \
	bench/contenders.sh \
	bench/kills.sh \
	bench/logger.gnuplot \
	bench/peers.sh \
	bench/report.awk \
	bench/results.gnuplot \
	bench/run.sh \
	bench/watch.sh \
	# EOL
nobase_dist_doc_DATA += bench/logger.md bench/logger.svg bench/results.md \
	bench/results.svg bench/tls.md

bench: $(BENCH_TOOLS)
	$(SHELL) $(srcdir)/bench/run.sh -o $(srcdir)/bench bench

# Only the effects of a long life.
bench-soak: $(BENCH_TOOLS)
	$(SHELL) $(srcdir)/bench/run.sh -s 60 bench soak

# Only how long a start and a stop take.
bench-start: $(BENCH_TOOLS)
	$(SHELL) $(srcdir)/bench/run.sh -r 20 bench starts

# Whether everything works, not how fast.
bench-try: $(BENCH_TOOLS) bench/kills$(EXEEXT) $(TLS_TRY)
	$(SHELL) $(srcdir)/bench/run.sh -r 1 -t 0.1 -s 1 bench \
	    memory starts speed soak
	bench/kills$(EXEEXT) -k 5 bench/killed

# The logger compared with others, with files in the build directory: how fast
# it is, and what is lost when it is killed.
bench-logger: bench/logger$(EXEEXT) bench/kills$(EXEEXT)
	PATH="$$PATH:$(abs_builddir)/bench/peers/usr/bin"; export PATH; \
	LD_LIBRARY_PATH=`echo $(abs_builddir)/bench/peers/usr/lib/*-linux-*`; \
	export LD_LIBRARY_PATH; \
	bench/logger$(EXEEXT) $(BENCH_FLAGS) . >bench/logger.new && \
	$(SHELL) $(srcdir)/bench/kills.sh bench/kills$(EXEEXT) . \
	    $(srcdir)/bench/logger.svg >>bench/logger.new
	mv bench/logger.new $(srcdir)/bench/logger.md

# What a handshake costs in each mode.
if HAVE_OPENSSL
bench-tls: bench/tls$(EXEEXT) examples/tls$(EXEEXT)
	bench/tls$(EXEEXT) $(BENCH_FLAGS) $(abs_builddir)/examples/tls$(EXEEXT) \
	    >bench/tls.new
	mv bench/tls.new $(srcdir)/bench/tls.md

bench-tls-try: bench/tls$(EXEEXT) examples/tls$(EXEEXT)
	bench/tls$(EXEEXT) -r 1 -s 0.1 $(abs_builddir)/examples/tls$(EXEEXT)
else
bench-tls:
	@echo "bench-tls: configure has not found OpenSSL" >&2; exit 1
endif
.PHONY: bench-tls bench-tls-try

# The servers and loggers to compare with, from Debian's packages: only
# unpacked, since two of them cannot be installed together, and would start.
bench-peers:
	$(SHELL) $(srcdir)/bench/peers.sh bench/peers
distclean-local: distclean-bench-peers
distclean-bench-peers:
	rm -rf bench/peers
.PHONY: bench bench-logger bench-peers bench-soak bench-start bench-try \
	distclean-bench-peers
