/* ares_getaddrinfo(): "NAME MILLISECONDS ADDRESS,..." a line; over TCP when the first word is tcp. */
#include <ares.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <time.h>

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

struct asked {
	const char *name;
	double begun;
};

static void answered(void *context, int status, int timeouts, struct ares_addrinfo *result)
{
	const struct asked *asked = context;
	const char *comma = "";

	(void)timeouts;
	printf("%s %.2f ", asked->name, now_ms() - asked->begun);
	if (status) {
		printf("error:%s\n", status == ARES_ENOTFOUND || status == ARES_ENODATA
					     ? "noname"
					     : ares_strerror(status));
		return;
	}
	for (struct ares_addrinfo_node *node = result->nodes; node; node = node->ai_next) {
		char text[INET6_ADDRSTRLEN];
		const void *at = &((struct sockaddr_in *)node->ai_addr)->sin_addr;

		if (node->ai_family == AF_INET6)
			at = &((struct sockaddr_in6 *)node->ai_addr)->sin6_addr;
		printf("%s%s", comma, inet_ntop(node->ai_family, at, text, sizeof(text)));
		comma = ",";
	}
	puts("");
	ares_freeaddrinfo(result);
}

static void wait_for_all(ares_channel channel)
{
	for (;;) {
		fd_set readable, writable;
		struct timeval pause, most = {.tv_sec = 1};
		int n;

		FD_ZERO(&readable);
		FD_ZERO(&writable);
		n = ares_fds(channel, &readable, &writable);
		if (!n)
			return;
		select(n, &readable, &writable, NULL, ares_timeout(channel, &most, &pause));
		ares_process(channel, &readable, &writable);
	}
}

int main(int argc, char **argv)
{
	int first = argc > 1 && strcmp(argv[1], "tcp") == 0 ? 2 : 1;
	struct ares_options options = {.flags = first == 2 ? ARES_FLAG_USEVC : 0};
	const struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC};
	ares_channel channel;

	if (ares_library_init(ARES_LIB_INIT_ALL) ||
	    ares_init_options(&channel, &options, ARES_OPT_FLAGS))
		return 1;
	for (int i = first; i < argc; i++) {
		struct asked asked = {argv[i], now_ms()};

		ares_getaddrinfo(channel, argv[i], NULL, &hints, answered, &asked);
		wait_for_all(channel);
	}
	ares_destroy(channel);
	ares_library_cleanup();
	return 0;
}
