/* A folder of the test's own, emptied and removed at the end. To be included behind unit.h. */
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/namegate-test-XXXXXX";

/* Good until the next call. */
static const char *path_of(const char *name)
{
	static char path[sizeof(folder) + 256];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void put(const char *name, const char *text)
{
	FILE *file = fopen(path_of(name), "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int folder_make(void)
{
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
	DIR *dir = opendir(folder);
	(void)state;
	for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;)
		if (entry->d_name[0] != '.')
			unlink(path_of(entry->d_name));
	if (dir != NULL)
		closedir(dir);
	return rmdir(folder);
}
