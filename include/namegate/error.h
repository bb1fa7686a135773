/*
 * Error codes of the core.
 *
 * Every function of namegate that can fail returns int: NG_OK (0) or one of the negative codes
 * below. Outputs come last in the argument list and are untouched on failure. A refusal by policy
 * is a verdict, never an error.
 */
#pragma once

#define NG_MUST_CHECK __attribute__((warn_unused_result))

enum ng_error {
	NG_OK = 0,
	NG_E_NOMEM = -1,    /* memory is out */
	NG_E_SHORT = -2,    /* the input ends before the value does */
	NG_E_FORMAT = -3,   /* the input breaks its format */
	NG_E_RANGE = -4,    /* a value is outside its bounds */
	NG_E_FULL = -5,     /* a configured bound is reached */
	NG_E_NOTFOUND = -6, /* no such thing */
	NG_E_EXISTS = -7,   /* it is there already, or contradicts what is there */
	NG_E_SYNTAX = -8,   /* text that a person wrote does not parse; diagnostics say where */
	NG_E_IO = -9,       /* the operating system refused; errno of the call says why */
	NG_E_PERM = -10,    /* a privilege is missing */
	NG_E_KERNEL = -11,  /* netfilter refused or did not confirm */
	NG_E_CLOSED = -12,  /* the peer of a channel is gone */
	NG_E_UNSUPPORTED = -13 /* well-formed, but not something this build does */
};

/* One short phrase for a code; never NULL, also for codes that do not exist. */
const char *ng_strerror(int code);
