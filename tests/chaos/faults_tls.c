/* faults_tls.c - certificates, authorities and passwords change under clients that run. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "chaos/faults.h"
#include "chaos/topologies.h"

enum { RETURN_MS = 20000, LOOK_MS = 10, START_MS = 1000 };

/* What the server shows, and which password it takes. */
static struct {
	bool renewed, stranger;
	unsigned password;
} now;

/* Clients that lost their connections come back: with the new certificate, authority or password. */
static void break_connections(chaos_world *w, const char *what)
{
	chaos_servers *s = w->servers;
	if (chaos_servers_kill_clients_of(s->primary) == 0) {
		chaos_world_idle(w, "nobody was connected");
		return;
	}
	int64_t deadline = seg_now() + RETURN_MS * SEG_MS;
	while (chaos_servers_clients_of(s->primary) == 0) {
		if (seg_now() > deadline) {
			chaos_world_violation(w, "no client came back within %d ms of %s", RETURN_MS, what);
			return;
		}
		chaos_world_pass(w, LOOK_MS);
	}
}

static const char *shown(void)
{
	return now.stranger ? "stranger" : now.renewed ? "renewed" : "server";
}

static const char *authority(void)
{
	return now.stranger ? "other-ca.pem" : "ca.pem";
}

/* Another authority: clients trust both, the server changes, clients trust the new one only. */
static void change_authority(const chaos_fault *f, chaos_world *w)
{
	const char *old = authority();
	now.stranger = !now.stranger;
	chaos_tls_trust(w->servers, old, authority());
	chaos_world_pass(w, f->ms / 2);
	test_certificates_swap(w->servers->certificates, w->servers->primary, shown());
	break_connections(w, "a new authority");
	chaos_world_pass(w, f->ms / 2);
	chaos_tls_trust(w->servers, authority(), NULL);
	break_connections(w, "the end of the old authority");
}

/* Another certificate of the same authority. One of the two has signed only one: then another of the other. */
static void renew(const chaos_fault *f, chaos_world *w)
{
	if (now.stranger) {
		change_authority(f, w);
		return;
	}
	now.renewed = !now.renewed;
	test_certificates_swap(w->servers->certificates, w->servers->primary, shown());
	break_connections(w, "a new certificate");
}

static void set_password(chaos_world *w, const char *password)
{
	test_server *server = w->servers->primary;
	test_server_tell(server, "ACL SETUSER default resetpass >%s", password);
	snprintf(server->password, sizeof(server->password), "%s", password);
}

/*
 * The file first, or Redis first; or Redis takes both for a while, as it should. Otherwise a runner that starts in between
 * rightly ends at once, so none starts.
 */
static void rotate_password(const chaos_fault *f, chaos_world *w)
{
	char password[32];
	snprintf(password, sizeof(password), "secret%u", ++now.password);
	w->runners->held = true;
	bool settled = chaos_world_settle(w);
	chaos_world_pass(w, START_MS);
	switch (settled ? f->which % 3 : 2) {
	case 0:
		chaos_tls_write_password(w->servers, password);
		chaos_world_pass(w, f->ms / 2);
		set_password(w, password);
		break;
	case 1:
		set_password(w, password);
		chaos_servers_kill_clients_of(w->servers->primary);
		chaos_world_pass(w, f->ms / 2);
		chaos_tls_write_password(w->servers, password);
		break;
	case 2:
		test_server_tell(w->servers->primary, "ACL SETUSER default >%s", password);
		chaos_tls_write_password(w->servers, password);
		break_connections(w, "a second password");
		chaos_world_pass(w, f->ms / 2);
		set_password(w, password);
		break;
	}
	w->runners->held = false;
	chaos_world_pass(w, f->ms / 4);
	break_connections(w, "a new password");
}

static void kill_clients(const chaos_fault *f, chaos_world *w)
{
	(void)f;
	break_connections(w, "the end of their connections");
}

static void flush_scripts(const chaos_fault *f, chaos_world *w)
{
	(void)f;
	test_server_tell(w->servers->primary, "SCRIPT FLUSH");
}

void chaos_tls_heal(chaos_world *w)
{
	chaos_world_pass(w, LOOK_MS);
}

static const chaos_fault_kind kinds[] = {
	{"renew-certificate", 5, 0, true, false, renew},
	{"change-authority", 4, 0, true, false, change_authority},
	{"rotate-password", 5, 0, true, false, rotate_password},
	{"client-kill", 3, 0, true, false, kill_clients},
	{"script-flush", 1, 0, false, false, flush_scripts},
};

const chaos_fault_table chaos_faults_tls = {kinds, sizeof(kinds) / sizeof(kinds[0])};
