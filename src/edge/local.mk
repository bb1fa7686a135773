libedge_a_SOURCES += src/edge/channel.h src/edge/confine.h
libedge_a_SOURCES += src/edge/channel.c
libedge_a_SOURCES += src/edge/confine.c
libedge_a_SOURCES += src/edge/control.c src/edge/control.h src/edge/notify.c src/edge/notify.h \
	src/edge/registry.c src/edge/registry.h
