# The scripts first: tests/systemd.sh takes longest of all.
TEST_EXTENSIONS = .sh
SH_LOG_COMPILER = $(SHELL)
dist_check_SCRIPTS = tests/systemd.sh tests/services.sh tests/manual.sh \
	tests/arrows.sh tests/header.sh tests/house.sh tests/symbols.sh
TESTS += $(dist_check_SCRIPTS)
EXTRA_DIST += tests/lists.sh tests/plus.cc

# A program for each unit and stage; make check runs them side by side.
if HAVE_CHECK
CHECK_TESTS = \
	tests/check_address \
	tests/check_admission \
	tests/check_handover \
	tests/check_haproxy \
	tests/check_birth \
	tests/check_children \
	tests/check_connlog \
	tests/check_control \
	tests/check_descriptors \
	tests/check_echo \
	tests/check_ends \
	tests/check_environment \
	tests/check_fdclean \
	tests/check_finger \
	tests/check_http \
	tests/check_inherited \
	tests/check_input \
	tests/check_keeper \
	tests/check_limit \
	tests/check_listen \
	tests/check_logfile \
	tests/check_logged \
	tests/check_logger \
	tests/check_loghold \
	tests/check_logline \
	tests/check_loop \
	tests/check_master \
	tests/check_notify \
	tests/check_network \
	tests/check_phase \
	tests/check_outbox \
	tests/check_output \
	tests/check_overlap \
	tests/check_pidfile \
	tests/check_privileges \
	tests/check_pulse \
	tests/check_processor \
	tests/check_progress \
	tests/check_proxied \
	tests/check_proxy \
	tests/check_qotd \
	tests/check_rate \
	tests/check_relay \
	tests/check_report \
	tests/check_restart \
	tests/check_server \
	tests/check_settings \
	tests/check_slots \
	tests/check_source \
	tests/check_spare \
	tests/check_startup \
	tests/check_statusfile \
	tests/check_superserver \
	tests/check_title \
	tests/check_tls \
	tests/check_unixsocket \
	tests/check_wakeup \
	tests/check_worker \
	# EOL
check_PROGRAMS += $(CHECK_TESTS)
TESTS += $(CHECK_TESTS)

check_LIBRARIES += tests/libharness.a
tests_libharness_a_SOURCES = tests/clock.h tests/example.c tests/example.h \
	tests/flock.h \
	tests/harness.c tests/harness.h tests/keeper.c tests/keeper.h \
	tests/pidfile.c tests/pidfile.h tests/puppet.c tests/puppet.h \
	tests/sockets.c tests/sockets.h tests/suite.c tests/terminal.c \
	tests/terminal.h
tests_libharness_a_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

TEST_LIBS = tests/libharness.a lib/libdaemonsrv.la $(CHECK_LIBS)
# Units are tested by their own names, which the shared library hides.
UNIT_LIBS = tests/libharness.a lib/libunits.a $(CHECK_LIBS)

check_LIBRARIES += lib/libunits.a
lib_libunits_a_SOURCES = $(lib_libdaemonsrv_la_SOURCES)
lib_libunits_a_CFLAGS = $(AM_CFLAGS)

tests_check_address_SOURCES = tests/check_address.c
tests_check_address_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_check_address_LDADD = $(UNIT_LIBS)
tests_check_admission_SOURCES = tests/check_admission.c
# By its own definition of that call a test sets the clock.
tests_check_admission_LDADD = $(UNIT_LIBS)
tests_check_handover_SOURCES = tests/check_handover.c tests/openat.c \
	tests/openat.h
