/*
 * Under which names strangers have names of their own: public suffixes (com, co.uk), below which
 * anybody registers, and those of shared hosting (github.io), below which every customer of a
 * provider has one. A wildcard there permits what anybody puts there.
 */
#pragma once

#include <namegate/lint.h>

enum suffix { SUFFIX_NONE = 0, SUFFIX_PUBLIC, SUFFIX_HOSTING };

/*
 * What *.owner takes in of strangers; taken is then the suffix: owner itself, or for shared hosting a
 * name below it. The root is none. hosting may be NULL: then libpsl alone is asked.
 */
enum suffix suffix_of_wildcard(const struct ng_name *owner,
			       const struct ng_lint_hosting *hosting, struct ng_name *taken);
/* Is name shared hosting's, or below that? */
bool suffix_hosted(const struct ng_name *name, const struct ng_lint_hosting *hosting);
/*
 * The domain that somebody registered, or was given, to have name: the public suffix and one label more.
 * False: name is such a suffix itself, or the root.
 */
bool suffix_registered(const struct ng_name *name, struct ng_name *out);
