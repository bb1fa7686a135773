CORE_TESTS = tests/unit/test_addr tests/unit/test_arena tests/unit/test_cursor \
	tests/unit/test_diag tests/unit/test_error tests/unit/test_hash tests/unit/test_token tests/unit/test_wall \
	tests/unit/test_wall_bodies \
	tests/unit/test_name tests/unit/test_text tests/unit/test_wire tests/unit/test_query \
	tests/unit/test_answer tests/unit/test_reply
check_PROGRAMS += $(CORE_TESTS)
TESTS += $(CORE_TESTS)
EXTRA_DIST += tests/unit/unit.h tests/unit/message_maker.h tests/unit/wall_world.h
tests_unit_test_addr_LDADD = libcore.a $(CMOCKA_LIBS)
tests_unit_test_arena_LDADD = libcore.a $(CMOCKA_LIBS)
tests_unit_test_cursor_LDADD = libcore.a $(CMOCKA_LIBS)
tests_unit_test_diag_LDADD = libcore.a $(CMOCKA_LIBS)
tests_unit_test_error_LDADD = libcore.a $(CMOCKA_LIBS)
tests_unit_test_hash_LDADD = libcore.a $(CMOCKA_LIBS)
tests_unit_test_token_LDADD = libcore.a $(CMOCKA_LIBS)
tests_unit_test_wall_LDADD = libcore.a $(CMOCKA_LIBS)
tests_unit_test_wall_bodies_LDADD = libcore.a $(CMOCKA_LIBS)
tests_unit_test_name_LDADD = libcore.a $(CMOCKA_LIBS)
tests_unit_test_text_LDADD = libcore.a $(CMOCKA_LIBS)
tests_unit_test_wire_LDADD = libcore.a $(CMOCKA_LIBS)
tests_unit_test_query_LDADD = libcore.a $(CMOCKA_LIBS)
tests_unit_test_answer_LDADD = libcore.a $(CMOCKA_LIBS)
tests_unit_test_reply_LDADD = libcore.a $(CMOCKA_LIBS)
POLICY_TESTS = tests/unit/test_zone tests/unit/test_list tests/unit/test_rpz \
	tests/unit/test_judge tests/unit/test_explain tests/unit/test_real_lists \
	tests/unit/test_ruleset tests/unit/test_decide tests/unit/test_conf tests/unit/test_conf_routes \
	tests/unit/test_sources
check_PROGRAMS += $(POLICY_TESTS)
TESTS += $(POLICY_TESTS)
EXTRA_DIST += tests/unit/policy_world.h tests/unit/zone_twice.h tests/unit/cli.sh tests/unit/cli_offline.sh \
	tests/unit/folder.h tests/unit/conf_world.h
