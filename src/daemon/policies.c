/*
 * Policy in main: which images each sandbox has, and what they grant it.
 *
 * A set of sources is loaded whole and beside what stands. On a start (and when a rule has ended in
 * a file that has become unreadable) a source may stand for its last good image; a sandbox of
 * which one source has neither a good nor a last good image is closed: it is treated as in
 * lockdown, because what that source would have denied is not known.
 */
#include "config.h"
#include "daemon/daemon.h"
#include "daemon/log.h"

#include <string.h>
#include <time.h>

/* ---- loading ---- */

void policy_set_finish(struct policy_set *set, struct images *images)
{
	sources_finish(&set->sources, images);
	*set = (struct policy_set){0};
}

/* The first fault does not hide the next: an operator wants to see all of them at once. */
static int load_paths(struct daemon *daemon, struct policy_set *set, char *const *paths,
		      size_t n, struct ng_diags *diags)
{
	struct image *image;
	int worst = NG_OK;
	for (size_t i = 0; i < n; i++) {
		int code =
			sources_load(&set->sources, &daemon->images, paths[i], diags, &image);
		worst = code ? code : worst;
	}
	return worst;
}

static int load_all(struct daemon *daemon, const struct conf *conf, struct ng_diags *diags,
		    struct policy_set *set)
{
	struct box *box, *next;
	int code = load_paths(daemon, set, conf->policies, conf->n_policies, diags);
	for (size_t i = 0; i < conf->n_groups; i++) {
		int one = load_paths(daemon, set, conf->groups[i].policies,
				     conf->groups[i].n_policies, diags);
		code = one ? one : code;
	}
	for (size_t i = 0; i < conf->n_sandboxes; i++) {
		int one = load_paths(daemon, set, conf->sandboxes[i].policies,
				     conf->sandboxes[i].n_policies, diags);
		code = one ? one : code;
	}
	HASH_ITER (by_id, daemon->boxes.by_id, box, next) {
		int one = box->runtime ? load_paths(daemon, set, box->conf.policies,
						    box->conf.n_policies, diags)
				       : NG_OK;
		code = one ? one : code;
	}
	return code;
}

static void take_globals(struct policy_set *set, const struct conf *conf)
{
	for (size_t i = 0; i < conf->n_policies; i++) {
		const struct source *source = sources_find(&set->sources, conf->policies[i]);
		if (source && source->image)
			set->globals[set->n_globals++] = source->image;
		else
			set->closed = true;
	}
}

/* ---- what a sandbox gets of it ---- */

struct share {
	struct image *images[NG_RULESETS_MAX];
	uint8_t n_images;
	struct image *group[NG_RULESETS_MAX];
	uint8_t n_group;
	bool closed;
	struct grants grants;
};

static int share_grants(const struct conf *conf, const struct policy_set *set, uint32_t id,
			const struct conf_sandbox *sandbox, struct share *share,
			struct ng_diags *diags)
{
	const struct ng_place place = sandbox->place;
	int code = grants_begin(conf, sandbox, &share->grants);
	if (code) {
		ng_diag_add(diags, NG_ERROR, &place, "conf-private-many",
			    "open wider prefixes, or fewer",
			    "sandbox \"%s\" and its forward zones together open more than %d "
			    "private prefixes",
			    sandbox->name, NG_PRIVATE_MAX);
		return NG_E_SYNTAX;
	}
	for (size_t i = 0; i < set->n_globals && !code; i++)
		code = grants_add(&share->grants, id, sandbox->name, set->globals[i]->ruleset,
				  diags);
	for (size_t i = 0; i < share->n_group && !code; i++)
		code = grants_add(&share->grants, id, sandbox->name, share->group[i]->ruleset,
				  diags);
	for (size_t i = 0; i < share->n_images && !code; i++)
		code = grants_add(&share->grants, id, sandbox->name, share->images[i]->ruleset,
				  diags);
	return code;
}

/* A group that is gone may have denied anything: its sandbox is closed. */
static void share_group(const struct conf *conf, const struct policy_set *set,
			const struct conf_sandbox *sandbox, struct share *share)
{
	const struct conf_group *group = conf_group_find(conf, sandbox->group);
	share->closed |= sandbox->group[0] && !group;
	for (size_t i = 0; group && i < group->n_policies; i++) {
		const struct source *source = sources_find(&set->sources, group->policies[i]);
		if (source && source->image)
			share->group[share->n_group++] = source->image;
		else
			share->closed = true;
	}
}

