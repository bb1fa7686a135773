/*
 * The kernel's instructions by short names; r0 to r9 are its registers, off counts instructions.
 */
#pragma once

#include <linux/bpf.h>
#include <stddef.h>

#define LOAD(to, from, field)                                                                  \
	{                                                                                      \
		.code = BPF_LDX | BPF_W | BPF_MEM, .dst_reg = (to), .src_reg = (from),         \
		.off = offsetof(struct __sk_buff, field)                                       \
	}
#define STORE(to, field, from)                                                                 \
	{                                                                                      \
		.code = BPF_STX | BPF_W | BPF_MEM, .dst_reg = (to), .src_reg = (from),         \
		.off = offsetof(struct __sk_buff, field)                                       \
	}
#define COPY(to, from)                                                                         \
	{                                                                                      \
		.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = (to), .src_reg = (from)        \
	}
#define SET(to, value)                                                                         \
	{                                                                                      \
		.code = BPF_ALU | BPF_MOV | BPF_K, .dst_reg = (to), .imm = (int32_t)(value)    \
	}
/* Two instructions. */
#define SET64(to, value)                                                                       \
	{.code = BPF_LD | BPF_DW | BPF_IMM,                                                    \
	 .dst_reg = (to),                                                                      \
	 .imm = (int32_t)(uint32_t)(value)},                                                   \
	{                                                                                      \
		.imm = (int32_t)(uint32_t)((uint64_t)(value) >> 32)                            \
	}
#define BITS(to, mask)                                                                         \
	{                                                                                      \
		.code = BPF_ALU | BPF_AND | BPF_K, .dst_reg = (to), .imm = (mask)              \
	}
#define IF_EQ(reg, value, skip)                                                                \
	{                                                                                      \
		.code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = (reg), .off = (skip),            \
		.imm = (value)                                                                 \
	}
#define IF_NOT(reg, value, skip)                                                               \
	{                                                                                      \
		.code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = (reg), .off = (skip),            \
		.imm = (value)                                                                 \
	}
#define IF_SAME(reg, other, skip)                                                              \
	{                                                                                      \
		.code = BPF_JMP | BPF_JEQ | BPF_X, .dst_reg = (reg), .src_reg = (other),       \
		.off = (skip)                                                                  \
	}
#define ASK(function)                                                                          \
	{                                                                                      \
		.code = BPF_JMP | BPF_CALL, .imm = (function)                                  \
	}
#define EXIT                                                                                   \
	{                                                                                      \
		.code = BPF_JMP | BPF_EXIT                                                     \
	}

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NETWORK16(n) __builtin_bswap16(n)
#else
#define NETWORK16(n) (n)
#endif
