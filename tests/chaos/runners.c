#include "chaos/runners.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "chaos/deaf.h"

#define SETTLED (1 * SEG_SECOND)

static FILE *open_or_end(const char *path, const char *mode)
{
	FILE *file = fopen(path, mode);
	if (!file) {
		perror(path);
		exit(1);
	}
	return file;
}

static void write_log_path(const chaos_runners *r, int slot, char path[512])
{
	snprintf(path, 512, "%s/runner%d.log", r->directory, slot);
}

static void write_shim_path(const chaos_runners *r, int slot, char path[512])
{
	snprintf(path, 512, "%s/shim%d", r->directory, slot);
}

/* Another file with the same code: the loader ignores bytes after the end of a shared object. */
static void write_plugin(const chaos_runners *r, const char *path, unsigned build)
{
	char fresh[512], piece[64 * 1024];
	snprintf(fresh, sizeof(fresh), "%.500s.new", path);
	FILE *from = open_or_end(r->plugin, "rb"), *to = open_or_end(fresh, "wb");
	for (size_t length; (length = fread(piece, 1, sizeof(piece), from)) > 0;)
		fwrite(piece, 1, length, to);
	fprintf(to, "build %u", build);
	fclose(from);
	if (fclose(to) || rename(fresh, path)) {
		perror(path);
		exit(1);
	}
}

/* What the sections have in common. */
static void write_section(const chaos_runners *r, FILE *file, unsigned commit_us, const char *directory)
{
	fprintf(file,
		"session_timeout = %dms\nbatch_size = %d\nin_flight_batches = %d\nretry_backoff = 10ms\n"
		"commit_interval = %uus\noption.directory = %s\noption.delay = 1ms\n",
		r->session_ms, CHAOS_BATCH_SIZE, CHAOS_IN_FLIGHT_BATCHES, commit_us, directory);
	if (r->parallel > 1)
		fprintf(file, "parallel = %u\n", r->parallel);
}

static void write_config(const chaos_runners *r, int slot, const char *plugin, const chaos_variant *v)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/runner%d.ini", r->directory, slot);
	FILE *file = open_or_end(path, "w");
	/* A runner that starts in a failover waits for its end. */
	fprintf(file, "[redis]\nconnect_timeout = 1s\ntimeout = %ds\n",
		chaos_topology_keeps_all(r->servers->topology) ? 30 : 5);
	chaos_servers_write_options(r->servers, file);
	fprintf(file, "[runner]\nshutdown_timeout = %ums\ncpus = none\nlog_level = debug\n", 5000 + v->live);
	if (slot % 2 == 0)
		fprintf(file, "name = runner%d\n", slot);
	fprintf(file, "[consumer chaos]\nstream = chaos\ngroup = workers\nplugin = %s\nstart = %s\n%s",
		plugin, r->start, v->broken ? "batch_sise = 8\n" : "");
	write_section(r, file, 2000 + v->consumer, r->directory);
	if (r->reader) {
		char output[512];
		snprintf(output, sizeof(output), "%s/output", r->directory);
		fprintf(file,
			"outputs = " CHAOS_OUTPUT
			"\noption.values = %s\n[consumer output]\nstream = " CHAOS_OUTPUT
			"\ngroup = readers\nplugin = %s\nstart = earliest\n",
			r->consumer ? "no" : "yes", r->reader);
		write_section(r, file, 2000, output);
	}
	fclose(file);
}

void chaos_runners_configure(chaos_runners *r, int slot, const chaos_variant *variant)
{
	char plugin[512];
	snprintf(plugin, sizeof(plugin), "%s/plugin%d.so", r->directory, slot);
	if (r->builds[slot] != variant->build || access(plugin, F_OK))
		write_plugin(r, plugin, variant->build);
	r->builds[slot] = variant->build;
	write_config(r, slot, plugin, variant);
}

void chaos_runners_init(chaos_runners *r)
{
	char output[512];
	snprintf(output, sizeof(output), "%s/output", r->directory);
	if (r->reader && mkdir(output, 0755) && errno != EEXIST) {
		perror(output);
		exit(1);
	}
	r->history->window = CHAOS_BATCH_SIZE * CHAOS_IN_FLIGHT_BATCHES;
	r->history->lease = r->session_ms * SEG_MS;
	r->history->lanes = r->parallel;
	r->history->emits = r->reader != NULL;
	r->history->no_values = r->consumer != NULL;
	for (int i = 0; i < CHAOS_SLOTS; i++) {
		char path[512];
		write_shim_path(r, i, path);
		r->slots[i].start_at = r->slots[i].resume_at = CHAOS_NEVER;
		r->shims[i] = CHAOS_SHIMS_RUNNERS ? chaos_shim_make(path) : NULL;
		chaos_runners_configure(r, i, &(chaos_variant){0});
	}
}

