/* The embedded Redis: real servers and real processes that use them start, stop and are killed. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/fake_embedded.h"
#include "harness/server.h"
#include "embedded/embedded.h"
#include "embedded/paths.h"

enum { WAIT_MS = 20000 };

/* --- the directory, looked at from outside ------------------------------------ */

typedef struct data {
	char directory[64];
	char socket[96];
	char path[160]; /* of the file that path_of named last */
} data;

static const char *path_of(data *d, const char *name)
{
	snprintf(d->path, sizeof(d->path), "%s/%s", d->directory, name);
	return d->path;
}

static int set_up(void **state)
{
	data *d = calloc(1, sizeof(*d));
	test_directory_make(d->directory);
	snprintf(d->socket, sizeof(d->socket), "%s/redis.sock", d->directory);
	*state = d;
	return 0;
}

static redisContext *connect_to(const data *d)
{
	redisContext *context = redisConnectUnix(d->socket);
	if (!context || context->err)
		fail_msg("%s: %s", d->socket, context ? context->errstr : "out of memory");
	return context;
}

/* The server's answer to a command, as text; "" for nil. The last four answers stay valid. */
static const char *ask(const data *d, const char *command)
{
	static char answers[4][256];
	static unsigned turn;
	char *answer = answers[turn++ % 4];
	redisContext *context = connect_to(d);
	redisReply *reply = test_server_command(context, command);
	const redisReply *value = reply->type == REDIS_REPLY_ARRAY ? reply->element[1] : reply;
	if (value->type == REDIS_REPLY_INTEGER)
		snprintf(answer, 256, "%lld", value->integer);
	else
		snprintf(answer, 256, "%s", value->str ? value->str : "");
	freeReplyObject(reply);
	redisFree(context);
	return answer;
}

static pid_t server_of(const data *d)
{
	redisContext *context = connect_to(d);
	redisReply *reply = test_server_command(context, "INFO server");
	const char *field = strstr(reply->str, "process_id:");
	assert_non_null(field);
	pid_t pid = atoi(field + strlen("process_id:"));
	freeReplyObject(reply);
	redisFree(context);
	return pid;
}

enum { PARENT = 1, THREADS = 17 };

/*
 * A field of /proc/PID/stat, numbered from the state, which is 0. The result is 0 if there is no such
 * process.
 */
static int process_field(pid_t pid, int field, char *process_state)
{
	char path[64], text[512] = "";
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "r");
	if (!file)
		return 0;
	size_t n = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[n] = '\0';
	char *rest = strrchr(text, ')');
	if (!rest)
		return 0;
	rest += 2;
	if (process_state)
		*process_state = *rest;
	for (; field > 0; field--)
		rest = strchr(rest, ' ') + 1;
	return atoi(rest);
}

/* A zombie counts as gone once its other threads are; its reaping is not this test's task. */
static bool is_gone(void *arg)
{
	char process_state = 'X';
	int threads = process_field(*(pid_t *)arg, THREADS, &process_state);
	return process_state == 'X' || (process_state == 'Z' && threads <= 1);
}

static void wait_until_gone(pid_t pid)
{
	test_wait_until(is_gone, &pid, WAIT_MS, "a process to end");
}

static void kill_and_wait(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	wait_until_gone(pid);
}

/* No process of the server can write any more: its lock is free, and its socket removed. */
static void assert_stopped(data *d)
{
	int lock = open(path_of(d, "server.lock"), O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(lock, LOCK_EX | LOCK_NB), 0);
	close(lock);
	assert_int_equal(access(d->socket, F_OK), -1);
}

static int tear_down(void **state)
{
	data *d = *state;
	test_directory_remove(d->directory);
	free(d);
	return 0;
}

/* --- users: processes that attach, and then follow orders -------------------- */

typedef struct user {
	pid_t pid;
	int orders, answers;
} user;

typedef struct user_answer {
	int status;
	seg_error error;
} user_answer;

