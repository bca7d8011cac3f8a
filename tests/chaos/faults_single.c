#include "base/clock.h"
#include "chaos/faults.h"
#include "chaos/pair.h"

static void free_reply(redisReply *reply)
{
	if (reply)
		freeReplyObject(reply);
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
	chaos_pair_crash(w->servers, f->ms / 2);
	chaos_runners_step(w->runners);
}

static void fail_over(const chaos_fault *f, chaos_world *w)
{
	(void)f;
	if (!chaos_pair_fail_over(w->servers))
		chaos_world_idle(w, "the replica did not catch up");
}

/*
 * The clock of the machine that Redis runs on goes forward or back: by less than a session, by some, or by an hour. Later it is right
 * again, or steps once more.
 */
static void step_clock(const chaos_fault *f, chaos_world *w)
{
	static const int64_t steps_ms[] = {0, 300, 5000, 3600000};
	int64_t ms = steps_ms[f->which % 4];
	chaos_shim *shim = w->servers->shim;
	if (atomic_load(&shim->clock_ms) == 0 && ms == 0)
		ms = steps_ms[1 + (f->which >> 4) % 3];
	ms = (f->which >> 2) % 2 ? ms : -ms;
	if (ms > atomic_load(&shim->clock_ms))
		chaos_append(&w->history->jumps, (chaos_jump){seg_now(), ms - atomic_load(&shim->clock_ms)});
	atomic_store(&shim->clock_ms, ms);
	w->clock_most_ms = ms > w->clock_most_ms ? ms : w->clock_most_ms;
	chaos_world_pass(w, 2 * f->ms);
}

/* --- the table --------------------------------------------------------------------------------- */

/* Faults that remove messages have weight 0: the other faults' checks need all messages. */
static const chaos_fault_kind kinds[] = {
	{"client-kill", 3, 0, true, false, kill_clients},
	{"client-pause", 2, 0, true, false, pause_clients},
	{"server-sleep", 1, 0, true, false, sleep_server},
	{"script-flush", 2, 0, false, false, flush_scripts},
	{"redis-crash", 2, 0, true, false, crash_redis},
	{"failover", 2, 0, true, false, fail_over},
	{"oom", 2, 0, true, false, chaos_fault_oom},
	{"diskfull", 2, 0, true, false, chaos_fault_disk},
	{"clock-step", 2, 0, true, false, step_clock},
	{"wipe", 1, 0, true, false, chaos_fault_wipe},
	{"remade-log", 2, 0, true, false, chaos_fault_remake},
	{"trim", 0, 0, false, true, chaos_fault_trim},
	{"lossy", 0, 0, true, false, chaos_fault_lose},
};

/*
 * Those in which Redis keeps all that it has confirmed. The memory is never full: then no output could be added, and so nothing
 * committed, which the checks of "oom" would take for a hang.
 */
static const chaos_fault_kind kinds_of_pipeline[] = {
	{"client-kill", 3, 0, true, false, kill_clients},
	{"client-pause", 2, 0, true, false, pause_clients},
	{"server-sleep", 1, 0, true, false, sleep_server},
	{"script-flush", 2, 0, false, false, flush_scripts},
	{"redis-crash", 2, 0, true, false, crash_redis},
	{"failover", 2, 0, true, false, fail_over},
	{"diskfull", 1, 0, true, false, chaos_fault_disk},
	{"clock-step", 2, 0, true, false, step_clock},
	{"full-target", 3, 0, true, false, chaos_fault_fill},
};

const chaos_fault_table chaos_faults_pipeline = {kinds_of_pipeline,
						 sizeof(kinds_of_pipeline) / sizeof(kinds_of_pipeline[0])};

const chaos_fault_table chaos_faults_single = {kinds, sizeof(kinds) / sizeof(kinds[0])};
