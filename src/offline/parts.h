/* Parts of the JSON objects of the offline mode. */
#pragma once

#include <jansson.h>
#include <namegate/addr.h>
#include <namegate/diag.h>

/* Both take the value over. Without memory the object becomes NULL, and stays so. */
void part_put(json_t **object, const char *key, json_t *value);
void part_append(json_t **array, json_t *value);
/* NULL as null; text that a person wrote may be no UTF-8, and is then told to be so. */
json_t *part_text(const char *words);
/* "" as null. */
json_t *part_words(const char *words);
/* "path:line" */
json_t *part_place(const struct ng_place *at);
/* No address as null. */
json_t *part_addr(const struct ng_addr *value);
json_t *part_prefix(const struct ng_prefix *value);
