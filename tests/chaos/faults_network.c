#include <stdlib.h>

#include "base/clock.h"
#include "chaos/faults.h"

/* Of the runners. */
enum { SESSION_MS = 1000 };

static int link_of(const chaos_fault *f)
{
	return f->which % 4 ? (int)(f->which >> 2) : CHAOS_ALL_LINKS;
}

static void cut_links(const chaos_fault *f, chaos_world *w)
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

/* The answers take long, or only so many bytes a second pass, or both. */
static void slow_down(const chaos_fault *f, chaos_world *w)
{
	enum { ROUND_TRIP, THROUGHPUT, BOTH, WAYS };
	unsigned way = f->which % WAYS;
	chaos_proxy_delay(w->servers->proxy, way == THROUGHPUT ? 0 : 20 + (int)(f->which / WAYS % 180),
			  way == ROUND_TRIP ? 0 : 64 * 1024);
	chaos_world_pass(w, 500 + f->ms);
	chaos_proxy_heal(w->servers->proxy);
}

/*
 * Waits until no runner is starting: one that starts rightly refuses a server that does not speak Redis's
 * protocol.
 */
static void corrupt(const chaos_fault *f, chaos_world *w)
{
	if (!chaos_world_settle(w)) {
		chaos_world_idle(w, "runners keep starting");
		return;
	}
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
		if (reply)
			freeReplyObject(reply);
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
	chaos_fault_kill(f, w);
	uint64_t before = epochs(w);
	int64_t deadline = seg_now() + 2 * SESSION_MS * SEG_MS;
	while (epochs(w) == before && seg_now() < deadline)
		chaos_runners_step(w->runners);
	chaos_proxy_heal(w->servers->proxy);
}

static const chaos_fault_kind kinds[] = {
	{"cut", 3, 0, true, false, cut_links},       {"cut-in-reply", 3, 0, true, false, cut_in_reply},
	{"half-open", 2, 0, true, false, half_open}, {"slow", 2, 0, true, false, slow_down},
	{"corrupt", 2, 0, true, false, corrupt},     {"swizzle", 1, 0, true, false, swizzle},
	{"late", 2, 0, true, false, deliver_late},
};

const chaos_fault_table chaos_faults_network = {kinds, sizeof(kinds) / sizeof(kinds[0])};
