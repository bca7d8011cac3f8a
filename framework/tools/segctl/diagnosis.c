#include "diagnosis.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/plural.h"
#include "text.h"

typedef struct {
	const ctl_snapshot *snapshot;
	const ctl_partition *p;
	const ctl_member *owner; /* NULL: the partition has none, or the owner is not a member */
	const char *stream, *group;
	double sample;
	char position[SEG_ID_TEXT_MAX], oldest[SEG_ID_TEXT_MAX];
} facts;

__attribute__((format(printf, 2, 3))) static void cause(ctl_diagnosis *d, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(d->cause, sizeof(d->cause), format, args);
	va_end(args);
}

__attribute__((format(printf, 2, 3))) static void next(ctl_diagnosis *d, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(d->next, sizeof(d->next), format, args);
	va_end(args);
}

/* Redis does not tell segctl what another login may do. */
#define RIGHTS "segctl doctor --for runner, with that runner's login"

/* What passes within moments, in every rebalance and between two commits, is no reason for an alarm. */
#define MOMENT_SECONDS 5.0

static bool has_waited(const facts *f)
{
	return f->p->waiting && (f->p->ahead > 0 || f->p->behind > MOMENT_SECONDS);
}

/* --- the rules: one that applies fills in both sentences and returns true ------------------------------ */

static bool has_no_node(const facts *f, ctl_diagnosis *d)
{
	if (!f->p->unreachable)
		return false;
	cause(d, "%s does not answer: it is the Redis node that has the partition's messages", f->p->node);
	next(d, "start it again, or wait until a replica takes its place; segctl doctor checks the cluster");
	return true;
}

/* Any member's heartbeat puts the leases right. */
static bool has_a_clock_put_back(const facts *f, ctl_diagnosis *d)
{
	char back[CTL_TEXT_MAX];
	if (f->snapshot->set_back <= 1)
		return false;
	cause(d,
	      "Redis's clock was put back by %s, and no member's heartbeat has come since: leases seem to last longer "
	      "than they do, and their members may be dead",
	      ctl_duration_text(f->snapshot->set_back, back));
	next(d,
	     "run this again: a member that lives puts the leases right with its next heartbeat; if none does, start a "
	     "segrunner");
	return true;
}

static bool nobody_runs(const facts *f, ctl_diagnosis *d)
{
	if (f->snapshot->roster.live > 0)
		return false;
	d->wrong = f->p->waiting;
	cause(d, "no member of group %s is alive%s", f->group,
	      f->p->waiting ? ", so nothing is handled" : "; no message waits in this partition");
	char whose[sizeof(d->next) / 2] = "", ago[CTL_TEXT_MAX];
	/* Nobody has taken it off the list: it may be there. */
	if (f->owner)
		snprintf(
			whose, sizeof(whose),
			"if %.64s runs, whose lease ended %s ago, check its log; if Redis refuses its heartbeats, see which "
			"right is missing: " RIGHTS "; else ",
			f->p->info.owner, ctl_duration_text(-f->owner->lease_left, ago));
	next(d,
	     "%sstart a segrunner that has a [consumer] section with stream = %s and group = %s; if one stands by, "
	     "send it SIGUSR1",
	     whose, f->stream, f->group);
	return true;
}

static bool all_drain(const facts *f, ctl_diagnosis *d)
{
	const ctl_roster *roster = &f->snapshot->roster;
	for (size_t i = 0; i < roster->count; i++)
		if (roster->members[i].lease_left > 0 && roster->members[i].capacity > 0)
			return false;
	d->wrong = has_waited(f);
	cause(d, "all live members are stopping");
	next(d, "start a segrunner if the group is to continue");
	return true;
}

static bool owner_is_silent(const facts *f, ctl_diagnosis *d)
{
	char text[CTL_TEXT_MAX];
	if (!*f->p->info.owner || (f->owner && f->owner->lease_left > 0))
		return false;
	if (f->owner)
		cause(d,
		      "the lease of its owner %s ended %s ago: that process crashed, is suspended, or cannot "
		      "reach Redis, or Redis refuses its heartbeats",
		      f->p->info.owner, ctl_duration_text(-f->owner->lease_left, text));
	else
		cause(d, "its owner %s is no longer a member", f->p->info.owner);
	next(d,
	     "another member takes the partition over at its next heartbeat; check the log of %s; if Redis refuses something "
	     "there, see which right is missing: " RIGHTS,
	     f->p->info.owner);
	return true;
}

