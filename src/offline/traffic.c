/*
 * From a file to its format. One octet tells them apart, and one octet is what a stream takes
 * back for certain; the format's own reader then checks the rest.
 */
#include "config.h"
#include "offline/traffic_inside.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BUFFER    (256u << 10)
#define PROGRESS_EVERY (4u << 20)
/* A message of NG_MESSAGE_MAX holds at most NG_ANSWER_RRS_MAX records of two names each. */
#define MESSAGE_ARENA (2u << 20)

static const struct {
	const char *name, *text;
} count_words[TRAFFIC_COUNTS] = {
	[TRAFFIC_N_OCTETS] = {"octets", "octets"},
	[TRAFFIC_N_PACKETS] = {"packets", "packets"},
	[TRAFFIC_N_FRAMES] = {"frames", "dnstap frames"},
	[TRAFFIC_N_LINES] = {"lines", "lines"},
	[TRAFFIC_N_QUERIES] = {"queries", "questions"},
	[TRAFFIC_N_RESPONSES] = {"responses", "answers"},
	[TRAFFIC_N_FLOWS] = {"flows", "flows"},
	[TRAFFIC_N_OTHER] = {"other", "not about names or flows"},
	[TRAFFIC_N_CUT] = {"cut", "packets cut short by the capture"},
	[TRAFFIC_N_BROKEN] = {"broken", "broken packets, frames and lines"},
	[TRAFFIC_N_MALFORMED] = {"malformed", "malformed DNS messages"},
	[TRAFFIC_N_UNFINISHED] = {"unfinished",
				  "datagrams and messages without all their parts"},
	[TRAFFIC_N_GAPS] = {"gaps", "gaps in TCP"},
	[TRAFFIC_N_GIVEN_UP] = {"given_up", "ends of TCP given up after a gap"},
	[TRAFFIC_N_SUPPRESSED] = {"suppressed", "records that namegated left out"},
	[TRAFFIC_N_FILES_CUT] = {"files_cut", "files that break off"},
};

const char *traffic_count_name(enum traffic_count count)
{
	return count_words[count].name;
}

const char *traffic_count_text(enum traffic_count count)
{
	return count_words[count].text;
}

/* ---- life ---- */

int traffic_create(const struct traffic_wish *wish, struct traffic **out)
{
	struct traffic *traffic = calloc(1, sizeof(*traffic));

	if (!traffic)
		return NG_E_NOMEM;
	traffic->wish = *wish;
	arena_init(&traffic->arena, MESSAGE_ARENA);
	traffic->flows = flows_create();
	traffic->fragments = fragments_create();
	traffic->streams = streams_create();
	if (!traffic->flows || !traffic->fragments || !traffic->streams) {
		traffic_destroy(traffic);
		return NG_E_NOMEM;
	}
	*out = traffic;
	return NG_OK;
}

void traffic_destroy(struct traffic *traffic)
{
	if (!traffic)
		return;
	flows_destroy(traffic->flows);
	fragments_destroy(traffic->fragments);
	streams_destroy(traffic->streams);
	arena_finish(&traffic->arena);
	free(traffic);
}

void traffic_end(struct traffic *traffic)
{
	fragments_end(traffic);
	streams_end(traffic);
	flows_end(traffic);
}

const struct traffic_counts *traffic_counts(const struct traffic *traffic)
{
	return &traffic->counts;
}

/* ---- out ---- */

void traffic_read_octets(struct traffic *traffic, size_t n)
{
	uint64_t octets = traffic->counts.n[TRAFFIC_N_OCTETS] += n;

	if (!traffic->wish.progress || octets - traffic->told < PROGRESS_EVERY)
		return;
	traffic->told = octets;
	traffic->wish.progress(traffic->wish.context, octets);
}

