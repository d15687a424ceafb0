# libdaemonsrv: see HACKING.md for what each file is about.
lib_LTLIBRARIES += lib/libdaemonsrv.la
lib_libdaemonsrv_la_CFLAGS = $(AM_CFLAGS) $(LIB_CFLAGS)

# What a connection needs is linked side by side: a new worker has no page of
# the library, and each that it touches costs a fault.
lib_libdaemonsrv_la_SOURCES = \
	lib/role.c \
	lib/worker.c \
	lib/visible.c \
	lib/settings.c \
	lib/server.c \
	lib/loop.c \
	lib/memory.c \
	lib/descriptors.c \
	lib/birth.c \
	lib/sigaction.c \
	lib/serveradmit.c \
	lib/accept.c \
	lib/listener.c \
	lib/reap.c \
	lib/children.c \
	lib/sigfd.c \
	lib/farewell.c \
	lib/proxied.c \
	lib/spare.c \
	lib/await.c \
	lib/slots.c \
	lib/progress.c \
	lib/pool.c \
	lib/wakeup.c \
	lib/clock.c \
	lib/pulse.c \
	lib/title.c \
	lib/address.c \
	lib/tally.c \
	lib/notice.c \
	lib/sigtable.c \
	lib/admission.c \
	# EOL
lib_libdaemonsrv_la_SOURCES += \
	lib/account.c \
	lib/admission.h \
	lib/backoff.c \
	lib/children.h \
	lib/clients.h \
	lib/connlog.c \
	lib/control.c \
	lib/denial.c \
	lib/environment.c \
	lib/fdclean.c \
	lib/filelock.c \
	lib/ground.h \
	lib/handover.c \
	lib/helper.c \
	lib/inherited.c \
	lib/intake.c \
	lib/journal.c \
	lib/journal.h \
	lib/keeplog.c \
	lib/leader.c \
	lib/limit.c \
	lib/listen.c \
	lib/listeners.h \
	lib/logback.c \
	lib/logclaim.c \
	lib/logcompose.c \
	lib/logcurrent.c \
	lib/logdir.c \
	lib/logfile.c \
	lib/logfile.h \
	lib/logger.c \
	lib/logger.h \
	lib/loghold.c \
	lib/logline.c \
	lib/logmode.c \
	lib/logname.c \
	lib/logold.c \
	lib/logplace.c \
	lib/logprocess.c \
	lib/logprocess.h \
	lib/logprune.c \
	lib/logrotation.c \
	lib/logstream.c \
	lib/logtrouble.c \
	lib/logturn.c \
	lib/logwriter.c \
	lib/loop.h \
	lib/master.c \
	lib/master.h \
	lib/masterchild.c \
	lib/masterreload.c \
	lib/masterserver.c \
	lib/masterstatus.c \
	lib/masterstop.c \
	lib/network.c \
	lib/notify.c \
	lib/offspring.c \
	lib/orphans.c \
	lib/outbox.c \
	lib/output.c \
	lib/overtime.c \
	lib/ownsocket.c \
	lib/phase.c \
	lib/pidfile.c \
	lib/ports.c \
	lib/privileges.c \
	lib/privileges.h \
	lib/process1.c \
	lib/processor.c \
	lib/proxy.c \
	lib/random.c \
	lib/rate.c \
	lib/reader.c \
	lib/relay.c \
	lib/report.c \
	lib/report.h \
	lib/remains.c \
	lib/restart.c \
	lib/ring.c \
	lib/role.h \
	lib/server.h \
	lib/serverstop.c \
	lib/signals.h \
	lib/source.c \
	lib/spares.h \
	lib/start.h \
	lib/startdir.c \
	lib/startdir.h \
	lib/starter.c \
	lib/startup.c \
	lib/status.h \
	lib/statusfile.c \
	lib/statuspipe.c \
	lib/statustext.c \
	lib/supervise.c \
	lib/supervise.h \
	lib/taker.c \
	lib/tally.h \
	lib/timeformat.c \
	lib/unixsocket.c \
	lib/visible.h \
	lib/workers.h \
	# EOL

# -version-info: see HACKING.md, A release.
lib_libdaemonsrv_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 \
	-no-undefined $(NOW_LDFLAGS) $(MAPPING_LDFLAGS)
if HAVE_VERSION_SCRIPT
lib_libdaemonsrv_la_LDFLAGS += $(VERSION_LDFLAGS)
lib_libdaemonsrv_la_DEPENDENCIES = lib/daemon.map
else
lib_libdaemonsrv_la_LDFLAGS += -export-symbols-regex '^daemon_'
endif
EXTRA_DIST += lib/daemon.abi lib/daemon.map
