/* A configuration file: it loads or says why not; what it loads to prints, and reads back the same. */
#include "config.h"

#include "fuzz.h"

#include "conf/conf.h"
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The struct's text, or NULL when the octets are no configuration. */
static char *load(const uint8_t *data, size_t size)
{
	char path[64], *text = NULL;
	size_t len;
	struct conf *conf = NULL;
	struct ng_diags diags;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	fuzz_must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ng_diags_init(&diags);
	int code = conf_load(path, &diags, &conf);
	fuzz_must((code == NG_OK) == (diags.errors == 0));
	if (code == NG_OK) {
		FILE *to = open_memstream(&text, &len);
		fuzz_must(to != NULL);
		conf_print(conf, to);
		fclose(to);
	}
	conf_free(conf);
	ng_diags_finish(&diags);
	close(fd);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *first = load(data, size);
	if (first == NULL)
		return 0;
	char *second = load((const uint8_t *)first, strlen(first));
	fuzz_must(second != NULL && strcmp(first, second) == 0);
	free(first);
	free(second);
	return 0;
}