tests_check_handover_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_check_handover_LDADD = $(UNIT_LIBS)
tests_check_haproxy_SOURCES = tests/check_haproxy.c
tests_check_haproxy_LDADD = $(TEST_LIBS)
tests_check_birth_SOURCES = tests/check_birth.c
tests_check_birth_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_check_birth_LDADD = $(UNIT_LIBS)
tests_check_children_SOURCES = tests/check_children.c
tests_check_children_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_check_children_LDADD = $(UNIT_LIBS)
tests_check_control_SOURCES = tests/check_control.c
tests_check_control_LDADD = $(TEST_LIBS)
tests_check_connlog_SOURCES = tests/check_connlog.c
tests_check_connlog_LDADD = $(TEST_LIBS)
tests_check_descriptors_SOURCES = tests/check_descriptors.c
tests_check_descriptors_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_check_descriptors_LDADD = $(UNIT_LIBS)
tests_check_echo_SOURCES = tests/check_echo.c
tests_check_echo_LDADD = $(TEST_LIBS)
tests_check_ends_SOURCES = tests/check_ends.c
tests_check_ends_LDADD = $(TEST_LIBS)
tests_check_environment_SOURCES = tests/check_environment.c
tests_check_environment_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
# By its own putenv() a test has no memory.
tests_check_environment_LDADD = $(UNIT_LIBS) $(DL_LIBS)
tests_check_fdclean_SOURCES = tests/check_fdclean.c
tests_check_fdclean_LDADD = $(TEST_LIBS)
tests_check_finger_SOURCES = tests/check_finger.c
tests_check_finger_LDADD = $(TEST_LIBS)
tests_check_http_SOURCES = tests/check_http.c
tests_check_http_LDADD = $(TEST_LIBS)
tests_check_inherited_SOURCES = tests/check_inherited.c
tests_check_inherited_LDADD = $(TEST_LIBS)
tests_check_input_SOURCES = tests/check_input.c
tests_check_input_LDADD = $(TEST_LIBS)
tests_check_keeper_SOURCES = tests/check_keeper.c
tests_check_keeper_LDADD = $(TEST_LIBS)
tests_check_limit_SOURCES = tests/check_limit.c
tests_check_limit_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_check_limit_LDADD = $(UNIT_LIBS)
tests_check_listen_SOURCES = tests/check_listen.c
tests_check_listen_LDADD = $(TEST_LIBS)
tests_check_logfile_SOURCES = tests/check_logfile.c tests/openat.c \
	tests/openat.h
tests_check_logfile_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_check_logfile_LDADD = $(UNIT_LIBS) $(DL_LIBS)
tests_check_logged_SOURCES = tests/check_logged.c
tests_check_logged_LDADD = $(TEST_LIBS)
tests_check_logger_SOURCES = tests/check_logger.c tests/openat.c \
	tests/openat.h
# Two tests set the logger's clock by their own definitions of its calls.
tests_check_logger_LDADD = $(UNIT_LIBS)
tests_check_loghold_SOURCES = tests/check_loghold.c
tests_check_loghold_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_check_loghold_LDADD = $(UNIT_LIBS)
tests_check_logline_SOURCES = tests/check_logline.c
tests_check_logline_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_check_logline_LDADD = $(UNIT_LIBS)
tests_check_loop_SOURCES = tests/check_loop.c
tests_check_loop_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_check_loop_LDADD = $(UNIT_LIBS)
tests_check_master_SOURCES = tests/check_master.c
tests_check_master_LDADD = $(TEST_LIBS)
tests_check_notify_SOURCES = tests/check_notify.c
tests_check_notify_LDADD = $(TEST_LIBS)
tests_check_network_SOURCES = tests/check_network.c
tests_check_network_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_check_network_LDADD = $(UNIT_LIBS)
tests_check_phase_SOURCES = tests/check_phase.c
tests_check_phase_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_check_phase_LDADD = $(UNIT_LIBS)
tests_check_pulse_SOURCES = tests/check_pulse.c
tests_check_pulse_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_check_pulse_LDADD = $(UNIT_LIBS)
tests_check_outbox_SOURCES = tests/check_outbox.c
tests_check_outbox_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_check_outbox_LDADD = $(UNIT_LIBS)
tests_check_output_SOURCES = tests/check_output.c
tests_check_output_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_check_output_LDADD = $(UNIT_LIBS)
tests_check_pidfile_SOURCES = tests/check_pidfile.c
tests_check_pidfile_LDADD = $(TEST_LIBS)
tests_check_privileges_SOURCES = tests/check_privileges.c
tests_check_privileges_LDADD = $(TEST_LIBS)
tests_check_overlap_SOURCES = tests/check_overlap.c
tests_check_overlap_LDADD = $(TEST_LIBS)
tests_check_processor_SOURCES = tests/check_processor.c
tests_check_processor_LDADD = $(TEST_LIBS)
tests_check_progress_SOURCES = tests/check_progress.c
tests_check_progress_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_check_progress_LDADD = $(UNIT_LIBS)
tests_check_proxied_SOURCES = tests/check_proxied.c
tests_check_proxied_LDADD = $(TEST_LIBS)
tests_check_proxy_SOURCES = tests/check_proxy.c
tests_check_proxy_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_check_proxy_LDADD = $(UNIT_LIBS)
tests_check_qotd_SOURCES = tests/check_qotd.c
tests_check_qotd_LDADD = $(TEST_LIBS)
tests_check_rate_SOURCES = tests/check_rate.c
tests_check_rate_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_check_rate_LDADD = $(UNIT_LIBS)
tests_check_relay_SOURCES = tests/check_relay.c
tests_check_relay_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_check_relay_LDADD = $(UNIT_LIBS)
tests_check_report_SOURCES = tests/check_report.c
tests_check_report_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
# One test sets the clock by its own time().
tests_check_report_LDADD = $(UNIT_LIBS)
tests_check_restart_SOURCES = tests/check_restart.c
tests_check_restart_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_check_restart_LDADD = $(UNIT_LIBS)
tests_check_server_SOURCES = tests/check_server.c tests/accept.c \
	tests/accept.h
