/*
 * Steps to netlink.
 *
 * One function a kind, found by a table. All registers are the 32-bit ones: a key of several fields
 * lies in neighbouring registers, and the kernel reads it from the first on.
 */
#include "warden/steps.h"

#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_nat.h>
#include <net/if.h>
#include <string.h>

typedef void fill_fn(struct nftnl_expr *expr, const struct step *step);

static void fill_meta(struct nftnl_expr *expr, const struct step *step)
{
	nftnl_expr_set_u32(expr, NFTNL_EXPR_META_KEY, step->a);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_META_DREG, step->reg);
}

static void fill_payload(struct nftnl_expr *expr, const struct step *step)
{
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_BASE, step->a);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_OFFSET, step->b);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_LEN, step->c);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_DREG, step->reg);
}

static void fill_exthdr(struct nftnl_expr *expr, const struct step *step)
{
	nftnl_expr_set_u8(expr, NFTNL_EXPR_EXTHDR_TYPE, (uint8_t)step->a);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_EXTHDR_OFFSET, 0);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_EXTHDR_LEN, 1);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_EXTHDR_FLAGS, NFT_EXTHDR_F_PRESENT);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_EXTHDR_DREG, step->reg);
}

static void fill_ct(struct nftnl_expr *expr, const struct step *step)
{
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CT_KEY, step->a);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CT_DREG, step->reg);
}

static void fill_ct_port(struct nftnl_expr *expr, const struct step *step)
{
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CT_KEY, NFT_CT_PROTO_DST);
	nftnl_expr_set_u8(expr, NFTNL_EXPR_CT_DIR, IP_CT_DIR_ORIGINAL);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CT_DREG, step->reg);
}

static void fill_label(struct nftnl_expr *expr, const struct step *step)
{
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CT_KEY, NFT_CT_LABELS);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CT_SREG, step->reg);
}

static void fill_socket(struct nftnl_expr *expr, const struct step *step)
{
	nftnl_expr_set_u32(expr, NFTNL_EXPR_SOCKET_KEY, step->a);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_SOCKET_DREG, step->reg);
	if (step->a == NFT_SOCKET_CGROUPV2)
		nftnl_expr_set_u32(expr, NFTNL_EXPR_SOCKET_LEVEL, step->b);
}

static void fill_fib(struct nftnl_expr *expr, const struct step *step)
{
	nftnl_expr_set_u32(expr, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_DADDR);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_FIB_DREG, step->reg);
}

static void fill_mask(struct nftnl_expr *expr, const struct step *step)
{
	static const uint8_t zero[16];

	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_SREG, step->reg);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_DREG, step->reg);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_LEN, step->len);
	nftnl_expr_set(expr, NFTNL_EXPR_BITWISE_MASK, step->data, step->len);
	nftnl_expr_set(expr, NFTNL_EXPR_BITWISE_XOR, zero, step->len);
}

static void fill_cmp(struct nftnl_expr *expr, const struct step *step)
{
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CMP_SREG, step->reg);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CMP_OP, step->a);
	nftnl_expr_set(expr, NFTNL_EXPR_CMP_DATA, step->data, step->len);
}

static void fill_lookup(struct nftnl_expr *expr, const struct step *step)
{
	nftnl_expr_set_u32(expr, NFTNL_EXPR_LOOKUP_SREG, step->reg);
	nftnl_expr_set_str(expr, NFTNL_EXPR_LOOKUP_SET, step->name);
}

static void fill_nothing(struct nftnl_expr *expr, const struct step *step)
{
	(void)expr;
	(void)step;
}

static void fill_limit(struct nftnl_expr *expr, const struct step *step)
{
	nftnl_expr_set_u64(expr, NFTNL_EXPR_LIMIT_RATE, step->a);
	nftnl_expr_set_u64(expr, NFTNL_EXPR_LIMIT_UNIT, 1);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_LIMIT_BURST, step->b);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_LIMIT_TYPE, NFT_LIMIT_PKTS);
	if (step->kind == STEP_OVER)
		nftnl_expr_set_u32(expr, NFTNL_EXPR_LIMIT_FLAGS, NFT_LIMIT_F_INV);
}

/* The kernel copies the limit into each element that it makes. */
static void fill_fair(struct nftnl_expr *expr, const struct step *step)
{
	struct nftnl_expr *limit = nftnl_expr_alloc("limit");

	nftnl_expr_set_u32(expr, NFTNL_EXPR_DYNSET_OP, NFT_DYNSET_OP_ADD);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_DYNSET_SREG_KEY, step->reg);
	nftnl_expr_set_str(expr, NFTNL_EXPR_DYNSET_SET_NAME, step->name);
	if (step->c)
		nftnl_expr_set_u64(expr, NFTNL_EXPR_DYNSET_TIMEOUT, step->c);
	if (!limit)
		return;
	fill_limit(limit, step);
	nftnl_expr_add_expr(expr, NFTNL_EXPR_DYNSET_EXPR, limit);
}

