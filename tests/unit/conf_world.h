/* A configuration in a folder of its own, what loading it said, and how it prints. */
#pragma once

#include "unit.h"

#include "conf/conf.h"
#include <unistd.h>

#define RESOLV "forward \".\" { servers = {\"192.0.2.53\"} }\n"

struct file {
	char folder[32], path[64];
	struct ng_diags diags;
	struct conf *conf;
	int code;
	char said[4096];
};

static inline void put(const char *folder, const char *name, const char *text)
{
	char path[64];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static inline void tell(struct file *file)
{
	size_t n = 0;
	file->said[0] = '\0';
	for (size_t i = 0; i < file->diags.n; i++) {
		const struct ng_diag *diag = &file->diags.items[i];
		n += (size_t)snprintf(file->said + n, sizeof(file->said) - n, "%s%u:%u %s",
				      n > 0 ? ", " : "", diag->line, diag->column, diag->code);
		assert_true(n < sizeof(file->said));
	}
}

static inline void load(struct file *file, const char *text)
{
	*file = (struct file){.folder = "/tmp/ngconfXXXXXX"};
	assert_non_null(mkdtemp(file->folder));
	put(file->folder, "t.conf", text);
	put(file->folder, "resolv",
	    "# one\nsearch x\nnameserver 192.0.2.1\nnameserver fe80::1%eth0\n"
	    "nameserver 2001:db8::1\n");
	snprintf(file->path, sizeof(file->path), "%s/t.conf", file->folder);
	ng_diags_init(&file->diags);
	file->code = conf_load(file->path, &file->diags, &file->conf);
	tell(file);
}

static inline void done(struct file *file)
{
	static const char *const names[] = {"t.conf", "resolv"};
	char path[64];
	for (size_t i = 0; i < COUNT(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", file->folder, names[i]);
		unlink(path);
	}
	rmdir(file->folder);
	conf_free(file->conf);
	ng_diags_finish(&file->diags);
}

static inline char *printed(const struct conf *conf)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);
	assert_non_null(to);
	conf_print(conf, to);
	assert_int_equal(fclose(to), 0);
	return text;
}