tests_check_server_LDADD = $(TEST_LIBS)
tests_check_settings_SOURCES = tests/check_settings.c
tests_check_settings_LDADD = $(TEST_LIBS)
tests_check_slots_SOURCES = tests/check_slots.c
tests_check_slots_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_check_slots_LDADD = $(UNIT_LIBS)
tests_check_source_SOURCES = tests/check_source.c
tests_check_source_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_check_source_LDADD = $(UNIT_LIBS)
tests_check_spare_SOURCES = tests/check_spare.c tests/accept.c \
	tests/accept.h
tests_check_spare_LDADD = $(TEST_LIBS)
tests_check_startup_SOURCES = tests/check_startup.c
tests_check_startup_LDADD = $(TEST_LIBS)
tests_check_statusfile_SOURCES = tests/check_statusfile.c
tests_check_statusfile_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_check_statusfile_LDADD = $(UNIT_LIBS)
tests_check_superserver_SOURCES = tests/check_superserver.c
tests_check_superserver_LDADD = $(TEST_LIBS)
tests_check_title_SOURCES = tests/check_title.c
tests_check_title_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_check_title_LDADD = $(UNIT_LIBS)
tests_check_tls_SOURCES = tests/check_tls.c
tests_check_tls_LDADD = $(TEST_LIBS)
tests_check_unixsocket_SOURCES = tests/check_unixsocket.c
tests_check_unixsocket_LDADD = $(TEST_LIBS)
tests_check_wakeup_SOURCES = tests/check_wakeup.c
tests_check_wakeup_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_check_wakeup_LDADD = $(UNIT_LIBS)
tests_check_worker_SOURCES = tests/check_worker.c
tests_check_worker_LDADD = $(TEST_LIBS)

# The fuzz targets, each called with its corpus; tools/fuzz.sh runs them with
# libFuzzer.
FUZZ_TESTS = \
	tests/fuzz_address \
	tests/fuzz_compose \
	tests/fuzz_deaths \
	tests/fuzz_line \
	tests/fuzz_logname \
	tests/fuzz_network \
	tests/fuzz_orphans \
	tests/fuzz_outbox \
	tests/fuzz_prefix \
	tests/fuzz_proxy \
	tests/fuzz_prune \
	tests/fuzz_relay \
	tests/fuzz_report \
	tests/fuzz_ring \
	tests/fuzz_slots \
	tests/fuzz_status \
	# EOL
check_PROGRAMS += $(FUZZ_TESTS)
TESTS += $(FUZZ_TESTS)
check_LIBRARIES += tests/libreplay.a
tests_libreplay_a_SOURCES = tests/fuzz/fuzz.h tests/fuzz/pages.c \
	tests/fuzz/plain.c tests/fuzz/replay.c
tests_libreplay_a_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
REPLAY_LIBS = tests/libreplay.a lib/libunits.a

