/*
 * The words that rules are written in: short names for steps, so that a rule in a table of rules
 * reads like the line that nft prints for it. R0 to R9 are registers of four octets; a key of several
 * fields lies in neighbouring ones.
 */
#pragma once

#include "warden/steps.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>

#define R0  NFT_REG32_00
#define R1  NFT_REG32_01
#define R2  NFT_REG32_02
#define R3  NFT_REG32_03
#define R4  NFT_REG32_04
#define R5  NFT_REG32_05
#define R6  NFT_REG32_06
#define R8  NFT_REG32_08
#define R9  NFT_REG32_09
#define R10 NFT_REG32_10

#define OCTETS(...) .data = {__VA_ARGS__}, .len = sizeof((uint8_t[]){__VA_ARGS__})
#define META(r, key)                                                                           \
	{                                                                                      \
		.kind = STEP_META, .reg = (r), .a = (key)                                      \
	}
#define NET(r, offset, length)                                                                 \
	{                                                                                      \
		.kind = STEP_PAYLOAD, .reg = (r), .a = NFT_PAYLOAD_NETWORK_HEADER,             \
		.b = (offset), .c = (length)                                                   \
	}
#define TH(r, offset, length)                                                                  \
	{                                                                                      \
		.kind = STEP_PAYLOAD, .reg = (r), .a = NFT_PAYLOAD_TRANSPORT_HEADER,           \
		.b = (offset), .c = (length)                                                   \
	}
#define EQ(...)                                                                                \
	{                                                                                      \
		.kind = STEP_CMP, .reg = R0, .a = NFT_CMP_EQ, OCTETS(__VA_ARGS__)              \
	}
#define NEQ(...)                                                                               \
	{                                                                                      \
		.kind = STEP_CMP, .reg = R0, .a = NFT_CMP_NEQ, OCTETS(__VA_ARGS__)             \
	}
#define MORE(...)                                                                              \
	{                                                                                      \
		.kind = STEP_CMP, .reg = R0, .a = NFT_CMP_GT, OCTETS(__VA_ARGS__)              \
	}
#define MASK(...)                                                                              \
	{                                                                                      \
		.kind = STEP_MASK, .reg = R0, OCTETS(__VA_ARGS__)                              \
	}
#define IN(set)                                                                                \
	{                                                                                      \
		.kind = STEP_LOOKUP, .reg = R0, .name = (set)                                  \
	}
#define TALLY(set)                                                                             \
	{                                                                                      \
		.kind = STEP_TALLY, .reg = R0, .name = (set)                                   \
	}
#define MAP(map, to)                                                                           \
	{                                                                                      \
		.kind = STEP_MAP, .reg = R0, .a = (to), .name = (map)                          \
	}
#define FAIR(set)                                                                              \
	{                                                                                      \
		.kind = STEP_FAIR, .reg = R0, .a = 50, .b = 100, .name = (set)                 \
	}
#define COUNTER                                                                                \
	{                                                                                      \
		.kind = STEP_COUNTER                                                           \
	}
#define ACCEPT                                                                                 \
	{                                                                                      \
		.kind = STEP_VERDICT, .a = NF_ACCEPT                                           \
	}
#define DROP                                                                                   \
	{                                                                                      \
		.kind = STEP_VERDICT, .a = NF_DROP                                             \
	}
#define GOTO(to)                                                                               \
	{                                                                                      \
		.kind = STEP_VERDICT, .a = (uint32_t)NFT_GOTO, .name = (to)                    \
	}
#define END                                                                                    \
	{                                                                                      \
		.kind = STEP_END                                                               \
	}

/* Host order numbers of sixteen bits as the octets that lie in the register. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define HOST32(n) (uint8_t)(n), (uint8_t)((n) >> 8), 0, 0
#else
#define HOST32(n) 0, 0, (uint8_t)((n) >> 8), (uint8_t)(n)
#endif

#define V4                META(R0, NFT_META_NFPROTO), EQ(NFPROTO_IPV4)
#define V6                META(R0, NFT_META_NFPROTO), EQ(NFPROTO_IPV6)
#define L4(proto)         META(R0, NFT_META_L4PROTO), EQ(proto)
#define DPORT(port)       TH(R0, 2, 2), EQ((port) >> 8, (port)&0xff)
#define SADDR4(r)         NET(r, 12, 4)
#define DADDR4(r)         NET(r, 16, 4)
#define SADDR6(r)         NET(r, 8, 16)
#define DADDR6(r)         NET(r, 24, 16)
#define HOPS255           NET(R0, 7, 1), EQ(255)
#define EXTENSION(header) {.kind = STEP_EXTHDR, .reg = R0, .a = (header)}, EQ(1)
#define ND                L4(IPPROTO_ICMPV6), TH(R0, 0, 1), IN("nd")
#define LINKLOCAL(offset) NET(R0, offset, 2), MASK(0xff, 0xc0), EQ(0xfe, 0x80)
#define CT_STATE(state)                                                                        \
	{.kind = STEP_CT, .reg = R0, .a = NFT_CT_STATE}, MASK(HOST32(state)), NEQ(HOST32(0))
#define CT_INVALID     NF_CT_STATE_INVALID_BIT
#define CT_ESTABLISHED NF_CT_STATE_BIT(IP_CT_ESTABLISHED)
#define CT_RELATED     NF_CT_STATE_BIT(IP_CT_RELATED)
#define ASKED53        {.kind = STEP_CT_PORT, .reg = R0}, EQ(0, 53)
#define CT_REPLY       {.kind = STEP_CT, .reg = R0, .a = NFT_CT_DIRECTION}, EQ(1)
#define SNAT4                                                                                  \
	{                                                                                      \
		.kind = STEP_SNAT, .reg = R1, .a = NFPROTO_IPV4                                \
	}
#define SNAT6                                                                                  \
	{                                                                                      \
		.kind = STEP_SNAT, .reg = R4, .a = NFPROTO_IPV6                                \
	}
#define TO_LOCAL {.kind = STEP_FIB, .reg = R0}, EQ(HOST32(RTN_LOCAL))
