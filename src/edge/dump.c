/*
 * Reading an LMDB environment from outside: a child writes rows to a pipe, we gather them.
 *
 * A row is a head of fixed size, key and value. The last head has no table and says how it went;
 * a pipe that ends without one means that the child did not live to say so.
 */
#include "config.h"
#include "edge/dump.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_S     60
#define MOST       ((size_t)2 << 30)
#define ROOM_FIRST ((size_t)64 << 10)
#define LAST       UINT32_MAX

struct head {
	uint32_t table;
	int32_t code; /* of the last: LMDB's, or an errno */
	uint64_t key_len, value_len;
};

/* ---- the child ---- */

static bool put(FILE *to, const void *octets, size_t n)
{
	return n == 0 || fwrite(octets, n, 1, to) == 1;
}

static int put_table(FILE *to, MDB_txn *txn, const char *name, uint32_t table)
{
	MDB_cursor *cursor;
	MDB_dbi dbi;
	MDB_val key, value;
	int code = mdb_dbi_open(txn, name, 0, &dbi);

	if (!code)
		code = mdb_cursor_open(txn, dbi, &cursor);
	if (code)
		return code == MDB_NOTFOUND ? 0 : code;
	while (!(code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT))) {
		const struct head head = {table, 0, key.mv_size, value.mv_size};
		if (!put(to, &head, sizeof(head)) || !put(to, key.mv_data, key.mv_size) ||
		    !put(to, value.mv_data, value.mv_size))
			return EPIPE;
	}
	return code == MDB_NOTFOUND ? 0 : code;
}

static int put_tables(FILE *to, const struct dump_wish *wish, const char *path)
{
	const unsigned flags = MDB_RDONLY | MDB_NOTLS | (wish->file ? MDB_NOSUBDIR : 0);
	MDB_txn *txn = NULL;
	MDB_env *env;
	int code = mdb_env_create(&env);

	if (!code) /* with some to spare for tables that are not asked for */
		code = mdb_env_set_maxdbs(env, (MDB_dbi)wish->n_tables + 16);
	if (!code)
		code = mdb_env_open(env, path, flags, 0600);
	if (!code)
		code = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
	if (code == MDB_MAP_RESIZED) { /* it has grown since it was opened */
		code = mdb_env_set_mapsize(env, 0);
		if (!code)
			code = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
	}
	for (size_t i = 0; i < wish->n_tables && !code; i++)
		code = put_table(to, txn, wish->tables[i], (uint32_t)i);
	if (txn)
		mdb_txn_abort(txn);
	mdb_env_close(env);
	return code;
}

static int become(const struct stat *owner)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return errno;
	if (geteuid() != 0 || owner->st_uid == 0)
		return 0;
	if (setgroups(0, NULL) || setresgid(owner->st_gid, owner->st_gid, owner->st_gid) ||
	    setresuid(owner->st_uid, owner->st_uid, owner->st_uid))
		return errno;
	return 0;
}

static _Noreturn void child(const struct dump_wish *wish, const struct stat *owner,
			    const char *path, int fd)
{
	static const int deadly[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGALRM};
	const struct rlimit no_core = {0};
	struct head last = {.table = LAST};
	FILE *to = fdopen(fd, "w");

	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		(void)signal(deadly[i], SIG_DFL);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)setrlimit(RLIMIT_CORE, &no_core);
	alarm(MOST_S);
	if (!to)
		_exit(1);
	last.code = become(owner);
	if (!last.code)
		last.code = put_tables(to, wish, path);
	_exit(put(to, &last, sizeof(last)) && !fflush(to) ? 0 : 1);
}

/* ---- gathering ---- */

static int grow(struct dump *dump, size_t *room)
{
	size_t more = *room ? 2 * *room : ROOM_FIRST;
	uint8_t *moved = more <= MOST ? realloc(dump->octets, more) : NULL;

	if (!moved)
		return NG_E_NOMEM;
	dump->octets = moved;
	*room = more;
	return NG_OK;
}

