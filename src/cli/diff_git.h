/*
 * Revisions of a git repository as places of files: "REV:PATH" as git writes it, an empty REV for
 * the index. All files of one revision come from one tree, which is looked up once; what is
 * committed meanwhile changes nothing.
 */
#pragma once

#include <namegate/diag.h>
#include <stdbool.h>

/* Is that REV:PATH? Write ./a:b for a file on the disk whose name has a colon. */
bool git_names(const char *word);
/*
 * From now on paths that begin with the REV: of that word are read from the revision.
 * NG_E_NOTFOUND, NG_E_IO with an error in diags, git's own words being on standard error; NG_E_NOMEM.
 */
int git_take(const char *word, struct ng_diags *diags) NG_MUST_CHECK;
void git_end(void); /* ends the process that reads, and forgets all revisions */
