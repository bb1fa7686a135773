/*
 * What holds sandboxes of the host's own processes when the nftables table is gone: a program on the
 * cgroup that drops what the table has not passed. It is hung there when the warden has confirmed the
 * sandbox, so when the table marks what passes, and taken off when the sandbox is gone. It stays over
 * the deaths of all processes; what the next life of ours does not want goes when that is ready.
 */
#include "config.h"
#include "daemon/daemon.h"
#include "daemon/host.h"
#include "daemon/log.h"
#include "edge/confine.h"
#include "edge/program_pins.h"

#include <unistd.h>

static struct {
	struct pins pins;
	bool open;       /* pins has all that pins_put() needs, not the folder alone */
	bool complained; /* once in a life of what no sandbox is the reason of */
} holds;

static bool pin_for(const struct box *box, struct pin *out)
{
	enum wall_who who = conf_who(&box->conf);
	*out = (struct pin){.uid = who == WALL_BY_UID ? box->conf.host.uid : 0,
			    .cgroup = who == WALL_BY_CGROUP ? box->conf.host.cgroup : 0};
	return out->uid || out->cgroup;
}

static bool is_wanted(void *who, const struct pin *pin)
{
	const struct daemon *daemon = who;
	struct box *box, *next;
	HASH_ITER (by_id, daemon->boxes.by_id, box, next)
		if (box->pin.uid == pin->uid && box->pin.cgroup == pin->cgroup)
			return true;
	return false;
}

/* What an earlier life hung is found also by one that can hang nothing itself. */
static const struct pins *standing(const struct daemon *daemon)
{
	char unused[PROGRAM_WHY];
	if (!holds.pins.folder[0])
		(void)!pins_find(daemon->conf->table, &holds.pins, unused);
	return &holds.pins;
}

/* Unless another sandbox is the same user or cgroup by now. */
static void take_off(struct daemon *daemon, const struct pin *was)
{
	if ((was->uid || was->cgroup) && !is_wanted(daemon, was))
		pins_take(standing(daemon), was);
}

static int open_pins(const struct daemon *daemon, bool *again, char why[static PROGRAM_WHY])
{
	int code = holds.open ? NG_OK : pins_open(daemon->conf->table, &holds.pins, why);
	holds.open = code == NG_OK;
	*again = false;
	if (code == NG_E_UNSUPPORTED || code == NG_E_PERM) { /* it is the machine that cannot */
		*again = holds.complained;
		holds.complained = true;
	}
	return code;
}

static int put(const struct daemon *daemon, const struct box *box, bool *again,
	       char why[static HOST_WHY])
{
	int cgroup = -1, code;
	_Static_assert(HOST_WHY >= PROGRAM_WHY, "one for all");
	confine_raise(true);
	code = open_pins(daemon, again, why);
	if (code == NG_OK)
		code = host_open(&box->conf, &cgroup, why);
	if (code == NG_OK)
		code = pins_put(&holds.pins, &box->pin, cgroup, why);
	confine_raise(false);
	if (cgroup >= 0)
		close(cgroup);
	return code;
}

void holds_put(struct daemon *daemon, struct box *box)
{
	const struct pin was = box->pin;
	char why[HOST_WHY];
	const bool host = pin_for(box, &box->pin);
	bool again;
	take_off(daemon, &was);
	if (!host || put(daemon, box, &again, why) == NG_OK || again)
		return;
	log_say(LOG_AS_WARNING,
		"sandbox %s: %s; should the nftables table be taken away, what sandboxes of "
		"this host's processes send then is not refused until it is rebuilt",
		box->conf.name, why);
}

void holds_take(struct daemon *daemon, struct box *box)
{
	const struct pin was = box->pin;
	box->pin = (struct pin){0};
	take_off(daemon, &was);
}

static bool any_wanted(const struct daemon *daemon)
{
	struct box *box, *next;
	HASH_ITER (by_id, daemon->boxes.by_id, box, next)
		if (box->pin.uid || box->pin.cgroup)
			return true;
	return false;
}

void holds_settle(struct daemon *daemon)
{
	if (holds.open || any_wanted(daemon))
		pins_sweep(standing(daemon), is_wanted, daemon);
	else if (pins_remove(daemon->conf->table))
		log_say(LOG_AS_WARNING, "what an earlier life hung on cgroups cannot be taken "
					"off; namegate teardown does");
}
