/* The key that somebody most likely meant. */
#pragma once

/* A key of the configuration that differs little from word, or NULL. */
const char *nearest_key(const char *word);