static void fill_tally(struct nftnl_expr *expr, const struct step *step)
{
	nftnl_expr_set_u32(expr, NFTNL_EXPR_OBJREF_SET_SREG, step->reg);
	nftnl_expr_set_str(expr, NFTNL_EXPR_OBJREF_SET_NAME, step->name);
}

static void fill_tally_in(struct nftnl_expr *expr, const struct step *step)
{
	nftnl_expr_set_u32(expr, NFTNL_EXPR_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
	nftnl_expr_set_str(expr, NFTNL_EXPR_OBJREF_IMM_NAME, step->name);
}

static void fill_each(struct nftnl_expr *expr, const struct step *step)
{
	struct nftnl_expr *counter = nftnl_expr_alloc("counter");

	nftnl_expr_set_u32(expr, NFTNL_EXPR_DYNSET_OP, NFT_DYNSET_OP_ADD);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_DYNSET_SREG_KEY, step->reg);
	nftnl_expr_set_str(expr, NFTNL_EXPR_DYNSET_SET_NAME, step->name);
	if (counter)
		nftnl_expr_add_expr(expr, NFTNL_EXPR_DYNSET_EXPR, counter);
}

static void fill_log(struct nftnl_expr *expr, const struct step *step)
{
	nftnl_expr_set_u16(expr, NFTNL_EXPR_LOG_GROUP, (uint16_t)step->a);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_LOG_SNAPLEN, step->b);
	nftnl_expr_set_u16(expr, NFTNL_EXPR_LOG_QTHRESHOLD, (uint16_t)step->c);
	nftnl_expr_set_str(expr, NFTNL_EXPR_LOG_PREFIX, step->name);
}

static void fill_reject(struct nftnl_expr *expr, const struct step *step)
{
	nftnl_expr_set_u32(expr, NFTNL_EXPR_REJECT_TYPE, step->a);
	nftnl_expr_set_u8(expr, NFTNL_EXPR_REJECT_CODE, (uint8_t)step->b);
}

static void fill_mark(struct nftnl_expr *expr, const struct step *step)
{
	nftnl_expr_set_u32(expr, NFTNL_EXPR_META_KEY, NFT_META_MARK);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_META_SREG, step->reg);
}

static void fill_zero(struct nftnl_expr *expr, const struct step *step)
{
	const uint32_t zero = 0;

	nftnl_expr_set_u32(expr, NFTNL_EXPR_IMM_DREG, step->reg);
	nftnl_expr_set(expr, NFTNL_EXPR_IMM_DATA, &zero, sizeof(zero));
}

static void fill_redirect(struct nftnl_expr *expr, const struct step *step)
{
	nftnl_expr_set_u32(expr, NFTNL_EXPR_REDIR_REG_PROTO_MIN, step->reg);
}

static void fill_map(struct nftnl_expr *expr, const struct step *step)
{
	fill_lookup(expr, step);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_LOOKUP_DREG, step->a);
}

static void fill_snat(struct nftnl_expr *expr, const struct step *step)
{
	nftnl_expr_set_u32(expr, NFTNL_EXPR_NAT_TYPE, NFT_NAT_SNAT);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_NAT_FAMILY, step->a);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_NAT_REG_ADDR_MIN, step->reg);
}

static void fill_verdict(struct nftnl_expr *expr, const struct step *step)
{
	nftnl_expr_set_u32(expr, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_IMM_VERDICT, step->a);
	if (step->name)
		nftnl_expr_set_str(expr, NFTNL_EXPR_IMM_CHAIN, step->name);
}

