/* Compiled sources in main: one image for equal sources, freed by its last user, sealed for the worker. */
#include "config.h"
#include "daemon/images.h"
#include "edge/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

static struct image *inlined(struct images *images, const char *sandbox, const char *text)
{
	struct ng_diags diags;
	struct image *image = NULL;
	ng_diags_init(&diags);
	assert_int_equal(images_inline(images, sandbox, text, &diags, &image), NG_OK);
	ng_diags_finish(&diags);
	return image;
}

static void test_equal_sources_are_one(void **state)
{
	(void)state;
	struct images images = {0};
	struct image *first = inlined(&images, "a", "example.com\n");
	struct image *again = inlined(&images, "a", "example.com\n");
	struct image *other = inlined(&images, "b", "example.com\n");
	assert_ptr_equal(first, again);
	assert_ptr_not_equal(first, other);
	assert_int_equal(first->uses, 2);
	images_release(&images, first);
	assert_int_equal(HASH_COUNT(images.by_digest), 2);
	images_release(&images, first);
	images_release(&images, other);
	assert_null(images.by_digest);
}

static void test_bad_inline_is_placed(void **state)
{
	(void)state;
	struct images images = {0};
	struct image *image = NULL;
	struct ng_diags diags;
	ng_diags_init(&diags);
	assert_int_equal(
		images_inline(&images, "ci", "good.example\nhttp://x/\n", &diags, &image),
		NG_E_SYNTAX);
	assert_string_equal(diags.items[0].path, "sandbox ci");
	assert_int_equal(diags.items[0].line, 2);
	assert_null(images.by_digest);
	ng_diags_finish(&diags);
}

static void test_sealed(void **state)
{
	(void)state;
	struct images images = {0};
	struct image *image = inlined(&images, "a", "example.com\n");
	uint8_t octet = 0;
	int fd = -1;
	assert_int_equal(images_seal(&images, image, &fd), NG_OK);
	assert_int_equal(lseek(fd, 0, SEEK_END), (off_t)image->octets.len);
	assert_int_equal(fcntl(fd, F_GET_SEALS),
			 F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
	assert_int_equal(pwrite(fd, &octet, 1, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_ptr_equal(mmap(NULL, 1, PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	uint8_t *seen = mmap(NULL, image->octets.len, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_ptr_not_equal(seen, MAP_FAILED);
	assert_memory_equal(seen, image->octets.octets, image->octets.len);
	munmap(seen, image->octets.len);
	close(fd);
	images_release(&images, image);
}

/* Large enough for huge pages, and not a multiple of one. */
static void test_sealed_large(void **state)
{
	(void)state;
	size_t len = (5u << 20) + 12345;
	uint8_t *octets = malloc(len), *seen = NULL;
	int fd = -1;
	assert_non_null(octets);
	for (size_t i = 0; i < len; i++)
		octets[i] = (uint8_t)(i * 2654435761u >> 24);
	assert_int_equal(sealed_make(octets, len, &fd), NG_OK);
	assert_true(sealed_is(fd, len));
	assert_false(sealed_is(fd, len - 1));
	assert_int_equal(sealed_map(fd, len, &seen), NG_OK);
	close(fd);
	assert_int_equal((uintptr_t)seen % (2u << 20), 0);
	assert_memory_equal(seen, octets, len);
	sealed_unmap(seen, len);
	free(octets);
	assert_false(sealed_is(-1, 0));
	assert_int_equal(sealed_map(-1, len, &seen), NG_E_IO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal_sources_are_one),
		cmocka_unit_test(test_bad_inline_is_placed),
		cmocka_unit_test(test_sealed),
		cmocka_unit_test(test_sealed_large),
	};
	return cmocka_run_group_tests_name("images", tests, NULL, NULL);
}