/* The live member whose limit keeps partitions without an owner; NULL: there is none. */
static const ctl_member *find_limited(const ctl_roster *roster)
{
	for (size_t i = 0; i < roster->count; i++)
		if (roster->members[i].lease_left > 0 && roster->members[i].limit >= 0)
			return &roster->members[i];
	return NULL;
}

static const char *explain_shortage(const char *short_of)
{
	if (strcmp(short_of, "threads") == 0)
		return "the system refuses it worker threads";
	if (strcmp(short_of, "memory") == 0)
		return "it is out of memory";
	if (strcmp(short_of, "open") == 0)
		return "its plugin cannot open partitions (partition_open fails)";
	if (strcmp(short_of, "state") == 0)
		return "the values that handlers have kept belong to another \"parallel\" than its configuration has, or it is a consumer, which keeps none";
	if (strcmp(short_of, "values") == 0)
		return "Redis refuses to let it read the values that handlers have kept";
	if (strcmp(short_of, "unread") == 0)
		return "the values that handlers have kept are never as many as Redis counts: something else has changed them";
	return "it is short of something";
}

static bool nobody_can_serve(const facts *f, ctl_diagnosis *d)
{
	const ctl_member *m = find_limited(&f->snapshot->roster);
	if (*f->p->info.owner || *f->p->info.target || !m)
		return false;
	cause(d, "no member can serve it: member %s takes %" PRId64 " partition%s at most, because %s",
	      m->name, m->limit, seg_plural(m->limit), explain_shortage(m->short_of));
	if (strcmp(m->short_of, "state") == 0)
		next(d,
		     "set \"parallel\" of %s to what it was; or drop the values and begin anew: segctl reset %s %s "
		     "--to earliest --drop-state --force; it tries again within a minute",
		     m->name, f->stream, f->group);
	else if (strcmp(m->short_of, "values") == 0)
		next(d,
		     "see the log of %s for what Redis says; segctl acl runner prints the rights that a runner needs; it tries "
		     "again within a minute",
		     m->name);
	else if (strcmp(m->short_of, "unread") == 0)
		next(d,
		     "see the log of %s for the key and the numbers: remove fields that no handler wrote, and the time to "
		     "live of fields; or drop the values and begin anew: segctl reset %s %s --to earliest "
		     "--drop-state --force",
		     m->name, f->stream, f->group);
	else
		next(d,
		     "check the log of %s for the reason, or start another runner; it tries again within a minute",
		     m->name);
	return true;
}

static bool has_no_owner(const facts *f, ctl_diagnosis *d)
{
	if (*f->p->info.owner)
		return false;
	d->wrong = has_waited(f);
	cause(d, "the partition has no owner at this moment: %s%s",
	      *f->p->info.target ? "it is reserved for " : "it is being assigned", f->p->info.target);
	next(d,
	     "wait for one session_timeout and run this again; if it still has no owner, check the members' logs");
	return true;
}

static bool is_moving(const facts *f, ctl_diagnosis *d)
{
	const seg_partition_info *info = &f->p->info;
	if (strcmp(info->owner, info->target) == 0)
		return false;
	d->wrong = has_waited(f);
	cause(d, "the partition is moving from %s to %s; %s must finish its current batch first", info->owner,
	      *info->target ? info->target : "no member", info->owner);
	next(d,
	     "wait; if it does not move, the handler of %s is stuck: check its log and its handler_timeout",
	     info->owner);
	return true;
}

static bool is_not_claimed(const facts *f, ctl_diagnosis *d)
{
	if (strcmp(f->p->info.owner, f->p->claimed_by) == 0)
		return false;
	d->wrong = has_waited(f);
	cause(d, "its owner %s has not claimed it: the partition was assigned just now, or the claim fails",
	      f->p->info.owner);
	next(d,
	     "run this again; if the cause stays, search the log of %s for this partition; if Redis refuses the claim, see "
	     "which right is missing: " RIGHTS,
	     f->p->info.owner);
	return true;
}

static bool has_a_killer(const facts *f, ctl_diagnosis *d)
{
	char id[SEG_ID_TEXT_MAX], before[SEG_ID_TEXT_MAX];
	seg_id suspect = f->p->suspect;
	if (f->p->attempts == 0 || (suspect.ms == 0 && suspect.seq == 0))
		return false;
	seg_id previous = suspect.seq ? (seg_id){suspect.ms, suspect.seq - 1}
				      : (seg_id){suspect.ms ? suspect.ms - 1 : 0, UINT64_MAX};
	cause(d, "message %s was in flight in %" PRIu32 " owner%s that crashed: it may be what kills them",
	      seg_id_format(suspect, id), f->p->attempts, seg_plural(f->p->attempts));
	next(d,
	     "show it: segctl tail %s -p %" PRIu32
	     " --from %s --count 1; after max_attempts it becomes a dead letter",
	     f->stream, f->p->info.partition, seg_id_format(previous, before));
	return true;
}

