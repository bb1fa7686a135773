libcore_a_SOURCES += src/policy/builder.c src/policy/builder.h src/policy/compile.c \
	src/policy/decide.c src/policy/image.c src/policy/image.h src/policy/image_check.c \
	src/policy/idn.c src/policy/idn.h src/policy/list.c src/policy/list.h \
	src/policy/list_entry.c src/policy/list_entry.h src/policy/list_options.c \
	src/policy/merge.c src/policy/rpz_address.c src/policy/rpz_address.h src/policy/rpz.c \
	src/policy/rpz.h src/policy/ruleset.c src/policy/ruleset.h src/policy/writer.c
libcore_a_SOURCES += src/policy/lint.c src/policy/lint_alias.c src/policy/lint_codes.c \
	src/policy/lint_inside.h src/policy/lint_names.c src/policy/lint_table.c
libcore_a_SOURCES += src/policy/explain.c src/policy/suffix.c src/policy/suffix.h
