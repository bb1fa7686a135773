/* Parts of JSON objects: what is out of memory stays NULL to its end, where it is noticed. */
#include "config.h"

#include "offline/parts.h"

void part_put(json_t **object, const char *key, json_t *value)
{
	if (*object == NULL) {
		json_decref(value);
	} else if (json_object_set_new(*object, key, value) != 0) {
		json_decref(*object);
		*object = NULL;
	}
}

void part_append(json_t **array, json_t *value)
{
	if (*array == NULL) {
		json_decref(value);
	} else if (json_array_append_new(*array, value) != 0) {
		json_decref(*array);
		*array = NULL;
	}
}

/* Text that a person wrote may be no UTF-8. */
json_t *part_text(const char *words)
{
	json_t *value = words != NULL ? json_string(words) : json_null();
	return value != NULL ? value : json_string("(not UTF-8)");
}

json_t *part_words(const char *words)
{
	return words[0] != '\0' ? part_text(words) : json_null();
}

json_t *part_place(const struct ng_place *at)
{
	return json_sprintf("%s:%u", at->path, at->line);
}

json_t *part_addr(const struct ng_addr *value)
{
	char buf[NG_ADDR_TEXT];
	return ng_addr_len(value) > 0 ? json_string(ng_addr_format(value, buf)) : json_null();
}

json_t *part_prefix(const struct ng_prefix *value)
{
	char buf[NG_PREFIX_TEXT];
	return json_string(ng_prefix_format(value, buf));
}
