/* getaddrinfo() of whatever C library this is linked with: "NAME MILLISECONDS ADDRESS,..." a line. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void say(const struct addrinfo *found)
{
	const char *comma = "";

	for (; found; found = found->ai_next) {
		char text[INET6_ADDRSTRLEN];
		const void *at = &((struct sockaddr_in *)found->ai_addr)->sin_addr;

		if (found->ai_family == AF_INET6)
			at = &((struct sockaddr_in6 *)found->ai_addr)->sin6_addr;
		printf("%s%s", comma, inet_ntop(found->ai_family, at, text, sizeof(text)));
		comma = ",";
	}
	puts("");
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
		double begun = now_ms();
		int error = getaddrinfo(argv[i], NULL, &hints, &found);

		printf("%s %.2f ", argv[i], now_ms() - begun);
		if (error) {
			printf("error:%s\n",
			       error == EAI_NONAME ? "noname" : gai_strerror(error));
			continue;
		}
		say(found);
		freeaddrinfo(found);
	}
	return 0;
}
