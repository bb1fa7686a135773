/*
 * The end that somebody asked for. A warden that ends leaves its table standing; these take it away.
 * Both say what they cannot do, and return the exit code of a program.
 */
#pragma once

/* The table, the marks on interfaces, the routing rules and the pinned programs. None there is success. */
int teardown_table(const char *table);

/* Empties sets of the operator's, each "FAMILY TABLE SET"; the list ends with NULL. */
int teardown_sets(char **texts);
