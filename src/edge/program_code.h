/*
 * The kernel's instructions by short names; r0 to r9 are its registers, off counts instructions.
 */
#pragma once

#include <linux/bpf.h>
#include <stddef.h>
#include <string.h>

#define LOAD_AT(to, from, at)                                                                  \
	{                                                                                      \
		.code = BPF_LDX | BPF_W | BPF_MEM, .dst_reg = (to), .src_reg = (from),         \
		.off = (at)                                                                    \
	}
#define STORE_AT(to, at, from)                                                                 \
	{                                                                                      \
		.code = BPF_STX | BPF_W | BPF_MEM, .dst_reg = (to), .src_reg = (from),         \
		.off = (at)                                                                    \
	}
#define LOAD(to, from, field)  LOAD_AT(to, from, offsetof(struct __sk_buff, field))
#define STORE(to, field, from) STORE_AT(to, offsetof(struct __sk_buff, field), from)
#define COPY(to, from)                                                                         \
	{                                                                                      \
		.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = (to), .src_reg = (from)        \
	}
/* The lower half; the upper becomes 0. */
#define COPY32(to, from)                                                                       \
	{                                                                                      \
		.code = BPF_ALU | BPF_MOV | BPF_X, .dst_reg = (to), .src_reg = (from)          \
	}
#define PLUS(to, value)                                                                        \
	{                                                                                      \
		.code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = (to), .imm = (value)           \
	}
/* Two instructions. */
#define MAP(to, fd)                                                                            \
	{.code = BPF_LD | BPF_DW | BPF_IMM,                                                    \
	 .dst_reg = (to),                                                                      \
	 .src_reg = BPF_PSEUDO_MAP_FD,                                                         \
	 .imm = (fd)},                                                                         \
	{                                                                                      \
		.imm = 0                                                                       \
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

/* Programs that differ from case to case are put together. */
#define CODE_MOST 48
struct code {
	struct bpf_insn items[CODE_MOST];
	size_t n;
};

static inline void code_add(struct code *code, const struct bpf_insn *insns, size_t n)
{
	memcpy(code->items + code->n, insns, n * sizeof(*insns));
	code->n += n;
}
#define ADD(code, ...)                                                                         \
	code_add(code, (const struct bpf_insn[]){__VA_ARGS__},                                 \
		 sizeof((const struct bpf_insn[]){__VA_ARGS__}) / sizeof(struct bpf_insn))
