#include "diagnosis.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

typedef struct {
	const ctl_snapshot *snapshot;
	const ctl_partition *p;
	const ctl_member *owner; /* or NULL: there is none, or Redis knows of no such member */
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

/* --- the rules: true where one applies, and then it has filled in both sentences ----------------------- */

static bool nobody_runs(const facts *f, ctl_diagnosis *d)
{
	if (f->snapshot->roster.live > 0)
		return false;
	d->wrong = f->p->waiting;
	cause(d, "no member of group %s is alive%s", f->group,
	      f->p->waiting ? ", so nothing is handled" : "; nothing waits here");
	next(d, "start a segrunner that has a [consumer] section with stream = %s and group = %s", f->stream,
	     f->group);
	return true;
}

static bool all_drain(const facts *f, ctl_diagnosis *d)
{
	const ctl_roster *roster = &f->snapshot->roster;
	for (size_t i = 0; i < roster->count; i++)
		if (roster->members[i].lease_left > 0 && roster->members[i].capacity > 0)
			return false;
	cause(d, "all members that live are stopping");
	next(d, "start a segrunner, if the group shall go on");
	return true;
}

static bool owner_is_silent(const facts *f, ctl_diagnosis *d)
{
	char text[CTL_TEXT_MAX];
	if (!*f->p->info.owner || (f->owner && f->owner->lease_left > 0))
		return false;
	if (f->owner)
		cause(d,
		      "the lease of its owner %s ended %s ago: that process crashed, is suspended, or does "
		      "not reach Redis",
		      f->p->info.owner, ctl_duration_text(-f->owner->lease_left, text));
	else
		cause(d, "its owner %s is no member any more", f->p->info.owner);
	next(d, "another member takes it over at its next heartbeat; look at the log of %s",
	     f->p->info.owner);
	return true;
}

static bool has_no_owner(const facts *f, ctl_diagnosis *d)
{
	if (*f->p->info.owner)
		return false;
	cause(d, "it has no owner at this moment: %s%s",
	      *f->p->info.target ? "it is kept for " : "it is being shared out", f->p->info.target);
	next(d,
	     "wait for a session_timeout, and ask again; if that does not help, look at the members' logs");
	return true;
}

static bool is_moving(const facts *f, ctl_diagnosis *d)
{
	const seg_partition_info *info = &f->p->info;
	if (strcmp(info->owner, info->target) == 0)
		return false;
	cause(d, "it is being handed over from %s to %s, which waits for the batch that %s has in hand",
	      info->owner, info->target, info->owner);
	next(d, "wait; if it stays so, the handler of %s is stuck: see its log, and handler_timeout",
	     info->owner);
	return true;
}

static bool is_not_claimed(const facts *f, ctl_diagnosis *d)
{
	if (strcmp(f->p->info.owner, f->p->claimed_by) == 0)
		return false;
	cause(d, "its owner %s has not begun: the partition was given to it just now, or it cannot open it",
	      f->p->info.owner);
	next(d, "ask again; if it stays so, look for this partition in the log of %s", f->p->info.owner);
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
	cause(d,
	      "message %s was in the hands of %" PRIu32
	      " owners that did not stop cleanly: it may be what kills them",
	      seg_id_format(suspect, id), f->p->attempts);
	next(d,
	     "see it: segctl tail %s -p %" PRIu32
	     " --from %s --count 1; after max_attempts it becomes a dead letter",
	     f->stream, f->p->info.partition, seg_id_format(previous, before));
	return true;
}

static bool keeps_crashing(const facts *f, ctl_diagnosis *d)
{
	if (f->p->crashes < 2)
		return false;
	cause(d, "%" PRIu32 " owners in a row have died at position %s without getting on", f->p->crashes,
	      f->position);
	next(d,
	     "look at the end of their logs; messages are handed over one at a time now, until the culprit "
	     "is found");
	return true;
}

static bool is_stuck(const facts *f, ctl_diagnosis *d)
{
	char behind[CTL_TEXT_MAX], sample[CTL_TEXT_MAX];
	if (!f->p->waiting || f->sample <= 0 || f->p->rate != 0 || f->p->behind <= f->sample)
		return false;
	cause(d,
	      "nothing was committed in %s, and message %s waits for %s: its handler is slow, stuck, or "
	      "retries a message that fails",
	      ctl_duration_text(f->sample, sample), f->oldest, ctl_duration_text(f->p->behind, behind));
	next(d, "look for this partition in the log of %s", f->p->info.owner);
	return true;
}

static bool falls_behind(const facts *f, ctl_diagnosis *d)
{
	if (!f->p->waiting || f->p->rate <= 0 || f->p->catch_up >= 0)
		return false;
	size_t live = f->snapshot->roster.live;
	cause(d, "it handles %.1f messages a second, and at least as many are added", f->p->rate);
	if (live < f->snapshot->partition_count)
		next(d,
		     "start more runners (%zu live, for %" PRIu32 " partitions), or make the handler faster",
		     live, f->snapshot->partition_count);
	else
		next(d, "make the handler faster; each partition has a member of its own already");
	return true;
}

static bool catches_up(const facts *f, ctl_diagnosis *d)
{
	char behind[CTL_TEXT_MAX], rest[CTL_TEXT_MAX];
	if (!f->p->waiting)
		return false;
	d->wrong = false;
	cause(d, "nothing is wrong: it is %s behind, and handles what waits",
	      ctl_duration_text(f->p->behind, behind));
	if (f->p->catch_up >= 0)
		next(d, "wait: at this rate it has caught up in %s", ctl_duration_text(f->p->catch_up, rest));
	else
		next(d, "watch it: segctl lag %s %s --watch", f->stream, f->group);
	return true;
}

static bool is_healthy(const facts *f, ctl_diagnosis *d)
{
	d->wrong = false;
	cause(d, "nothing is wrong: all messages are handled");
	if (f->p->info.dead_letters)
		next(d, "look at its dead letters: segctl dlq list %s %s -p %" PRIu32, f->stream, f->group,
		     f->p->info.partition);
	else
		next(d, "none");
	return true;
}

/* The first that applies, from what stops everything to what is well. */
static const struct {
	const char *verdict;
	bool (*applies)(const facts *f, ctl_diagnosis *d);
} rules[] = {
	{"no-members", nobody_runs},    {"draining", all_drain},      {"owner-silent", owner_is_silent},
	{"no-owner", has_no_owner},     {"moving", is_moving},        {"not-claimed", is_not_claimed},
	{"killer", has_a_killer},       {"crashing", keeps_crashing}, {"stuck", is_stuck},
	{"falls-behind", falls_behind}, {"catching-up", catches_up},  {"healthy", is_healthy},
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
