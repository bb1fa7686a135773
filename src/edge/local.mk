libedge_a_SOURCES += src/edge/channel.h src/edge/confine.h
libedge_a_SOURCES += src/edge/channel.c src/edge/sealed.c src/edge/sealed.h
libedge_a_SOURCES += src/edge/confine.c src/edge/confine_calls.c src/edge/confine_calls.h
libedge_a_SOURCES += src/edge/control.c src/edge/control.h src/edge/notify.c src/edge/notify.h \
	src/edge/registry.c src/edge/registry.h src/edge/registry_kept.h \
	src/edge/registry_kept.c src/edge/registry_history.c src/edge/registry_history.h
libedge_a_SOURCES += src/edge/lease_store.c src/edge/lease_store.h src/edge/lease_store_before.c src/edge/lease_store_earlier.c src/edge/lease_store_history.c \
	src/edge/lease_store_inside.h src/edge/lease_store_live.c src/edge/lease_store_open.c src/edge/lease_store_room.c src/edge/lease_store_rows.c \
	src/edge/lease_store_rows.h src/edge/lease_store_names.c src/edge/lease_store_share.c src/edge/lease_store_shared.c src/edge/lease_store_spent.c src/edge/lease_store_waiting.c src/edge/record.c \
	src/edge/record.h src/edge/record_format.c src/edge/udp.c \
	src/edge/udp.h src/edge/upstream.c src/edge/upstream.h src/edge/upstream_conn.c src/edge/upstream_conn_io.c src/edge/upstream_tls.c src/edge/upstream_tls.h src/edge/upstream_try_answer.c \
	src/edge/upstream_try.c src/edge/upstream_try.h src/edge/upstream_try_chance.c \
	src/edge/upstream_try_chance.h src/edge/upstream_try_cookie.c src/edge/upstream_try_cookie.h src/edge/upstream_try_routes.c src/edge/upstream_try_send.c src/edge/upstream_try_servers.c src/edge/upstream_try_servers.h
libedge_a_SOURCES += src/edge/program.c src/edge/program.h src/edge/program_code.h \
	src/edge/program_marks.c src/edge/program_marks.h src/edge/program_held.c src/edge/program_ingress.c src/edge/program_pins.c src/edge/program_pins.h
libedge_a_SOURCES += src/edge/program_steer.c src/edge/program_steer.h
libedge_a_SOURCES += src/edge/dump.c src/edge/dump.h
libedge_a_SOURCES += src/edge/stream.c src/edge/stream.h src/edge/stream_client.c src/edge/stream_frame.c \
	src/edge/stream_frame.h src/edge/stream_inside.h src/edge/stream_listen.c \
	src/edge/stream_places.c src/edge/stream_who.c src/edge/stream_who.h
libedge_a_SOURCES += src/edge/cache_store.c src/edge/cache_store.h