/* --- one process ---------------------------------------------------------------------- */

bool chaos_runners_are_consumers(const chaos_runners *r, int slot)
{
	return r->consumer && slot % 2;
}

static void execute_consumer(const chaos_runners *r)
{
	char replicas[16], session[16], parallel[16];
	seg_client_options options;
	seg_client_options_init(&options);
	chaos_servers_options(r->servers, &options);
	snprintf(replicas, sizeof(replicas), "%u", options.ack_replicas);
	snprintf(session, sizeof(session), "%d", r->session_ms);
	snprintf(parallel, sizeof(parallel), "%u", r->parallel);
	execl(r->consumer, r->consumer, options.address, replicas, session, parallel, r->start, r->directory,
	      (char *)NULL);
}

/* log: where it writes its log to; -1: to the slot's file. */
static void become_runner(const chaos_runners *r, int slot, int log, pid_t parent)
{
	char config[512], path[512];
	snprintf(config, sizeof(config), "%s/runner%d.ini", r->directory, slot);
	write_log_path(r, slot, path);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	int fd = log >= 0 ? log : open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	write_shim_path(r, slot, path);
	const char *const *variables = r->shims[slot] ? chaos_shim_environment(path) : NULL;
	for (; variables && *variables; variables++)
		putenv((char *)(uintptr_t)*variables);
	if (chaos_runners_are_consumers(r, slot))
		execute_consumer(r);
	else
		execl(r->program, r->program, "-c", config, (char *)NULL);
	_exit(127);
}

void chaos_runners_start(chaos_runners *r, int slot)
{
	chaos_slot *s = &r->slots[slot];
	if (s->pid)
		return;
	int log = -1, pipe = s->deaf_until > seg_now() ? chaos_deaf_make(&log) : 0;
	pid_t parent = getpid(), pid = fork();
	if (pid == 0)
		become_runner(r, slot, log, parent);
	if (pid < 0) {
		perror("chaos: fork");
		exit(1);
	}
	if (log >= 0)
		close(log);
	*s = (chaos_slot){.pid = pid,
			  .started_at = seg_now(),
			  .resume_at = CHAOS_NEVER,
			  .start_at = CHAOS_NEVER,
			  .starved = r->shims[slot] && atomic_load(&r->shims[slot]->no_threads),
			  .deaf_until = pipe ? s->deaf_until : 0,
			  .pipe = pipe};
	chaos_append(&r->history->processes, (chaos_process){.process = pid, .ended = CHAOS_NEVER});
}

void chaos_runners_deafen(chaos_runners *r, int slot, int64_t until)
{
	r->slots[slot].deaf_until = until;
}

bool chaos_runners_is_deaf(const chaos_runners *r, int slot)
{
	return r->slots[slot].pipe && r->slots[slot].deaf_until > seg_now();
}

static void listen_to(const chaos_runners *r, int slot)
{
	char path[512];
	write_log_path(r, slot, path);
	if (r->slots[slot].pipe && !chaos_runners_is_deaf(r, slot))
		chaos_deaf_listen(r->slots[slot].pipe, path);
}

static chaos_process *process_of(chaos_runners *r, pid_t pid)
{
	for (size_t i = r->history->processes.count; i > 0; i--)
		if (r->history->processes.items[i - 1].process == pid)
			return &r->history->processes.items[i - 1];
	abort();
}

static void end_freeze(chaos_runners *r, chaos_slot *s)
{
	int64_t now = seg_now();
	if (s->stopped) {
		chaos_append(&r->history->freezes, (chaos_freeze){s->pid, s->stopped_at, now});
		s->started_at += now - s->stopped_at;
	}
	s->stopped = false;
	s->resume_at = CHAOS_NEVER;
}

