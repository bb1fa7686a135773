/*
 * The registry: LMDB, one environment, nine tables.
 *
 * "sandboxes" maps a name to its id (four octets, little endian) and the caller's text; "numbers"
 * holds the next ids and the version; what is in "approvals" and "images" is read and written in
 * registry_kept.c, versions and events in registry_history.c. Every change is one write transaction, committed with
 * MDB_NOSYNC so that the loop never waits for the disk; mdb_env_sync() follows in the thread pool,
 * one at a time, and once more when changes came meanwhile. A machine that crashes in between
 * may lose the last changes, or the file: then fewer sandboxes are known, and unknown means
 * refused. Ids of a new registry start at a random number, so that leases which some other store
 * still holds under small ids are never taken for a new sandbox's.
 */
#include "edge/registry_kept.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAP_SIZE    ((size_t)1 << 32) /* address space, not memory; compiled policies are in it */
#define LOOK_MOST_S 10                /* damaged pages may also lead in a circle */
#define LOOKS       5                 /* when somebody ends them */
#define FIRST_BITS  0x3fffffffu       /* leaves three quarters of the ids after the first */

#define TABLES 10

static const char *const table_names[TABLES] = {"sandboxes",
						"numbers",
						"approvals",
						REGISTRY_TABLE_IMAGES,
						REGISTRY_TABLE_VERSIONS,
						REGISTRY_TABLE_SOURCES,
						REGISTRY_TABLE_PAST,
						REGISTRY_TABLE_SANDBOXES,
						REGISTRY_TABLE_APPROVALS,
						"texts"};
/* What damaged pages do to whoever reads them. */
static const int deadly[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGALRM};
#define N_DEADLY (sizeof deadly / sizeof deadly[0])

static const char key_next_id[] = "next-id", key_version[] = "version",
		  key_next_approval[] = "next-approval";

int registry_code(int error)
{
	switch (error) {
	case MDB_SUCCESS:
		return NG_OK;
	case MDB_NOTFOUND:
		return NG_E_NOTFOUND;
	case MDB_MAP_FULL:
		return NG_E_FULL;
	case MDB_INVALID:
	case MDB_CORRUPTED:
	case MDB_VERSION_MISMATCH:
	case MDB_PAGE_NOTFOUND:
		return NG_E_FORMAT;
	case ENOMEM:
		return NG_E_NOMEM;
	default:
		return NG_E_IO;
	}
}

static void destroy(struct registry *registry)
{
	mdb_env_close(registry->env);
	free(registry);
}

/* ---- to the disk ---- */

static void flush_start(struct registry *registry);

static void flush_work(uv_work_t *work)
{
	struct registry *registry = work->data;
	(void)mdb_env_sync(registry->env, 1);
}

static void flush_done(uv_work_t *work, int status)
{
	struct registry *registry = work->data;
	(void)status;
	registry->flushing = false;
	if (registry->dirty)
		flush_start(registry);
	else if (registry->closing)
		destroy(registry);
}

static void flush_start(struct registry *registry)
{
	registry->dirty = true;
	if (registry->flushing)
		return;
	registry->flush.data = registry;
	registry->dirty = false;
	registry->flushing =
		uv_queue_work(registry->loop, &registry->flush, flush_work, flush_done) == 0;
}

int registry_commit(struct registry *registry, MDB_txn *txn, int error)
{
	if (error) {
		mdb_txn_abort(txn);
		return registry_code(error);
	}
	error = mdb_txn_commit(txn);
	if (!error)
		flush_start(registry);
	return registry_code(error);
}

/* ---- opening ---- */

static int open_tables(struct registry *registry)
{
	MDB_txn *txn;
	int error = mdb_txn_begin(registry->env, NULL, 0, &txn);
	if (error)
		return error;
	MDB_dbi *const tables[TABLES] = {&registry->sandboxes,       &registry->numbers,
					 &registry->approvals,       &registry->images,
					 &registry->versions,        &registry->sources,
					 &registry->past_images,     &registry->sandbox_events,
					 &registry->approval_events, &registry->texts};
	for (size_t i = 0; i < TABLES && !error; i++)
		error = mdb_dbi_open(txn, table_names[i], MDB_CREATE, tables[i]);
	if (error) {
		mdb_txn_abort(txn);
		return error;
	}
	return mdb_txn_commit(txn);
}

/* LMDB leaves the file itself open over an exec: children could rewrite who is registered. */
static int keep_to_ourselves(MDB_env *env)
{
	int fd, error = mdb_env_get_fd(env, &fd);
	if (!error && fcntl(fd, F_SETFD, FD_CLOEXEC))
		error = errno;
	return error;
}

static int open_env(struct registry *registry, const char *folder)
{
	int error = mdb_env_create(&registry->env);
	if (!error)
		error = mdb_env_set_maxdbs(registry->env, TABLES);
	if (!error)
		error = mdb_env_set_mapsize(registry->env, MAP_SIZE);
	if (!error)
		error = mdb_env_open(registry->env, folder, MDB_NOSYNC | MDB_NOTLS, 0600);
	if (!error)
		error = keep_to_ourselves(registry->env);
	return error ? error : open_tables(registry);
}