static bool keeps_crashing(const facts *f, ctl_diagnosis *d)
{
	if (f->p->crashes < 2)
		return false;
	cause(d, "%" PRIu32 " owner%s in a row crashed at position %s without committing a message",
	      f->p->crashes, seg_plural(f->p->crashes), f->position);
	next(d,
	     "check the end of their logs; messages are handled one at a time now, until the one at fault is "
	     "found");
	return true;
}

/* A first failure or two passes by itself. */
enum { WORRYING_ATTEMPT = 3 };

/* The owner knows best what hinders it. */
static bool is_hindered(const facts *f, seg_hindrance_kind kind, ctl_diagnosis *d)
{
	char text[SEG_HINDRANCE_SENTENCE_MAX];
	if (f->p->hindrance.kind != kind)
		return false;
	seg_hindrance_sentence(&f->p->hindrance, seg_now(), text);
	/* What Redis says may end with a full stop, and so does what is printed. */
	size_t length = strlen(text);
	if (length > 0 && text[length - 1] == '.')
		text[length - 1] = 0;
	cause(d, "%s", text);
	return true;
}

static bool has_no_room_for_a_letter(const facts *f, ctl_diagnosis *d)
{
	if (!is_hindered(f, SEG_HINDRANCE_FULL, d))
		return false;
	next(d, "make room: segctl dlq replay %s %s -p %" PRIu32 ", or dlq drop; or raise dead_letter_limit",
	     f->stream, f->group, f->p->info.partition);
	return true;
}

/* Of a missing right, not every Redis names the command, but the owner asks for the right (seg_reply_explain). */
static bool is_refused(const facts *f, ctl_diagnosis *d)
{
	if (!is_hindered(f, SEG_HINDRANCE_REFUSED, d))
		return false;
	if (strstr(f->p->hindrance.text, "grant ") || strstr(f->p->hindrance.text, "NOPERM"))
		next(d,
		     "give the user of %s what it lacks: " RIGHTS
		     ", tries each right; then this partition goes on by itself",
		     f->p->info.owner);
	else
		next(d,
		     "mend what Redis names: segctl doctor checks the server; then this partition goes on by itself");
	return true;
}

static bool has_an_output_that_waits(const facts *f, ctl_diagnosis *d)
{
	if (!is_hindered(f, SEG_HINDRANCE_TARGET, d))
		return false;
	next(d,
	     "if it is full, see which of its groups lags: segctl lag with the name of that stream; if Redis refuses it, mend what Redis names; if replicas are missing, start them; then this partition goes on by itself");
	return true;
}

static bool lacks_replicas(const facts *f, ctl_diagnosis *d)
{
	if (!is_hindered(f, SEG_HINDRANCE_REPLICAS, d))
		return false;
	next(d,
	     "start the replicas of %s, or lower ack_replicas of %s; then this partition goes on by itself",
	     *f->p->node ? f->p->node : "Redis", f->p->info.owner);
	return true;
}

static bool is_held_up(const facts *f, ctl_diagnosis *d)
{
	if (!is_hindered(f, SEG_HINDRANCE_BEYOND, d))
		return false;
	next(d,
	     "mend why that message is not done; or set max_attempts, so that it becomes a dead letter; or raise beyond_limit");
	return true;
}

static bool is_retrying(const facts *f, ctl_diagnosis *d)
{
	if (!is_hindered(f, SEG_HINDRANCE_RETRY, d))
		return false;
	d->wrong = f->p->hindrance.number > WORRYING_ATTEMPT;
	next(d,
	     "mend what the reason names; what comes behind the message waits; after max_attempts it becomes a dead letter");
	return true;
}

static bool has_a_call_that_hangs(const facts *f, ctl_diagnosis *d)
{
	if (!is_hindered(f, SEG_HINDRANCE_HANG, d))
		return false;
	next(d, "search the log of %s for this partition; after handler_timeout that runner ends",
	     f->p->info.owner);
	return true;
}

static bool is_ahead_of_the_clock(const facts *f, ctl_diagnosis *d)
{
	char ahead[CTL_TEXT_MAX];
	if (!f->p->waiting || f->p->ahead == 0 || f->p->rate > 0)
		return false;
	cause(d,
	      "message %s waits, and nobody can tell for how long: its id is %s ahead of Redis's clock, which was put "
	      "back, or which its sender did not ask",
	      f->oldest, ctl_duration_text(f->p->ahead, ahead));
	next(d, "check the clock of Redis's host; search the log of %s for this partition", f->p->info.owner);
	return true;
}

