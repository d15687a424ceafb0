# The manual: what begins with .so is a link to the page of its family. Without
# installing: man -M doc libdaemonsrv
dist_man_MANS = \
	doc/man3/daemon_clean_fd.3 \
	doc/man3/daemon_drop_privileges.3 \
	doc/man3/daemon_enable_logger.3 \
	doc/man3/daemon_end_connection.3 \
	doc/man3/daemon_exit_status.3 \
	doc/man3/daemon_listen.3 \
	doc/man3/daemon_listen_inherited.3 \
	doc/man3/daemon_local.3 \
	doc/man3/daemon_logger.3 \
	doc/man3/daemon_master.3 \
	doc/man3/daemon_next_connection.3 \
	doc/man3/daemon_peer.3 \
	doc/man3/daemon_peer_text.3 \
	doc/man3/daemon_running.3 \
	doc/man3/daemon_send.3 \
	doc/man3/daemon_server.3 \
	doc/man3/daemon_set_accept_rate.3 \
	doc/man3/daemon_set_connection_log.3 \
	doc/man3/daemon_set_drain_timeout.3 \
	doc/man3/daemon_set_foreground.3 \
	doc/man3/daemon_set_keepalive.3 \
	doc/man3/daemon_set_logger_drop.3 \
	doc/man3/daemon_set_logger_escape.3 \
	doc/man3/daemon_set_logger_fast_max.3 \
	doc/man3/daemon_set_logger_fast_time.3 \
	doc/man3/daemon_set_logger_file_count_max.3 \
	doc/man3/daemon_set_logger_link.3 \
	doc/man3/daemon_set_logger_mode.3 \
	doc/man3/daemon_set_logger_name_format.3 \
	doc/man3/daemon_set_logger_prefix_format.3 \
	doc/man3/daemon_set_logger_processor.3 \
	doc/man3/daemon_set_logger_return_fatal.3 \
	doc/man3/daemon_set_logger_size_max.3 \
	doc/man3/daemon_set_logger_total_max.3 \
	doc/man3/daemon_set_master_return_fatal.3 \
	doc/man3/daemon_set_notify_fd.3 \
	doc/man3/daemon_set_pid_file.3 \
	doc/man3/daemon_set_program_name.3 \
	doc/man3/daemon_set_proxy_sources.3 \
	doc/man3/daemon_set_refuse_text.3 \
	doc/man3/daemon_set_reload_overlap.3 \
	doc/man3/daemon_set_restart_count_max.3 \
	doc/man3/daemon_set_server_fast_max.3 \
	doc/man3/daemon_set_server_fast_time.3 \
	doc/man3/daemon_set_server_hang_max.3 \
	doc/man3/daemon_set_server_return_fatal.3 \
	doc/man3/daemon_set_server_tick.3 \
	doc/man3/daemon_set_source_prefix.3 \
	doc/man3/daemon_set_source_worker_max.3 \
	doc/man3/daemon_set_start_return_fatal.3 \
	doc/man3/daemon_set_start_timeout.3 \
	doc/man3/daemon_set_status_file.3 \
	doc/man3/daemon_set_stop_timeout.3 \
	doc/man3/daemon_set_thread_check.3 \
	doc/man3/daemon_set_titles.3 \
	doc/man3/daemon_set_worker_ask.3 \
	doc/man3/daemon_set_worker_connection_max.3 \
	doc/man3/daemon_set_worker_count_max.3 \
	doc/man3/daemon_set_worker_environment.3 \
	doc/man3/daemon_set_worker_refuse.3 \
	doc/man3/daemon_set_worker_spare_count.3 \
	doc/man3/daemon_set_worker_time_max.3 \
	doc/man3/daemon_set_working_directory.3 \
	doc/man3/daemon_start.3 \
	doc/man3/daemon_stop_requested.3 \
	doc/man3/daemon_success.3 \
	doc/man3/libdaemonsrv.3 \
	doc/man7/libdaemonsrv-logging.7 \
	doc/man7/libdaemonsrv-services.7 \
	doc/man7/libdaemonsrv-signals.7 \
	# EOL

# The pictures of README.md and HACKING.md, drawn by fossil(1), which brings
# pikchr. Its centring of text is unknown to some viewers; and a background of
# their own would hide black lines.
PICTURES = processes reload
EXTRA_DIST += doc/processes.pikchr doc/reload.pikchr
nobase_dist_doc_DATA += doc/processes.svg doc/reload.svg

pictures:
	for name in $(PICTURES); do \
	    fossil pikchr $(srcdir)/doc/$$name.pikchr doc/$$name.raw && \
	    sed -e 's/^<svg /&font-family="sans-serif" /' \
		-e 's/ dominant-baseline="central"/ dy="0.35em"/' \
		-e '1a<rect width="100%" height="100%" fill="#fff"/>' \
		doc/$$name.raw >doc/$$name.new && \
	    mv doc/$$name.new $(srcdir)/doc/$$name.svg && \
	    rm doc/$$name.raw || exit 1; \
	done
.PHONY: pictures