__attribute__((noreturn)) static void be_user(const char *directory, const char *appendfsync, int orders,
					      int answers)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	seg_embedded *embedded = NULL;
	user_answer answer = {0};
	char order = 'a';
	do {
		memset(&answer, 0, sizeof(answer));
		if (order == 'a')
			answer.status = seg_embedded_attach(directory, appendfsync, &embedded, &answer.error);
		else if (order == 'e')
			answer.status = seg_embedded_ensure(embedded, &answer.error);
		else
			answer.status = seg_embedded_detach(embedded, &answer.error);
		if (write(answers, &answer, sizeof(answer)) != sizeof(answer) || order == 'd')
			break;
	} while (read(orders, &order, 1) == 1);
	_exit(0);
}

static user start_user(const data *d, const char *appendfsync)
{
	int orders[2], answers[2];
	assert_int_equal(pipe2(orders, O_CLOEXEC), 0);
	assert_int_equal(pipe2(answers, O_CLOEXEC), 0);
	user u = {.orders = orders[1], .answers = answers[0]};
	u.pid = fork();
	assert_true(u.pid >= 0);
	if (u.pid == 0) {
		close(orders[1]);
		be_user(d->directory, appendfsync, orders[0], answers[1]);
	}
	close(orders[0]);
	close(answers[1]);
	return u;
}

static int answer_of(user u)
{
	user_answer answer;
	if (read(u.answers, &answer, sizeof(answer)) != sizeof(answer))
		fail_msg("a user died");
	if (answer.status < 0)
		print_message("a user: %s\n", answer.error.text);
	return answer.status;
}

static user attach(const data *d, const char *appendfsync)
{
	user u = start_user(d, appendfsync);
	assert_int_equal(answer_of(u), 0);
	return u;
}

static int tell(user u, char order)
{
	assert_int_equal(write(u.orders, &order, 1), 1);
	return answer_of(u);
}

static void forget(user u)
{
	close(u.orders);
	close(u.answers);
	assert_int_equal(waitpid(u.pid, NULL, 0), u.pid);
}

static void detach(user u)
{
	assert_int_equal(tell(u, 'd'), 0);
	forget(u);
}

static void kill_user(user u)
{
	kill(u.pid, SIGKILL);
	forget(u);
}

/* --- sharing ------------------------------------------------------------------------- */

static void the_last_user_stops_the_server_that_the_first_one_started(void **state)
{
	data *d = *state;
	user first = attach(d, "always");
	pid_t server = server_of(d);
	user second = attach(d, "always");
	assert_int_equal(server_of(d), server);
	detach(first);
	assert_int_equal(server_of(d), server);
	detach(second);
	assert_stopped(d);
	wait_until_gone(server);
}

static void written_data_survives_to_the_next_start(void **state)
{
	data *d = *state;
	detach(attach(d, "always"));
	user first = attach(d, "everysec");
	ask(d, "SET word kept");
	detach(first);
	user second = attach(d, "always");
	assert_string_equal(ask(d, "GET word"), "kept");
	detach(second);
}

static void users_that_start_and_stop_at_once_never_meet_without_a_server(void **state)
{
	data *d = *state;
	enum { USERS = 6, ROUNDS = 5 };
	for (int round = 0; round < ROUNDS; round++) {
		user users[USERS];
		for (int i = 0; i < USERS; i++)
			users[i] = start_user(d, i % 2 ? "always" : "everysec");
		for (int i = 0; i < USERS; i++)
			assert_int_equal(answer_of(users[i]), 0);
		ask(d, "INCR rounds");
		for (int i = 0; i < USERS; i++)
			assert_int_equal(write(users[i].orders, "d", 1), 1);
		/* The users of the next round attach while these detach. */
		user late = start_user(d, "always");
		for (int i = 0; i < USERS; i++) {
			assert_int_equal(answer_of(users[i]), 0);
			forget(users[i]);
		}
		assert_int_equal(answer_of(late), 0);
		char expected[16];
		snprintf(expected, sizeof(expected), "%d", round + 1);
		assert_string_equal(ask(d, "GET rounds"), expected);
		detach(late);
	}
}

