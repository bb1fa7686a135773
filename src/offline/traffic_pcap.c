/*
 * Captures: libpcap reads the files, pcap and pcapng in all their variants; here is what stands
 * between a frame and its IP packet.
 *
 * Link layers are the few that captures of sandboxes have: Ethernet with VLAN tags, what
 * `tcpdump -i any` writes, and tunnels and loopbacks without any frame.
 */
#include "config.h"
#include "offline/traffic_inside.h"

#include <pcap/pcap.h>
#include <string.h>

#define ETHERTYPE_IPV4   0x0800
#define ETHERTYPE_IPV6   0x86dd
#define ETHERTYPE_VLAN   0x8100
#define ETHERTYPE_QINQ   0x88a8
#define ETHERTYPE_QINQ_1 0x9100 /* before the standard */
#define VLAN_TAGS_MAX    4

struct frame { /* shrinks from its head */
	const uint8_t *octets;
	size_t len;
};

static bool frame_skip(struct frame *frame, size_t n)
{
	if (frame->len < n)
		return false;
	frame->octets += n;
	frame->len -= n;
	return true;
}

/* What follows an EtherType: behind VLAN tags, IP or nothing for us. */
static bool behind_type(struct frame *frame, uint16_t type)
{
	for (int tags = 0;
	     type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ || type == ETHERTYPE_QINQ_1;
	     tags++) {
		if (tags == VLAN_TAGS_MAX || frame->len < 4)
			return false;
		type = octets_u16(frame->octets + 2);
		frame_skip(frame, 4);
	}
	return type == ETHERTYPE_IPV4 || type == ETHERTYPE_IPV6;
}

/* A header of fixed size with the EtherType at that place in it. */
static bool behind_header(struct frame *frame, size_t header, size_t type_at)
{
	uint16_t type;

	if (frame->len < header)
		return false;
	type = octets_u16(frame->octets + type_at);
	frame_skip(frame, header);
	return behind_type(frame, type);
}

static bool link_ethernet(struct frame *frame)
{
	return behind_header(frame, 14, 12);
}

static bool link_sll(struct frame *frame)
{
	return behind_header(frame, 16, 14);
}

static bool link_sll2(struct frame *frame)
{
	return behind_header(frame, 20, 0);
}

/*
 * The family is in the order of the machine that captured, and IPv6 has another number on each
 * BSD; the packet's own version says the same.
 */
static bool link_loopback(struct frame *frame)
{
	return frame_skip(frame, 4);
}

static bool link_none(struct frame *frame)
{
	(void)frame;
	return true;
}

static const struct link {
	int type;
	bool (*strip)(struct frame *frame);
} links[] = {
	{DLT_EN10MB, link_ethernet}, {DLT_LINUX_SLL, link_sll}, {DLT_LINUX_SLL2, link_sll2},
	{DLT_RAW, link_none},        {DLT_IPV4, link_none},     {DLT_IPV6, link_none},
	{DLT_NULL, link_loopback},   {DLT_LOOP, link_loopback},
};

static const struct link *link_of(int type)
{
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		if (links[i].type == type)
			return &links[i];
	}
	return NULL;
}

static void frame_take(struct traffic *traffic, const struct link *link,
		       const struct pcap_pkthdr *head, const uint8_t *octets)
{
	struct frame frame = {octets, head->caplen};
	uint64_t wall_us =
		(uint64_t)head->ts.tv_sec * 1000000u + (uint64_t)head->ts.tv_usec % 1000000u;

	traffic_count(traffic, TRAFFIC_N_PACKETS);
	traffic_read_octets(traffic, head->caplen);
	if (!link->strip(&frame) || frame.len == 0)
		traffic_count(traffic, TRAFFIC_N_OTHER);
	else
		packet_take(traffic, wall_us, frame.octets, frame.len);
}

static int refuse(const char *path, const char *code, const char *suggestion, const char *why,
		  struct ng_diags *diags)
{
	const struct ng_place place = {path, 0, 0};

	ng_diag_add(diags, NG_ERROR, &place, code, suggestion, "%s", why);
	return NG_E_FORMAT;
}

static int read_frames(struct traffic *traffic, pcap_t *pcap, const char *path,
		       struct ng_diags *diags)
{
	const struct link *link = link_of(pcap_datalink(pcap));
	struct pcap_pkthdr *head;
	const uint8_t *octets;
	char why[PCAP_ERRBUF_SIZE];
	int got;

	if (!link) {
		snprintf(why, sizeof(why), "its frames are of the link type %d (%s)",
			 pcap_datalink(pcap),
			 pcap_datalink_val_to_description_or_dlt(pcap_datalink(pcap)));
		return refuse(path, "traffic-link",
			      "capture on an Ethernet interface, on `any`, or on a tunnel", why,
			      diags);
	}
	while ((got = pcap_next_ex(pcap, &head, &octets)) == 1)
		frame_take(traffic, link, head, octets);
	if (got == PCAP_ERROR)
		traffic_file_cut(traffic, path, pcap_geterr(pcap), diags);
	return NG_OK;
}

int traffic_pcap(struct traffic *traffic, FILE *file, const char *path, struct ng_diags *diags)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	pcap_t *pcap = pcap_fopen_offline(file, why);
	int code;

	if (!pcap) {
		fclose(file);
		return refuse(path, "traffic-pcap", "give a capture as tcpdump -w writes it",
			      why, diags);
	}
	code = read_frames(traffic, pcap, path, diags);
	pcap_close(pcap);
	return code;
}