/* Where there is a last good form of things, a sandbox whose grants are too many is closed. */
static int share_make(const struct conf *conf, const struct policy_set *set, uint32_t id,
		      const struct conf_sandbox *sandbox, struct image *inlined,
		      struct ng_diags *diags, struct share *out)
{
	struct share share = {.closed = set->closed};
	if (inlined)
		share.images[share.n_images++] = inlined;
	for (size_t i = 0; i < sandbox->n_policies && share.n_images < NG_RULESETS_MAX; i++) {
		const struct source *source = sources_find(&set->sources, sandbox->policies[i]);
		if (source && source->image)
			share.images[share.n_images++] = source->image;
		else
			share.closed = true;
	}
	share_group(conf, set, sandbox, &share);
	int code = share_grants(conf, set, id, sandbox, &share, diags);
	if (code)
		grants_finish(&share.grants);
	if (code == NG_E_SYNTAX && set->sources.last_good) {
		share.closed = true;
		code = NG_OK;
	}
	if (code == NG_OK)
		*out = share;
	return code;
}

/* Would every sandbox get what it needs? Said before anything is touched. */
static int check_shares(struct daemon *daemon, const struct conf *conf,
			const struct policy_set *set, struct ng_diags *diags)
{
	struct box *box, *next;
	struct share share = {0};
	int code = NG_OK;
	for (size_t i = 0; i < conf->n_sandboxes; i++) {
		int one = share_make(conf, set, 0, &conf->sandboxes[i], NULL, diags, &share);
		grants_finish(&share.grants);
		code = one ? one : code;
	}
	HASH_ITER (by_id, daemon->boxes.by_id, box, next) {
		if (!box->runtime)
			continue;
		int one = share_make(conf, set, 0, &box->conf, box->inlined, diags, &share);
		grants_finish(&share.grants);
		code = one ? one : code;
	}
	return code;
}

int policies_load(struct daemon *daemon, const struct conf *conf, bool fall_back,
		  struct ng_diags *diags, struct policy_set *out)
{
	struct policy_set set = {.sources.conf = conf};
	if (fall_back) {
		set.sources.last_good = lastgood_find;
		set.sources.owner = daemon;
	}
	int code = load_all(daemon, conf, diags, &set);
	if (code == NG_OK) {
		take_globals(&set, conf);
		code = check_shares(daemon, conf, &set, diags);
	}
	if (code)
		policy_set_finish(&set, &daemon->images);
	else
		*out = set;
	return code;
}

int policies_point(struct daemon *daemon, const struct policy_set *set, struct box *box,
		   struct ng_diags *diags)
{
	struct share share = {0};
	int code =
		share_make(daemon->conf, set, box->id, &box->conf, box->inlined, diags, &share);
	if (code)
		return code;
	if (share.closed != box->closed || !grants_equal(&share.grants, &box->grants))
		box->at_warden = SIDE_ABSENT;
	grants_finish(&box->grants);
	box->grants = share.grants;
	box->closed = share.closed;
	memcpy(box->images, share.images, share.n_images * sizeof share.images[0]);
	box->n_images = share.n_images;
	memcpy(box->group, share.group, share.n_group * sizeof share.group[0]);
	box->n_group = share.n_group;
	return NG_OK;
}

int policies_point_all(struct daemon *daemon, const struct policy_set *set,
		       struct ng_diags *diags)
{
	struct box *box, *next;
	int worst = NG_OK;
	HASH_ITER (by_id, daemon->boxes.by_id, box, next) {
		box->n_group = 0;
		box->n_images = 0; /* the old set goes, and the images with it */
		int code = box->stale ? NG_OK : policies_point(daemon, set, box, diags);
		if (!code)
			continue;
		box->closed = true;
		box->at_warden = SIDE_ABSENT;
		worst = code;
	}
	return worst;
}

int policies_add(struct daemon *daemon, struct box *box, struct ng_diags *diags)
{
	int code = load_paths(daemon, &daemon->policies, box->conf.policies,
			      box->conf.n_policies, diags);
	if (code == NG_OK)
		code = policies_point(daemon, &daemon->policies, box, diags);
	if (code == NG_OK && box->closed) {
		const struct ng_place place = {box->conf.name, 0, 0};
		ng_diag_add(diags, NG_ERROR, &place, "policy-closed",
			    "repair the file and reload",
			    "a policy file of it could not be read at the last load");
		code = NG_E_SYNTAX;
	}
	return code;
}

/* ---- rules that end ---- */

void policies_note_end(struct daemon *daemon)
{
	daemon->rule_ends_s = images_expire(&daemon->images);
}
