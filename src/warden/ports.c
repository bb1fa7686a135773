/*
 * A look reads the ports of each guarded bridge and compares. The names in the sets follow: a new
 * port is put in, one that is gone or has another name is taken out. Whoever takes the isolation
 * away again gets it put back: the rules of the second table hold meanwhile, isolation is the
 * second lock on that door.
 *
 * A port that learns would let its sandbox draw the frames for a neighbour to itself, by sending
 * under that one's ethernet address. They would be dropped at the wrong port, but not arrive at the
 * right one.
 */
#include "warden/ports.h"

#include "warden/warden.h"

#include <stdlib.h>
#include <string.h>

int ports_open(struct ports *ports)
{
	return links_open(&ports->links);
}

static void drop(struct ports *ports, struct port *port)
{
	HASH_DEL(ports->by_index, port);
	free(port);
}

void ports_close(struct ports *ports)
{
	struct port *port, *next;

	if (!ports)
		return;
	HASH_ITER (hh, ports->by_index, port, next)
		drop(ports, port);
	links_close(&ports->links);
}

static struct bridge *find_bridge(const struct ports *ports, const char *name)
{
	for (size_t i = 0; i < ports->n_bridges; i++)
		if (!strncmp(ports->bridges[i].name, name, NG_IFNAME_MAX))
			return (struct bridge *)&ports->bridges[i];
	return NULL;
}

static struct port *find_port(const struct ports *ports, uint32_t index)
{
	struct port *port;

	HASH_FIND(hh, ports->by_index, &index, sizeof(index), port);
	return port;
}

int ports_check(struct ports *ports, const char *interface, const char *bridge)
{
	struct iface port, master;
	int code = link_find(&ports->links, interface, &port);

	if (code == NG_OK)
		code = link_find(&ports->links, bridge, &master);
	if (code != NG_OK)
		return code;
	return port.is_port && master.is_bridge && port.master == master.index ? NG_OK
									       : NG_E_NOTFOUND;
}

/* ---- the sets ---- */

static void put_name(struct ops *ops, enum set_id set, const char *name, bool remove,
		     uint32_t tag)
{
	struct op *op = op_name(ops, set, name);

	if (!op)
		return;
	op->remove = remove;
	op->tag = tag;
}

static void put_port(struct ops *ops, const char *name, bool remove, uint32_t tag)
{
	put_name(ops, SET_SLAVES, name, remove, tag);
	put_name(ops, SET_PORTS, name, remove, tag);
}

void ports_refill(struct ports *ports, struct ops *ops)
{
	struct port *port, *next;

	for (size_t i = 0; i < ports->n_bridges; i++)
		put_name(ops, SET_BRIDGES, ports->bridges[i].name, false, TAG_OTHER);
	HASH_ITER (hh, ports->by_index, port, next)
		put_port(ops, port->name, false, TAG_OTHER);
}

/* ---- one port ---- */

struct look {
	struct ports *ports;
	const struct bridge *bridge;
	struct ops *ops;
	uint32_t tag;
	int code; /* of the fence of some port */
};

static struct port *add(struct look *look, const struct iface *link)
{
	struct port *port = calloc(1, sizeof(*port));

	if (!port)
		return NULL;
	port->index = link->index;
	HASH_ADD(hh, look->ports->by_index, index, sizeof(port->index), port);
	if (port->hh.tbl)
		return port;
	free(port);
	return NULL;
}

static void fence(struct look *look, const struct iface *link, bool known)
{
	int code;

	if (link->isolated && !link->learns)
		return;
	code = link_fence(&look->ports->links, link->index);
	if (code != NG_OK) {
		look->code = code;
		say("port %s of bridge %s cannot be isolated: %s; the rules keep its frames "
		    "from the other ports meanwhile; bridge link set dev %s isolated on "
		    "learning off does it by hand",
		    link->name, look->bridge->name, ng_strerror(code), link->name);
	} else if (known) {
		say("port %s of bridge %s %s; it is isolated and learns nothing again; who "
		    "set that?",
		    link->name, look->bridge->name,
		    link->isolated ? "had begun to learn addresses" : "had lost its isolation");
	}
}

static void take_port(struct look *look, const struct iface *link)
{
	struct port *port = find_port(look->ports, link->index);
	bool known = port != NULL && port->bridge == look->bridge->index;

	if (!port)
		port = add(look, link);
	if (!port) {
		look->code = NG_E_NOMEM;
		return;
	}
	fence(look, link, known);
	if (strncmp(port->name, link->name, NG_IFNAME_MAX) != 0) {
		if (port->name[0])
			put_port(look->ops, port->name, true, look->tag);
		put_port(look->ops, link->name, false, look->tag);
	}
	port->bridge = look->bridge->index;
	memcpy(port->name, link->name, sizeof(port->name));
	port->seen = true;
}

