/* Wall packets over a real socket pair, from a peer that may have been taken over. */
#include "config.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "edge/channel.h"
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct pair {
	int ends[2];
};

static int begin(void **state)
{
	static struct pair pair;

	*state = &pair;
	return channel_pair(pair.ends);
}

static int end(void **state)
{
	struct pair *pair = *state;

	close(pair->ends[0]);
	close(pair->ends[1]);
	return 0;
}

static struct wall_packet packet_of(enum wall_kind kind, uint32_t seq)
{
	struct wall_packet packet;

	memset(&packet, 0, sizeof(packet));
	packet.head = (struct wall_head){.kind = (uint16_t)kind, .count = 1, .seq = seq};
	return packet;
}

/* Sends octets as they are, with n descriptors of our own. */
static void send_raw(int channel, const void *octets, size_t len, size_t n)
{
	union {
		struct cmsghdr align;
		char octets[CMSG_SPACE(4 * sizeof(int))];
	} control = {0};
	struct iovec part = {.iov_base = (void *)octets, .iov_len = len};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	int fds[4] = {0, 0, 0, 0};

	if (n) {
		struct cmsghdr *head;
		message.msg_control = control.octets;
		message.msg_controllen = CMSG_SPACE(n * sizeof(int));
		head = CMSG_FIRSTHDR(&message);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(head), fds, n * sizeof(int));
	}
	assert_int_equal(sendmsg(channel, &message, 0), (ssize_t)len);
}

/* The descriptor that the next open gets: the same before and after when nothing leaked. */
static int next_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	close(fd);
	return fd;
}

static void packet_arrives_as_it_was_sent(void **state)
{
	struct pair *pair = *state;
	struct wall_packet sent = packet_of(WALL_STATUS, 42), got;
	int fd = 0;

	assert_int_equal(channel_send(pair->ends[0], &sent, -1), NG_OK);
	assert_int_equal(channel_receive(pair->ends[1], WALL_MAIN_TO_WORKER, &got, &fd), NG_OK);
	assert_int_equal(got.head.kind, WALL_STATUS);
	assert_int_equal(got.head.seq, 42);
	assert_int_equal(fd, -1);
	assert_int_equal(channel_receive(pair->ends[1], WALL_MAIN_TO_WORKER, &got, &fd),
			 NG_E_NOTFOUND);
}

static void descriptor_arrives_with_its_packet(void **state)
{
	struct pair *pair = *state;
	struct wall_packet sent = packet_of(WALL_LISTENER, 1), got;
	int fd = -1;

	assert_int_equal(channel_send(pair->ends[0], &sent, pair->ends[0]), NG_OK);
	assert_int_equal(channel_receive(pair->ends[1], WALL_MAIN_TO_WORKER, &got, &fd), NG_OK);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
}

static void refused_packet_is(struct pair *pair, const void *octets, size_t len, size_t fds)
{
	struct wall_packet got;
	int before = next_fd(), fd = -7;

	send_raw(pair->ends[0], octets, len, fds);
	assert_int_equal(channel_receive(pair->ends[1], WALL_MAIN_TO_WORKER, &got, &fd),
			 NG_E_FORMAT);
	assert_int_equal(fd, -7);
	assert_int_equal(next_fd(), before);
}

static void wrong_packets_are_refused_and_leak_no_descriptor(void **state)
{
	struct pair *pair = *state;
	struct wall_packet packet = packet_of(WALL_STATUS, 1);
	size_t len = wall_packet_size(WALL_STATUS, 1);
	static char huge[sizeof(struct wall_packet) + 1];

	refused_packet_is(pair, &packet, 3, 0);
	refused_packet_is(pair, &packet, len - 1, 0);
	refused_packet_is(pair, &packet, len + 1, 0);
	refused_packet_is(pair, &packet, len, 1);
	refused_packet_is(pair, huge, sizeof(huge), 0);
	packet.head.count = 2;
	refused_packet_is(pair, &packet, len, 0);
	packet = packet_of(WALL_READY, 1);
	refused_packet_is(pair, &packet, wall_packet_size(WALL_READY, 1), 0);
	packet = packet_of(WALL_LISTENER, 1);
	refused_packet_is(pair, &packet, wall_packet_size(WALL_LISTENER, 1), 0);
	refused_packet_is(pair, &packet, wall_packet_size(WALL_LISTENER, 1), 2);
	refused_packet_is(pair, &packet, wall_packet_size(WALL_LISTENER, 1), 4);
	packet.head.kind = WALL_KINDS;
	refused_packet_is(pair, &packet, wall_packet_size(WALL_LISTENER, 1), 1);
}

static void gone_peer_is_closed(void **state)
{
	struct pair *pair = *state;
	struct wall_packet packet = packet_of(WALL_STATUS, 1);
	int fd;

	close(pair->ends[0]);
	assert_int_equal(channel_receive(pair->ends[1], WALL_MAIN_TO_WORKER, &packet, &fd),
			 NG_E_CLOSED);
	packet = packet_of(WALL_STATUS, 1);
	assert_int_equal(channel_send(pair->ends[1], &packet, -1), NG_E_CLOSED);
	assert_int_equal(channel_pair(pair->ends), NG_OK);
}

static void full_channel_says_so_and_loses_nothing(void **state)
{
	struct pair *pair = *state;
	struct wall_packet packet = packet_of(WALL_STATUS, 0), got;
	uint32_t sent = 0;
	int fd, code;

	while ((code = channel_send(pair->ends[0], &packet, -1)) == NG_OK)
		packet.head.seq = ++sent;
	assert_int_equal(code, NG_E_FULL);
	for (uint32_t i = 0; i < sent; i++) {
		assert_int_equal(channel_receive(pair->ends[1], WALL_MAIN_TO_WORKER, &got, &fd),
				 NG_OK);
		assert_int_equal(got.head.seq, i);
	}
	assert_int_equal(channel_send(pair->ends[0], &packet, -1), NG_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(packet_arrives_as_it_was_sent, begin, end),
		cmocka_unit_test_setup_teardown(descriptor_arrives_with_its_packet, begin, end),
		cmocka_unit_test_setup_teardown(
			wrong_packets_are_refused_and_leak_no_descriptor, begin, end),
		cmocka_unit_test_setup_teardown(gone_peer_is_closed, begin, end),
		cmocka_unit_test_setup_teardown(full_channel_says_so_and_loses_nothing, begin,
						end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
