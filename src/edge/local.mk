libedge_a_SOURCES += src/edge/channel.h src/edge/confine.h
libedge_a_SOURCES += src/edge/channel.c
libedge_a_SOURCES += src/edge/confine.c src/edge/confine_calls.c