static void the_strictest_appendfsync_is_in_force(void **state)
{
	data *d = *state;
	user easy = attach(d, "everysec");
	assert_string_equal(ask(d, "CONFIG GET appendfsync"), "everysec");
	user strict = attach(d, "always");
	assert_string_equal(ask(d, "CONFIG GET appendfsync"), "always");
	user late = attach(d, "everysec");
	assert_string_equal(ask(d, "CONFIG GET appendfsync"), "always");

	/* The strict setting holds, too, if a user with a lenient one restarts the server. */
	kill_and_wait(server_of(d));
	assert_int_equal(tell(easy, 'e'), 1);
	assert_int_equal(tell(strict, 'e'), 0);
	assert_string_equal(ask(d, "CONFIG GET appendfsync"), "always");
	detach(easy);
	detach(strict);
	detach(late);
}

/* --- sudden ends ------------------------------------------------------------------------ */

static void a_killed_user_leaves_the_server_to_the_others(void **state)
{
	data *d = *state;
	user killed = attach(d, "always");
	user other = attach(d, "always");
	pid_t server = server_of(d);
	kill_user(killed);
	assert_int_equal(tell(other, 'e'), 0);
	assert_int_equal(server_of(d), server);
	detach(other);
	assert_stopped(d);
}

static void the_server_stops_by_itself_when_its_last_user_is_killed(void **state)
{
	data *d = *state;
	user only = attach(d, "everysec");
	pid_t server = server_of(d), keeper = process_field(server, PARENT, NULL);
	ask(d, "SET word kept");
	kill_user(only);
	wait_until_gone(server);
	wait_until_gone(keeper);
	user next = attach(d, "always");
	assert_string_equal(ask(d, "GET word"), "kept");
	detach(next);
}

static void data_survives_the_death_of_everybody(void **state)
{
	data *d = *state;
	for (int round = 1; round <= 5; round++) {
		user first = attach(d, "always"), second = attach(d, "always");
		char expected[16];
		snprintf(expected, sizeof(expected), "%d", round);
		assert_string_equal(ask(d, "INCR rounds"), expected);
		pid_t server = server_of(d), keeper = process_field(server, PARENT, NULL);
		kill(keeper, SIGKILL);
		kill(server, SIGKILL);
		kill_user(first);
		kill_user(second);
		wait_until_gone(server);
		assert_int_equal(access(d->socket, F_OK), 0);
	}
}

/* Without the repair, Redis 7.0 would have the two messages twice after the second start. */
static void a_transaction_that_a_crash_cut_short_never_comes_back(void **state)
{
	data *d = *state;
	for (int round = 0; round < 3; round++) {
		user u = attach(d, "always");
		assert_string_equal(ask(d, "XLEN s"), "0");
		redisContext *context = connect_to(d);
		static const char *const words[] = {"EVAL",
						    "redis.call('XADD','s','*','n','1') "
						    "redis.call('XADD','s','*','n','2') "
						    "return redis.call('SET','sequence','1')",
						    "0"};
		redisReply *reply = redisCommandArgv(context, 3, (const char **)(uintptr_t)words, NULL);
		assert_int_equal(reply->type, REDIS_REPLY_STATUS);
		freeReplyObject(reply);
		redisFree(context);
		pid_t server = server_of(d), keeper = process_field(server, PARENT, NULL);
		kill(keeper, SIGKILL);
		kill(server, SIGKILL);
		kill_user(u);
		wait_until_gone(server);
		/* Cuts the file within the last XADD. */
		const char *path = path_of(d, "appendonlydir/appendonly.aof.1.incr.aof");
		struct stat file;
		assert_int_equal(stat(path, &file), 0);
		assert_int_equal(truncate(path, file.st_size - 60), 0);
	}
}

static void a_server_that_outlived_everybody_is_taken_over(void **state)
{
	data *d = *state;
	user killed = attach(d, "always");
	pid_t server = server_of(d);
	kill_and_wait(process_field(server, PARENT, NULL));
	kill_user(killed);
	user next = attach(d, "always");
	assert_int_equal(server_of(d), server);
	detach(next);
	assert_stopped(d);
}

