/* The sandboxes as the control socket shows them. */
#include "daemon/daemon.h"
#include "daemon/spec.h"

static json_t *prefixes_json(const struct ng_prefix *prefixes, size_t n)
{
	char text[NG_PREFIX_TEXT];
	json_t *all = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(
			all, json_string(ng_prefix_is_host(&prefixes[i])
						 ? ng_addr_format(&prefixes[i].addr, text)
						 : ng_prefix_format(&prefixes[i], text)));
	return all;
}

static json_t *snat_json(const struct grants *grants)
{
	char text[NG_ADDR_TEXT];
	json_t *all = json_array();
	for (size_t i = 0; i < NG_SNAT_MAX; i++)
		if (grants->snat[i].family)
			json_array_append_new(
				all, json_string(ng_addr_format(&grants->snat[i], text)));
	return all;
}

static json_t *budget_json(const struct conf *conf, const struct conf_sandbox *sandbox)
{
	uint32_t said = conf_sandbox_budget(conf, sandbox);
	uint32_t octets = said ? said : conf->settings.budget;
	return octets == NG_BUDGET_OFF ? json_string("off") : json_integer(octets);
}

static json_t *box_json(const struct conf *conf, const struct box *box)
{
	json_t *policies = json_array();
	for (size_t i = 0; i < box->conf.n_policies; i++)
		json_array_append_new(policies, json_string(box->conf.policies[i]));
	bool stands = box->at_worker == SIDE_PRESENT && box->at_warden == SIDE_PRESENT;
	return json_pack(
		"{s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:o, s:o, s:o, s:b, s:b, "
		"s:o, s:b, "
		"s:I, "
		"s:b, s:o, s:b, s:I, s:s}",
		"name", box->conf.name, "group", box->conf.group, "id", (json_int_t)box->id,
		"mode", spec_mode_text(box->conf.mode), "interface", box->conf.interface,
		"bridge", box->conf.bridge, "uid", box->conf.uid, "cgroup", box->conf.cgroup,
		"sidecar", (int)box->conf.sidecar, "socket", box->conf.socket, "sources",
		prefixes_json(box->conf.sources, box->conf.n_sources), "private",
		prefixes_json(box->conf.opened, box->conf.n_opened), "policies", policies,
		"inline", box->inlined != NULL, "masquerade", (int)box->conf.masquerade, "snat",
		snat_json(&box->grants), "runtime", (int)box->runtime, "statics",
		(json_int_t)box->grants.n_statics, "closed", (int)box->closed, "budget",
		budget_json(conf, &box->conf), "aaaa",
		(int)!conf_sandbox_no_aaaa(conf, &box->conf), "worker",
		(json_int_t)box->worker + 1, "state",
		box->removing ? "leaving"
		: box->absent ? "absent"
		: box->closed ? "denied"
		: stands      ? "serving"
			      : "waiting");
}

void verbs_add_packets(json_t *object, const struct wall_tally *tally, bool tallied)
{
	const struct {
		const char *key;
		uint64_t packets;
	} numbers[] = {{"refused", tally->refused},
		       {"observed", tally->observed},
		       {"forged", tally->forged}};
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		json_object_set_new(object, numbers[i].key,
				    tallied ? json_integer((json_int_t)numbers[i].packets)
					    : json_null());
}

json_t *verbs_boxes_json(struct daemon *daemon, bool tallied)
{
	struct box *box, *next;
	json_t *all = json_array();
	HASH_ITER (by_id, daemon->boxes.by_id, box, next) {
		json_t *object = box_json(daemon->conf, box);
		verbs_add_packets(object, &box->tally, tallied);
		json_array_append_new(all, object);
	}
	return json_pack("{s:b, s:o}", "ok", 1, "sandboxes", all);
}
