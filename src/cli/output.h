/* What verbs print alike: findings for people, and one JSON object for programs. */
#pragma once

#include <jansson.h>
#include <namegate/diag.h>
#include <stdio.h>

/* One line each, and one that counts those that were too many to keep. */
void output_diags(const struct ng_diags *diags, FILE *to);
/* The same as an array of objects; the caller owns it. NULL when memory is out. */
json_t *output_diags_json(const struct ng_diags *diags);
/* Prints the object on one line and gives it back to jansson; takes NULL. Returns exit_code, or EXIT_UNUSABLE when it could not be written. */
int output_json(json_t *object, int exit_code);
/* Flushes standard output: exit_code, or EXIT_UNUSABLE and a line on standard error when it could not be written. */
int output_end(int exit_code);
/* "namegate VERB: WHAT", and where help is; returns EXIT_UNUSABLE. */
int output_usage(const char *verb, const char *what);
