/*
 * The whole: its life, its limits, and the sweep that ends what takes too long.
 *
 * What one client can hold is bounded on every side: connections per sandbox and in all, one
 * partial query per connection, the octets of replies it has not read, the time it may be idle, and
 * the time one message may take to arrive (a dribble of single octets must not look like activity).
 */
#include "config.h"
#include "edge/stream_inside.h"

#include <stdlib.h>
#include <utlist.h>

#define SWEEP_MS 500

void streams_released(struct streams *streams)
{
	if (--streams->handles || !streams->ended)
		return;
	free(streams->places);
	free(streams);
}

static void sweep_closed(uv_handle_t *handle)
{
	streams_released(handle->data);
}

static void sweep(uv_timer_t *timer)
{
	struct streams *streams = timer->data;
	uint64_t now_ms = uv_now(streams->loop);
	struct share *share, *spare;
	struct stream_client *client, *next;

	HASH_ITER (hh, streams->shares, share, spare) {
		/* The last client takes its share along. */
		for (client = share->clients; client; client = next) {
			next = client->next;
			client_overdue(client, now_ms);
		}
	}
	if (!streams->shares)
		uv_timer_stop(&streams->sweep);
}

void streams_watch(struct streams *streams)
{
	if (!uv_is_active((uv_handle_t *)&streams->sweep))
		uv_timer_start(&streams->sweep, sweep, SWEEP_MS, SWEEP_MS);
}

void stream_limit(struct streams *streams, const struct stream_limits *limits)
{
	uint32_t clients = limits->clients ? limits->clients : NG_TCP_CLIENTS_DEFAULT;

	streams->limits.clients = clients < streams->n_places ? clients : streams->n_places;
	streams->limits.clients_sandbox = limits->clients_sandbox
						  ? limits->clients_sandbox
						  : NG_TCP_CLIENTS_SANDBOX_DEFAULT;
}

int stream_create(uv_loop_t *loop, const struct stream_calls *calls, struct streams **out)
{
	struct streams *streams = calloc(1, sizeof(*streams));

	if (!streams)
		return NG_E_NOMEM;
	streams->n_places = STREAM_CLIENTS_MAX;
	streams->places = calloc(streams->n_places, sizeof(*streams->places));
	if (!streams->places) {
		free(streams);
		return NG_E_NOMEM;
	}
	streams->loop = loop;
	streams->calls = *calls;
	stream_limit(streams, &(struct stream_limits){0});
	uv_timer_init(loop, &streams->sweep);
	streams->sweep.data = streams;
	streams->handles = 1;
	*out = streams;
	return NG_OK;
}

static void close_clients(struct streams *streams)
{
	struct share *share, *spare;
	struct stream_client *client, *next;

	HASH_ITER (hh, streams->shares, share, spare) {
		for (client = share->clients; client; client = next) {
			next = client->next;
			client_close(client);
		}
	}
}

void stream_destroy(struct streams *streams)
{
	if (!streams)
		return;
	streams->ended = true;
	close_clients(streams);
	stream_doors_close(streams);
	uv_close((uv_handle_t *)&streams->sweep, sweep_closed);
}

void stream_start(struct streams *streams)
{
	streams->started = true;
	stream_doors_open(streams);
}

struct stream_counters stream_counters(const struct streams *streams)
{
	return streams->counters;
}
