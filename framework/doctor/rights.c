/*
 * rights.c - a script asks Redis for each command whether the user may run it (redis.acl_check_cmd, Redis 7.0), so that
 * nothing is run for the question. Trying the commands themselves is no way: Redis 7 checks a command's arguments before
 * the right to it, so that only a call that would work tells whether it is allowed. ACL DRYRUN is a right that few have.
 *
 * A script's keys are checked when it is called. So whether a key is allowed is asked by calling the script with the key.
 */
#include "doctor/rights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/error.h"
#include "base/names.h"

enum { RIGHTS_MAX = 64, COMMAND_MAX = SEG_KEY_MAX + 64, KEYS = 3 };

/* ARGV: commands, words separated by blanks. Returns 1 for each that is allowed, 0 if not, -1 if there is no such command. */
static const char script[] = "local found = {}\n"
			     "for i, command in ipairs(ARGV) do\n"
			     "	local words = {}\n"
			     "	for word in string.gmatch(command, '%S+') do\n"
			     "		words[#words + 1] = word\n"
			     "	end\n"
			     "	local known, allowed = pcall(redis.acl_check_cmd, unpack(words))\n"
			     "	found[i] = not known and -1 or allowed and 1 or 0\n"
			     "end\n"
			     "return found\n";

typedef struct {
	seg_link *link;
	seg_report *report;
	seg_user_kind user;
	const seg_facts *facts;
	/* How scripts are called: EVALSHA with the hash, or EVAL with the text. */
	const char *call;
	char hash[168];
	/* Of one key of each kind; key[allowed] is one that the user may use. */
	char keys[KEYS][SEG_KEY_MAX];
	int allowed;
} trial;

typedef struct {
	bool refused;
	char text[160]; /* a text, or an error */
	int64_t numbers[RIGHTS_MAX];
} answer;

static void got_answer(void *arg, const seg_reply *reply)
{
	answer *a = arg;
	a->refused = reply->type == SEG_REPLY_ERROR;
	snprintf(a->text, sizeof(a->text), "%s", reply->text ? reply->text : "");
	for (size_t i = 0; i < RIGHTS_MAX; i++)
		a->numbers[i] = seg_reply_number(seg_reply_at(reply, i), 0);
}

static int ask(trial *t, answer *a, int argc, const char *const *argv, seg_error *error)
{
	*a = (answer){0};
	return seg_link_ask(t->link, got_answer, a, argc, argv, error);
}

/* Calls the script with one key, or with none if `key` is NULL. */
static int call(trial *t, answer *a, const char *key, seg_error *error)
{
	const char *argv[] = {t->call, strcmp(t->call, "EVAL") == 0 ? script : t->hash, key ? "1" : "0", key};
	return ask(t, a, key ? 4 : 3, argv, error);
}

/* --- scripts ----------------------------------------------------------------------------- */

static void advise_grant(seg_report *report, const char *rights)
{
	seg_report_advise(report, "run ACL SETUSER with %s", rights);
}

static void judge_no_scripts(seg_report *report, const char *refusal)
{
	if (strncmp(refusal, "NOPERM", 6) == 0) {
		seg_report_fail(report, EX_NOPERM, "scripts",
				"the user may not run scripts, on which everything rests (%s)", refusal);
		advise_grant(report, "+evalsha +script|load");
	} else {
		seg_report_fail(report, EX_UNAVAILABLE, "scripts",
				"the server runs no scripts, on which everything rests (%s)", refusal);
		seg_report_advise(report, "use a Redis or Valkey service that allows EVALSHA");
	}
}

/* Finds out how scripts can be called, and sets t->call; NULL: not at all. */
static int try_scripts(trial *t, seg_error *error)
{
	const char *load[] = {"SCRIPT", "LOAD", script};
	answer loaded, run;
	int status = ask(t, &loaded, 3, load, error);
	if (status)
		return status;
	snprintf(t->hash, sizeof(t->hash), "%s", loaded.text);
	t->call = loaded.refused ? "EVAL" : "EVALSHA";
	status = call(t, &run, NULL, error);
	if (status)
		return status;
	if (!loaded.refused && !run.refused) {
		seg_report_ok(t->report, "scripts", "can be loaded and run");
		return 0;
	}
	if (run.refused) {
		judge_no_scripts(t->report, run.text);
		t->call = NULL;
		return 0;
	}
	seg_report_warn(t->report, "scripts", "the user may not load scripts (%s)", loaded.text);
	advise_grant(t->report, "+script|load");
	return 0;
}

/* --- keys -------------------------------------------------------------------------------- */

static void make_keys(trial *t, const char *name_space, const char *stream)
{
	seg_key_log(t->keys[0], name_space, stream, 0);
	seg_key_beside_log(t->keys[1], name_space, stream, 0, "counters", NULL);
	seg_key_of_stream(t->keys[2], name_space, stream, "info", NULL);
}

/* A cluster's answer that another node has the slot comes after the check of the right. */
static int try_keys(trial *t, const char *name_space, seg_error *error)
{
	int refused = 0;
	for (int i = 0; i < KEYS; i++) {
		answer a;
		int status = call(t, &a, t->keys[i], error);
		if (status)
			return status;
		if (strncmp(a.text, "NOPERM", 6) != 0 || !a.refused) {
			t->allowed = i;
			continue;
		}
		refused++;
		seg_report_fail(t->report, EX_NOPERM, "keys", "the user may not read and write keys like %s",
				t->keys[i]);
		seg_report_advise(t->report, "run ACL SETUSER with %s__%s:*", i == 0 ? "~" : "~{",
				  name_space);
	}
	if (refused == 0)
		seg_report_ok(t->report, "keys", "those of namespace \"%s\" are allowed", name_space);
	if (refused == KEYS)
		t->allowed = -1;
	return 0;
}

