libconf_a_SOURCES += src/conf/conf.h src/conf/sources.h
