libcore_a_SOURCES += src/base/error.c \
	src/base/arena.h src/base/cursor.h src/base/hash.h src/base/wall.h
