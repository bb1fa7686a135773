libedge_a_SOURCES += src/edge/channel.h src/edge/confine.h
libedge_a_SOURCES += src/edge/channel.c
