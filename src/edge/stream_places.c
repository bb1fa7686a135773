/*
 * Who may have a connection.
 *
 * Connections are counted by sandbox, whatever addresses it has; of strangers, who get nothing but
 * refusals, by interface and address. When a sandbox has its share, its own longest idle connection
 * makes room for its next one (RFC 7766 6.2.3 lets a server close idle ones at any time). When all
 * places are taken, the longest idle one of the greediest does, of those who have no fewer than the
 * newcomer would: nobody loses a connection to one who has more. A connection with questions under
 * way is never cut for a newcomer.
 */
#include "config.h"
#include "edge/stream_inside.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* ---- shares ---- */

static struct share *share_find(struct streams *streams, const struct share_key *key)
{
	struct share *share;

	HASH_FIND(hh, streams->shares, key, sizeof(*key), share);
	if (share)
		return share;
	share = calloc(1, sizeof(*share));
	if (!share)
		return NULL;
	share->key = *key;
	HASH_ADD(hh, streams->shares, key, sizeof(share->key), share);
	if (!share->hh.tbl) {
		free(share);
		return NULL;
	}
	return share;
}

static void share_release(struct streams *streams, struct share *share)
{
	if (share->n)
		return;
	HASH_DEL(streams->shares, share);
	free(share);
}

static void limited(const struct streams *streams, const struct share_key *key,
		    enum ng_limit limit)
{
	if (key->sandbox)
		streams->calls.limited(streams->calls.context, key->sandbox, limit);
}

/* ---- giving way ---- */

/* The one that nobody would miss: idle for longest, or else one that does not read its replies. */
static struct stream_client *share_idle(const struct share *share)
{
	struct stream_client *client, *unread = NULL;

	DL_FOREACH (share->clients, client) {
		if (client->outstanding)
			continue;
		if (!uv_stream_get_write_queue_size(&client->uv.stream))
			return client;
		if (!unread)
			unread = client;
	}
	return unread;
}

static bool greedier(const struct stream_client *a, const struct stream_client *b)
{
	if (a->share->n != b->share->n)
		return a->share->n > b->share->n;
	return a->active_ms < b->active_ms;
}

/* Of those with at least so many connections. */
static struct stream_client *greediest_idle(struct streams *streams, uint32_t least)
{
	struct stream_client *found = NULL;
	struct share *share, *spare;

	HASH_ITER (hh, streams->shares, share, spare) {
		struct stream_client *idle =
			share->n >= least && (!found || share->n >= found->share->n)
				? share_idle(share)
				: NULL;
		if (idle && (!found || greedier(idle, found)))
			found = idle;
	}
	return found;
}

static bool give_way(struct stream_client *idle)
{
	if (!idle)
		return false;
	idle->streams->counters.gave_way++;
	limited(idle->streams, &idle->share->key, NG_LIMIT_CLOSED);
	client_close(idle);
	return true;
}

/* Counts the newcomer already. */
static bool make_room(struct streams *streams, struct share *share)
{
	struct stream_client *idle;

	if (share->n > streams->limits.clients_sandbox)
		return give_way(share_idle(share));
	if (streams->counters.clients < streams->limits.clients)
		return true;
	idle = greediest_idle(streams, share->n);
	return give_way(idle ? idle : share_idle(share));
}

/* ---- places ---- */

/* The last place given is the likeliest to be taken, so the search goes on behind it. */
static bool number(struct stream_client *client)
{
	struct streams *streams = client->streams;

	for (uint32_t i = 0; i < streams->n_places; i++) {
		uint32_t at = (streams->next_place + i) % streams->n_places;

		if (streams->places[at])
			continue;
		streams->places[at] = client;
		streams->next_place = at + 1;
		client->index = (uint16_t)at;
		client->generation = ++streams->generation;
		return true;
	}
	return false;
}

bool place_take(struct stream_client *client, const struct share_key *key)
{
	struct streams *streams = client->streams;
	struct share *share = share_find(streams, key);

	if (!share)
		return false;
	share->n++;
	if (!make_room(streams, share) || !number(client)) {
		share->n--;
		share_release(streams, share);
		limited(streams, key, NG_LIMIT_CONNECTIONS);
		return false;
	}
	client->share = share;
	client->active_ms = uv_now(streams->loop);
	DL_APPEND(share->clients, client);
	streams->counters.clients++;
	return true;
}

void place_leave(struct stream_client *client)
{
	struct streams *streams = client->streams;
	struct share *share = client->share;

	if (!share)
		return;
	DL_DELETE(share->clients, client);
	share->n--;
	share_release(streams, share);
	streams->places[client->index] = NULL;
	streams->counters.clients--;
}

void place_touch(struct stream_client *client)
{
	client->active_ms = uv_now(client->streams->loop);
	DL_DELETE(client->share->clients, client);
	DL_APPEND(client->share->clients, client);
}

bool place_scarce(const struct stream_client *client)
{
	const struct streams *streams = client->streams;

	return client->share->n >= streams->limits.clients_sandbox ||
	       streams->counters.clients >= streams->limits.clients;
}

struct stream_client *place_of(const struct streams *streams, uint64_t handle)
{
	uint16_t index = (uint16_t)handle;
	struct stream_client *client;

	if (!(handle & STREAM_HANDLE) || index >= streams->n_places)
		return NULL;
	client = streams->places[index];
	if (!client || client->generation != (uint32_t)((handle & ~STREAM_HANDLE) >> 16))
		return NULL;
	if (!client->outstanding)
		return NULL;
	client->outstanding--;
	return client;
}
