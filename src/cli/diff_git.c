/*
 * Reading revisions. `git show REV:PATH` would do for one file, but it prints folders as if they
 * were files, passes what it shows through filters, and shows a symbolic link's target path. So one
 * `git cat-file --batch --follow-symlinks` reads all files: what is wanted goes in by its standard
 * input, so that no path is ever taken for an option, and the size comes before the octets.
 *
 * Git is started without a shell, asks nobody anything, and fetches nothing.
 */
#include "config.h"

#include "cli/diff_git.h"
#include "conf/files.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define REVISIONS_MAX 2
#define TREE_MAX      129 /* a hash in hexadecimal, with room for longer ones than there are */

struct revision {
	char *prefix; /* "main:" */
	size_t n;
	char tree[TREE_MAX];
};

static struct {
	struct revision revisions[REVISIONS_MAX];
	size_t n;
	char *top, *inside; /* of the work tree: where it is, and where in it we are */
	pid_t reader;       /* 0: none */
	FILE *to, *from;
} git;

extern char **environ;

/* ---- processes ---- */

/* Its standard input is *to (or nothing), its standard output *from. */
static pid_t start(const char *const argv[], int *to, int *from, bool silent)
{
	posix_spawn_file_actions_t actions;
	int in[2] = {-1, -1}, out[2] = {-1, -1};
	pid_t pid = -1;
	setenv("GIT_TERMINAL_PROMPT", "0", 1);
	setenv("GIT_NO_LAZY_FETCH", "1", 1);
	if (posix_spawn_file_actions_init(&actions) != 0)
		return -1;
	if (pipe2(out, O_CLOEXEC) < 0 || (to != NULL && pipe2(in, O_CLOEXEC) < 0))
		goto out;
	if (to != NULL)
		posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
	else
		posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY,
						 0);
	posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
	if (silent)
		posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY,
						 0);
	int error = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv,
				 environ);
	if (error != 0) {
		errno = error;
		pid = -1;
	}
out:
	posix_spawn_file_actions_destroy(&actions);
	int ours[2] = {in[1], out[0]}, theirs[2] = {in[0], out[1]};
	for (int i = 0; i < 2; i++) {
		if (theirs[i] >= 0)
			close(theirs[i]);
		if (pid < 0 && ours[i] >= 0)
			close(ours[i]);
	}
	if (pid > 0 && to != NULL)
		*to = ours[0];
	if (pid > 0)
		*from = ours[1];
	return pid;
}