/* --- commands ------------------------------------------------------------------------------ */

/* Writes the command, its KEY replaced. */
static void write_command(const char *command, const char *key, char text[COMMAND_MAX])
{
	const char *place = strstr(command, " KEY");
	if (place)
		snprintf(text, COMMAND_MAX, "%.*s %s%s", (int)(place - command), command, key,
			 place + strlen(" KEY"));
	else
		snprintf(text, COMMAND_MAX, "%s", command);
}

static void judge_missing(trial *t, const seg_right *right, bool exists)
{
	const char *why = exists ? "the user may not run" : "the server has no command";
	const char *without = right->without;
	if (!without && t->user == SEG_USER_ANY && right->users == SEG_USER_OPERATOR)
		without = "some commands of segctl fail";
	if (without)
		seg_report_warn(t->report, "rights", "%s %s; without it, %s", why, right->right, without);
	else
		seg_report_fail(t->report, exists ? EX_NOPERM : EX_UNAVAILABLE, "rights", "%s %s", why,
				right->right);
	if (exists)
		seg_report_advise(t->report, "run ACL SETUSER with +%s%s%s", right->right,
				  right->channel ? " &" : "", right->channel ? right->channel : "");
	else
		seg_report_advise(t->report, "look for rename-command in the server's configuration");
}

static bool has_all_of(seg_user_kind user, const seg_right *const *asked, size_t count, const answer *a)
{
	for (size_t i = 0; i < count; i++)
		if ((asked[i]->users & user) && !asked[i]->without && a->numbers[i] != 1)
			return false;
	return true;
}

/* A user who is meant for one program lacks what only the others need. */
static void tell_for_whom_it_suffices(const trial *t, const seg_right *const *asked, size_t count,
				      const answer *a)
{
	static const struct {
		seg_user_kind user;
		const char *article, *name;
	} programs[] = {{SEG_USER_OPERATOR, "an", "operator"},
			{SEG_USER_RUNNER, "a", "runner"},
			{SEG_USER_PRODUCER, "a", "producer"}};
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		if (has_all_of(programs[i].user, asked, count, a))
			seg_report_ok(
				t->report, "rights",
				"the user may run all that %s %s needs; `segctl doctor --for %s` tries only that",
				programs[i].article, programs[i].name, programs[i].name);
}

static void judge_commands(trial *t, const seg_right *const *asked, size_t count, const answer *a)
{
	size_t missing = 0, needed = 0;
	for (size_t i = 0; i < count; i++) {
		if (a->numbers[i] == 1)
			continue;
		missing++;
		needed += !asked[i]->without;
		judge_missing(t, asked[i], a->numbers[i] == 0);
	}
	if (needed > 0 && t->user == SEG_USER_ANY)
		tell_for_whom_it_suffices(t, asked, count, a);
	if (missing == 0)
		seg_report_ok(t->report, "rights", "the user may run all %zu commands that it needs", count);
}

/* Whether the command is one to try on such a server. */
static bool is_needed(const trial *t, const seg_right *right)
{
	char mode[SEG_VALUE_MAX];
	bool cluster = strcmp(seg_facts_mode(t->facts, mode), "cluster") == 0;
	switch (right->place) {
	case SEG_RIGHT_EVERYWHERE:
		return true;
	case SEG_RIGHT_FACT:
		return false;
	case SEG_RIGHT_ROLE:
		return t->link->master || t->link->address.endpoint_count > 1;
	case SEG_RIGHT_REPLICAS:
		return t->facts->ack_replicas > 0;
	case SEG_RIGHT_CLUSTER:
		return cluster;
	}
	return false;
}

/* One call asks for all of them. */
static int try_commands(trial *t, seg_error *error)
{
	const seg_right *asked[RIGHTS_MAX];
	const char *argv[3 + RIGHTS_MAX] = {t->call, strcmp(t->call, "EVAL") == 0 ? script : t->hash, "0"};
	char(*texts)[COMMAND_MAX] = calloc(RIGHTS_MAX, sizeof(*texts));
	size_t count = 0;
	if (!texts)
		return seg_fail(error, SEG_ENOMEM, "out of memory for the commands to try");
	for (size_t i = 0; i < seg_right_count && count < RIGHTS_MAX; i++) {
		if (!(seg_rights[i].users & t->user) || !is_needed(t, &seg_rights[i]))
			continue;
		write_command(seg_rights[i].command, t->keys[t->allowed], texts[count]);
		argv[3 + count] = texts[count];
		asked[count++] = &seg_rights[i];
	}
	answer a;
	int status = ask(t, &a, 3 + (int)count, argv, error);
	free(texts);
	if (status)
		return status;
	if (a.refused)
		seg_report_warn(t->report, "rights", "the server does not tell them: %s", a.text);
	else
		judge_commands(t, asked, count, &a);
	return 0;
}

int seg_rights_try(seg_link *link, seg_user_kind user, const seg_facts *facts, const char *name_space,
		   const char *stream, seg_report *report, seg_error *error)
{
	trial t = {.link = link, .report = report, .user = user, .facts = facts};
	make_keys(&t, name_space, stream);
	int status = try_scripts(&t, error);
	if (status == 0 && t.call)
		status = try_keys(&t, name_space, error);
	if (status == 0 && t.call && t.allowed >= 0)
		status = try_commands(&t, error);
	return status;
}
