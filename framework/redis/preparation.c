#include "redis/preparation.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

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
	const char *where = p->where;
	if (strncmp(reply->text, "NOAUTH", 6) == 0)
		fail(p, status,
		     "Redis at %s requires a password; put it into the address: redis://:password@host",
		     where);
	else if (status == SEG_EAUTH)
		fail(p, status, "Redis at %s refuses this user or password: %.200s", where, reply->text);
	else
		fail(p, status, "Redis at %s is not usable: %.300s", where, reply->text);
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

/*
 * The scripts come last, in the order of the enum. An answer that is not the script's hash belongs to another
 * question, and so would all that follow.
 */
static void loaded_script(void *arg, const seg_reply *reply)
{
	seg_preparation *p = arg;
	if (!reply)
		return;
	const struct seg_script_source *script = &seg_script_sources[SEG_SCRIPT_COUNT - p->due];
	if (reply->type != SEG_REPLY_ERROR && !seg_reply_is(reply, script->sha1))
		fail(p, SEG_EPROTOCOL,
		     "the server at %s returned another hash for script %s; check for a proxy that reorders replies",
		     p->where, script->name);
	else
		got_needed(p, reply);
}

static bool issue(seg_preparation *p, seg_reply_fn fn, const char *a, const char *b, const char *c)
{
	const char *argv[3] = {a, b, c};
	p->due++;
	return seg_pipeline_command(p->pipeline, NULL, fn, p, c ? 3 : 2, argv, NULL);
}

static bool issue_login(seg_preparation *p)
{
	const seg_address *address = p->address;
	if (!address->password)
		return true;
	return address->user ? issue(p, got_needed, "AUTH", address->user, address->password)
			     : issue(p, got_needed, "AUTH", address->password, NULL);
}

static bool issue_name_and_scripts(seg_preparation *p)
{
	bool good = true;
	if (p->client_name[0])
		good = issue(p, got_optional, "CLIENT", "SETNAME", p->client_name);
	good = good && issue(p, got_client_id, "CLIENT", "ID", NULL);
	for (int i = 0; i < SEG_SCRIPT_COUNT && good; i++)
		good = issue(p, loaded_script, "SCRIPT", "LOAD", seg_script_sources[i].text);
	return good;
}

bool seg_preparation_start(seg_preparation *p)
{
	p->outcome = SEG_PREPARATION_DUE;
	p->due = 0;
	p->client_id = -1;
	bool good = issue_login(p);
	if (p->address->database) {
		char database[12];
		snprintf(database, sizeof(database), "%u", p->address->database);
		good = good && issue(p, got_needed, "SELECT", database, NULL);
	}
	if (!p->login_only)
		good = good && issue_name_and_scripts(p);
	else if (good && p->due == 0)
		p->outcome = SEG_PREPARATION_DONE;
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
