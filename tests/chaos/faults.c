#include "chaos/faults.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "chaos/progress.h"

enum { SESSION_MS = 1000, STEP_MS = 5, SETTLE_TRIES = 150, SETTLE_LOOK_MS = 20, SAID_MAX = 256 * 1024 };

void chaos_world_pass(chaos_world *w, int ms)
{
	for (int64_t end = seg_now() + ms * SEG_MS; seg_now() < end;) {
		chaos_runners_step(w->runners);
		nanosleep(&(struct timespec){.tv_nsec = STEP_MS * SEG_MS}, NULL);
	}
	chaos_runners_step(w->runners);
}

bool chaos_world_settle(chaos_world *w)
{
	for (int i = 0; i < SETTLE_TRIES && !chaos_runners_settled(w->runners); i++)
		chaos_world_pass(w, SETTLE_LOOK_MS);
	return chaos_runners_settled(w->runners);
}

void chaos_world_violation(chaos_world *w, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	chaos_progress_end();
	fputs("violation: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	w->wrong++;
}

static void log_path(const chaos_world *w, int slot, char path[512])
{
	snprintf(path, 512, "%s/runner%d.log", w->runners->directory, slot);
}

long chaos_world_log_length(const chaos_world *w, int slot)
{
	char path[512];
	log_path(w, slot, path);
	FILE *file = fopen(path, "r");
	if (!file)
		return 0;
	fseek(file, 0, SEEK_END);
	long length = ftell(file);
	fclose(file);
	return length;
}

const char *chaos_world_said(const chaos_world *w, int slot, long from)
{
	static char said[SAID_MAX];
	char path[512];
	size_t length = 0;
	log_path(w, slot, path);
	FILE *file = fopen(path, "r");
	if (file && fseek(file, from, SEEK_SET) == 0)
		length = fread(said, 1, sizeof(said) - 1, file);
	if (file)
		fclose(file);
	said[length] = '\0';
	return said;
}

static void free_reply(redisReply *reply)
{
	if (reply)
		freeReplyObject(reply);
}

/* --- runners ---------------------------------------------------------------------------- */

int chaos_world_running(const chaos_world *w, int slot)
{
	for (int i = 0; i < CHAOS_SLOTS; i++) {
		const chaos_slot *s = &w->runners->slots[(slot + i) % CHAOS_SLOTS];
		if (s->pid && !s->stopped && !s->terminated)
			return (slot + i) % CHAOS_SLOTS;
	}
	return slot;
}

void chaos_world_bring_back(chaos_world *w, int slot, int ms)
{
	if (slot < CHAOS_SLOTS_STEADY)
		w->runners->slots[slot].start_at = seg_now() + ms * SEG_MS;
}

static void kill_runner(const chaos_fault *f, chaos_world *w)
{
	int slot = chaos_world_running(w, f->slot);
	chaos_runners_kill(w->runners, slot);
	chaos_world_bring_back(w, slot, 2 * f->ms);
}

static void kill_all_runners(const chaos_fault *f, chaos_world *w)
{
	for (int slot = 0; slot < CHAOS_SLOTS; slot++) {
		chaos_runners_kill(w->runners, slot);
		chaos_world_bring_back(w, slot, f->ms / 2);
	}
}

/* Mostly for about the length of a session, so that the runner wakes just after the next owner has begun. */
static void freeze_runner(const chaos_fault *f, chaos_world *w)
{
	int ms = f->which % 3 ? SESSION_MS * 9 / 10 + f->ms / 2 : 200 + 2 * f->ms;
	chaos_runners_freeze(w->runners, chaos_world_running(w, f->slot), seg_now() + ms * SEG_MS);
}

static void terminate_runner(const chaos_fault *f, chaos_world *w)
{
	int slot = chaos_world_running(w, f->slot);
	chaos_runners_terminate(w->runners, slot);
	chaos_world_bring_back(w, slot, f->ms);
}

/* Runners come and go faster than sessions expire. */
static void storm(const chaos_fault *f, chaos_world *w)
{
	for (unsigned i = 0; i < 8; i++) {
		int slot = (int)((f->which >> i) % CHAOS_SLOTS);
		if (w->runners->slots[slot].pid) {
			chaos_runners_terminate(w->runners, slot);
			chaos_world_bring_back(w, slot, f->ms / 2);
		} else {
			chaos_runners_start(w->runners, slot);
		}
		chaos_world_pass(w, 50 + f->ms / 8);
	}
}

/* --- Redis -------------------------------------------------------------------------------- */

static void kill_clients(const chaos_fault *f, chaos_world *w)
{
	for (unsigned i = 0; i <= f->which % 3; i++) {
		chaos_servers_kill_clients(w->servers);
		chaos_world_pass(w, f->ms / 4);
	}
}

static void pause_clients(const chaos_fault *f, chaos_world *w)
{
	int ms = 100 + f->ms * 3 / 2;
	free_reply(
		chaos_servers_command(w->servers, "CLIENT PAUSE %d %s", ms, f->which % 2 ? "WRITE" : "ALL"));
	chaos_world_pass(w, ms);
}

static void sleep_server(const chaos_fault *f, chaos_world *w)
{
	free_reply(chaos_servers_command(w->servers, "DEBUG SLEEP %d.%03d", f->ms / 500, f->ms % 500 * 2));
	chaos_runners_step(w->runners);
}

static void flush_scripts(const chaos_fault *f, chaos_world *w)
{
	(void)f;
	free_reply(chaos_servers_command(w->servers, "SCRIPT FLUSH"));
}

static void crash_redis(const chaos_fault *f, chaos_world *w)
{
	chaos_servers_crash(w->servers, f->ms / 2);
	chaos_runners_step(w->runners);
}

static void fail_over(const chaos_fault *f, chaos_world *w)
{
	(void)f;
	if (!chaos_servers_fail_over(w->servers))
		fputs("chaos: the replica did not catch up; no failover\n", stderr);
}

/* --- the network ----------------------------------------------------------------------------- */

static int link_of(const chaos_fault *f)
{
	return f->which % 4 ? (int)(f->which >> 2) : CHAOS_ALL_LINKS;
}

static void cut(const chaos_fault *f, chaos_world *w)
{
	chaos_proxy_cut(w->servers->proxy, link_of(f));
}

static void cut_in_reply(const chaos_fault *f, chaos_world *w)
{
	chaos_proxy_cut_after(w->servers->proxy, link_of(f), (size_t)f->ms);
}

static void half_open(const chaos_fault *f, chaos_world *w)
{
	chaos_direction direction = (chaos_direction)(1 + (f->which >> 8) % 3);
	chaos_proxy_swallow(w->servers->proxy, link_of(f), direction);
	chaos_world_pass(w, 300 + 2 * f->ms);
	chaos_proxy_heal(w->servers->proxy);
}

static void slow_down(const chaos_fault *f, chaos_world *w)
{
	chaos_proxy_delay(w->servers->proxy, f->which % 2 ? 20 + f->which / 2 % 180 : 0,
			  f->which % 2 ? 0 : 64 * 1024);
	chaos_world_pass(w, 500 + f->ms);
	chaos_proxy_heal(w->servers->proxy);
}

/*
 * Waits until no runner is starting: one that starts rightly refuses a server that does not speak Redis's
 * protocol.
 */
static void corrupt(const chaos_fault *f, chaos_world *w)
{
	if (!chaos_world_settle(w))
		return;
	chaos_proxy_corrupt(w->servers->proxy, link_of(f));
	chaos_world_pass(w, f->ms / 4);
	chaos_proxy_heal(w->servers->proxy);
}

/* Holds links one by one, and releases them in another order. */
static void swizzle(const chaos_fault *f, chaos_world *w)
{
	int links = (int)chaos_proxy_links(w->servers->proxy);
	for (int i = 0; i < links; i++) {
		if ((f->which >> (i % 16)) & 1)
			chaos_proxy_hold(w->servers->proxy, i);
		chaos_world_pass(w, f->ms / 16);
	}
	for (int i = 0; i < links; i++) {
		chaos_proxy_release(w->servers->proxy, i * 7 + (int)(f->which % 64));
		chaos_world_pass(w, f->ms / 16);
	}
	chaos_proxy_heal(w->servers->proxy);
}

/* The sum of all fences' epochs. It changes whenever a partition is claimed. */
static uint64_t epochs(chaos_world *w)
{
	uint64_t sum = 0;
	for (int p = 0; p < CHAOS_PARTITIONS; p++) {
		redisReply *reply =
			chaos_servers_command(w->servers,
					      "HGET {__default:chaos:partition_%d}:workers:state epoch", p);
		sum += reply && reply->type == REDIS_REPLY_STRING ? strtoull(reply->str, NULL, 10) : 0;
		free_reply(reply);
	}
	return sum;
}

/*
 * What a killed runner had sent arrives long after its death, at the worst time: just when the next owner has
 * begun. What the other runners sent comes late, too.
 */
static void deliver_late(const chaos_fault *f, chaos_world *w)
{
	int links = (int)chaos_proxy_links(w->servers->proxy);
	for (int i = 0; i < links; i++)
		chaos_proxy_hold(w->servers->proxy, i);
	chaos_world_pass(w, 5 + f->ms / 20);
	kill_runner(f, w);
	uint64_t before = epochs(w);
	int64_t deadline = seg_now() + 2 * SESSION_MS * SEG_MS;
	while (epochs(w) == before && seg_now() < deadline)
		chaos_runners_step(w->runners);
	chaos_proxy_heal(w->servers->proxy);
}

/* --- the schedule ------------------------------------------------------------------------------ */

/*
 * After a kill, no other fault comes for the length of a session, so that the time of a takeover can be seen.
 * Faults that remove messages have weight 0: the other faults' checks need all messages.
 */
static const chaos_fault_kind kinds[] = {
	{"kill", 6, 1100, false, false, kill_runner},
	{"kill-all", 1, 0, false, false, kill_all_runners},
	{"freeze", 6, 0, false, false, freeze_runner},
	{"terminate", 4, 0, false, false, terminate_runner},
	{"storm", 1, 0, false, false, storm},
	{"client-kill", 3, 0, true, false, kill_clients},
	{"client-pause", 2, 0, true, false, pause_clients},
	{"server-sleep", 1, 0, true, false, sleep_server},
	{"script-flush", 2, 0, false, false, flush_scripts},
	{"redis-crash", 2, 0, true, false, crash_redis},
	{"failover", 2, 0, true, false, fail_over},
	{"cut", 3, 0, true, false, cut},
	{"cut-in-reply", 3, 0, true, false, cut_in_reply},
	{"half-open", 2, 0, true, false, half_open},
	{"slow", 2, 0, true, false, slow_down},
	{"corrupt", 2, 0, true, false, corrupt},
	{"swizzle", 1, 0, true, false, swizzle},
	{"late", 2, 0, true, false, deliver_late},
	{"reload", 5, 0, false, true, chaos_fault_reload},
	{"oom", 2, 0, true, false, chaos_fault_oom},
	{"diskfull", 2, 0, true, false, chaos_fault_disk},
	{"trim", 0, 0, false, true, chaos_fault_trim},
	{"lossy", 0, 0, true, false, chaos_fault_lose},
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

void chaos_faults_names(FILE *out)
{
	for (int i = 0; i < KINDS; i++)
		fprintf(out, "%s%s", i ? " " : "", kinds[i].name);
	fputc('\n', out);
}

bool chaos_faults_clean(const chaos_fault *faults, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!faults[i].kind->clean)
			return false;
	return true;
}

/* SplitMix64 (Steele, Lea, Flood): the same numbers for the same seed, everywhere. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static const chaos_fault_kind *draw_kind(uint64_t number, const chaos_fault_kind *only)
{
	unsigned total = 0;
	if (only)
		return only;
	for (int i = 0; i < KINDS; i++)
		total += kinds[i].weight;
	unsigned at = (unsigned)(number % total);
	const chaos_fault_kind *kind = kinds;
	for (; at >= kind->weight; kind++)
		at -= kind->weight;
	return kind;
}

bool chaos_faults_draw(uint64_t seed, const char *only, chaos_fault *faults, size_t count)
{
	const chaos_fault_kind *wanted = NULL;
	uint64_t state = seed;
	for (int i = 0; only && i < KINDS; i++)
		if (strcmp(kinds[i].name, only) == 0)
			wanted = &kinds[i];
	if (only && !wanted)
		return false;
	for (size_t i = 0; i < count; i++) {
		faults[i].kind = draw_kind(next_random(&state), wanted);
		faults[i].slot = (int)(next_random(&state) % CHAOS_SLOTS_STEADY);
		faults[i].which = (unsigned)(next_random(&state) & 0xffffff);
		faults[i].ms = (int)(next_random(&state) % 1000);
		faults[i].gap_ms = faults[i].kind->settle_ms + 50 + (int)(next_random(&state) % 700);
	}
	return true;
}
