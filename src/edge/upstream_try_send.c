/*
 * What is sent, and from where: sockets, the question in the form that its server takes, and the cookie
 * that goes with it.
 *
 * A socket is made once and asks many questions, one at a time, each from another port: when its
 * question is answered it is disconnected, by which the kernel takes the port back and delivers nothing to it any more, and
 * when it is connected for the next one the kernel draws a port again, at random among all that are
 * free, as it does for a new socket (RFC 5452 9.2). So a port is open while its question is, and no longer;
 * what is spared is making and watching the socket. What had come before is seen before the next question
 * goes out, and such a socket is given up: nothing can be sent ahead of a question to answer it, or to move it
 * to TCP. One whose question was not answered is not used again either, as its answer may still be on the way.
 *
 * Cookies go by datagram alone. On a connection they would add nothing to what the handshake has
 * proved, and by TLS a server could tell by them that two connections are of the same gate.
 */
#include "config.h"
#include "edge/upstream_try.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define PADDED_TO   128  /* octets, of questions by TLS (RFC 8467 4.1) */
#define OPTION      4    /* the head of one */
#define RESTING_MAX 4096 /* sockets */

static socklen_t sockaddr_of(const struct ng_addr *addr, uint16_t port,
			     struct sockaddr_in6 *out)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};

	memset(out, 0, sizeof(*out));
	if (addr->family == NG_IPV4) {
		memcpy(&v4.sin_addr, addr->bytes, 4);
		memcpy(out, &v4, sizeof(v4));
		return sizeof(v4);
	}
	out->sin6_family = AF_INET6;
	out->sin6_port = htons(port);
	memcpy(&out->sin6_addr, addr->bytes, 16);
	return sizeof(*out);
}

/* The port is still the kernel's choice, made when it is connected. */
static bool bind_source(int fd, const struct upstream_server *server)
{
	struct sockaddr_in6 from;
	int yes = 1;

	if (server->source.family != server->addr.family)
		return true;
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof(yes));
	return bind(fd, (struct sockaddr *)&from, sockaddr_of(&server->source, 0, &from)) == 0;
}

static bool has_mark(int fd, uint32_t expected)
{
	uint32_t mark = 0;
	socklen_t len = sizeof(mark);

	return !getsockopt(fd, SOL_SOCKET, SO_MARK, &mark, &len) && mark == expected;
}