static int gather(int fd, struct dump *dump)
{
	size_t room = 0;

	for (;;) {
		ssize_t got;
		if (dump->len == room && grow(dump, &room))
			return NG_E_NOMEM;
		got = read(fd, dump->octets + dump->len, room - dump->len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return NG_E_IO;
		if (got == 0)
			return NG_OK;
		dump->len += (size_t)got;
	}
}

static bool take_head(const struct dump *dump, size_t at, struct head *out)
{
	size_t left = dump->len - at;

	if (left < sizeof(*out))
		return false;
	memcpy(out, dump->octets + at, sizeof(*out));
	left -= sizeof(*out);
	return out->key_len <= left && out->value_len <= left - out->key_len;
}

bool dump_next(const struct dump *dump, size_t *cursor, struct dump_row *out)
{
	struct head head;
	const uint8_t *key;

	if (*cursor >= dump->len || !take_head(dump, *cursor, &head) || head.table == LAST)
		return false;
	key = dump->octets + *cursor + sizeof(head);
	*out = (struct dump_row){
		.table = head.table,
		.key = key,
		.key_len = (size_t)head.key_len,
		.value = key + head.key_len,
		.value_len = (size_t)head.value_len,
	};
	*cursor += sizeof(head) + out->key_len + out->value_len;
	return true;
}

/* What the child said last; MDB_CORRUPTED when it did not come to that. */
static int last_word(const struct dump *dump)
{
	struct dump_row row;
	struct head head;
	size_t cursor = 0;

	while (dump_next(dump, &cursor, &row))
		;
	return take_head(dump, cursor, &head) && head.table == LAST ? head.code : MDB_CORRUPTED;
}

/* ---- the whole ---- */

static int fail(char why[static DUMP_WHY], int code, const char *path)
{
	const char *user = "run this as root, or as the user whose folder it is";

	switch (code) {
	case ENOENT:
		snprintf(why, DUMP_WHY, "%.300s is not there", path);
		return NG_E_NOTFOUND;
	case EACCES:
	case EPERM:
		snprintf(why, DUMP_WHY, "%.300s may not be read by you: %s", path, user);
		return NG_E_PERM;
	case ENOMEM:
		snprintf(why, DUMP_WHY, "out of memory while %.300s was read", path);
		return NG_E_NOMEM;
	case MDB_CORRUPTED:
	case MDB_INVALID:
	case MDB_PAGE_NOTFOUND:
	case MDB_VERSION_MISMATCH:
		snprintf(why, DUMP_WHY,
			 "%.300s is damaged, or was not written by namegated: %s", path,
			 mdb_strerror(code));
		return NG_E_FORMAT;
	default:
		snprintf(why, DUMP_WHY, "%.300s cannot be read: %s", path, mdb_strerror(code));
		return NG_E_IO;
	}
}

static void wait_for(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static int run(const struct dump_wish *wish, const struct stat *owner, const char *path,
	       struct dump *out)
{
	int ends[2], code;
	pid_t pid;

	if (pipe(ends))
		return NG_E_IO;
	fflush(NULL); /* or the child says again what we have not written yet */
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		child(wish, owner, path, ends[1]);
	}
	close(ends[1]);
	code = pid < 0 ? NG_E_IO : gather(ends[0], out);
	close(ends[0]);
	if (pid > 0)
		wait_for(pid);
	return code;
}

int dump_read(const struct dump_wish *wish, struct dump *out, char why[static DUMP_WHY])
{
	char path[PATH_MAX];
	struct dump dump = {0};
	struct stat owner, file;
	int code;

	snprintf(path, sizeof(path), "%s%s%s", wish->folder, wish->file ? "/" : "",
		 wish->file ? wish->file : "");
	if (lstat(wish->folder, &owner))
		return fail(why, errno, wish->folder);
	if (lstat(path, &file))
		return fail(why, errno, path);
	code = run(wish, &owner, path, &dump);
	if (code)
		code = fail(why, code == NG_E_NOMEM ? ENOMEM : EIO, path);
	else if ((code = last_word(&dump)))
		code = fail(why, code, path);
	if (code)
		dump_finish(&dump);
	else
		*out = dump;
	return code;
}

void dump_finish(struct dump *dump)
{
	if (!dump)
		return;
	free(dump->octets);
	*dump = (struct dump){0};
}
