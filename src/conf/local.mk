libconf_a_SOURCES += src/conf/check.c src/conf/conf.c src/conf/conf.h src/conf/fields.h \
	src/conf/fill.c src/conf/files.c src/conf/files.h src/conf/grants.c src/conf/grants.h src/conf/host.c src/conf/host.h \
	src/conf/kinds.c src/conf/kinds_server.c src/conf/load.c src/conf/nearest.c src/conf/nearest.h src/conf/openings.c src/conf/openings.h src/conf/route.c src/conf/socket.c src/conf/socket.h src/conf/sources.c \
	src/conf/sources.h
