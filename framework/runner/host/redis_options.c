#include "host/redis_options.h"

#include "base/clock.h"

static void set_login(seg_client_options *options, const seg_config_redis *config)
{
	options->user = config->user;
	options->password = config->password;
	options->password_file = config->password_file;
	options->sentinel_user = config->sentinel_user;
	options->sentinel_password_file = config->sentinel_password_file;
}

static void set_tls(seg_client_options *options, const seg_config_redis *config)
{
	options->tls_ca_file = config->tls_ca_file;
	options->tls_ca_directory = config->tls_ca_directory;
	options->tls_cert_file = config->tls_cert_file;
	options->tls_key_file = config->tls_key_file;
	options->tls_server_name = config->tls_server_name;
	options->tls_verify = config->tls_verify;
}

void seg_redis_options(const seg_config *config, const char *embedded, seg_client_options *options)
{
	const seg_config_redis *redis = &config->redis;
	seg_client_options_init(options);
	options->address = embedded ? embedded : redis->address;
	options->name_space = config->runner.name_space;
	options->connect_timeout_ms = (uint32_t)(redis->connect_timeout / SEG_MS);
	options->timeout_ms = (uint32_t)(redis->timeout / SEG_MS);
	options->allow_eviction = redis->allow_eviction;
	options->ack_replicas = redis->ack_replicas;
	if (embedded)
		return;
	set_login(options, redis);
	set_tls(options, redis);
}