/* ---- a look ahead ---- */

static void touch_table(MDB_txn *txn, MDB_dbi table)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	volatile uint8_t sink = 0;
	if (mdb_cursor_open(txn, table, &cursor))
		return;
	while (!mdb_cursor_get(cursor, &key, &value, MDB_NEXT))
		for (size_t i = 0; i < value.mv_size; i++)
			sink ^= ((const uint8_t *)value.mv_data)[i];
	mdb_cursor_close(cursor);
}

static void touch_all(const char *folder)
{
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi table;
	if (mdb_env_create(&env) || mdb_env_set_maxdbs(env, TABLES) ||
	    mdb_env_open(env, folder, MDB_RDONLY | MDB_NOLOCK | MDB_NOTLS, 0600) ||
	    mdb_txn_begin(env, NULL, MDB_RDONLY, &txn))
		return;      /* said better by whoever opens it in earnest */
	touch_table(txn, 0); /* the list of free pages */
	for (size_t i = 0; i < TABLES; i++)
		if (!mdb_dbi_open(txn, table_names[i], 0, &table))
			touch_table(txn, table);
}

static int look(const char *folder)
{
	const struct rlimit no_core = {0};
	int status;
	pid_t pid = fork();
	if (pid < 0)
		return NG_OK;
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* it has the caller's locks as well */
		for (size_t i = 0; i < N_DEADLY; i++)
			(void)signal(deadly[i], SIG_DFL); /* whatever the caller does */
		(void)setrlimit(RLIMIT_CORE, &no_core);
		alarm(LOOK_MOST_S);
		touch_all(folder);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return NG_OK;
	if (WIFEXITED(status))
		return WEXITSTATUS(status) ? NG_E_FORMAT : NG_OK;
	for (size_t i = 0; i < N_DEADLY; i++)
		if (WTERMSIG(status) == deadly[i])
			return NG_E_FORMAT;
	return NG_E_IO;
}

/*
 * LMDB trusts its file: pages that are cut off or overwritten end the process with a signal, now
 * and at every start to come. So a child goes first, and touches everything. One that somebody
 * else ended says nothing about the pages.
 */
static int readable(const char *folder)
{
	int code = NG_E_IO;
	for (int i = 0; i < LOOKS && code == NG_E_IO; i++)
		code = look(folder);
	return code;
}

int registry_open(const char *folder, uv_loop_t *loop, struct registry **out, const char **why)
{
	struct registry *registry = calloc(1, sizeof *registry);
	*why = "out of memory";
	if (!registry)
		return NG_E_NOMEM;
	registry->loop = loop;
	int code = readable(folder);
	if (code) {
		*why = code == NG_E_FORMAT ? "its pages are damaged"
					   : "whoever looks whether it is sound is killed";
		free(registry);
		return code;
	}
	int error = open_env(registry, folder);
	if (error) {
		*why = mdb_strerror(error);
		destroy(registry);
		return registry_code(error);
	}
	*out = registry;
	return NG_OK;
}

void registry_close(struct registry *registry)
{
	if (!registry)
		return;
	registry->closing = true;
	if (!registry->flushing)
		destroy(registry);
}

/* ---- numbers ---- */

static int read_number(MDB_txn *txn, MDB_dbi table, const char *name, uint64_t *out)
{
	MDB_val key = {strlen(name), (void *)(uintptr_t)name}, value;
	int error = mdb_get(txn, table, &key, &value);
	if (!error && value.mv_size != sizeof *out)
		return MDB_CORRUPTED;
	if (!error)
		memcpy(out, value.mv_data, sizeof *out);
	return error;
}

/* Counts name up, from first, and gives the number before to *out. */
static int take_number(struct registry *registry, const char *name, uint64_t first,
		       uint64_t last, uint64_t *out)
{
	MDB_txn *txn;
	int error = mdb_txn_begin(registry->env, NULL, 0, &txn);
	if (error)
		return registry_code(error);
	uint64_t number = first;
	error = read_number(txn, registry->numbers, name, &number);
	if (error == MDB_NOTFOUND)
		error = 0;
	if (!error && number > last)
		error = MDB_MAP_FULL;
	uint64_t next = number + 1;
	MDB_val key = {strlen(name), (void *)(uintptr_t)name}, value = {sizeof next, &next};
	if (!error)
		error = mdb_put(txn, registry->numbers, &key, &value, 0);
	int code = registry_commit(registry, txn, error);
	if (code == NG_OK)
		*out = number;
	return code;
}

int registry_take_id(struct registry *registry, uint32_t *out)
{
	uint32_t first;
	uint64_t number = 0;
	if (getrandom(&first, sizeof first, 0) != sizeof first)
		return NG_E_IO;
	int code = take_number(registry, key_next_id, (first & FIRST_BITS) + 1, UINT32_MAX,
			       &number);
	if (code == NG_OK)
		*out = (uint32_t)number;
	return code;
}