static int socket_for(const struct upstream_server *server, int type, int *out)
{
	int fd = socket(server->addr.family == NG_IPV4 ? AF_INET : AF_INET6,
			type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return NG_E_IO;
	if (!bind_source(fd, server)) {
		close(fd);
		return NG_E_IO;
	}
	*out = fd;
	return NG_OK;
}

/* Without its mark it may have no route where with it it has one. */
static int connect_to(int fd, const struct upstream_server *server)
{
	struct sockaddr_in6 to;
	socklen_t len = sockaddr_of(&server->addr, server->port, &to);
	int code = connect(fd, (struct sockaddr *)&to, len) && errno != EINPROGRESS ? NG_E_IO
										    : NG_OK;

	return !server->mark || has_mark(fd, server->mark) ? code : NG_E_PERM;
}

static int open_to(const struct upstream_server *server, int type, int *out)
{
	int fd = -1, code = socket_for(server, type, &fd);

	if (!code)
		code = connect_to(fd, server);
	if (code && fd >= 0)
		close(fd);
	if (!code)
		*out = fd;
	return code;
}

/* Its first packet leaves at once: so what a datagram's socket gets, which sends none, is seen before. */
int upstream_stream(const struct upstream_server *server, int *out)
{
	int fd = -1, code = server->mark ? open_to(server, SOCK_DGRAM, &fd) : NG_OK;

	if (fd >= 0)
		close(fd);
	return code ? code : open_to(server, SOCK_STREAM, out);
}

bool upstream_watch(const struct upstream *upstream, int fd, int operation, uint32_t events,
		    uint64_t mark)
{
	struct epoll_event event = {.events = events, .data.u64 = mark};

	return epoll_ctl(upstream->epoll, operation, fd, &event) == 0;
}

bool leg_renew(struct leg *leg)
{
	struct chance *chance = &leg->exchange->upstream->chance;

	leg->question = leg->exchange->ask.question;
	leg->strange = 0;
	return chance_draw(chance, &leg->id, sizeof(leg->id)) &&
	       chance_mix_case(chance, &leg->question.name);
}

/* The address of our own that the socket is connected from: the kernel may choose another any time. */
static bool source_of(int fd, struct ng_addr *out)
{
	struct sockaddr_in6 v6;
	struct sockaddr_in v4;
	socklen_t len = sizeof(v6);

	if (getsockname(fd, (struct sockaddr *)&v6, &len) < 0)
		return false;
	memcpy(&v4, &v6, sizeof(v4));
	*out = v6.sin6_family == AF_INET
		       ? ng_addr_make(NG_IPV4, (const uint8_t *)&v4.sin_addr)
		       : ng_addr_make(NG_IPV6, (const uint8_t *)&v6.sin6_addr);
	return true;
}

/* Both cookies; without one the question goes all the same, and nothing less is asked of the answer. */
static size_t add_cookie(struct leg *leg, uint8_t query[static ASK_MAX], size_t len)
{
	struct upstream *upstream = leg->exchange->upstream;
	struct server_route *route = exchange_route(leg->exchange);
	struct cookie *cookie = route ? &route->servers[leg->index].cookie : NULL;
	const struct cookie_moment moment = {.cookies = &upstream->cookies,
					     .chance = &upstream->chance,
					     .now_ms = upstream_now_ms(upstream)};
	uint8_t both[COOKIE_LEN + COOKIE_SERVER];
	struct ng_addr source;

	if (!cookie || !source_of(leg->fd, &source) ||
	    !cookie_for(&moment, &leg->server, &source, cookie)) {
		leg->form = FORM_EDNS;
		return len;
	}
	memcpy(leg->cookie, cookie->ours, COOKIE_LEN);
	return ng_ask_option(query, len, NG_OPTION_COOKIE, both,
			     (uint16_t)cookie_compose(cookie, both));
}

/* So that the length of a record does not tell the name. */
static size_t add_padding(uint8_t query[static ASK_MAX], size_t len)
{
	size_t over = (len + OPTION) % PADDED_TO;

	return ng_ask_option(query, len, NG_OPTION_PADDING, NULL,
			     (uint16_t)(over ? PADDED_TO - over : 0));
}

size_t leg_compose(struct leg *leg, uint8_t out[static 2 + ASK_MAX])
{
	const struct ng_ask *ask = &leg->exchange->ask;
	const struct server_route *route = exchange_route(leg->exchange);
	size_t len = ng_ask_build(&leg->question, leg->id, ask->dnssec_ok, ask->cd, out + 2);

	if (route && route->trust_ad)
		ng_ask_ad(out + 2);
	if (leg->form == FORM_PLAIN)
		len = ng_ask_plain(out + 2, len);
	else if (leg->form == FORM_COOKIE)
		len = add_cookie(leg, out + 2, len);
	else if (leg->server.transport == WALL_TLS)
		len = add_padding(out + 2, len);
	out[0] = (uint8_t)(len >> 8);
	out[1] = (uint8_t)len;
	return 2 + len;
}

/* ---- sockets of datagrams ---- */

/* Closing takes it off the epoll descriptor; events already fetched see the generation. */
void datagram_close(struct leg *leg)
{
	if (leg->rests)
		leg->exchange->upstream->resting--;
	if (leg->fd >= 0)
		close(leg->fd);
	leg->fd = -1;
	leg->rests = false;
	leg->generation++;
}

/* Those of first legs alone, so that there are never more of them than places. */
void datagram_rest(struct leg *leg)
{
	struct exchange *exchange = leg->exchange;
	const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};

	if (leg != exchange->legs || exchange->upstream->resting >= RESTING_MAX ||
	    connect(leg->fd, &nowhere, sizeof(nowhere)) < 0)
		return;
	leg->rests = true;
	exchange->upstream->resting++;
}

static struct ng_addr bound_for(const struct upstream_server *server)
{
	if (server->source.family == server->addr.family)
		return server->source;
	return (struct ng_addr){.family = server->addr.family};
}

/*
 * Has it rested, without anything left of its last question, and would one made now be no other? While a reload
 * is under way the kernel may have given it a mark that we know nothing of: it would go with it from then on,
 * to whatever server.
 */
static bool is_rested(const struct leg *leg)
{
	const struct ng_addr from = bound_for(&leg->server);
	uint8_t octet;

	return leg->rests && leg->mark == leg->server.mark && has_mark(leg->fd, leg->mark) &&
	       ng_addr_equal(&leg->from, &from) &&
	       recv(leg->fd, &octet, sizeof(octet), MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static int datagram_make(struct leg *leg)
{
	const struct exchange *exchange = leg->exchange;
	size_t index = (size_t)(leg - exchange->legs);

	datagram_close(leg);
	leg->from = bound_for(&leg->server);
	leg->mark = leg->server.mark;
	if (socket_for(&leg->server, SOCK_DGRAM, &leg->fd))
		return NG_E_IO;
	return upstream_watch(exchange->upstream, leg->fd, EPOLL_CTL_ADD, EPOLLIN,
			      (uint64_t)leg->generation << 32 |
				      (exchange->place * LEGS + index))
		       ? NG_OK
		       : NG_E_IO;
}

static int datagram_open(struct leg *leg)
{
	int code = NG_OK;

	if (is_rested(leg))
		leg->exchange->upstream->resting--;
	else
		code = datagram_make(leg);
	if (code)
		return code;
	leg->rests = false;
	return connect_to(leg->fd, &leg->server);
}

int datagram_ask(struct leg *leg)
{
	uint8_t out[2 + ASK_MAX];
	size_t len;
	int code;

	leg->stage = LEG_DATAGRAM;
	code = leg_renew(leg) ? datagram_open(leg) : NG_E_IO;
	if (code)
		return code;
	len = leg_compose(leg, out);
	return send(leg->fd, out + 2, len - 2, MSG_NOSIGNAL) < 0 ? NG_E_IO : NG_OK;
}
