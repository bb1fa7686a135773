/* The phrases for the core's error codes. */
#include <namegate/error.h>

static const char *const phrases[] = {
	[-NG_OK] = "no error",
	[-NG_E_NOMEM] = "out of memory",
	[-NG_E_SHORT] = "the input ends too early",
	[-NG_E_FORMAT] = "malformed input",
	[-NG_E_RANGE] = "value out of bounds",
	[-NG_E_FULL] = "a configured bound is reached",
	[-NG_E_NOTFOUND] = "not found",
	[-NG_E_EXISTS] = "already there",
	[-NG_E_SYNTAX] = "syntax error",
	[-NG_E_IO] = "the operating system refused",
	[-NG_E_PERM] = "a privilege is missing",
	[-NG_E_KERNEL] = "netfilter did not confirm",
	[-NG_E_CLOSED] = "the peer is gone",
	[-NG_E_UNSUPPORTED] = "not supported",
};

const char *ng_strerror(int code)
{
	if (code > 0 || code < NG_E_UNSUPPORTED)
		return "unknown error";
	return phrases[-code];
}