/* An end that the run did not cause is a crash: a segrunner must continue whatever Redis does. */
static void note_end(chaos_runners *r, chaos_slot *s, int status)
{
	/* SIGTERM ends a process that has not installed its handler yet. */
	bool ended = WIFEXITED(status) ? WEXITSTATUS(status) == EX_OK || WEXITSTATUS(status) == EX_TEMPFAIL
				       : WTERMSIG(status) == SIGTERM;
	/* One that could start no thread when it started cannot run. */
	bool starved = s->starved && WIFEXITED(status) && WEXITSTATUS(status) == EX_OSERR;
	bool asked = s->killed || (s->terminated && ended) || starved;
	if (!asked) {
		r->crashes++;
		fprintf(stderr, "violation: %s %d ended by itself, with %s %d; see runner%d.log\n",
			chaos_runners_are_consumers(r, (int)(s - r->slots)) ? "consumer" : "segrunner",
			(int)s->pid, WIFEXITED(status) ? "exit code" : "signal",
			WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), (int)(s - r->slots));
	}
	end_freeze(r, s);
	process_of(r, s->pid)->ended = seg_now();
	chaos_slot next = {.start_at = starved ? seg_now() : s->start_at, .resume_at = CHAOS_NEVER};
	if (s->pipe) {
		/* Nothing more comes. */
		listen_to(r, (int)(s - r->slots));
		close(s->pipe);
	} else {
		next.deaf_until = s->deaf_until;
	}
	*s = next;
}

static void reap(chaos_runners *r, chaos_slot *s, int options)
{
	int status;
	if (s->pid && waitpid(s->pid, &status, options) == s->pid)
		note_end(r, s, status);
}

/* --- actions on a process ------------------------------------------------------------------ */

void chaos_runners_kill(chaos_runners *r, int slot)
{
	chaos_slot *s = &r->slots[slot];
	if (!s->pid)
		return;
	chaos_process *process = process_of(r, s->pid);
	process->killed_at = seg_now();
	process->killed = !s->stopped && !s->terminated;
	s->killed = true;
	kill(s->pid, SIGKILL);
	reap(r, s, 0);
}

void chaos_runners_freeze(chaos_runners *r, int slot, int64_t until)
{
	chaos_slot *s = &r->slots[slot];
	if (!s->pid || s->stopped)
		return;
	s->stopped = true;
	s->stopped_at = seg_now();
	s->resume_at = until;
	kill(s->pid, SIGSTOP);
}

void chaos_runners_wake(chaos_runners *r, int slot)
{
	chaos_slot *s = &r->slots[slot];
	if (!s->pid || !s->stopped)
		return;
	kill(s->pid, SIGCONT);
	end_freeze(r, s);
}

void chaos_runners_terminate(chaos_runners *r, int slot)
{
	chaos_slot *s = &r->slots[slot];
	if (!s->pid || s->terminated)
		return;
	s->terminated = true;
	kill(s->pid, SIGTERM);
}

void chaos_runners_step(chaos_runners *r)
{
	int64_t now = seg_now();
	for (int i = 0; i < CHAOS_SLOTS; i++) {
		chaos_slot *s = &r->slots[i];
		listen_to(r, i);
		reap(r, s, WNOHANG);
		if (s->pid && now >= s->resume_at)
			chaos_runners_wake(r, i);
		if (!r->held && !s->pid && now >= s->start_at)
			chaos_runners_start(r, i);
	}
}

bool chaos_runners_settled(const chaos_runners *r)
{
	for (int i = 0; i < CHAOS_SLOTS; i++) {
		const chaos_slot *s = &r->slots[i];
		int64_t until = s->stopped ? s->stopped_at : seg_now();
		if (s->pid && until - s->started_at < SETTLED)
			return false;
	}
	return true;
}

static bool any_left(const chaos_runners *r)
{
	for (int i = 0; i < CHAOS_SLOTS; i++)
		if (r->slots[i].pid)
			return true;
	return false;
}

bool chaos_runners_end(chaos_runners *r, int timeout_ms)
{
	int64_t deadline = seg_now() + timeout_ms * SEG_MS;
	for (int i = 0; i < CHAOS_SLOTS; i++) {
		r->slots[i].start_at = CHAOS_NEVER;
		chaos_runners_wake(r, i);
		chaos_runners_terminate(r, i);
	}
	while (any_left(r) && seg_now() < deadline) {
		chaos_runners_step(r);
		nanosleep(&(struct timespec){.tv_nsec = 5 * SEG_MS}, NULL);
	}
	bool clean = !any_left(r);
	for (int i = 0; i < CHAOS_SLOTS; i++)
		chaos_runners_kill(r, i);
	return clean;
}
