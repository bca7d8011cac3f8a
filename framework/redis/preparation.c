#include "redis/preparation.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/secret.h"

__attribute__((format(printf, 3, 4))) static void fail(seg_preparation *p, int status, const char *format,
						       ...);

static void fail(seg_preparation *p, int status, const char *format, ...)
{
	char text[SEG_ERROR_TEXT_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	p->outcome = SEG_PREPARATION_FAILED;
	seg_fail(&p->error, status, "%s", text);
}

static void count_answer(seg_preparation *p)
{
	if (--p->due == 0 && p->outcome == SEG_PREPARATION_DUE)
		p->outcome = SEG_PREPARATION_DONE;
}

static void refuse(seg_preparation *p, const seg_reply *reply)
{
	/* A transient error, such as LOADING, passes as an absence does. */
	int status = seg_reply_is_transient(reply) ? SEG_EUNREACHABLE : seg_reply_status(reply);
	const char *what = p->is_sentinel ? "the Sentinel" : "Redis";
	if (strncmp(reply->text, "NOAUTH", 6) == 0)
		fail(p, status, "%s at %s requires a password; %s", what, p->where,
		     p->is_sentinel ? "set sentinel_password_file"
				    : "put it into the address: redis://:password@host");
	else if (status == SEG_EAUTH)
		fail(p, status, "%s at %s refuses this user or password: %.200s", what, p->where,
		     reply->text);
	else
		fail(p, status, "%s at %s is not usable: %.300s", what, p->where, reply->text);
}

static void got_needed(void *arg, const seg_reply *reply)
{
	seg_preparation *p = arg;
	if (!reply)
		return;
	if (reply->type == SEG_REPLY_ERROR)
		refuse(p, reply);
	else
		count_answer(p);
}

static void got_optional(void *arg, const seg_reply *reply)
{
	if (reply)
		count_answer(arg);
}

static void got_client_id(void *arg, const seg_reply *reply)
{
	seg_preparation *p = arg;
	p->client_id = seg_reply_number(reply, -1);
	got_optional(p, reply);
}

static void is_no_master(seg_preparation *p)
{
	fail(p, SEG_EUNREACHABLE, "Redis at %s is a read-only replica; looking for the master", p->where);
}

static void got_replication_info(void *arg, const seg_reply *reply)
{
	seg_preparation *p = arg;
	if (!reply)
		return;
	if (reply->type == SEG_REPLY_TEXT && strstr(reply->text, "role:slave")) {
		is_no_master(p);
		return;
	}
	p->role_unknown = reply->type != SEG_REPLY_TEXT || !strstr(reply->text, "role:master");
	count_answer(p);
}

static bool issue_words(seg_preparation *p, seg_reply_fn fn, int argc, const char *const *argv)
{
	p->due++;
	return seg_pipeline_command(p->pipeline, NULL, fn, p, argc, argv, NULL);
}

static bool issue(seg_preparation *p, seg_reply_fn fn, const char *a, const char *b, const char *c)
{
	const char *argv[3] = {a, b, c};
	return issue_words(p, fn, c ? 3 : b ? 2 : 1, argv);
}

static void got_role(void *arg, const seg_reply *reply)
{
	seg_preparation *p = arg;
	if (!reply)
		return;
	const seg_reply *role = seg_reply_at(reply, 0);
	if (role && seg_reply_is(role, "slave")) {
		is_no_master(p);
		return;
	}
	/* A user without a right to ROLE may have one to INFO. */
	if (!(role && seg_reply_is(role, "master")) &&
	    !issue(p, got_replication_info, "INFO", "replication", NULL))
		fail(p, SEG_ENOMEM, "out of memory");
	count_answer(p);
}

/*
 * The scripts come in the order of the enum. An answer that is not the script's hash belongs to another question, and
 * so would all that follow.
 */
static void loaded_script(void *arg, const seg_reply *reply)
{
	seg_preparation *p = arg;
	if (!reply)
		return;
	const struct seg_script_source *script = &seg_script_sources[p->script++];
	if (reply->type != SEG_REPLY_ERROR && !seg_reply_is(reply, script->sha1))
		fail(p, SEG_EPROTOCOL,
		     "the server at %s returned another hash for script %s; check for a proxy that reorders replies",
		     p->where, script->name);
	else
		got_needed(p, reply);
}

static bool issue_password(seg_preparation *p, const char *password)
{
	const char *user = p->address->user;
	return user ? issue(p, got_needed, "AUTH", user, password)
		    : issue(p, got_needed, "AUTH", password, NULL);
}

static bool issue_login(seg_preparation *p)
{
	const seg_address *address = p->address;
	if (!address->password_file)
		return !address->password || issue_password(p, address->password);
	char *password;
	int status = seg_secret_read(address->password_file, &password, &p->error);
	if (status) {
		p->outcome = SEG_PREPARATION_FAILED;
		return true;
	}
	bool good = issue_password(p, password);
	seg_secret_forget(password);
	return good;
}

/* All of it at once: a buffer that grows would leave copies of the password behind. */
static bool make_room(const seg_preparation *p)
{
	size_t wanted = 2 * SEG_SECRET_MAX + 1024;
	for (int i = 0; i < SEG_SCRIPT_COUNT; i++)
		wanted += strlen(seg_script_sources[i].text) + 64;
	return seg_output_make_room(&p->pipeline->output, wanted);
}

static bool issue_names(seg_preparation *p)
{
	bool named = !p->client_name[0] || issue(p, got_optional, "CLIENT", "SETNAME", p->client_name);
	return named && issue(p, got_client_id, "CLIENT", "ID", NULL);
}

bool seg_preparation_start(seg_preparation *p)
{
	p->outcome = SEG_PREPARATION_DUE;
	p->due = p->script = 0;
	p->client_id = -1;
	bool good = make_room(p) && issue_login(p);
	if (p->is_sentinel)
		return good && issue(p, got_needed, "PING", NULL, NULL);
	if (p->check_role)
		good = good && issue(p, got_role, "ROLE", NULL, NULL);
	if (p->address->database) {
		char database[12];
		snprintf(database, sizeof(database), "%u", p->address->database);
		good = good && issue(p, got_needed, "SELECT", database, NULL);
	}
	good = good && issue_names(p);
	for (int i = 0; i < SEG_SCRIPT_COUNT && good; i++)
		good = issue(p, loaded_script, "SCRIPT", "LOAD", seg_script_sources[i].text);
	return good;
}

static void reloaded_script(void *arg, const seg_reply *reply)
{
	seg_preparation *p = arg;
	(void)reply;
	p->reloading--;
}

void seg_preparation_reload_scripts(seg_preparation *p)
{
	if (p->reloading > 0)
		return;
	for (int i = 0; i < SEG_SCRIPT_COUNT; i++) {
		const char *argv[3] = {"SCRIPT", "LOAD", seg_script_sources[i].text};
		p->reloading += seg_pipeline_command(p->pipeline, NULL, reloaded_script, p, 3, argv, NULL);
	}
}