static bool ended_well(pid_t pid)
{
	int status;
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return false;
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* The first line that git prints, without its end; NULL when it fails. */
static char *first_line(const char *const argv[], bool silent)
{
	int fd;
	char *line = NULL;
	size_t room = 0;
	pid_t pid = start(argv, NULL, &fd, silent);
	if (pid < 0)
		return NULL;
	FILE *from = fdopen(fd, "r");
	ssize_t n = from != NULL ? getline(&line, &room, from) : -1;
	if (from != NULL)
		fclose(from);
	else
		close(fd);
	if (!ended_well(pid) || n < 0) {
		free(line);
		return NULL;
	}
	if (n > 0 && line[n - 1] == '\n')
		line[n - 1] = '\0';
	return line;
}

static void stop_reader(void)
{
	if (git.to != NULL)
		fclose(git.to);
	if (git.from != NULL)
		fclose(git.from);
	git.to = git.from = NULL;
	if (git.reader > 0)
		ended_well(git.reader);
	git.reader = 0;
}

static bool start_reader(void)
{
	static const char *const argv[] = {
		(char *)(uintptr_t) "git", (char *)(uintptr_t) "cat-file",
		(char *)(uintptr_t) "--batch", (char *)(uintptr_t) "--follow-symlinks", NULL};
	int to, from;
	if (git.reader > 0)
		return true;
	git.reader = start(argv, &to, &from, false);
	if (git.reader < 0) {
		git.reader = 0;
		return false;
	}
	git.to = fdopen(to, "w");
	git.from = fdopen(from, "r");
	if (git.to != NULL && git.from != NULL)
		return true;
	stop_reader();
	return false;
}

/* ---- paths ---- */

/* Octets of "REV:"; 0: there is none. A colon in braces, as in main@{12:00}, is the revision's. */
static size_t revision_length(const char *word)
{
	int depth = 0;
	if (word[0] == '/' || word[0] == '.' || strncmp(word, "preset:", 7) == 0)
		return 0;
	for (const char *at = word; *at != '\0'; at++) {
		depth += (*at == '{') - (*at == '}');
		if (*at == ':' && depth <= 0)
			return (size_t)(at - word) + 1;
	}
	return 0;
}

bool git_names(const char *word)
{
	return revision_length(word) > 0;
}

static const struct revision *revision_of(const char *path)
{
	for (size_t i = 0; i < git.n; i++) {
		if (strncmp(path, git.revisions[i].prefix, git.revisions[i].n) == 0)
			return &git.revisions[i];
	}
	return NULL;
}

static size_t prefix_of(const char *path)
{
	const struct revision *revision = revision_of(path);
	return revision != NULL ? revision->n : 0;
}

/* Takes "." and ".." out in place. False when the path leads out of the repository. */
static bool flatten(char *path)
{
	char *to = path;
	const char *end = path + strlen(path);
	for (const char *at = path; at < end;) {
		size_t n = strcspn(at, "/");
		const char *next = at + n + (at[n] == '/');
		if (n == 2 && at[0] == '.' && at[1] == '.') {
			if (to == path)
				return false;
			to--;
			while (to > path && to[-1] != '/')
				to--;
		} else if (n > 0 && !(n == 1 && at[0] == '.')) {
			memmove(to, at, n);
			to += n;
			*to++ = '/';
		}
		at = next;
	}
	if (to > path)
		to--;
	*to = '\0';
	return true;
}

/* The rest of an absolute path in the work tree; NULL: it is outside. */
static const char *inside_top(const char *path)
{
	size_t n = git.top != NULL ? strlen(git.top) : 0;
	return n > 0 && strncmp(path, git.top, n) == 0 && path[n] == '/' ? path + n + 1 : NULL;
}

/* ---- reading ---- */

static int refuse(const struct ng_place *place, struct ng_diags *diags, const char *suggestion,
		  const char *reason, const char *what)
{
	ng_diag_add(diags, NG_ERROR, place, "git-read", suggestion, "%s: %s", reason, what);
	return NG_E_IO;
}

/* The line that comes before a file: its size, or why there is none. */
static int read_head(const char *path, const struct ng_place *place, struct ng_diags *diags,
		     size_t *size)
{
	char *line = NULL, type[16] = "";
	size_t room = 0;
	int code = NG_OK;
	if (getline(&line, &room, git.from) < 0)
		code = refuse(place, diags, "see what git said", "git stopped reading at",
			      path);
	else if (sscanf(line, "%*128[0-9a-f] %15s %zu", type, size) == 2 &&
		 strcmp(type, "blob") == 0)
		code = NG_OK;
	else if (strcmp(type, "tree") == 0)
		code = refuse(place, diags, "give the path of a text file",
			      "that revision has a folder there", path);
	else if (strstr(line, " missing") != NULL)
		code = refuse(place, diags,
			      "check the path, which is from the top of the repository unless "
			      "it begins with ./",
			      "that revision has no such file", path);
	else
		code = refuse(place, diags, "give the path of a text file",
			      "that revision has no file there, and no link to one", path);
	free(line);
	return code;
}

static int read_octets(size_t n, char **text)
{
	char *octets = malloc(n + 1);
	if (octets == NULL)
		return NG_E_NOMEM;
	if (fread(octets, 1, n, git.from) != n || getc(git.from) != '\n') {
		free(octets);
		return NG_E_IO;
	}
	octets[n] = '\0';
	*text = octets;
	return NG_OK;
}

/* After a failure what comes next is not known, so the reader is ended with it. */
static int read_blob(const char *tree, const char *path, size_t max,
		     const struct ng_place *place, struct ng_diags *diags, char **text,
		     size_t *len)
{
	size_t size = 0;
	if (!start_reader())
		return refuse(place, diags, "install git", "git could not be started to read",
			      path);
	void (*before)(int) = signal(SIGPIPE, SIG_IGN);
	fprintf(git.to, "%s:%s\n", tree, path);
	fflush(git.to);
	signal(SIGPIPE, before);
	int code = read_head(path, place, diags, &size);
	if (code == NG_OK)
		code = file_judge_size(size, max, place, diags);
	if (code == NG_OK) {
		code = read_octets(size, text);
		if (code == NG_E_IO)
			refuse(place, diags, "see what git said",
			       "git did not give all of the file", path);
	}
	if (code == NG_OK)
		*len = size;
	else
		stop_reader();
	return code;
}

/* What lies outside of the repository is no revision's: it is read from the disk. */
static int read_file(const char *path, size_t max, const struct ng_place *place,
		     struct ng_diags *diags, char **text, size_t *len)
{
	const struct revision *revision = revision_of(path);
	const char *name = path + revision->n, *inside = name;
	char *whole;
	if (name[0] == '/') {
		inside = inside_top(name);
		if (inside == NULL)
			return file_read(name, max, place, diags, text, len);
	}
	bool from_here = inside == name && name[0] == '.';
	if (asprintf(&whole, "%s%s", from_here && git.inside != NULL ? git.inside : "",
		     inside) < 0)
		return NG_E_NOMEM;
	int code;
	if (strpbrk(whole, "\n\r") != NULL)
		code = refuse(place, diags, "rename the file", "the path has a line end",
			      "it is not read");
	else if (!flatten(whole))
		code = refuse(place, diags, "name a file of the repository",
			      "the path leads out of the repository", name);
	else
		code = read_blob(revision->tree, whole, max, place, diags, text, len);
	free(whole);
	return code;
}

static const struct file_elsewhere elsewhere = {prefix_of, read_file};

/* ---- revisions ---- */

static char *find_tree(char *revision)
{
	char *wanted = NULL, *found;
	if (revision[0] == '\0') {
		const char *const argv[] = {(char *)(uintptr_t) "git",
					    (char *)(uintptr_t) "write-tree", NULL};
		return first_line(argv, false);
	}
	if (asprintf(&wanted, "%s^{tree}", revision) < 0)
		return NULL;
	const char *const argv[] = {(char *)(uintptr_t) "git",
				    (char *)(uintptr_t) "rev-parse",
				    (char *)(uintptr_t) "--verify",
				    (char *)(uintptr_t) "--end-of-options",
				    wanted,
				    NULL};
	found = first_line(argv, false);
	free(wanted);
	return found;
}

static void find_work_tree(void)
{
	const char *const top[] = {(char *)(uintptr_t) "git", (char *)(uintptr_t) "rev-parse",
				   (char *)(uintptr_t) "--show-toplevel", NULL};
	const char *const inside[] = {(char *)(uintptr_t) "git",
				      (char *)(uintptr_t) "rev-parse",
				      (char *)(uintptr_t) "--show-prefix", NULL};
	if (git.top == NULL)
		git.top = first_line(top, true);
	if (git.inside == NULL)
		git.inside = first_line(inside, true);
}

static int add_revision(const char *word, size_t n, const char *tree)
{
	struct revision *revision = &git.revisions[git.n];
	revision->prefix = strndup(word, n);
	if (revision->prefix == NULL)
		return NG_E_NOMEM;
	revision->n = n;
	strcpy(revision->tree, tree);
	git.n++;
	file_look_elsewhere(&elsewhere);
	return NG_OK;
}

int git_take(const char *word, struct ng_diags *diags)
{
	struct ng_place place = {word, 0, 0};
	size_t n = revision_length(word);
	if (prefix_of(word) == n)
		return NG_OK; /* both sides are of one revision */
	if (word[0] == '-')
		return refuse(&place, diags, "write REV:PATH, or ./PATH for a file",
			      "no revision begins with a hyphen", word);
	char *revision = strndup(word, n - 1);
	char *tree = revision != NULL && git.n < REVISIONS_MAX ? find_tree(revision) : NULL;
	int code;
	if (tree == NULL || strlen(tree) >= TREE_MAX || tree[0] == '\0')
		code = refuse(&place, diags,
			      "see what git said; run it in the repository, and write ./PATH "
			      "for a file whose name has a colon",
			      "git knows no such revision here",
			      n > 1 ? revision : "the index");
	else
		code = add_revision(word, n, tree);
	if (code == NG_OK)
		find_work_tree();
	free(tree);
	free(revision);
	return code;
}

void git_end(void)
{
	stop_reader();
	file_look_elsewhere(NULL);
	for (size_t i = 0; i < git.n; i++)
		free(git.revisions[i].prefix);
	git.n = 0;
	free(git.top);
	free(git.inside);
	git.top = git.inside = NULL;
}
