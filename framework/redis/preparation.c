#include "redis/preparation.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/secret.h"
#include "redis/server_check.h"

/* Loaded by the EVAL that tries whether scripts run at all. */
static const char trial[] = "return 1", trial_sha1[] = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db";

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

/* How a password is written in an address of this kind. */
static const char *login_example(const seg_address *address)
{
	if (address->master)
		return address->tls ? "rediss+sentinel://:password@host/mymaster"
				    : "redis+sentinel://:password@host/mymaster";
	if (address->endpoints->path)
		return "unix://:password@/path";
	return address->tls ? "rediss://:password@host" : "redis://:password@host";
}

/* Without a full stop at its end; at most 200. */
static size_t sentence_length(const char *text)
{
	size_t length = strlen(text);
	length -= length > 0 && text[length - 1] == '.';
	return length < 200 ? length : 200;
}

static void refuse(seg_preparation *p, const seg_reply *reply)
{
	/* A transient error, such as LOADING, passes as an absence does. */
	int status = seg_reply_is_transient(reply) ? SEG_EUNREACHABLE : seg_reply_status(reply);
	const char *what = p->is_sentinel ? "the Sentinel" : "Redis";
	const char *sentinels = p->is_sentinel ? "sentinel_" : "";
	if (strncmp(reply->text, "NOAUTH", 6) == 0)
		fail(p, status, "%s at %s requires a password; set %s%s", what, p->where,
		     p->is_sentinel ? "sentinel_password_file" : "password_file, or write ",
		     p->is_sentinel ? "" : login_example(p->address));
	else if (strncmp(reply->text, "WRONGPASS", 9) == 0)
		fail(p, status,
		     "%s at %s refuses this user or password: %.*s; check %suser and %spassword_file%s", what,
		     p->where, (int)sentence_length(reply->text), reply->text, sentinels, sentinels,
		     p->is_sentinel ? "" : ", or the login in the address");
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

/* --- the role --------------------------------------------------------------------- */

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

static void got_role(void *arg, const seg_reply *reply)
{
	seg_preparation *p = arg;
	if (!reply)
		return;
	const seg_reply *role = seg_reply_at(reply, 0);
	if (role && seg_reply_is(role, "slave") && !p->is_cluster) {
		is_no_master(p);
		return;
	}
	/* A user without a right to ROLE may have one to INFO. */
	if (!(role && (p->is_cluster || seg_reply_is(role, "master"))) &&
	    !issue(p, got_replication_info, "INFO", "replication", NULL))
		fail(p, SEG_ENOMEM, "out of memory");
	count_answer(p);
}

/* --- the name and the id -------------------------------------------------------- */

static void tell_denial(seg_preparation *p, seg_nicety nicety, const seg_reply *reply)
{
	seg_denials_tell(p->denials, nicety, reply, p->address, p->where, p->logger);
}

/* The value after a name in a flat list, or NULL. */
static const seg_reply *value_of(const seg_reply *list, const char *name)
{
	for (size_t i = 0; seg_reply_at(list, i + 1); i += 2)
		if (seg_reply_is(seg_reply_at(list, i), name))
			return seg_reply_at(list, i + 1);
	return NULL;
}

static void got_hello(void *arg, const seg_reply *reply)
{
	seg_preparation *p = arg;
	if (!reply)
		return;
	p->client_id = seg_reply_number(value_of(reply, "id"), p->client_id);
	if (seg_reply_is_denial(reply))
		tell_denial(p, SEG_NICETY_CLIENT_ID, reply);
	count_answer(p);
}

/* CLIENT is denied: HELLO does the same, and needs no right. */
static bool say_hello(seg_preparation *p)
{
	const char *argv[] = {"HELLO", "2", "SETNAME", p->client_name};
	if (p->said_hello)
		return true;
	p->said_hello = true;
	p->due++;
	return seg_pipeline_command(p->pipeline, NULL, got_hello, p, p->client_name[0] ? 4 : 2, argv, NULL);
}

static void got_optional(void *arg, const seg_reply *reply)
{
	seg_preparation *p = arg;
	if (!reply)
		return;
	if (seg_reply_is_denial(reply) && !say_hello(p))
		fail(p, SEG_ENOMEM, "out of memory");
	count_answer(p);
}

static void got_client_id(void *arg, const seg_reply *reply)
{
	seg_preparation *p = arg;
	p->client_id = seg_reply_number(reply, -1);
	got_optional(p, reply);
}

/* Where CLUSTER SLOTS is denied, HELLO, which needs no right, tells whether it is a cluster. */
static void got_mode_without_slots(void *arg, const seg_reply *reply)
{
	seg_preparation *p = arg;
	if (!reply)
		return;
	const seg_reply *mode = value_of(reply, "mode");
	if (mode && seg_reply_is(mode, "cluster"))
		fail(p, SEG_EAUTH,
		     "the user %s may not run CLUSTER SLOTS at %s, which is a cluster, and without it the partitions "
		     "cannot be found; grant +cluster|slots",
		     seg_denial_user(p->address), p->where);
	else
		count_answer(p);
}

static void got_slots(void *arg, const seg_reply *reply)
{
	seg_preparation *p = arg;
	if (!reply)
		return;
	p->is_cluster = reply->type == SEG_REPLY_ARRAY && reply->count > 0;
	if (p->is_cluster && p->address->database != 0) {
		fail(p, SEG_EINVAL,
		     "Redis at %s is a cluster, which has no database %u; take the database out of the address",
		     p->where, p->address->database);
		return;
	}
	if (seg_reply_is_denial(reply) && !issue(p, got_mode_without_slots, "HELLO", "2", NULL))
		fail(p, SEG_ENOMEM, "out of memory");
	p->on_slots(p->arg, reply);
	count_answer(p);
}

/* --- scripts ---------------------------------------------------------------------- */

/* The answers to the trial: where neither SCRIPT LOAD nor EVAL is allowed, nothing can be done. */
static void got_trial(void *arg, const seg_reply *reply)
{
	seg_preparation *p = arg;
	bool unknown = reply && seg_reply_is_unknown_command(reply);
	if (unknown && p->meets_sentinel) {
		seg_server_is_sentinel(p->where, &p->error);
		p->outcome = SEG_PREPARATION_FAILED;
	} else if (unknown)
		fail(p, SEG_EPROTOCOL,
		     "Redis at %s runs no scripts (SCRIPT LOAD, EVAL or EVALSHA is denied: %.200s), and without them "
		     "nothing works; use a Redis that offers EVAL and EVALSHA",
		     p->where, reply->text);
	else if (reply && seg_reply_status(reply) == SEG_EAUTH && seg_reply_is_denial(reply))
		fail(p, SEG_EAUTH,
		     "the user %s may run no scripts at %s (%.200s), and without them nothing works; grant +evalsha "
		     "+script|load: `segctl acl` prints all rights that are needed",
		     seg_denial_user(p->address), p->where, reply->text);
	else
		got_needed(p, reply);
}

/* Scripts run: so SCRIPT LOAD is only a nicety. */
static void got_last_trial(void *arg, const seg_reply *reply)
{
	seg_preparation *p = arg;
	const seg_reply refusal = {.type = SEG_REPLY_ERROR,
				   .text = p->load_refusal,
				   .length = strlen(p->load_refusal)};
	if (reply && reply->type != SEG_REPLY_ERROR)
		tell_denial(p, SEG_NICETY_SCRIPT_LOAD, &refusal);
	got_trial(arg, reply);
}

/* A Sentinel, which has no scripts, says so in HELLO. */
static void got_mode(void *arg, const seg_reply *reply)
{
	seg_preparation *p = arg;
	if (!reply)
		return;
	const seg_reply *mode = value_of(reply, "mode");
	p->meets_sentinel = mode && seg_reply_is(mode, "sentinel");
	count_answer(p);
}

static bool try_eval(seg_preparation *p, const seg_reply *refusal)
{
	p->by_text = true;
	p->known = 0;
	snprintf(p->load_refusal, sizeof(p->load_refusal), "%s", refusal->text);
	return issue(p, got_mode, "HELLO", NULL, NULL) && issue(p, got_trial, "EVAL", trial, "0") &&
	       issue(p, got_last_trial, "EVALSHA", trial_sha1, "0");
}

static void denied_script(seg_preparation *p, const seg_reply *reply)
{
	if (!p->by_text && !try_eval(p, reply))
		fail(p, SEG_ENOMEM, "out of memory");
	count_answer(p);
}

/*
 * The scripts come in the order of the enum. An answer that is not the script's hash belongs to another
 * question, and so would all that follow.
 */
static void loaded_script(void *arg, const seg_reply *reply)
{
	seg_preparation *p = arg;
	if (!reply)
		return;
	const struct seg_script_source *script = &seg_script_sources[p->loading++];
	if (seg_reply_is_denial(reply))
		denied_script(p, reply);
	else if (reply->type != SEG_REPLY_ERROR && !seg_reply_is(reply, script->sha1))
		fail(p, SEG_EPROTOCOL,
		     "the server at %s returned another hash for script %s; check for a proxy that reorders replies",
		     p->where, script->name);
	else
		got_needed(p, reply);
}

static void reloaded_script(void *arg, const seg_reply *reply)
{
	seg_preparation *p = arg;
	p->reloading--;
	if (!seg_reply_is_denial(reply))
		return;
	tell_denial(p, SEG_NICETY_SCRIPT_LOAD, reply);
	p->by_text = true;
	p->known = 0;
}

static bool load_again(seg_preparation *p, int script)
{
	const char *argv[3] = {"SCRIPT", "LOAD", seg_script_sources[script].text};
	bool issued = seg_pipeline_command(p->pipeline, NULL, reloaded_script, p, 3, argv, NULL);
	p->reloading += issued;
	return issued;
}

bool seg_preparation_takes_text(seg_preparation *p, seg_script script)
{
	unsigned bit = 1U << script;
	if (p->known & bit)
		return false;
	if (p->by_text || (p->scripts_at_use && load_again(p, (int)script)))
		p->known |= bit;
	return p->by_text;
}

void seg_preparation_expect(seg_preparation *p, seg_script script)
{
	if (!p->by_text)
		(void)seg_preparation_takes_text(p, script);
}

void seg_preparation_reload_scripts(seg_preparation *p)
{
	bool is_loading = !p->by_text && p->reloading > 0;
	if (is_loading)
		return;
	p->known = 0;
	for (int i = 0; i < SEG_SCRIPT_COUNT && !p->by_text && !p->scripts_at_use; i++)
		load_again(p, i);
}

/* --- starting --------------------------------------------------------------------- */

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

/* How many scripts the preparation loads: the first ones. */
static int count_of_scripts(const seg_preparation *p)
{
	if (p->without_scripts)
		return 0;
	return p->scripts_at_use ? 1 : SEG_SCRIPT_COUNT;
}

/* All of it at once: a buffer that grows would leave copies of the password behind. */
static bool make_room(const seg_preparation *p)
{
	size_t wanted = 2 * SEG_SECRET_MAX + 1024;
	for (int i = 0; i < count_of_scripts(p); i++)
		wanted += strlen(seg_script_sources[i].text) + 64;
	return seg_outgoing_make_room(&p->pipeline->output, wanted);
}

/* Everything is in one database, so another one than the address says is no way out. */
static void got_database(void *arg, const seg_reply *reply)
{
	seg_preparation *p = arg;
	char text[SEG_EXPLANATION_MAX];
	if (seg_reply_is_denial(reply))
		fail(p, seg_reply_status(reply) == SEG_EAUTH ? SEG_EAUTH : SEG_EINVAL,
		     "Redis at %s refuses database %u: %s; take the database out of the address to use database 0",
		     p->where, p->address->database, seg_reply_explain(reply, text));
	else
		got_needed(p, reply);
}

static bool issue_database(seg_preparation *p)
{
	char database[12];
	if (p->address->database == 0)
		return true;
	snprintf(database, sizeof(database), "%u", p->address->database);
	return issue(p, got_database, "SELECT", database, NULL);
}

static bool issue_name_and_scripts(seg_preparation *p)
{
	bool good = true;
	if (p->client_name[0])
		good = issue(p, got_optional, "CLIENT", "SETNAME", p->client_name);
	good = good && issue(p, got_client_id, "CLIENT", "ID", NULL);
	for (int i = 0; i < count_of_scripts(p) && good; i++) {
		good = issue(p, loaded_script, "SCRIPT", "LOAD", seg_script_sources[i].text);
		p->known |= 1U << i;
	}
	return good;
}

bool seg_preparation_start(seg_preparation *p)
{
	p->outcome = SEG_PREPARATION_DUE;
	p->due = p->loading = p->reloading = p->known = 0;
	p->said_hello = p->by_text = false;
	p->client_id = -1;
	p->role_unknown = p->is_cluster = p->meets_sentinel = false;
	bool good = make_room(p) && issue_login(p);
	if (p->is_sentinel)
		return good && issue(p, got_needed, "PING", NULL, NULL);
	/* First, because any node of a cluster can tell where the masters are. */
	if (p->on_slots && !p->login_only)
		good = good && issue(p, got_slots, "CLUSTER", "SLOTS", NULL);
	good = good && (!p->check_role || issue(p, got_role, "ROLE", NULL, NULL)) && issue_database(p) &&
	       (p->login_only || issue_name_and_scripts(p));
	if (good && p->due == 0 && p->outcome == SEG_PREPARATION_DUE)
		p->outcome = SEG_PREPARATION_DONE;
	return good;
}
