#include "chaos/topologies.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chaos/pair.h"

/* Longer than a busy machine lets a node wait, shorter than the tests' patience. */
enum { NODE_TIMEOUT_MS = 3000, DOWN_AFTER_MS = 2500, SENTINEL_REPLICAS = 2 };

/* --- what each topology is ------------------------------------------------------------------ */

static const char *const names[] = {"single", "cluster", "sentinel", "tls"};

const char *chaos_topology_name(chaos_topology topology)
{
	return names[topology];
}

bool chaos_topology_parse(const char *name, chaos_topology *topology)
{
	for (int i = 0; i < CHAOS_TOPOLOGIES; i++)
		if (strcmp(names[i], name) == 0) {
			*topology = (chaos_topology)i;
			return true;
		}
	return false;
}

bool chaos_topology_keeps_all(chaos_topology topology)
{
	return topology == CHAOS_CLUSTER || topology == CHAOS_SENTINEL;
}

unsigned chaos_topology_replicas(chaos_topology topology)
{
	return topology == CHAOS_TLS ? 0 : topology == CHAOS_SENTINEL ? SENTINEL_REPLICAS : 1;
}

/* --- starting -------------------------------------------------------------------------------- */

void chaos_single_start(chaos_servers *s)
{
	static const char replicated[] = "--repl-diskless-sync-delay 0 --repl-ping-replica-period 1";
	static const char durable[] = "--repl-diskless-sync-delay 0 --repl-ping-replica-period 1 "
				      "--appendonly yes --appendfsync always";
	test_directory_make(s->shim_directory);
	char path[96];
	snprintf(path, sizeof(path), "%s/clock", s->shim_directory);
	s->shim = chaos_shim_make(path);
	const test_server_options options = {.arguments = s->crashes ? durable : replicated,
					     .tcp = true,
					     .environment = chaos_shim_environment(path)};
	s->primary = test_server_start_with(&options);
	s->replica = test_server_start_with(&options);
	chaos_pair_follow(s->replica, s->primary);
	s->proxy = chaos_proxy_start(s->primary->socket);
	s->audit = s->proxy ? chaos_audit_start(s->primary->socket) : NULL;
}

test_server *chaos_cluster_any(const test_cluster *cluster)
{
	for (int i = 0; i < cluster->count; i++)
		if (test_cluster_lives(cluster, i))
			return cluster->nodes[i];
	return NULL;
}

void chaos_cluster_start(chaos_servers *s)
{
	s->cluster = test_cluster_start(
		&(test_cluster_options){.replicas = 1, .node_timeout_ms = NODE_TIMEOUT_MS});
	s->primary = s->cluster->nodes[0];
	s->audit = chaos_audit_start(NULL);
	for (int i = 0; s->audit && i < s->cluster->count; i++)
		chaos_audit_add(s->audit, s->cluster->nodes[i]->socket);
}

void chaos_sentinel_start(chaos_servers *s)
{
	s->sentinel = test_sentinel_start(
		&(test_sentinel_options){.replicas = SENTINEL_REPLICAS, .down_after_ms = DOWN_AFTER_MS});
	s->primary = s->sentinel->servers[0];
	s->audit = chaos_audit_start(NULL);
	for (int i = 0; s->audit && i < s->sentinel->server_count; i++)
		chaos_audit_add(s->audit, s->sentinel->servers[i]->socket);
}

static FILE *begin_file(const char *path, char fresh[160])
{
	snprintf(fresh, 160, "%s.new", path);
	FILE *file = fopen(fresh, "w");
	if (!file) {
		perror(fresh);
		exit(1);
	}
	return file;
}

static void end_file(FILE *file, const char *fresh, const char *path)
{
	if (fclose(file) || rename(fresh, path)) {
		perror(path);
		exit(1);
	}
}

void chaos_tls_write_password(const chaos_servers *s, const char *password)
{
	char fresh[160];
	FILE *file = begin_file(s->password_file, fresh);
	fprintf(file, "%s\n", password);
	end_file(file, fresh, s->password_file);
}

static void append_file(FILE *to, const char *path)
{
	char piece[4096];
	FILE *from = fopen(path, "r");
	for (size_t n; from && (n = fread(piece, 1, sizeof(piece), from)) > 0;)
		fwrite(piece, 1, n, to);
	if (from)
		fclose(from);
}

void chaos_tls_trust(const chaos_servers *s, const char *first, const char *second)
{
	char fresh[160];
	FILE *file = begin_file(s->trust, fresh);
	append_file(file, test_certificates_path(s->certificates, first));
	if (second)
		append_file(file, test_certificates_path(s->certificates, second));
	end_file(file, fresh, s->trust);
}

void chaos_tls_start(chaos_servers *s)
{
	char target[32];
	s->certificates = test_certificates_make();
	snprintf(s->trust, sizeof(s->trust), "%s", test_certificates_path(s->certificates, "trust.pem"));
	snprintf(s->password_file, sizeof(s->password_file), "%s",
		 test_certificates_path(s->certificates, "password"));
	chaos_tls_trust(s, "ca.pem", NULL);
	chaos_tls_write_password(s, "first");
	s->primary = test_server_start_with(&(test_server_options){
		.arguments = test_certificates_arguments(s->certificates, "server", false),
		.tls = true,
		.password = "first",
	});
	test_server_tell(s->primary, "ACL SETUSER control on nopass ~* &* +@all");
	snprintf(target, sizeof(target), "%d", s->primary->port);
	s->proxy = chaos_proxy_start(target);
	s->audit = s->proxy ? chaos_audit_start(s->primary->socket) : NULL;
}

/* --- clients --------------------------------------------------------------------------------- */

void chaos_servers_options(const chaos_servers *s, seg_client_options *options)
{
	static char address[64];
	options->ack_replicas = s->ack_replicas;
	if (s->proxy)
		snprintf(address, sizeof(address), "%s://127.0.0.1:%d", s->certificates ? "rediss" : "redis",
			 chaos_proxy_port(s->proxy));
	options->address = s->cluster ? s->cluster->address : s->sentinel ? s->sentinel->address : address;
	if (s->certificates) {
		options->tls_ca_file = s->trust;
		options->password_file = s->password_file;
	}
}

void chaos_servers_write_options(const chaos_servers *s, FILE *file)
{
	seg_client_options options = {0};
	chaos_servers_options(s, &options);
	fprintf(file, "address = %s\nack_replicas = %u\n", options.address, options.ack_replicas);
	if (options.tls_ca_file)
		fprintf(file, "tls_ca_file = %s\npassword_file = %s\n", options.tls_ca_file,
			options.password_file);
}