int registry_next_version(struct registry *registry, uint64_t *out)
{
	return take_number(registry, key_version, 1, UINT64_MAX - 1, out);
}

int registry_take_approval(struct registry *registry, uint64_t *out)
{
	return take_number(registry, key_next_approval, 1, UINT64_MAX - 1, out);
}

/* ---- sandboxes ---- */

int registry_put(struct registry *registry, const char *name, uint32_t id, const char *value,
		 size_t len)
{
	if (len > REGISTRY_VALUE_MAX)
		return NG_E_RANGE;
	MDB_txn *txn;
	int error = mdb_txn_begin(registry->env, NULL, 0, &txn);
	if (error)
		return registry_code(error);
	MDB_val key = {strlen(name), (void *)(uintptr_t)name};
	MDB_val room = {sizeof id + len, NULL}, was;
	const enum registry_event what = mdb_get(txn, registry->sandboxes, &key, &was) == 0
						 ? REGISTRY_CHANGED
						 : REGISTRY_ADDED;
	error = mdb_put(txn, registry->sandboxes, &key, &room, MDB_RESERVE);
	if (!error) {
		memcpy(room.mv_data, &id, sizeof id);
		if (len)
			memcpy((char *)room.mv_data + sizeof id, value, len);
		error = registry_event(txn, registry->sandbox_events, what, id, name);
	}
	return registry_commit(registry, txn, error);
}

int registry_remove(struct registry *registry, const char *name)
{
	MDB_txn *txn;
	int error = mdb_txn_begin(registry->env, NULL, 0, &txn);
	if (error)
		return registry_code(error);
	MDB_val key = {strlen(name), (void *)(uintptr_t)name}, value;
	uint32_t id = 0;
	error = mdb_get(txn, registry->sandboxes, &key, &value);
	if (!error && value.mv_size >= sizeof id)
		memcpy(&id, value.mv_data, sizeof id);
	if (!error)
		error = mdb_del(txn, registry->sandboxes, &key, NULL);
	if (!error)
		error = registry_event(txn, registry->sandbox_events, REGISTRY_REMOVED, id,
				       name);
	return registry_commit(registry, txn, error);
}

static bool row_read(const MDB_val *value, uint32_t *id)
{
	if (value->mv_size < sizeof *id || value->mv_size > sizeof *id + REGISTRY_VALUE_MAX)
		return false;
	memcpy(id, value->mv_data, sizeof *id);
	return *id != 0;
}

/* buf may be NULL when only the id matters. */
static int look_up(struct registry *registry, const char *name, uint32_t *id, char *buf,
		   size_t *len)
{
	MDB_txn *txn;
	int error = mdb_txn_begin(registry->env, NULL, MDB_RDONLY, &txn);
	if (error)
		return registry_code(error);
	MDB_val key = {strlen(name), (void *)(uintptr_t)name}, value;
	uint32_t found = 0;
	error = mdb_get(txn, registry->sandboxes, &key, &value);
	if (!error && !row_read(&value, &found))
		error = MDB_CORRUPTED;
	if (!error && buf) {
		*len = value.mv_size - sizeof found;
		memcpy(buf, (const char *)value.mv_data + sizeof found, *len);
		buf[*len] = '\0';
	}
	mdb_txn_abort(txn);
	if (!error)
		*id = found;
	return registry_code(error);
}

int registry_find(struct registry *registry, const char *name, uint32_t *id)
{
	return look_up(registry, name, id, NULL, NULL);
}

int registry_value(struct registry *registry, const char *name,
		   char buf[static REGISTRY_VALUE_MAX + 1], size_t *len)
{
	uint32_t id;
	return look_up(registry, name, &id, buf, len);
}

int registry_walk(struct registry *registry, MDB_dbi table, registry_row *row,
		  const void *context)
{
	MDB_txn *txn;
	MDB_cursor *cursor = NULL;
	MDB_val key, value;
	int error = mdb_txn_begin(registry->env, NULL, MDB_RDONLY, &txn);
	if (error)
		return registry_code(error);
	error = mdb_cursor_open(txn, table, &cursor);
	while (!error && !(error = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)))
		row(context, &key, &value);
	if (cursor)
		mdb_cursor_close(cursor);
	mdb_txn_abort(txn);
	return error == MDB_NOTFOUND ? NG_OK : registry_code(error);
}

struct visitor {
	registry_visit *visit;
	void *owner;
};

static void visit_row(const void *context, const MDB_val *key, const MDB_val *value)
{
	const struct visitor *visitor = context;
	char name[NG_SANDBOX_NAME_MAX] = "";
	uint32_t id;
	if (key->mv_size >= sizeof name || !row_read(value, &id))
		return;
	memcpy(name, key->mv_data, key->mv_size);
	visitor->visit(visitor->owner, name, id, (const char *)value->mv_data + sizeof id,
		       value->mv_size - sizeof id);
}

int registry_each(struct registry *registry, registry_visit *visit, void *owner)
{
	const struct visitor visitor = {visit, owner};
	return registry_walk(registry, registry->sandboxes, visit_row, &visitor);
}
