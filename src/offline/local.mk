liboffline_a_SOURCES += src/offline/setup.c src/offline/setup.h