static void a_dead_server_is_started_again_with_its_data(void **state)
{
	data *d = *state;
	user first = attach(d, "always"), second = attach(d, "always");
	ask(d, "SET word kept");
	pid_t server = server_of(d);
	kill_and_wait(server);
	assert_int_equal(write(first.orders, "e", 1), 1);
	assert_int_equal(write(second.orders, "e", 1), 1);
	/* One of the two users has restarted the server, and both can continue. */
	assert_int_equal(answer_of(first) + answer_of(second), 1);
	assert_int_not_equal(server_of(d), server);
	assert_string_equal(ask(d, "GET word"), "kept");
	detach(first);
	detach(second);
}

static void a_living_server_is_left_alone(void **state)
{
	data *d = *state;
	user u = attach(d, "always");
	pid_t server = server_of(d);
	kill(server, SIGSTOP);
	assert_int_equal(tell(u, 'e'), 0);
	kill(server, SIGCONT);
	assert_int_equal(server_of(d), server);
	detach(u);
}

static void the_pid_of_another_process_in_redis_pid_does_no_harm(void **state)
{
	data *d = *state;
	FILE *file = fopen(path_of(d, "redis.pid"), "w");
	fprintf(file, "%d\n", (int)getpid());
	fclose(file);
	user u = attach(d, "always");
	detach(u);
}

static void a_keeper_ends_with_its_server(void **state)
{
	data *d = *state;
	user u = attach(d, "always");
	pid_t server = server_of(d), keeper = process_field(server, PARENT, NULL);
	assert_int_not_equal(keeper, 1);
	kill_and_wait(server);
	wait_until_gone(keeper);
	detach(u);
}

/* --- the server's properties ---------------------------------------------------------------- */

static void only_its_user_can_reach_the_server_or_read_its_files(void **state)
{
	data *d = *state;
	mode_t before = umask(0);
	user u = attach(d, "always");
	umask(before);
	ask(d, "SET word kept");
	assert_string_equal(ask(d, "CONFIG GET port"), "0");
	const char *names[] = {"redis.sock", "redis.log", "users.lock", "appendonlydir"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct stat status;
		assert_int_equal(stat(path_of(d, names[i]), &status), 0);
		assert_int_equal(status.st_mode & 077, 0);
	}
	detach(u);
}

static void the_server_has_a_session_of_its_own_and_nothing_of_its_starters(void **state)
{
	data *d = *state;
	int inherited = open("/etc/passwd", O_RDONLY); /* without O_CLOEXEC, as a plugin may open it */
	user u = attach(d, "always");
	pid_t server = server_of(d);
	assert_int_not_equal(getsid(server), getsid(0));
	pid_t processes[] = {server, process_field(server, PARENT, NULL)};
	for (int i = 0; i < 2; i++) {
		for (int fd = 0; fd < 256; fd++) {
			char link[64], target[256] = "";
			snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)processes[i], fd);
			ssize_t n = readlink(link, target, sizeof(target) - 1);
			assert_null(n > 0 ? strstr(target, "passwd") : NULL);
		}
	}
	close(inherited);
	detach(u);
}

/* --- errors ------------------------------------------------------------------------------------ */

static void assert_refused(const char *directory, const char *appendfsync, int status, const char *words)
{
	seg_embedded *embedded;
	seg_error error = {0};
	int got = seg_embedded_attach(directory, appendfsync, &embedded, &error);
	if (got != status || !strstr(error.text, words))
		fail_msg("got %s (%s), not %s (... %s ...)", seg_status_name(got), error.text,
			 seg_status_name(status), words);
	assert_null(embedded);
}

static void a_directory_that_cannot_be_used_is_refused(void **state)
{
	data *d = *state;
	char directory[256];
	snprintf(directory, sizeof(directory), "%s/no/such", d->directory);
	assert_refused(directory, "always", SEG_EINVAL, "cannot make");
	assert_refused("/etc/passwd", "always", SEG_EINVAL, "not a directory");
	assert_refused(d->directory, "sometimes", SEG_EINVAL, "always or everysec");
	snprintf(directory, sizeof(directory), "%s/%0100d", d->directory, 0);
	assert_refused(directory, "always", SEG_EINVAL, "too long");
	rmdir(directory);
	chmod(d->directory, 0777);
	assert_refused(d->directory, "always", SEG_EINVAL, "chmod o-w");
}

