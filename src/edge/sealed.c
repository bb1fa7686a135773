/*
 * Sealed memory is a memfd. Who reads a large one at random places pays for the walk through the
 * page table as much as for the octets, so what fills huge pages is put into huge pages. The maker does
 * it, for whom time matters least, and asks for it outright (MADV_COLLAPSE, Linux 6.1): by default
 * shared memory never gets them by itself. A mapping can use them only at an address that is
 * a multiple of their size. Where there are none, nothing but time is lost.
 */
#include "config.h"
#include "edge/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEALS     (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define HUGE_PAGE (UINT64_C(2) << 20)

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

static int fill(int fd, const uint8_t *octets, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = write(fd, octets + done, len - done);
		if (n <= 0 && errno != EINTR)
			return NG_E_IO;
		done += n > 0 ? (size_t)n : 0;
	}
	return NG_OK;
}

/* An address for len octets that huge pages can begin at; the room around it is given back. */
static uint8_t *place_find(size_t len)
{
	size_t room = len + HUGE_PAGE;
	uint8_t *from =
		mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (from == MAP_FAILED)
		return NULL;
	size_t before = (HUGE_PAGE - (uintptr_t)from % HUGE_PAGE) % HUGE_PAGE;
	if (before > 0)
		munmap(from, before);
	munmap(from + before + len, room - before - len);
	return from + before;
}

int sealed_map(int fd, size_t len, uint8_t **out)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = (len + page - 1) / page * page;
	uint8_t *place = whole >= HUGE_PAGE ? place_find(whole) : NULL;
	uint8_t *octets =
		mmap(place, len, PROT_READ, MAP_SHARED | (place ? MAP_FIXED : 0), fd, 0);

	if (octets == MAP_FAILED) {
		int code = errno == ENOMEM ? NG_E_NOMEM : NG_E_IO;
		if (place)
			munmap(place, whole);
		return code;
	}
	*out = octets;
	return NG_OK;
}

void sealed_unmap(uint8_t *octets, size_t len)
{
	if (octets)
		munmap(octets, len);
}

/* Only whole huge pages: what is left at the end would take room that it does not fill. */
static void make_huge(int fd, size_t len)
{
	uint8_t *octets;
	if (len < HUGE_PAGE || sealed_map(fd, len, &octets))
		return;
	madvise(octets, len - len % HUGE_PAGE, MADV_COLLAPSE);
	sealed_unmap(octets, len);
}

int sealed_make(const uint8_t *octets, size_t len, int *fd)
{
	int memory = memfd_create("namegate-policy", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (memory < 0)
		return NG_E_IO;
	if (fill(memory, octets, len) || fcntl(memory, F_ADD_SEALS, SEALS | F_SEAL_SEAL)) {
		close(memory);
		return NG_E_IO;
	}
	make_huge(memory, len);
	*fd = memory;
	return NG_OK;
}

bool sealed_is(int fd, uint64_t len)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat info;

	return seals >= 0 && (seals & SEALS) == SEALS && fstat(fd, &info) == 0 &&
	       info.st_size >= 0 && (uint64_t)info.st_size == len;
}
