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
	bool complained; /* once in a life: it is the machine that cannot */
} holds;

static bool pin_for(const struct box *box, struct pin *out)
{
	enum wall_who who = conf_who(&box->conf);
	*out = (struct pin){.uid = who == WALL_BY_UID ? box->conf.host.uid : 0,
			    .cgroup = who == WALL_BY_CGROUP ? box->conf.host.cgroup : 0};
	return out->uid || out->cgroup;
}

static int put(const struct daemon *daemon, const struct box *box, const struct pin *pin,
	       char why[static HOST_WHY])
{
	int cgroup = -1, code = NG_OK;
	_Static_assert(HOST_WHY >= PROGRAM_WHY, "one for all");
	confine_raise(true);
	if (!holds.pins.folder[0])
		code = pins_open(daemon->conf->table, &holds.pins, why);
	if (code == NG_OK)
		code = host_open(&box->conf, &cgroup, why);
	if (code == NG_OK)
		code = pins_put(&holds.pins, pin, cgroup, why);
	confine_raise(false);
	if (cgroup >= 0)
		close(cgroup);
	return code;
}

void holds_put(struct daemon *daemon, struct box *box)
{
	char why[HOST_WHY];
	struct pin pin, was = box->pin;
	if (!pin_for(box, &pin))
		pin = (struct pin){0};
	box->pin = pin;
	if ((was.uid != pin.uid || was.cgroup != pin.cgroup) && (was.uid || was.cgroup))
		pins_take(&holds.pins, &was);
	if ((!pin.uid && !pin.cgroup) || put(daemon, box, &pin, why) == NG_OK)
		return;
	if (!holds.complained)
		log_say(LOG_AS_WARNING,
			"sandbox %s: %s; should the nftables table be taken away, what "
			"sandboxes of this host's processes send then is not refused until it "
			"is rebuilt",
			box->conf.name, why);
	holds.complained = true;
}

void holds_take(struct box *box)
{
	if (box->pin.uid || box->pin.cgroup)
		pins_take(&holds.pins, &box->pin);
	box->pin = (struct pin){0};
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

void holds_settle(struct daemon *daemon)
{
	if (holds.pins.folder[0])
		pins_sweep(&holds.pins, is_wanted, daemon);
	else if (pins_remove(daemon->conf->table))
		log_say(LOG_AS_WARNING, "what an earlier life hung on cgroups cannot be taken "
					"off; namegate teardown does");
}