static const struct {
	const char *expr;
	fill_fn *fill;
} kinds[] = {
	[STEP_META] = {"meta", fill_meta},
	[STEP_PAYLOAD] = {"payload", fill_payload},
	[STEP_EXTHDR] = {"exthdr", fill_exthdr},
	[STEP_CT] = {"ct", fill_ct},
	[STEP_CT_PORT] = {"ct", fill_ct_port},
	[STEP_LABEL] = {"ct", fill_label},
	[STEP_SOCKET] = {"socket", fill_socket},
	[STEP_FIB] = {"fib", fill_fib},
	[STEP_MASK] = {"bitwise", fill_mask},
	[STEP_CMP] = {"cmp", fill_cmp},
	[STEP_LOOKUP] = {"lookup", fill_lookup},
	[STEP_COUNTER] = {"counter", fill_nothing},
	[STEP_LIMIT] = {"limit", fill_limit},
	[STEP_FAIR] = {"dynset", fill_fair},
	[STEP_OVER] = {"dynset", fill_fair},
	[STEP_EACH] = {"dynset", fill_each},
	[STEP_TALLY] = {"objref", fill_tally},
	[STEP_TALLY_IN] = {"objref", fill_tally_in},
	[STEP_LOG] = {"log", fill_log},
	[STEP_REJECT] = {"reject", fill_reject},
	[STEP_MARK] = {"meta", fill_mark},
	[STEP_ZERO] = {"immediate", fill_zero},
	[STEP_MARK_AS] = {"meta", fill_mark},
	[STEP_REDIRECT] = {"redir", fill_redirect},
	[STEP_MAP] = {"lookup", fill_map},
	[STEP_SNAT] = {"nat", fill_snat},
	[STEP_MASQUERADE] = {"masq", fill_nothing},
	[STEP_VERDICT] = {"immediate", fill_verdict},
};

static bool add_expr(struct nftnl_rule *rule, const struct step *step)
{
	struct nftnl_expr *expr = nftnl_expr_alloc(kinds[step->kind].expr);

	if (!expr)
		return false;
	kinds[step->kind].fill(expr, step);
	nftnl_rule_add_expr(rule, expr);
	return true;
}

/* Mark and redirect take their value from a register that this fills first. */
static bool add_value(struct nftnl_rule *rule, const struct step *step)
{
	uint16_t port = htons((uint16_t)step->a);
	uint32_t mark = step->a;
	struct nftnl_expr *expr = nftnl_expr_alloc("immediate");

	if (!expr)
		return false;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_IMM_DREG, step->reg);
	if (step->kind == STEP_REDIRECT)
		nftnl_expr_set(expr, NFTNL_EXPR_IMM_DATA, &port, sizeof(port));
	else
		nftnl_expr_set(expr, NFTNL_EXPR_IMM_DATA, &mark, sizeof(mark));
	nftnl_rule_add_expr(rule, expr);
	return true;
}

void write_rule(struct batch *batch, struct netlink *netlink, const char *table,
		const char *chain, const struct step *steps)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();
	bool good = rule != NULL;

	for (; good && steps->kind != STEP_END; steps++) {
		if (steps->kind == STEP_MARK || steps->kind == STEP_REDIRECT)
			good = add_value(rule, steps);
		good = good && add_expr(rule, steps);
	}
	if (good) {
		nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, table);
		nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, chain);
		nftnl_rule_nlmsg_build_payload(batch_message(batch, netlink, NFT_MSG_NEWRULE,
							     NLM_F_CREATE | NLM_F_APPEND),
					       rule);
	}
	batch->failed |= !good;
	if (rule)
		nftnl_rule_free(rule);
}

void write_chain(struct batch *batch, struct netlink *netlink, const char *table,
		 const char *name, const struct base_chain *base)
{
	struct nftnl_chain *chain = nftnl_chain_alloc();

	if (!chain) {
		batch->failed = true;
		return;
	}
	nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, table);
	nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, name);
	if (base) {
		nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, base->type);
		nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM, base->hook);
		nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, base->priority);
		nftnl_chain_set_u32(chain, NFTNL_CHAIN_POLICY, NF_ACCEPT);
	}
	nftnl_chain_nlmsg_build_payload(
		batch_message(batch, netlink, NFT_MSG_NEWCHAIN, NLM_F_CREATE), chain);
	nftnl_chain_free(chain);
}

/* A rule deletion that names only its chain empties it. */
void flush_chain(struct batch *batch, struct netlink *netlink, const char *table,
		 const char *name)
{
	struct nlmsghdr *message = batch_message(batch, netlink, NFT_MSG_DELRULE, 0);

	mnl_attr_put_strz(message, NFTA_RULE_TABLE, table);
	mnl_attr_put_strz(message, NFTA_RULE_CHAIN, name);
}

int step_interface(uint32_t meta, const char *pattern, struct step out[static 2])
{
	size_t len = strnlen(pattern, IFNAMSIZ);
	bool prefix = len && pattern[len - 1] == '*';
	struct step cmp = {.kind = STEP_CMP, .reg = NFT_REG32_00, .a = NFT_CMP_EQ};

	if (len == IFNAMSIZ || len < 1 + (size_t)prefix ||
	    strcspn(pattern, "*") + prefix != len)
		return NG_E_RANGE;
	memcpy(cmp.data, pattern, len - prefix);
	cmp.len = (uint8_t)(prefix ? len - 1 : IFNAMSIZ);
	out[0] = (struct step){.kind = STEP_META, .reg = NFT_REG32_00, .a = meta};
	out[1] = cmp;
	return NG_OK;
}
