libcore_a_SOURCES += src/dns/name.c src/dns/wire.c src/dns/query.c src/dns/answer.c \
	src/dns/reply.c src/dns/special.c src/dns/svcb.c src/dns/svcb.h src/dns/text.c \
	src/dns/fold.h src/dns/wire.h
libcore_a_SOURCES += src/dns/zone.c src/dns/zone.h src/dns/zone_plain.c src/dns/zone_plain.h
libcore_a_SOURCES += src/dns/ede.c