/* *fenced: how that went, once the list is whole. */
static int look_at(struct ports *ports, struct bridge *bridge, struct ops *ops, uint32_t tag,
		   int *fenced)
{
	struct look look = {.ports = ports, .bridge = bridge, .ops = ops, .tag = tag};
	struct link_list list = {0};
	struct iface link = {0};
	int code = link_find(&ports->links, bridge->name, &link);

	if (code != NG_OK && code != NG_E_NOTFOUND)
		return code;
	bridge->index = code == NG_OK && link.is_bridge ? link.index : 0;
	if (!bridge->index)
		return NG_OK;
	code = link_list(&ports->links, bridge->index, &list);
	for (size_t i = 0; code == NG_OK && i < list.n; i++)
		if (list.items[i].is_port && list.items[i].name[0])
			take_port(&look, &list.items[i]);
	link_list_finish(&list);
	*fenced = look.code;
	return code;
}

/* ---- bridges ---- */

int ports_hold(struct ports *ports, const char *name, struct ops *ops, uint32_t tag)
{
	struct bridge *bridge = find_bridge(ports, name);
	int fenced = NG_OK, code;

	if (bridge) {
		bridge->sandboxes++;
		return NG_OK;
	}
	if (ports->n_bridges == BRIDGES_MAX)
		return NG_E_FULL;
	bridge = &ports->bridges[ports->n_bridges++];
	*bridge = (struct bridge){.sandboxes = 1};
	memcpy(bridge->name, name, sizeof(bridge->name));
	put_name(ops, SET_BRIDGES, name, false, tag);
	code = look_at(ports, bridge, ops, tag, &fenced);
	return code != NG_OK ? code : fenced;
}

void ports_release(struct ports *ports, const char *name)
{
	struct bridge *bridge = find_bridge(ports, name);

	if (bridge && bridge->sandboxes)
		bridge->sandboxes--;
	ports->stale = true;
}

int64_t ports_sandboxes(const struct ports *ports, const char *name)
{
	const struct bridge *bridge = find_bridge(ports, name);

	return bridge ? (int64_t)bridge->sandboxes : -1;
}

void ports_forget(struct ports *ports, const char *name, struct ops *ops)
{
	struct bridge *bridge = find_bridge(ports, name);
	struct port *port, *next;

	if (!bridge)
		return;
	HASH_ITER (hh, ports->by_index, port, next) {
		if (port->bridge != bridge->index)
			continue;
		put_port(ops, port->name, true, TAG_OTHER);
		drop(ports, port);
	}
	put_name(ops, SET_BRIDGES, bridge->name, true, TAG_OTHER);
	*bridge = ports->bridges[--ports->n_bridges];
}

/* ---- news ---- */

static void hear(void *who, const struct iface *link)
{
	struct ports *ports = who;
	bool ours = find_port(ports, link->index) || find_bridge(ports, link->name);

	for (size_t i = 0; !ours && link->master && i < ports->n_bridges; i++)
		ours = ports->bridges[i].index == link->master;
	ports->stale |= ours;
}

void ports_news(struct ports *ports)
{
	ports->stale |= links_news(&ports->links, hear, ports) && ports->n_bridges;
}

static void sweep(struct ports *ports, struct ops *ops)
{
	struct port *port, *next;

	HASH_ITER (hh, ports->by_index, port, next) {
		if (port->seen)
			continue;
		put_port(ops, port->name, true, TAG_OTHER);
		drop(ports, port);
	}
}

static bool has_ports(const struct ports *ports, const struct bridge *bridge)
{
	struct port *port, *next;

	HASH_ITER (hh, ports->by_index, port, next)
		if (bridge->index && port->bridge == bridge->index)
			return true;
	return false;
}

void ports_look(struct ports *ports, struct ops *ops)
{
	struct port *port, *next;
	int code = NG_OK, fenced;
	size_t first = ops->n;

	if (!ports->stale)
		return;
	HASH_ITER (hh, ports->by_index, port, next)
		port->seen = false;
	for (size_t i = 0; code == NG_OK && i < ports->n_bridges; i++)
		code = look_at(ports, &ports->bridges[i], ops, TAG_OTHER, &fenced);
	if (code != NG_OK) /* nobody is let go of on half a list */
		return;
	ports->stale = false;
	sweep(ports, ops);
	for (size_t i = ports->n_bridges; i-- > 0;)
		if (!ports->bridges[i].sandboxes && !has_ports(ports, &ports->bridges[i]))
			ports_forget(ports, ports->bridges[i].name, ops);
	if (ops->n > first) /* a name that one port has lost may be another's now */
		ports_refill(ports, ops);
}
