liboffline_a_SOURCES += src/offline/setup.c src/offline/setup.h src/offline/world.c src/offline/world.h \
	src/offline/trial.c src/offline/trial.h src/offline/trial_inside.h src/offline/trial_kernel.c
liboffline_a_SOURCES += src/offline/history.c src/offline/history.h
