#include "redis/denial.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *command;
	const char *right;
	const char *consequence;
} niceties[] = {
	[SEG_NICETY_SCRIPT_LOAD] = {"SCRIPT LOAD", "script|load",
				    "each connection sends the text of a script with its first call, which "
				    "costs bandwidth"},
	[SEG_NICETY_CLIENT_ID] = {"CLIENT ID", "client|id +client|setname",
				  "CLIENT LIST does not name this program's connections, a blocking read "
				  "cannot be ended early, and Redis cannot ring when messages come"},
	[SEG_NICETY_CLIENT_UNBLOCK] = {"CLIENT UNBLOCK", "client|unblock",
				       "blocking reads are short instead, which costs a few more commands"},
	[SEG_NICETY_CLIENT_TRACKING] =
		{"CLIENT TRACKING", "client|tracking",
		 "new messages are found by blocking reads, or on a cluster by reads in intervals, which "
		 "costs more of Redis's CPU"},
	[SEG_NICETY_SUBSCRIBE] =
		{"SUBSCRIBE __redis__:invalidate", "subscribe &__redis__:invalidate",
		 "new messages are found by blocking reads, or on a cluster by reads in intervals, which "
		 "costs more of Redis's CPU"},
	[SEG_NICETY_INFO] =
		{"INFO", "info",
		 "its eviction policy is not checked, and after each new connection all positions "
		 "are read again"},
	[SEG_NICETY_CONFIG_GET] = {"CONFIG GET", "config|get",
				   "it is not checked whether that Redis keeps its data on disk"},
};

/* --- what a reply says ----------------------------------------------------------- */

static bool begins_with(const seg_reply *reply, const char *beginning)
{
	return reply && reply->type == SEG_REPLY_ERROR &&
	       strncmp(reply->text, beginning, strlen(beginning)) == 0;
}

bool seg_reply_is_denial(const seg_reply *reply)
{
	return reply && reply->type == SEG_REPLY_ERROR && !seg_reply_is_transient(reply) &&
	       !begins_with(reply, "NOAUTH") && !begins_with(reply, "WRONGPASS");
}

bool seg_reply_is_unknown_command(const seg_reply *reply)
{
	static const char *const beginnings[] = {
		"ERR unknown command",
		"ERR unknown subcommand",
		"ERR Unknown subcommand",
		"ERR Command is not available",
		"ERR Unknown Redis command called from", /* a script */
		"ERR Unknown command called from",
	};
	for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++)
		if (begins_with(reply, beginnings[i]))
			return true;
	return false;
}

/* Redis names the command like this: NOPERM this user has no permissions to run the 'xread' command. */
#define BEFORE_COMMAND "to run the '"

/* Redis 7.0 begins the error of a script's command with ERR, and names no command; later ones begin with NOPERM. */
static bool is_missing_right(const seg_reply *reply)
{
	return begins_with(reply, "NOPERM") || begins_with(reply, "ERR The user executing the script");
}

bool seg_reply_denies_command(const seg_reply *reply)
{
	if (!is_missing_right(reply))
		return seg_reply_is_unknown_command(reply) || begins_with(reply, "NOAUTH");
	return strstr(reply->text, BEFORE_COMMAND) || strstr(reply->text, "can't run this command");
}

/* --- telling of what the library can do without ------------------------------------ */

const char *seg_denial_user(const seg_address *address)
{
	return address->user ? address->user : "default";
}

void seg_denials_tell(seg_denials *denials, seg_nicety nicety, const seg_reply *reply,
		      const seg_address *address, const char *where, const seg_logger *logger)
{
	unsigned bit = 1U << nicety;
	if (atomic_fetch_or(&denials->told, bit) & bit)
		return;
	const char *command = niceties[nicety].command, *consequence = niceties[nicety].consequence;
	if (begins_with(reply, "NOPERM"))
		seg_log(logger, SEG_LOG_WARNING, "the user %s may not run %s at %s: %s; grant +%s",
			seg_denial_user(address), command, where, consequence, niceties[nicety].right);
	else
		seg_log(logger, SEG_LOG_WARNING, "Redis at %s refuses %s (%.100s): %s", where, command,
			reply->text, consequence);
}

/* --- explaining an error ------------------------------------------------------------ */

static int command_in(const char *text, const char **command)
{
	const char *found = strstr(text, BEFORE_COMMAND);
	if (!found)
		return 0;
	*command = found + sizeof(BEFORE_COMMAND) - 1;
	return (int)strcspn(*command, "'");
}

const char *seg_reply_explain(const seg_reply *reply, char text[SEG_EXPLANATION_MAX])
{
	const char *command = NULL, *said = "unknown answer";
	if (reply && reply->type == SEG_REPLY_ERROR)
		said = reply->text;
	if (!is_missing_right(reply)) {
		bool no_memory = reply && reply->type == SEG_REPLY_ERROR && begins_with(reply, "OOM ");
		size_t length = strlen(said);
		if (no_memory && said[length - 1] == '.')
			length--;
		snprintf(
			text, SEG_EXPLANATION_MAX, "%.*s%s", length > 300 ? 300 : (int)length, said,
			no_memory
				? "; raise maxmemory, or let every group commit: what all have committed makes room"
				: "");
		return text;
	}
	int length = command_in(said, &command);
	/* Redis 7.0 goes on with the script's hash and its line. */
	const char *script = begins_with(reply, "ERR ") ? strstr(said, " script: ") : NULL;
	if (length > 0)
		snprintf(text, SEG_EXPLANATION_MAX,
			 "%.300s; grant +%.*s: `segctl acl` prints all rights that are needed", said,
			 length > 64 ? 64 : length, command);
	else
		snprintf(
			text, SEG_EXPLANATION_MAX,
			"%.*s; grant what is missing: `segctl doctor` names it, and `segctl acl` prints all rights that are needed",
			script && script - said < 300 ? (int)(script - said) : 300, said);
	return text;
}