/* As the attacker makes it: Redis would follow the link and write to the file. */
static void a_directory_or_a_log_of_another_user_is_refused_and_nothing_is_written(void **state)
{
	data *d = *state;
	char directory[256], log[300];
	seg_error error = {0};
	if (geteuid() != 0)
		skip();
	snprintf(directory, sizeof(directory), "%s/theirs", d->directory);
	snprintf(log, sizeof(log), "%s/redis.log", directory);
	assert_int_equal(mkdir(directory, 0755), 0);
	assert_int_equal(symlink("../victim", log), 0);
	assert_int_equal(lchown(log, 12345, 12345), 0);
	assert_int_equal(chown(directory, 12345, 12345), 0);
	assert_refused(directory, "always", SEG_EINVAL,
		       "/theirs, for the embedded Redis's data, belongs to user 12345");
	assert_int_equal(seg_embedded_paths_check(directory, &error), SEG_EINVAL);
	assert_int_equal(chown(directory, 0, 0), 0);
	assert_refused(directory, "always", SEG_EINVAL, "/redis.log belongs to user 12345");
	unlink(log);
	rmdir(directory);
	chmod(d->directory, 0777);
	assert_refused(directory, "always", SEG_EINVAL,
		       "every user of this machine may write to the directory");
	chmod(d->directory, 0700);
	snprintf(directory, sizeof(directory), "%s/victim", d->directory);
	assert_int_not_equal(access(directory, F_OK), 0);
}

static void a_check_sees_a_name_that_is_too_long_and_makes_nothing(void **state)
{
	data *d = *state;
	char directory[256];
	seg_error error = {0};
	snprintf(directory, sizeof(directory), "%s/%0100d", d->directory, 0);
	assert_int_equal(seg_embedded_paths_check(directory, &error), SEG_EINVAL);
	assert_non_null(strstr(error.text, "too long"));
	snprintf(directory, sizeof(directory), "%s/good", d->directory);
	assert_int_equal(seg_embedded_paths_check(directory, &error), 0);
	assert_int_not_equal(access(directory, F_OK), 0);
}

static void a_directory_that_is_missing_is_made(void **state)
{
	data *d = *state;
	data made = {0};
	snprintf(made.directory, sizeof(made.directory), "%.50s/a %%?b", d->directory);
	snprintf(made.socket, sizeof(made.socket), "%s/redis.sock", made.directory);
	seg_embedded *embedded;
	seg_error error;
	assert_int_equal(seg_embedded_attach(made.directory, "always", &embedded, &error), 0);
	char expected[160];
	snprintf(expected, sizeof(expected), "unix://%s/a%%20%%25%%3Fb/redis.sock", d->directory);
	assert_string_equal(seg_embedded_address(embedded), expected);
	assert_string_equal(ask(&made, "PING"), "PONG");
	assert_int_equal(seg_embedded_detach(embedded, &error), 0);
}

/*
 * Only d->directory/bin is searched for redis-server; `script` is the redis-server there, unless it is NULL.
 */
static void fake_installation(data *d, const char *script)
{
	mkdir(path_of(d, "bin"), 0755);
	setenv("PATH", d->path, 1);
	if (!script)
		return;
	FILE *file = fopen(path_of(d, "bin/redis-server"), "w");
	fprintf(file, "#!/bin/sh\n%s\n", script);
	fchmod(fileno(file), 0755);
	fclose(file);
}

static void an_unusable_installation_is_reported(void **state)
{
	data *d = *state;
	char *path = strdup(getenv("PATH"));
	fake_installation(d, NULL);
	assert_refused(d->directory, "always", SEG_ESERVER, "apt install redis-server");
	fake_installation(d, "echo 'Bad directive or wrong number of arguments' >&2; exit 1");
	assert_refused(d->directory, "always", SEG_ESERVER, "7.0 or later");
	assert_refused(d->directory, "always", SEG_ESERVER, "\"Bad directive or wrong number of arguments\"");
	setenv("PATH", path, 1);
	free(path);
}

