/* What `replay` and `learn` do alike with their arguments. */
#include "config.h"

#include "cli/captures.h"

#include <stdlib.h>
#include <unistd.h>

const char *captures_port(struct traffic_wish *wish, const char *text)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);
	if (*end != '\0' || port == 0 || port > UINT16_MAX)
		return "PORT is a number from 1 to 65535";
	if (wish->n_ports == TRAFFIC_PORTS_MAX)
		return "that is too many ports";
	wish->ports[wish->n_ports++] = (uint16_t)port;
	return NULL;
}

static void show_progress(void *context, uint64_t octets)
{
	(void)context;
	fprintf(stderr, "\r\033[K%llu MB read", (unsigned long long)(octets / 1000000));
}

int captures_read(struct captures *captures, struct ng_diags *diags, struct traffic **out)
{
	bool terminal = isatty(STDERR_FILENO);
	*out = NULL;
	captures->wish.progress = terminal ? show_progress : NULL;
	int code = traffic_create(&captures->wish, out);
	for (size_t i = 0; i < captures->n && code == NG_OK; i++)
		code = traffic_read(*out, captures->paths[i], diags);
	if (code == NG_OK)
		traffic_end(*out);
	if (terminal)
		fprintf(stderr, "\r\033[K");
	return code;
}

void captures_print(const struct traffic_counts *counts, const char *before, FILE *to)
{
	fprintf(to, "%sread: ", before);
	for (int i = 0; i < TRAFFIC_N_OTHER; i++)
		if (i == 0 || counts->n[i] > 0)
			fprintf(to, "%s%llu %s", i > 0 ? ", " : "",
				(unsigned long long)counts->n[i],
				traffic_count_text((enum traffic_count)i));
	fprintf(to, "\n");
	for (int i = TRAFFIC_N_OTHER; i < TRAFFIC_COUNTS; i++)
		if (counts->n[i] > 0)
			fprintf(to, "%sleft out: %llu %s\n", before,
				(unsigned long long)counts->n[i],
				traffic_count_text((enum traffic_count)i));
}

json_t *captures_json(const struct traffic_counts *counts)
{
	json_t *object = json_object();
	for (int i = 0; i < TRAFFIC_COUNTS; i++)
		json_object_set_new(object, traffic_count_name((enum traffic_count)i),
				    json_integer((json_int_t)counts->n[i]));
	return object;
}
