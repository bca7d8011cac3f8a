/*
 * topologies.h - the start of the servers of each topology; servers.c uses it.
 */
#ifndef CHAOS_TOPOLOGIES_H
#define CHAOS_TOPOLOGIES_H

#include "chaos/servers.h"

void chaos_single_start(chaos_servers *servers);
void chaos_cluster_start(chaos_servers *servers);
void chaos_sentinel_start(chaos_servers *servers);
void chaos_tls_start(chaos_servers *servers);

/* Writes the password, in one step, to the file that clients read. */
void chaos_tls_write_password(const chaos_servers *servers, const char *password);

/* Writes the authorities that clients trust, in one step: "ca.pem", "other-ca.pem" or NULL. */
void chaos_tls_trust(const chaos_servers *servers, const char *first, const char *second);

/* A node that lives. */
test_server *chaos_cluster_any(const test_cluster *cluster);

#endif