static bool is_stuck(const facts *f, ctl_diagnosis *d)
{
	char behind[CTL_TEXT_MAX], sample[CTL_TEXT_MAX];
	if (!f->p->waiting || f->sample <= 0 || f->p->rate != 0 || f->p->behind <= f->sample)
		return false;
	cause(d,
	      "nothing was committed in %s, and message %s has waited for %s: its handler is slow, stuck, "
	      "or retries a message that fails; or Redis refuses what the runner asks for",
	      ctl_duration_text(f->sample, sample), f->oldest, ctl_duration_text(f->p->behind, behind));
	next(d,
	     "search the log of %s for this partition; if Redis refuses something there, see which right is missing: " RIGHTS,
	     f->p->info.owner);
	return true;
}

static bool falls_behind(const facts *f, ctl_diagnosis *d)
{
	if (!f->p->waiting || f->p->rate <= 0 || f->p->catch_up >= 0 || !has_waited(f))
		return false;
	size_t live = f->snapshot->roster.live;
	cause(d, "the partition handles %.1f messages a second, and producers add at least as many",
	      f->p->rate);
	if (live < f->snapshot->partition_count)
		next(d,
		     "start more runners (%zu live, for %" PRIu32 " partitions), or make the handler faster",
		     live, f->snapshot->partition_count);
	else
		next(d, "make the handler faster: each partition already has a member of its own");
	return true;
}

static bool catches_up(const facts *f, ctl_diagnosis *d)
{
	char behind[CTL_TEXT_MAX], rest[CTL_TEXT_MAX];
	if (!f->p->waiting)
		return false;
	d->wrong = false;
	if (f->p->ahead > 0)
		cause(d, "nothing is wrong: the partition handles its backlog");
	else
		cause(d, "nothing is wrong: the partition is %s behind and handles its backlog",
		      ctl_duration_text(f->p->behind, behind));
	if (f->p->catch_up >= 0)
		next(d, "wait: at this rate it catches up in %s", ctl_duration_text(f->p->catch_up, rest));
	else
		next(d, "watch it: segctl lag %s %s --watch", f->stream, f->group);
	return true;
}

static bool is_healthy(const facts *f, ctl_diagnosis *d)
{
	d->wrong = false;
	cause(d, "nothing is wrong: all messages are handled");
	if (f->p->info.dead_letters)
		next(d, "check its dead letters: segctl dlq list %s %s -p %" PRIu32, f->stream, f->group,
		     f->p->info.partition);
	else
		next(d, "none");
	return true;
}

/* The first that applies counts: from what stops everything to a healthy partition. */
static const struct {
	const char *verdict;
	bool (*applies)(const facts *f, ctl_diagnosis *d);
} rules[] = {
	{"node-unreachable", has_no_node},
	{"clock-put-back", has_a_clock_put_back},
	{"no-members", nobody_runs},
	{"draining", all_drain},
	{"owner-silent", owner_is_silent},
	{"cannot-serve", nobody_can_serve},
	{"no-owner", has_no_owner},
	{"moving", is_moving},
	{"not-claimed", is_not_claimed},
	{"killer", has_a_killer},
	{"crashing", keeps_crashing},
	{"dead-letters-full", has_no_room_for_a_letter},
	{"refused", is_refused},
	{"output-waits", has_an_output_that_waits},
	{"replicas-missing", lacks_replicas},
	{"held-up", is_held_up},
	{"retrying", is_retrying},
	{"hanging", has_a_call_that_hangs},
	{"id-ahead", is_ahead_of_the_clock},
	{"stuck", is_stuck},
	{"falls-behind", falls_behind},
	{"catching-up", catches_up},
	{"healthy", is_healthy},
};

void ctl_diagnose(const ctl_snapshot *snapshot, uint32_t partition, const char *stream, const char *group,
		  double sample, ctl_diagnosis *diagnosis)
{
	const ctl_partition *p = &snapshot->partitions[partition];
	facts f = {.snapshot = snapshot,
		   .p = p,
		   .owner = seg_roster_find(&snapshot->roster, p->info.owner),
		   .stream = stream,
		   .group = group,
		   .sample = sample};
	seg_id_format(p->info.position, f.position);
	seg_id_format(p->oldest, f.oldest);
	*diagnosis = (ctl_diagnosis){.wrong = true};
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		diagnosis->verdict = rules[i].verdict;
		if (rules[i].applies(&f, diagnosis))
			return;
	}
}
