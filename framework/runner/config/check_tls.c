#include "config/check_tls.h"

#include <stdio.h>
#include <sys/stat.h>

#include "redis/address.h"
#include "redis/tls_files.h"

enum { NAME_MAX_SIZE = 40 };

/* The rows of one section whose names begin with `prefix`. */
typedef struct {
	seg_config_loader *loader;
	const seg_config_given *given;
	seg_config_section section;
	const char *prefix; /* "tls_" or "admin_tls_" */
} options;

static const char *const all[] = {"ca_file",  "ca_directory", "cert_file",
				  "key_file", "server_name",  "verify"};

enum { COUNT = sizeof(all) / sizeof(all[0]), VERIFY = COUNT - 1 };

static seg_config_place find(const options *o, const char *option, char name[NAME_MAX_SIZE])
{
	snprintf(name, NAME_MAX_SIZE, "%s%s", o->prefix, option);
	return seg_config_place_of(o->loader, o->given, o->section, name);
}

/* Certificate and key are there both or not at all. */
static bool is_a_pair(const options *o, const seg_tls_settings *settings)
{
	char name[NAME_MAX_SIZE], other[NAME_MAX_SIZE];
	if (!settings->cert_file == !settings->key_file)
		return true;
	seg_config_place place = find(o, settings->cert_file ? "cert_file" : "key_file", name);
	find(o, settings->cert_file ? "key_file" : "cert_file", other);
	seg_config_error_add(o->loader->errors, place, "%s is set without %s; add %s = PATH", name, other,
			     other);
	return false;
}

static void check_exposure(const options *o, const char *key_file)
{
	char name[NAME_MAX_SIZE];
	struct stat status;
	if (!key_file || stat(key_file, &status) || !(status.st_mode & 07))
		return;
	seg_config_place place = find(o, "key_file", name);
	seg_config_warning_add(o->loader->errors, place,
			       "%s: other users may read or write %s (mode %04o); run chmod o= %s", name,
			       key_file, (unsigned)status.st_mode & 07777, key_file);
}

static void check_files(const options *o, const seg_tls_settings *settings)
{
	char name[NAME_MAX_SIZE];
	const char *option;
	seg_error error;
	if (!is_a_pair(o, settings) || o->loader->leaves_files)
		return;
	check_exposure(o, settings->key_file);
	int status = seg_tls_files_check(settings, &option, &error);
	if (status == SEG_ENOMEM)
		o->loader->no_memory = true;
	else if (status)
		seg_config_error_add(o->loader->errors, find(o, option, name), "%s: %s", name, error.text);
}

/* --- [redis] -------------------------------------------------------------------------- */

static bool address_has_tls(seg_config_loader *loader)
{
	seg_address address;
	if (seg_address_parse(loader->config->redis.address, &address, NULL) != 0) {
		loader->no_memory = true; /* the address is valid: seg_config_row_set parsed it */
		return false;
	}
	bool tls = address.tls;
	seg_address_fini(&address);
	return tls;
}

/* What is as by default may stand there. */
static void refuse_all(const options *o, const seg_config_redis *redis)
{
	char name[NAME_MAX_SIZE];
	for (int i = 0; i < COUNT; i++) {
		seg_config_place place = find(o, all[i], name);
		if (!place.line || (i == VERIFY && redis->tls_verify))
			continue;
		if (redis->embedded)
			seg_config_warning_add(
				o->loader->errors, place,
				"%s is ignored: only this segrunner can reach the embedded Redis", name);
		else
			seg_config_error_add(o->loader->errors, place,
					     "%s is set, but the address is without TLS; write rediss:// in "
					     "address, or remove %s",
					     name, name);
	}
}

void seg_config_check_redis_tls(seg_config_loader *loader)
{
	const seg_config_redis *redis = &loader->config->redis;
	options o = {loader, &loader->redis, SEG_CONFIG_REDIS, "tls_"};
	seg_tls_settings settings = {.ca_file = redis->tls_ca_file,
				     .ca_directory = redis->tls_ca_directory,
				     .cert_file = redis->tls_cert_file,
				     .key_file = redis->tls_key_file,
				     .verify = redis->tls_verify};
	char name[NAME_MAX_SIZE];
	if (redis->embedded || !address_has_tls(loader)) {
		refuse_all(&o, redis);
		return;
	}
	check_files(&o, &settings);
	if (!redis->tls_verify)
		seg_config_warning_add(
			loader->errors, find(&o, "verify", name),
			"tls_verify = no: anyone on the way to Redis can read and change everything; set "
			"tls_ca_file or tls_server_name instead");
}

/* --- [runner] --------------------------------------------------------------------------- */

void seg_config_check_admin_tls(seg_config_loader *loader)
{
	const seg_config_runner *runner = &loader->config->runner;
	options o = {loader, &loader->runner, SEG_CONFIG_RUNNER, "admin_tls_"};
	seg_tls_settings settings = {.cert_file = runner->admin_tls_cert_file,
				     .key_file = runner->admin_tls_key_file};
	char name[NAME_MAX_SIZE];
	if (runner->admin) {
		check_files(&o, &settings);
		return;
	}
	if (settings.cert_file)
		seg_config_warning_add(loader->errors, find(&o, "cert_file", name),
				       "admin_tls_cert_file is ignored: admin is off");
	if (settings.key_file)
		seg_config_warning_add(loader->errors, find(&o, "key_file", name),
				       "admin_tls_key_file is ignored: admin is off");
}
