/*
 * The last good form of each policy source.
 *
 * What was compiled and taken into force is kept in the registry under its path. A start whose
 * file cannot be read or compiled goes on with what is kept, and says so wherever one may look.
 * An image with a rule that has ended meanwhile is not taken: it would open what is closed by now.
 */
#include "config.h"
#include "daemon/daemon.h"
#include "daemon/log.h"
#include "daemon/texts.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int check(const struct registry_image *kept)
{
	struct ng_ruleset *ruleset = NULL;
	int code = ng_ruleset_open(kept->octets, kept->len, &ruleset);
	if (code)
		return code;
	uint64_t ends = ng_ruleset_expires(ruleset);
	if (ng_ruleset_digest(ruleset) != kept->digest)
		code = NG_E_FORMAT;
	else if (ends && ends <= (uint64_t)time(NULL))
		code = NG_E_NOTFOUND;
	ng_ruleset_close(ruleset);
	return code;
}

int lastgood_find(void *owner, const char *path, struct ng_image *out, uint64_t *made_s)
{
	struct daemon *daemon = owner;
	struct registry_image kept = {0};
	int code = registry_image_get(daemon->registry, path, &kept);
	if (code == NG_OK)
		code = check(&kept);
	if (code) {
		free(kept.octets);
		return code;
	}
	*out = (struct ng_image){.octets = kept.octets, .len = kept.len};
	*made_s = kept.made_s;
	return NG_OK;
}

static int keep_image(struct daemon *daemon, const struct source *source)
{
	struct registry_image kept;
	const struct image *image = source->image;
	if (registry_image_look(daemon->registry, source->path, &kept) == NG_OK &&
	    kept.digest == image->digest)
		return NG_OK;
	kept = (struct registry_image){.made_s = (uint64_t)time(NULL),
				       .digest = image->digest,
				       .octets = image->octets.octets,
				       .len = image->octets.len};
	return registry_image_put(daemon->registry, source->path, &kept);
}

static void keep(struct daemon *daemon, const struct source *source)
{
	if (!source->image || source->why)
		return;
	int code = keep_image(daemon, source);
	if (code == NG_OK)
		code = texts_keep(daemon->registry, source);
	if (code)
		log_say(LOG_AS_WARNING,
			"%s: its compiled form cannot be kept (%s); a start while the file is "
			"broken would deny everything; see the disk of \"store\"",
			source->path, ng_strerror(code));
}

static bool is_wanted(void *owner, const char *path)
{
	struct daemon *daemon = owner;
	return sources_find(&daemon->policies.sources, path) != NULL;
}

/*
 * What is in force, for those who ask later; before the images of the version before are replaced.
 * A source without any image is not in force, and told as one that went.
 */
static void remember(struct daemon *daemon)
{
	const size_t n = HASH_COUNT(daemon->policies.sources.by_path);
	struct registry_source *all = calloc(n + 1, sizeof *all);
	struct source *source, *next;
	size_t i = 0;
	int code = all ? NG_OK : NG_E_NOMEM;
	HASH_ITER (hh, daemon->policies.sources.by_path, source, next) {
		if (all && source->image)
			all[i++] = (struct registry_source){
				.name = source->path,
				.digest = source->image->digest,
				.rules = ng_ruleset_count(source->image->ruleset)};
	}
	if (code == NG_OK)
		code = registry_version_put(daemon->registry, daemon->version,
					    (uint64_t)time(NULL), all, i);
	free(all);
	if (code)
		log_say(LOG_AS_WARNING,
			"policy version %llu cannot be remembered (%s): what it changed will "
			"not be told; see the disk of \"store\"",
			(unsigned long long)daemon->version, ng_strerror(code));
}

void lastgood_keep(struct daemon *daemon, const struct box *box)
{
	struct source *source, *next;
	if (box) {
		for (size_t i = 0; i < box->conf.n_policies; i++) {
			source = sources_find(&daemon->policies.sources, box->conf.policies[i]);
			if (source)
				keep(daemon, source);
		}
		return;
	}
	remember(daemon);
	HASH_ITER (hh, daemon->policies.sources.by_path, source, next)
		keep(daemon, source);
	if (registry_images_prune(daemon->registry, is_wanted, daemon))
		log_say(LOG_AS_WARNING, "old compiled policies stay in the registry");
}

/* ---- saying so ---- */

static const char *when_text(uint64_t at_s, char buf[static 32])
{
	time_t at = (time_t)at_s;
	struct tm parts;
	gmtime_r(&at, &parts);
	strftime(buf, 32, "%Y-%m-%dT%H:%M:%SZ", &parts);
	return buf;
}

void lastgood_text(const struct source *source, char *text, size_t size)
{
	char when[32];
	if (source->image)
		snprintf(text, size, "last good of %s for %s because %s",
			 when_text(source->made_s, when), source->path, source->why);
	else
		snprintf(text, size, "everything denied for want of %s because %s",
			 source->path, source->why);
}

void lastgood_say(const struct daemon *daemon)
{
	struct source *source, *next;
	char text[DAEMON_WHY];
	HASH_ITER (hh, daemon->policies.sources.by_path, source, next) {
		if (!source->why)
			continue;
		lastgood_text(source, text, sizeof text);
		log_say(source->image ? LOG_AS_WARNING : LOG_AS_ERROR,
			"policy: %s; repair the file and reload", text);
		texts_differ(daemon->registry, source, text, sizeof text);
		if (source->image && *text)
			log_say(LOG_AS_WARNING,
				"policy: since the last good form of %s was made: %s",
				source->path, text);
	}
}

void lastgood_notify(const struct daemon *daemon)
{
	struct source *source, *next;
	char text[DAEMON_WHY], status[DAEMON_WHY + 16];
	HASH_ITER (hh, daemon->policies.sources.by_path, source, next) {
		if (!source->why)
			continue;
		lastgood_text(source, text, sizeof text);
		snprintf(status, sizeof status, "STATUS=policy: %s", text);
		notify_send(&daemon->notify, status);
		return;
	}
}

json_t *lastgood_json(const struct daemon *daemon)
{
	struct source *source, *next;
	char text[DAEMON_WHY], when[32];
	json_t *all = json_array();
	HASH_ITER (hh, daemon->policies.sources.by_path, source, next) {
		if (!source->why)
			continue;
		lastgood_text(source, text, sizeof text);
		json_array_append_new(
			all, json_pack("{s:s, s:s, s:s?, s:s, s:s, s:o}", "path", source->path,
				       "state", source->image ? "last good" : "denied", "of",
				       source->image ? when_text(source->made_s, when) : NULL,
				       "reason", source->why, "text", text, "sources",
				       texts_json(daemon->registry, source)));
	}
	return all;
}

json_t *policies_json(const struct daemon *daemon, size_t *left_out)
{
	const struct policy_set *set = &daemon->policies;
	struct source *source, *next;
	char digest[17];
	json_t *all = json_array();
	HASH_ITER (hh, set->sources.by_path, source, next) {
		if (json_array_size(all) == POLICIES_SHOWN) {
			*left_out = HASH_COUNT(set->sources.by_path) - POLICIES_SHOWN;
			break;
		}
		snprintf(digest, sizeof digest, "%016llx",
			 source->image ? (unsigned long long)source->image->digest : 0);
		json_array_append_new(all, json_pack("{s:s, s:s, s:o}", "path", source->path,
						     "digest", digest, "sources",
						     texts_json(daemon->registry, source)));
	}
	return all;
}