TESTS += tests/unit/cli_offline.sh tests/unit/cli_convert.sh tests/unit/cli_explain.sh
TESTS += tests/unit/failures.sh
EXTRA_DIST += tests/unit/failures.sh
EXTRA_DIST += tests/unit/cli_explain.sh
EXTRA_DIST += tests/unit/cli_convert.sh
tests_unit_test_conf_routes_LDADD = libconf.a libcore.a $(CONFUSE_LIBS) $(LDNS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_conf_LDADD = libconf.a libcore.a $(CONFUSE_LIBS) $(LDNS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_sources_LDADD = libconf.a libcore.a $(CONFUSE_LIBS) $(LDNS_LIBS) \
	$(CMOCKA_LIBS)
tests_unit_test_explain_LDADD = libcore.a $(LDNS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_judge_LDADD = libcore.a $(LDNS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_real_lists_LDADD = libcore.a $(LDNS_LIBS) $(CMOCKA_LIBS)
EXTRA_DIST += tests/lists
tests_unit_test_zone_LDADD = libcore.a $(LDNS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_list_LDADD = libcore.a $(LDNS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_rpz_LDADD = libcore.a $(LDNS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_ruleset_LDADD = libcore.a $(LDNS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_decide_LDADD = libcore.a $(LDNS_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_confine
TESTS += tests/unit/test_confine
tests_unit_test_confine_SOURCES = tests/unit/test_confine.c
tests_unit_test_confine_CPPFLAGS = $(AM_CPPFLAGS) $(CAPNG_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_confine_LDADD = libedge.a $(CAPNG_LIBS) $(SECCOMP_LIBS) $(CMOCKA_LIBS)
GATE_TESTS = tests/unit/test_heap tests/unit/test_directory tests/unit/test_gate \
	tests/unit/test_chain tests/unit/test_trail tests/unit/test_actions tests/unit/test_filter tests/unit/test_cache tests/unit/test_failures tests/unit/test_svcb tests/unit/test_budget \
	tests/unit/test_texts tests/unit/test_limits tests/unit/test_sizes tests/unit/test_special
GATE_TESTS += tests/unit/test_slab tests/unit/test_awake tests/unit/test_index tests/unit/test_taken tests/unit/test_book tests/unit/test_routes
check_PROGRAMS += $(GATE_TESTS)
TESTS += $(GATE_TESTS)
tests_unit_test_heap_SOURCES = tests/unit/test_heap.c
tests_unit_test_heap_LDADD = libcore.a $(CMOCKA_LIBS)
tests_unit_test_slab_SOURCES = tests/unit/test_slab.c
tests_unit_test_slab_LDADD = libcore.a $(CMOCKA_LIBS)
tests_unit_test_awake_SOURCES = tests/unit/test_awake.c
tests_unit_test_awake_LDADD = libcore.a $(CMOCKA_LIBS)
tests_unit_test_index_SOURCES = tests/unit/test_index.c
tests_unit_test_index_LDADD = libcore.a $(CMOCKA_LIBS)
tests_unit_test_taken_SOURCES = tests/unit/test_taken.c tests/unit/gate_world.h
tests_unit_test_taken_LDADD = libcore.a $(LDNS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_book_SOURCES = tests/unit/test_book.c tests/unit/gate_world.h
tests_unit_test_book_LDADD = libcore.a $(LDNS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_routes_SOURCES = tests/unit/test_routes.c
tests_unit_test_routes_LDADD = libcore.a $(CMOCKA_LIBS)
tests_unit_test_directory_SOURCES = tests/unit/test_directory.c
tests_unit_test_directory_LDADD = libcore.a $(CMOCKA_LIBS)
tests_unit_test_gate_SOURCES = tests/unit/test_gate.c
tests_unit_test_gate_LDADD = libcore.a $(LDNS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_chain_SOURCES = tests/unit/test_chain.c tests/unit/gate_world.h
tests_unit_test_chain_LDADD = libcore.a $(LDNS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_actions_SOURCES = tests/unit/test_actions.c tests/unit/gate_world.h
tests_unit_test_actions_LDADD = libcore.a $(LDNS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_trail_SOURCES = tests/unit/test_trail.c tests/unit/gate_world.h
tests_unit_test_trail_LDADD = libcore.a $(LDNS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_filter_SOURCES = tests/unit/test_filter.c tests/unit/gate_world.h
tests_unit_test_filter_LDADD = libcore.a $(LDNS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_cache_SOURCES = tests/unit/test_cache.c tests/unit/gate_world.h
tests_unit_test_cache_LDADD = libcore.a $(LDNS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_failures_SOURCES = tests/unit/test_failures.c tests/unit/gate_world.h
tests_unit_test_failures_LDADD = libcore.a $(LDNS_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_worker
TESTS += tests/unit/test_worker
check_PROGRAMS += tests/unit/test_targets
TESTS += tests/unit/test_targets
tests_unit_test_targets_LDADD = libworker.a libcore.a $(CMOCKA_LIBS)
tests_unit_test_worker_SOURCES = tests/unit/test_worker.c tests/unit/worker_world.h
tests_unit_test_worker_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_worker_LDADD = libworker.a libedge.a libcore.a $(UV_LIBS) $(SSL_LIBS) $(LMDB_LIBS) \
	$(JANSSON_LIBS) $(LDNS_LIBS) $(CAPNG_LIBS) $(SECCOMP_LIBS) $(CMOCKA_LIBS)
EDGE_TESTS = tests/unit/test_channel tests/unit/test_record tests/unit/test_lease_store tests/unit/test_lease_store_room tests/unit/test_lease_store_share \
	tests/unit/test_upstream tests/unit/test_upstream_servers tests/unit/test_upstream_conns tests/unit/test_upstream_tls tests/unit/test_upstream_cookies tests/unit/test_stream tests/unit/test_stream_frame \
	tests/unit/test_udp
check_PROGRAMS += $(EDGE_TESTS)
TESTS += $(EDGE_TESTS)
tests_unit_test_channel_SOURCES = tests/unit/test_channel.c
tests_unit_test_channel_LDADD = libedge.a libcore.a $(CMOCKA_LIBS)
tests_unit_test_record_SOURCES = tests/unit/test_record.c
tests_unit_test_record_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_record_LDADD = libedge.a libcore.a $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_test_lease_store_SOURCES = tests/unit/test_lease_store.c
tests_unit_test_lease_store_LDADD = libedge.a libcore.a $(LMDB_LIBS) $(CMOCKA_LIBS)
tests_unit_test_lease_store_LDFLAGS = -Wl,--wrap=statfs
tests_unit_test_lease_store_room_SOURCES = tests/unit/test_lease_store_room.c
tests_unit_test_lease_store_room_LDADD = libedge.a libcore.a $(LMDB_LIBS) $(CMOCKA_LIBS)
tests_unit_test_lease_store_share_SOURCES = tests/unit/test_lease_store_share.c
tests_unit_test_lease_store_share_LDADD = libedge.a libcore.a $(LMDB_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_control tests/unit/test_registry tests/unit/test_spec \
	tests/unit/test_images tests/unit/test_boxes tests/unit/test_assign tests/unit/test_child \
	tests/unit/test_approvals
TESTS += tests/unit/test_control tests/unit/test_registry tests/unit/test_spec \
	tests/unit/test_images tests/unit/test_boxes tests/unit/test_assign tests/unit/test_child \
	tests/unit/test_approvals
tests_unit_test_control_SOURCES = tests/unit/test_control.c
tests_unit_test_control_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_control_LDADD = libedge.a $(UV_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_test_registry_SOURCES = tests/unit/test_registry.c
tests_unit_test_registry_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_registry_LDADD = libedge.a $(UV_LIBS) $(LMDB_LIBS) $(CMOCKA_LIBS)
tests_unit_test_spec_SOURCES = tests/unit/test_spec.c src/daemon/spec.c
tests_unit_test_spec_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_spec_LDADD = libconf.a libcore.a $(JANSSON_LIBS) $(CONFUSE_LIBS) $(LDNS_LIBS) \
	$(CMOCKA_LIBS)
tests_unit_test_images_SOURCES = tests/unit/test_images.c src/daemon/images.c
tests_unit_test_images_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_images_LDADD = libedge.a libconf.a libcore.a $(CONFUSE_LIBS) $(LDNS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_boxes_SOURCES = tests/unit/test_boxes.c src/daemon/assign.c src/daemon/boxes.c src/conf/grants.c \
	src/daemon/images.c
tests_unit_test_boxes_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_boxes_LDADD = libedge.a libconf.a libcore.a $(JANSSON_LIBS) $(CONFUSE_LIBS) $(LDNS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_child_SOURCES = tests/unit/test_child.c src/daemon/child.c src/daemon/log.c
tests_unit_test_child_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_child_LDADD = libedge.a libcore.a $(UV_LIBS) $(CMOCKA_LIBS)
tests_unit_test_upstream_SOURCES = tests/unit/test_upstream.c tests/unit/upstream_world.h
tests_unit_test_upstream_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_upstream_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=getrandom
tests_unit_test_upstream_LDADD = libedge.a libcore.a $(UV_LIBS) $(SSL_LIBS) $(LDNS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_upstream_servers_SOURCES = tests/unit/test_upstream_servers.c
tests_unit_test_upstream_servers_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_upstream_servers_LDADD = libedge.a libcore.a $(UV_LIBS) $(SSL_LIBS) $(LDNS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_upstream_tls_SOURCES = tests/unit/test_upstream_tls.c tests/unit/upstream_world.h
tests_unit_test_upstream_tls_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_upstream_tls_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=getrandom
tests_unit_test_upstream_tls_LDADD = libedge.a libcore.a $(UV_LIBS) $(SSL_LIBS) $(LDNS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_upstream_conns_SOURCES = tests/unit/test_upstream_conns.c tests/unit/upstream_world.h
tests_unit_test_upstream_conns_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_upstream_conns_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=getrandom
tests_unit_test_upstream_conns_LDADD = libedge.a libcore.a $(UV_LIBS) $(SSL_LIBS) $(LDNS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_stream_SOURCES = tests/unit/test_stream.c
tests_unit_test_stream_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_stream_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=calloc
tests_unit_test_stream_LDADD = libedge.a libcore.a $(UV_LIBS) $(CMOCKA_LIBS)
tests_unit_test_stream_frame_SOURCES = tests/unit/test_stream_frame.c
tests_unit_test_stream_frame_LDADD = libedge.a $(CMOCKA_LIBS)
tests_unit_test_udp_SOURCES = tests/unit/test_udp.c
tests_unit_test_udp_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_udp_LDADD = libedge.a libcore.a $(UV_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_gate_property
TESTS += tests/unit/test_gate_property
tests_unit_test_gate_property_SOURCES = tests/unit/test_gate_property.c tests/unit/gate_model.h
tests_unit_test_gate_property_LDADD = libcore.a $(LDNS_LIBS) $(CMOCKA_LIBS)
READY_TESTS = tests/unit/test_ready tests/unit/test_ready_property
check_PROGRAMS += $(READY_TESTS)
TESTS += $(READY_TESTS)
tests_unit_test_ready_SOURCES = tests/unit/test_ready.c tests/unit/ready_world.h tests/unit/message_maker.h tests/unit/unit.h
tests_unit_test_ready_LDADD = libcore.a $(LDNS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_ready_property_SOURCES = tests/unit/test_ready_property.c tests/unit/message_maker.h tests/unit/unit.h
tests_unit_test_ready_property_LDADD = libcore.a $(LDNS_LIBS) $(CMOCKA_LIBS)
WARDEN_TESTS = tests/unit/test_mirror tests/unit/test_packet tests/unit/test_sandboxes \
	tests/unit/test_rules tests/unit/test_statics tests/unit/test_declared
check_PROGRAMS += $(WARDEN_TESTS)
TESTS += $(WARDEN_TESTS)
tests_unit_test_mirror_SOURCES = tests/unit/test_mirror.c
tests_unit_test_mirror_LDADD = libwarden.a libcore.a $(CMOCKA_LIBS)
tests_unit_test_packet_SOURCES = tests/unit/test_packet.c
tests_unit_test_packet_LDADD = libwarden.a libcore.a $(CMOCKA_LIBS)
tests_unit_test_sandboxes_SOURCES = tests/unit/test_sandboxes.c
tests_unit_test_sandboxes_LDADD = libwarden.a libcore.a $(NFTNL_LIBS) $(MNL_LIBS) \
	$(CMOCKA_LIBS)
tests_unit_test_declared_SOURCES = tests/unit/test_declared.c
tests_unit_test_declared_CPPFLAGS = $(AM_CPPFLAGS) $(NFTNL_CFLAGS) $(MNL_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_declared_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=set_at_element -Wl,--wrap=ops_commit
tests_unit_test_declared_LDADD = libwarden.a libcore.a $(NFTNL_LIBS) $(MNL_LIBS) $(CMOCKA_LIBS)
tests_unit_test_statics_SOURCES = tests/unit/test_statics.c
tests_unit_test_statics_LDADD = libwarden.a libcore.a $(NFTNL_LIBS) $(MNL_LIBS) $(CMOCKA_LIBS)
tests_unit_test_rules_SOURCES = tests/unit/test_rules.c
tests_unit_test_rules_CPPFLAGS = $(AM_CPPFLAGS) $(NFTNL_CFLAGS) $(MNL_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_rules_LDADD = libwarden.a libcore.a $(NFTNL_LIBS) $(MNL_LIBS) $(CMOCKA_LIBS)
GATE_TESTS += tests/unit/test_numbers
tests_unit_test_numbers_SOURCES = tests/unit/test_numbers.c tests/unit/ready_world.h tests/unit/message_maker.h
tests_unit_test_numbers_LDADD = libcore.a $(LDNS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_limits_SOURCES = tests/unit/test_limits.c
tests_unit_test_limits_LDADD = libcore.a $(LDNS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_budget_SOURCES = tests/unit/test_budget.c
tests_unit_test_budget_LDADD = libcore.a $(LDNS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_sizes_SOURCES = tests/unit/test_sizes.c
tests_unit_test_sizes_LDADD = $(CMOCKA_LIBS)
tests_unit_test_texts_SOURCES = tests/unit/test_texts.c
tests_unit_test_texts_LDADD = libcore.a $(LDNS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_special_SOURCES = tests/unit/test_special.c
tests_unit_test_special_LDADD = libcore.a $(CMOCKA_LIBS)
tests_unit_test_svcb_SOURCES = tests/unit/test_svcb.c
tests_unit_test_svcb_LDADD = libcore.a $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_presets
TESTS += tests/unit/test_presets
EXTRA_DIST += tests/unit/presets.table
tests_unit_test_presets_SOURCES = tests/unit/test_presets.c tests/unit/presets_world.h
tests_unit_test_presets_CPPFLAGS = $(AM_CPPFLAGS) $(PSL_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_presets_LDADD = libcore.a $(LDNS_LIBS) $(PSL_LIBS) $(CMOCKA_LIBS)
tests_unit_test_approvals_SOURCES = tests/unit/test_approvals.c src/daemon/approvals.c
tests_unit_test_approvals_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_approvals_LDADD = libcore.a $(JANSSON_LIBS) $(LDNS_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_lint
TESTS += tests/unit/test_lint tests/unit/cli_lint.sh
EXTRA_DIST += tests/unit/cli_lint.sh
tests_unit_test_lint_LDADD = libcore.a $(PSL_LIBS) $(IDN2_LIBS) $(LDNS_LIBS) $(CMOCKA_LIBS)
OFFLINE_TESTS = tests/unit/test_setup tests/unit/test_world tests/unit/test_trial tests/unit/test_below tests/unit/test_classes
check_PROGRAMS += $(OFFLINE_TESTS)
TESTS += $(OFFLINE_TESTS)
tests_unit_test_setup_LDADD = liboffline.a libconf.a libcore.a $(CONFUSE_LIBS) $(LDNS_LIBS) \
	$(IDN2_LIBS) $(CMOCKA_LIBS)
tests_unit_test_world_LDADD = liboffline.a libconf.a libcore.a $(CONFUSE_LIBS) $(LDNS_LIBS) \
	$(IDN2_LIBS) $(CMOCKA_LIBS)
tests_unit_test_trial_LDADD = liboffline.a libconf.a libcore.a $(CONFUSE_LIBS) $(LDNS_LIBS) \
	$(IDN2_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_history
TESTS += tests/unit/test_history
tests_unit_test_history_SOURCES = tests/unit/test_history.c
tests_unit_test_history_LDADD = liboffline.a libedge.a libcore.a $(LMDB_LIBS) $(CMOCKA_LIBS)
TRAFFIC_TESTS = tests/unit/test_traffic tests/unit/test_traffic_streams \
	tests/unit/test_traffic_records
TRAFFIC_LIBS = liboffline.a libcore.a $(PCAP_LIBS) $(FSTRM_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += $(TRAFFIC_TESTS)
TESTS += $(TRAFFIC_TESTS)
EXTRA_DIST += tests/unit/traffic_maker.h
tests_unit_test_traffic_LDADD = $(TRAFFIC_LIBS)
tests_unit_test_traffic_streams_LDADD = $(TRAFFIC_LIBS)
tests_unit_test_traffic_records_LDADD = libedge.a $(TRAFFIC_LIBS)
check_PROGRAMS += tests/unit/test_ledger
TESTS += tests/unit/test_ledger
tests_unit_test_ledger_SOURCES = tests/unit/test_ledger.c
tests_unit_test_ledger_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_ledger_LDADD = liboffline.a libedge.a libcore.a $(UV_LIBS) $(LMDB_LIBS) \
	$(LDNS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_classes_LDADD = liboffline.a libconf.a libcore.a $(CONFUSE_LIBS) $(LDNS_LIBS) \
	$(IDN2_LIBS) $(CMOCKA_LIBS)
tests_unit_test_below_LDADD = liboffline.a libconf.a libcore.a $(CONFUSE_LIBS) $(LDNS_LIBS) \
	$(IDN2_LIBS) $(CMOCKA_LIBS)
TESTS += tests/unit/cli_expect.sh
EXTRA_DIST += tests/unit/cli_expect.sh
check_PROGRAMS += tests/unit/test_diff
TESTS += tests/unit/test_diff tests/unit/cli_diff.sh tests/unit/recipes.sh
EXTRA_DIST += tests/unit/cli_diff.sh tests/unit/recipes.sh
tests_unit_test_diff_LDADD = liboffline.a libconf.a libcore.a $(CONFUSE_LIBS) $(LDNS_LIBS) \
	$(IDN2_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_embed
TESTS += tests/unit/test_embed tests/unit/library.sh
EXTRA_DIST += tests/unit/library.sh
tests_unit_test_embed_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_embed_LDADD = liboffline.a libconf.a libcore.a $(CONFUSE_LIBS) $(JANSSON_LIBS) \
	$(LDNS_LIBS) $(IDN2_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_explain_gate
TESTS += tests/unit/test_explain_gate
tests_unit_test_explain_gate_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_explain_gate_LDADD = liboffline.a libconf.a libcore.a $(CONFUSE_LIBS) \
	$(JANSSON_LIBS) $(LDNS_LIBS) $(IDN2_LIBS) $(CMOCKA_LIBS)
TESTS += tests/unit/cli_report.sh
EXTRA_DIST += tests/unit/cli_report.sh
check_PROGRAMS += tests/unit/test_replay
TESTS += tests/unit/test_replay tests/unit/cli_replay.sh
EXTRA_DIST += tests/unit/cli_replay.sh
tests_unit_test_replay_LDADD = liboffline.a libconf.a libcore.a $(CONFUSE_LIBS) $(LDNS_LIBS) \
	$(IDN2_LIBS) $(CMOCKA_LIBS)
LEARN_TESTS = tests/unit/test_learn tests/unit/test_learn_property
LEARN_LIBS = liboffline.a libconf.a libcore.a $(CONFUSE_LIBS) $(LDNS_LIBS) $(PSL_LIBS) \
	$(IDN2_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += $(LEARN_TESTS)
TESTS += $(LEARN_TESTS) tests/unit/cli_learn.sh
EXTRA_DIST += tests/unit/cli_learn.sh tests/unit/learn_world.h
tests_unit_test_learn_LDADD = $(LEARN_LIBS)
tests_unit_test_learn_property_LDADD = $(LEARN_LIBS)
check_PROGRAMS += tests/unit/test_lease_rows
TESTS += tests/unit/test_lease_rows
tests_unit_test_lease_rows_SOURCES = tests/unit/test_lease_rows.c
tests_unit_test_lease_rows_LDADD = liboffline.a libedge.a libcore.a $(LMDB_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_warm
TESTS += tests/unit/test_warm
tests_unit_test_warm_SOURCES = tests/unit/test_warm.c tests/unit/gate_world.h tests/unit/folder.h tests/unit/conf_world.h
tests_unit_test_warm_LDADD = libedge.a libcore.a $(LDNS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_upstream_cookies_SOURCES = tests/unit/test_upstream_cookies.c tests/unit/upstream_world.h
tests_unit_test_upstream_cookies_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_upstream_cookies_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=getrandom
tests_unit_test_upstream_cookies_LDADD = libedge.a libcore.a $(UV_LIBS) $(SSL_LIBS) $(LDNS_LIBS) $(CMOCKA_LIBS)
# What reads messages for the comparison of readers; its changes are those of the fuzz targets.
check_PROGRAMS += tests/unit/differential
tests_unit_differential_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_unit_differential_LDADD = tests/fuzz/libdriver.a libcore.a $(LDNS_LIBS)
TESTS += tests/unit/differential.sh
EXTRA_DIST += tests/unit/differential.sh tests/unit/differential.py tests/unit/differential_walk.py
check_PROGRAMS += tests/unit/test_shown
TESTS += tests/unit/test_shown
tests_unit_test_shown_SOURCES = tests/unit/test_shown.c src/daemon/shown.c
tests_unit_test_shown_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_shown_LDADD = $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_conf_trust
TESTS += tests/unit/test_conf_trust
tests_unit_test_conf_trust_SOURCES = tests/unit/test_conf_trust.c tests/unit/folder.h
tests_unit_test_conf_trust_LDADD = libconf.a libcore.a $(CONFUSE_LIBS) $(LDNS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_assign_SOURCES = tests/unit/test_assign.c src/daemon/assign.c
tests_unit_test_assign_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_assign_LDADD = $(CMOCKA_LIBS)