tests_fuzz_address_SOURCES = tests/fuzz/fuzz_address.c
tests_fuzz_address_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_fuzz_address_LDADD = $(REPLAY_LIBS)
tests_fuzz_compose_SOURCES = tests/fuzz/fuzz_compose.c
tests_fuzz_compose_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_fuzz_compose_LDADD = $(REPLAY_LIBS)
tests_fuzz_deaths_SOURCES = tests/fuzz/fuzz_deaths.c
tests_fuzz_deaths_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_fuzz_deaths_LDADD = $(REPLAY_LIBS)
tests_fuzz_line_SOURCES = tests/fuzz/fuzz_line.c
tests_fuzz_line_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_fuzz_line_LDADD = $(REPLAY_LIBS)
tests_fuzz_logname_SOURCES = tests/fuzz/fuzz_logname.c
tests_fuzz_logname_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_fuzz_logname_LDADD = $(REPLAY_LIBS)
tests_fuzz_network_SOURCES = tests/fuzz/fuzz_network.c
tests_fuzz_network_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_fuzz_network_LDADD = $(REPLAY_LIBS)
tests_fuzz_orphans_SOURCES = tests/fuzz/fuzz_orphans.c
tests_fuzz_orphans_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_fuzz_orphans_LDADD = $(REPLAY_LIBS)
tests_fuzz_outbox_SOURCES = tests/fuzz/fuzz_outbox.c
tests_fuzz_outbox_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_fuzz_outbox_LDADD = $(REPLAY_LIBS)
tests_fuzz_prefix_SOURCES = tests/fuzz/fuzz_prefix.c
tests_fuzz_prefix_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_fuzz_prefix_LDADD = $(REPLAY_LIBS)
tests_fuzz_proxy_SOURCES = tests/fuzz/fuzz_proxy.c
tests_fuzz_proxy_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_fuzz_proxy_LDADD = $(REPLAY_LIBS)
tests_fuzz_prune_SOURCES = tests/fuzz/fuzz_prune.c
tests_fuzz_prune_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_fuzz_prune_LDADD = $(REPLAY_LIBS)
tests_fuzz_relay_SOURCES = tests/fuzz/fuzz_relay.c
tests_fuzz_relay_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_fuzz_relay_LDADD = $(REPLAY_LIBS)
tests_fuzz_report_SOURCES = tests/fuzz/fuzz_report.c
tests_fuzz_report_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_fuzz_report_LDADD = $(REPLAY_LIBS)
tests_fuzz_ring_SOURCES = tests/fuzz/fuzz_ring.c
tests_fuzz_ring_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_fuzz_ring_LDADD = $(REPLAY_LIBS)
tests_fuzz_slots_SOURCES = tests/fuzz/fuzz_slots.c
tests_fuzz_slots_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_fuzz_slots_LDADD = $(REPLAY_LIBS)
tests_fuzz_status_SOURCES = tests/fuzz/fuzz_status.c
tests_fuzz_status_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/lib
tests_fuzz_status_LDADD = $(REPLAY_LIBS)
endif

# For scripts that start processes.
check_PROGRAMS += tests/keep
tests_keep_SOURCES = tests/keep.c tests/keeper.c tests/keeper.h

# With the inputs of the fuzz targets.
EXTRA_DIST += tests/fuzz/corpus

AM_TESTS_ENVIRONMENT = TOP_BUILDDIR='$(abs_top_builddir)' \
	TOP_SRCDIR='$(abs_top_srcdir)'; export TOP_BUILDDIR TOP_SRCDIR;

# Figures; not part of the tests.
if HAVE_CHECK
EXTRA_PROGRAMS += tests/measure tests/measure_admission tests/measure_service
tests_measure_SOURCES = tests/measure.c
tests_measure_LDADD = $(TEST_LIBS)
tests_measure_admission_SOURCES = tests/measure_admission.c
tests_measure_admission_LDADD = $(TEST_LIBS)
tests_measure_service_SOURCES = tests/measure_service.c
tests_measure_service_LDADD = $(TEST_LIBS)

measure: tests/measure$(EXEEXT) tests/measure_admission$(EXEEXT) \
		tests/measure_service$(EXEEXT)
	$(AM_TESTS_ENVIRONMENT) TEST_PARTS=1 tests/measure$(EXEEXT)
	$(AM_TESTS_ENVIRONMENT) TEST_PARTS=1 tests/measure_admission$(EXEEXT)
	$(AM_TESTS_ENVIRONMENT) TEST_PARTS=1 tests/measure_service$(EXEEXT)
endif
.PHONY: measure