void traffic_tell(struct traffic *traffic, const struct traffic_observation *observation)
{
	static const enum traffic_count counts[] = {
		[TRAFFIC_QUERY] = TRAFFIC_N_QUERIES,
		[TRAFFIC_RESPONSE] = TRAFFIC_N_RESPONSES,
		[TRAFFIC_FLOW] = TRAFFIC_N_FLOWS,
		[TRAFFIC_REMOVED] = TRAFFIC_N_OTHER,
	};

	if (!observation->more)
		traffic_count(traffic, counts[observation->kind]);
	traffic->wish.take(traffic->wish.context, observation);
}

/* ---- in ---- */

void traffic_file_cut(struct traffic *traffic, const char *path, const char *why,
		      struct ng_diags *diags)
{
	const struct ng_place place = {path, 0, 0};

	traffic_count(traffic, TRAFFIC_N_FILES_CUT);
	ng_diag_add(diags, NG_WARNING, &place, "traffic-cut",
		    "record it anew if its end matters", "the rest of it cannot be read: %s",
		    why);
}

static int refuse(FILE *file, const char *path, const char *what, const char *suggestion,
		  struct ng_diags *diags)
{
	const struct ng_place place = {path, 0, 0};

	ng_diag_add(diags, NG_ERROR, &place, "traffic-format", suggestion, "%s", what);
	fclose(file);
	return NG_E_FORMAT;
}

static const struct {
	uint8_t first;
	int (*read)(struct traffic *traffic, FILE *file, const char *path,
		    struct ng_diags *diags);
	const char *packed; /* what it is packed by */
} formats[] = {
	{0xd4, traffic_pcap, NULL},   /* pcap, each in both orders of octets */
	{0xa1, traffic_pcap, NULL},   /* … */
	{0x4d, traffic_pcap, NULL},   /* with times in nanoseconds */
	{0x34, traffic_pcap, NULL},   /* by Kuznetsov's tcpdump */
	{0x0a, traffic_pcap, NULL},   /* pcapng: a section header */
	{0x00, traffic_dnstap, NULL}, /* Frame Streams: the escape before START */
	{'{', traffic_records, NULL}, /* JSON lines */
	{'#', traffic_names, NULL},   /* names by hand: a comment */
	{'[', traffic_names, NULL},   /* … a section, or a question */
	{0x1f, NULL, "zcat"},         /* packed files are for their own tools */
	{0x28, NULL, "zstdcat"},      /* … */
	{0xfd, NULL, "xzcat"},        /* … */
};

int traffic_read_from(struct traffic *traffic, FILE *file, const char *path,
		      struct ng_diags *diags)
{
	char suggestion[NG_PATH_MAX + 64];
	int first;

	setvbuf(file, NULL, _IOFBF, FILE_BUFFER);
	first = getc(file);
	if (first == EOF)
		return refuse(file, path, ferror(file) ? strerror(errno) : "it is empty",
			      "give a capture, a dnstap file or namegated's records", diags);
	ungetc(first, file);
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (formats[i].first != (isdigit(first) ? '[' : first))
			continue;
		if (formats[i].read)
			return formats[i].read(traffic, file, path, diags);
		snprintf(suggestion, sizeof(suggestion), "%s %s | namegate … -",
			 formats[i].packed, path);
		return refuse(file, path, "it is packed", suggestion, diags);
	}
	return refuse(file, path, "it is none of the formats that are read here",
		      "give pcap, pcapng, dnstap, namegated's records, one JSON object a line, "
		      "or names with times",
		      diags);
}

int traffic_read(struct traffic *traffic, const char *path, struct ng_diags *diags)
{
	const struct ng_place place = {path, 0, 0};
	FILE *file;

	if (strcmp(path, "-") == 0)
		return traffic_read_from(traffic, stdin, "standard input", diags);
	file = fopen(path, "rbe");
	if (file)
		return traffic_read_from(traffic, file, path, diags);
	ng_diag_add(diags, NG_ERROR, &place, "traffic-open", "give a file that can be read",
		    "it cannot be opened: %s", strerror(errno));
	return NG_E_IO;
}