static void a_damaged_file_is_reported_in_the_words_of_redis(void **state)
{
	data *d = *state;
	user u = attach(d, "always");
	ask(d, "SET word kept");
	detach(u);
	FILE *file = fopen(path_of(d, "appendonlydir/appendonly.aof.1.incr.aof"), "r+");
	assert_non_null(file);
	fputs("nonsense", file);
	fclose(file);
	assert_refused(d->directory, "always", SEG_ESERVER, "redis-check-aof --fix");
}

static void a_server_of_somebody_else_is_left_alone(void **state)
{
	(void)state;
	test_server *other = test_server_start(NULL);
	assert_refused(other->directory, "always", SEG_ESERVER, "that segrunner did not start");
	redisContext *context = test_server_connect(other);
	freeReplyObject(test_server_command(context, "PING"));
	redisFree(context);
	test_server_stop(other);
}

static void a_server_that_took_the_sockets_place_is_noticed(void **state)
{
	data *d = *state;
	user u = attach(d, "always");
	pid_t server = server_of(d);
	test_server *other = test_server_start(NULL);
	assert_int_equal(unlink(d->socket), 0);
	assert_int_equal(symlink(other->socket, d->socket), 0);
	assert_refused(d->directory, "always", SEG_ESERVER, "does not keep its data in");
	test_server_stop(other);
	unlink(d->socket);
	/* No user can ask the server to stop any more; its keeper stops it. */
	kill_user(u);
	wait_until_gone(server);
}

static void a_server_that_answers_with_another_type_is_refused(void **state)
{
	data *d = *state;
	static const char *const answers[] = {
		"+PONG\r\n",
		":1\r\n",
		"$-1\r\n",
		"*-1\r\n",
		"*2\r\n:1\r\n:2\r\n",
		"*2\r\n$3\r\ndir\r\n:1\r\n",
		"*2\r\n$3\r\ndir\r\n$-1\r\n",
		"*2\r\n*0\r\n*0\r\n",
		"*4\r\n$3\r\ndir\r\n*1\r\n$1\r\n/\r\n$10\r\nappendonly\r\n$-1\r\n",
		"-ERR not today\r\n",
	};
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		test_fake_embedded *fake = test_fake_embedded_start(d->directory, answers[i]);
		assert_refused(d->directory, "always", SEG_ESERVER, "does not keep its data in");
		test_fake_embedded_stop(fake);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_last_user_stops_the_server_that_the_first_one_started),
		TEST(written_data_survives_to_the_next_start),
		TEST(users_that_start_and_stop_at_once_never_meet_without_a_server),
		TEST(the_strictest_appendfsync_is_in_force),
		TEST(a_killed_user_leaves_the_server_to_the_others),
		TEST(the_server_stops_by_itself_when_its_last_user_is_killed),
		TEST(data_survives_the_death_of_everybody),
		TEST(a_transaction_that_a_crash_cut_short_never_comes_back),
		TEST(a_server_that_outlived_everybody_is_taken_over),
		TEST(a_dead_server_is_started_again_with_its_data),
		TEST(a_living_server_is_left_alone),
		TEST(the_pid_of_another_process_in_redis_pid_does_no_harm),
		TEST(a_keeper_ends_with_its_server),
		TEST(only_its_user_can_reach_the_server_or_read_its_files),
		TEST(the_server_has_a_session_of_its_own_and_nothing_of_its_starters),
		TEST(a_directory_that_cannot_be_used_is_refused),
		TEST(a_directory_or_a_log_of_another_user_is_refused_and_nothing_is_written),
		TEST(a_check_sees_a_name_that_is_too_long_and_makes_nothing),
		TEST(a_directory_that_is_missing_is_made),
		TEST(an_unusable_installation_is_reported),
		TEST(a_damaged_file_is_reported_in_the_words_of_redis),
		TEST(a_server_of_somebody_else_is_left_alone),
		TEST(a_server_that_took_the_sockets_place_is_noticed),
		TEST(a_server_that_answers_with_another_type_is_refused),
	};
	return cmocka_run_group_tests_name("embedded", tests, NULL, NULL);
}
