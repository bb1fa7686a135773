/* A process of its own that shares the workers' stores out anew: a life of namegated's. */
#pragma once

/*
 * As the workers' user; numbers: "WAS:IS" workers, the same: see lease_store_sift(); owners: a descriptor of sealed memory with whose the
 * sandboxes were and are. Returns the exit status, after one line on stderr when it is not 0.
 */
int reshare_main(const char *user, const char *store, const char *numbers, int owners);
