/*
 * One UDP socket, recvmmsg and sendmmsg: the least that a server has to do. It blocks for the first
 * message and takes what else is there, so that it sleeps when nothing comes and batches when
 * much does, without a second system call to wait.
 */
#include "config.h"
#include "serve.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

struct batch {
	struct mmsghdr in[SERVE_BATCH], out[SERVE_BATCH];
	struct iovec in_at[SERVE_BATCH], out_at[SERVE_BATCH];
	struct sockaddr_in peers[SERVE_BATCH];
	uint8_t asked[SERVE_BATCH][DNS_PACKET], answers[SERVE_BATCH][DNS_PACKET];
};

static void batch_init(struct batch *batch)
{
	memset(batch, 0, sizeof *batch);
	for (int i = 0; i < SERVE_BATCH; i++) {
		batch->in_at[i] = (struct iovec){batch->asked[i], DNS_PACKET};
		batch->in[i].msg_hdr = (struct msghdr){.msg_name = &batch->peers[i],
						       .msg_iov = &batch->in_at[i],
						       .msg_iovlen = 1};
		batch->out[i].msg_hdr = (struct msghdr){.msg_namelen = sizeof batch->peers[i],
							.msg_iov = &batch->out_at[i],
							.msg_iovlen = 1};
	}
}

static int batch_receive(struct batch *batch, int sock)
{
	for (int i = 0; i < SERVE_BATCH; i++)
		batch->in[i].msg_hdr.msg_namelen = sizeof batch->peers[i];
	return recvmmsg(sock, batch->in, SERVE_BATCH, MSG_WAITFORONE, NULL);
}

static unsigned batch_answer(struct batch *batch, int n, serve_answer *answer,
			     const void *settings)
{
	unsigned made = 0;

	for (int i = 0; i < n; i++) {
		size_t len = answer(settings, batch->asked[i], batch->in[i].msg_len,
				    batch->answers[i]);

		if (!len)
			continue;
		batch->out_at[made] = (struct iovec){batch->answers[i], len};
		batch->out[made++].msg_hdr.msg_name = &batch->peers[i];
	}
	return made;
}

/* A peer that went away must not end the service: what cannot be sent is left out. */
static void batch_send(struct batch *batch, int sock, unsigned n)
{
	unsigned done = 0;

	while (done < n) {
		int sent = sendmmsg(sock, batch->out + done, n - done, 0);

		done += sent > 0 ? (unsigned)sent : 1;
	}
}

static int open_socket(const char *endpoint)
{
	struct sockaddr_in addr;
	int size = 4 << 20, sock;

	if (!dns_endpoint(endpoint, &addr)) {
		errno = EINVAL;
		return -1;
	}
	sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return -1;
	/* Best effort: the limit of the machine may be smaller. */
	setsockopt(sock, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	setsockopt(sock, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	return bind(sock, (struct sockaddr *)&addr, sizeof addr) ? -1 : sock;
}

int serve(const char *program, const char *endpoint, serve_answer *answer, const void *settings)
{
	static struct batch batch;
	int sock = open_socket(endpoint);

	if (sock < 0) {
		fprintf(stderr, "%s: cannot serve on %s: %s\n", program, endpoint,
			strerror(errno));
		return 1;
	}
	batch_init(&batch);
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		int n = batch_receive(&batch, sock);

		if (n > 0)
			batch_send(&batch, sock, batch_answer(&batch, n, answer, settings));
		else if (errno != EINTR && errno != ECONNREFUSED)
			break;
	}
	fprintf(stderr, "%s: cannot receive on %s: %s\n", program, endpoint, strerror(errno));
	return 1;
}
