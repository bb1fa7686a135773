libcore_a_SOURCES += src/base/error.c src/base/addr.c src/base/arena.c src/base/cursor.c \
	src/base/diag.c src/base/grow.c src/base/grow.h src/base/never.c src/base/never.h src/base/wall.c \
	src/base/arena.h src/base/cursor.h src/base/hash.h src/base/text.c src/base/text.h src/base/token.c src/base/token.h src/base/wall.h
libcore_a_SOURCES += src/base/awake.c src/base/awake.h
libcore_a_SOURCES += src/base/index.c src/base/index.h src/base/slab.c src/base/slab.h
