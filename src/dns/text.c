/*
 * Mnemonics of the IANA registry for what people meet in policies and records. A type without one
 * is TYPEnnn (RFC 3597 5), and that form is read for every type.
 */
#include "dns/fold.h"

#include <namegate/message.h>
#include <stdio.h>

static const struct {
	uint16_t type;
	char text[12];
} types[] = {
	{1, "A"},       {2, "NS"},          {5, "CNAME"},    {6, "SOA"},
	{10, "NULL"},   {12, "PTR"},        {13, "HINFO"},   {15, "MX"},
	{16, "TXT"},    {17, "RP"},         {18, "AFSDB"},   {24, "SIG"},
	{25, "KEY"},    {28, "AAAA"},       {29, "LOC"},     {33, "SRV"},
	{35, "NAPTR"},  {37, "CERT"},       {39, "DNAME"},   {41, "OPT"},
	{42, "APL"},    {43, "DS"},         {44, "SSHFP"},   {45, "IPSECKEY"},
	{46, "RRSIG"},  {47, "NSEC"},       {48, "DNSKEY"},  {49, "DHCID"},
	{50, "NSEC3"},  {51, "NSEC3PARAM"}, {52, "TLSA"},    {53, "SMIMEA"},
	{55, "HIP"},    {59, "CDS"},        {60, "CDNSKEY"}, {61, "OPENPGPKEY"},
	{62, "CSYNC"},  {63, "ZONEMD"},     {64, "SVCB"},    {65, "HTTPS"},
	{99, "SPF"},    {108, "EUI48"},     {109, "EUI64"},  {249, "TKEY"},
	{250, "TSIG"},  {251, "IXFR"},      {252, "AXFR"},   {253, "MAILB"},
	{254, "MAILA"}, {255, "ANY"},       {256, "URI"},    {257, "CAA"},
};
#define N_TYPES (sizeof(types) / sizeof(types[0]))

static const char *const rcodes[] = {
	[NG_RCODE_NOERROR] = "NOERROR",
	[NG_RCODE_FORMERR] = "FORMERR",
	[NG_RCODE_SERVFAIL] = "SERVFAIL",
	[NG_RCODE_NXDOMAIN] = "NXDOMAIN",
	[NG_RCODE_NOTIMP] = "NOTIMP",
	[NG_RCODE_REFUSED] = "REFUSED",
	[6] = "YXDOMAIN",
	[7] = "YXRRSET",
	[8] = "NXRRSET",
	[9] = "NOTAUTH",
	[10] = "NOTZONE",
	[11] = "DSOTYPENI",
	[NG_RCODE_BADVERS] = "BADVERS",
	[17] = "BADKEY",
	[18] = "BADTIME",
	[19] = "BADMODE",
	[20] = "BADNAME",
	[21] = "BADALG",
	[22] = "BADTRUNC",
	[NG_RCODE_BADCOOKIE] = "BADCOOKIE",
};

const char *ng_type_text(uint16_t type, char buf[static 16])
{
	for (size_t i = 0; i < N_TYPES; i++)
		if (types[i].type == type)
			return types[i].text;
	snprintf(buf, 16, "TYPE%u", type);
	return buf;
}

static bool text_equal(const char *a, const char *b, size_t n)
{
	return fold_equal((const uint8_t *)a, (const uint8_t *)b, n);
}

/* The number of "TYPEnnn": one to five digits without a leading zero. */
static int generic_parse(const char *text, size_t len, uint16_t *out)
{
	unsigned int value = 0;
	if (len < 5 || len > 9 || !text_equal(text, "TYPE", 4) || (text[4] == '0' && len > 5))
		return NG_E_NOTFOUND;
	for (text += 4; *text; text++) {
		if (*text < '0' || *text > '9')
			return NG_E_NOTFOUND;
		value = 10 * value + (unsigned int)(*text - '0');
	}
	if (value > UINT16_MAX)
		return NG_E_NOTFOUND;
	*out = (uint16_t)value;
	return NG_OK;
}

int ng_type_parse(const char *text, uint16_t *out)
{
	size_t len = strlen(text);
	for (size_t i = 0; i < N_TYPES; i++) {
		if (strlen(types[i].text) == len && text_equal(types[i].text, text, len)) {
			*out = types[i].type;
			return NG_OK;
		}
	}
	return generic_parse(text, len, out);
}

const char *ng_rcode_text(uint8_t rcode)
{
	bool known = rcode < sizeof(rcodes) / sizeof(rcodes[0]) && rcodes[rcode];
	return known ? rcodes[rcode] : "RCODE?";
}
