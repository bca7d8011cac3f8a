/*
 * test_faults_of_the_original.c - the faults of the Go library, so that none of them returns. Each test's
 * name says what must hold here.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <segmenter/segmenter.h>

#include "harness/rig.h"

/* The owner that is stopped has the short session; the others shall keep their leases on a busy machine, too. */
enum { PATIENCE_MS = 10000, SESSION_MS = 3000, STOPPED_SESSION_MS = 600, CROWD = 5 };

static int set_up(void **state)
{
	test_rig_set_up(state);
	rig.client = test_rig_client(NULL);
	return 0;
}

static void register_stream(uint32_t partitions, uint64_t size)
{
	test_rig_register("s", &(seg_stream_shape){.partitions = partitions, .partition_size = size});
}

/* Numbers rise for each key; message i has key i % keys. */
static int send_number(int i, int keys)
{
	char key[16], data[16];
	seg_record record = {.key = key, .data = data};
	record.key_length = (size_t)snprintf(key, sizeof(key), "k%d", i % keys);
	record.data_length = (size_t)snprintf(data, sizeof(data), "%d", i);
	return seg_stream_send(rig.stream, &record, NULL, NULL);
}

static void send_numbers(int from, int to, int keys)
{
	for (int i = from; i < to; i++)
		assert_int_equal(send_number(i, keys), 0);
}

static seg_consumer *join_as(const char *group, const char *member, uint32_t batch_size)
{
	seg_consumer_options options;
	seg_consumer *consumer;
	seg_error error;
	seg_consumer_options_init(&options);
	options.group = group;
	options.member = member;
	options.batch_size = batch_size;
	options.session_timeout_ms = SESSION_MS;
	if (seg_consumer_open(rig.client, "s", &options, &consumer, &error))
		fail_msg("%s", error.text);
	return consumer;
}

static void leave(seg_consumer *consumer)
{
	assert_int_equal(seg_consumer_close(consumer, PATIENCE_MS, NULL), 0);
}

static int number_of(const seg_message *message)
{
	return atoi(message->data);
}

/*
 * Polls and commits until `count` messages came; checks that each last[key] rises. Returns the number of
 * batches.
 */
static int read_in_order(seg_consumer *consumer, int count, int keys)
{
	int last[64], batches = 0;
	long long deadline = test_now_ms() + PATIENCE_MS;
	for (int k = 0; k < keys; k++)
		last[k] = -1;
	while (count > 0) {
		const seg_batch *batch;
		int got = seg_consumer_poll(consumer, 100, &batch, NULL);
		assert_true(got >= 0);
		if (test_now_ms() > deadline)
			fail_msg("%d messages did not come", count);
		if (got == 0)
			continue;
		for (size_t i = 0; i < batch->count; i++) {
			int number = number_of(&batch->messages[i]);
			assert_true(number > last[number % keys]);
			last[number % keys] = number;
		}
		count -= (int)batch->count;
		batches++;
		assert_int_equal(seg_consumer_commit(consumer, batch, batch->count, NULL), 0);
		seg_consumer_release(consumer, batch);
	}
	assert_int_equal(count, 0);
	return batches;
}

/* How many partitions each member owns, once every owner is the target and `members` members are alive. */
typedef struct {
	uint32_t members;
	uint32_t partitions;
	uint32_t most, least, idle;
} shares;

static bool is_settled(void *arg)
{
	shares *wanted = arg;
	seg_group_info *info;
	char names[CROWD * 4][132];
	uint32_t owned[CROWD * 4] = {0}, count = 0;
	if (seg_group_describe(rig.stream, "g", &info, NULL))
		return false;
	bool settled = info->members == wanted->members;
	for (uint32_t p = 0; p < info->partition_count && settled; p++) {
		const seg_partition_info *partition = &info->partitions[p];
		uint32_t i = 0;
		settled = partition->owner[0] && strcmp(partition->owner, partition->target) == 0;
		while (i < count && strcmp(names[i], partition->owner) != 0)
			i++;
		if (i == count)
			strcpy(names[count++], partition->owner);
		owned[i]++;
	}
	wanted->most = 0;
	wanted->least = UINT32_MAX;
	for (uint32_t i = 0; i < count; i++) {
		if (owned[i] > wanted->most)
			wanted->most = owned[i];
		if (owned[i] < wanted->least)
			wanted->least = owned[i];
	}
	wanted->idle = wanted->members - count;
	seg_group_info_free(info);
	return settled;
}

static void messages_of_a_full_partition_are_refused_and_none_is_dropped_unread(void **state)
{
	(void)state;
	register_stream(1, 10);
	seg_consumer *consumer = join_as("g", "m", 100);
	send_numbers(0, 10, 1);
	/* Nothing is committed yet, so there is no room, although messages may have been fetched. */
	assert_int_equal(send_number(10, 1), SEG_EFULL);
	assert_int_equal(read_in_order(consumer, 10, 1) > 0, 1);
	assert_int_equal(seg_consumer_sync(consumer, PATIENCE_MS, NULL), 0);
	/* The committed messages make room for as many again. */
	send_numbers(10, 20, 1);
	read_in_order(consumer, 10, 1);
	leave(consumer);
}

static void a_new_group_sees_what_was_sent_before_it(void **state)
{
	(void)state;
	register_stream(4, 1000);
	send_numbers(0, 100, 8);
	seg_consumer *consumer = join_as("g", "m", 100);
	read_in_order(consumer, 100, 8);
	leave(consumer);
}

static void members_without_a_partition_stand_by_and_take_over(void **state)
{
	(void)state;
	seg_consumer *members[CROWD];
	register_stream(2, 1000);
	for (int i = 0; i < CROWD; i++) {
		char name[8];
		snprintf(name, sizeof(name), "m%d", i);
		members[i] = join_as("g", name, 10);
	}
	shares wanted = {.members = CROWD};
	test_wait_until(is_settled, &wanted, PATIENCE_MS, "five members share two partitions");
	assert_int_equal(wanted.idle, 3);
	for (int i = 0; i < CROWD - 1; i++)
		leave(members[i]);
	send_numbers(0, 20, 8);
	read_in_order(members[CROWD - 1], 20, 8);
	leave(members[CROWD - 1]);
}

static void shares_differ_by_at_most_one(void **state)
{
	(void)state;
	seg_consumer *members[CROWD];
	register_stream(8, 1000);
	for (int i = 0; i < CROWD; i++)
		members[i] = join_as("g", NULL, 10);
	shares wanted = {.members = CROWD};
	test_wait_until(is_settled, &wanted, PATIENCE_MS, "five members share eight partitions");
	assert_int_equal(wanted.idle, 0);
	assert_int_equal(wanted.most, 2);
	assert_int_equal(wanted.least, 1);
	for (int i = 0; i < CROWD; i++)
		leave(members[i]);
}

/* --- an owner that is stopped in the middle -------------------------------------------------- */

static void tell(int fd, char what)
{
	if (write(fd, &what, 1) != 1)
		_exit(9);
}

/*
 * Runs in a process of its own: polls a batch and reports it. After it is woken, it commits and polls again,
 * and reports both results.
 */
static void owner_process(const char *address, int fd)
{
	seg_client_options options;
	seg_consumer_options consumer_options;
	seg_client *mine;
	seg_consumer *consumer;
	const seg_batch *batch;
	seg_client_options_init(&options);
	options.address = address;
	seg_consumer_options_init(&consumer_options);
	consumer_options.group = "g";
	consumer_options.member = "stopped";
	consumer_options.session_timeout_ms = STOPPED_SESSION_MS;
	consumer_options.batch_size = 5;
	if (seg_client_open(&options, &mine, NULL) ||
	    seg_consumer_open(mine, "s", &consumer_options, &consumer, NULL))
		_exit(1);
	if (seg_consumer_poll(consumer, PATIENCE_MS, &batch, NULL) != 1)
		_exit(2);
	tell(fd, 'p');
	raise(SIGSTOP);
	/* The next batch was fetched long ago, under a lease that has ended. */
	const seg_batch *late;
	int polled = seg_consumer_poll(consumer, 0, &late, NULL);
	tell(fd, polled == 1 ? 'h' : 'n');
	/* Redis may take a moment to answer: the commit may be accepted here and refused by Redis. */
	seg_consumer_commit(consumer, batch, batch->count, NULL);
	tell(fd, 'c');
	pause();
	_exit(0);
}

static char hear(int fd)
{
	char what;
	return read(fd, &what, 1) == 1 ? what : '?';
}

static void an_owner_that_lost_its_lease_hands_on_nothing_and_commits_nothing(void **state)
{
	(void)state;
	int pipes[2], status;
	register_stream(1, 1000);
	send_numbers(0, 20, 1);
	assert_int_equal(pipe(pipes), 0);
	fflush(NULL);
	pid_t owner = fork();
	if (owner == 0)
		owner_process(rig.server->address, pipes[1]);
	assert_true(hear(pipes[0]) == 'p');
	assert_int_equal(waitpid(owner, &status, WUNTRACED), owner);
	assert_true(WIFSTOPPED(status));

	/*
	 * Nothing was committed, so another member takes over from the first message on. It commits one half.
	 */
	seg_consumer *next = join_as("g", "next", 10);
	read_in_order(next, 10, 1);
	assert_int_equal(seg_consumer_sync(next, PATIENCE_MS, NULL), 0);

	kill(owner, SIGCONT);
	assert_true(hear(pipes[0]) == 'n');
	assert_true(hear(pipes[0]) == 'c');
	/* The other half comes once and in order, and the position is where the new owner put it. */
	const seg_batch *batch;
	assert_int_equal(seg_consumer_poll(next, PATIENCE_MS, &batch, NULL), 1);
	assert_int_equal(number_of(&batch->messages[0]), 10);
	assert_int_equal(seg_consumer_commit(next, batch, batch->count, NULL), 0);
	seg_consumer_release(next, batch);
	assert_int_equal(seg_consumer_sync(next, PATIENCE_MS, NULL), 0);
	kill(owner, SIGKILL);
	waitpid(owner, NULL, 0);
	close(pipes[0]);
	close(pipes[1]);
	leave(next);
}

static void a_slow_consumer_gets_nothing_twice_and_nothing_out_of_order(void **state)
{
	(void)state;
	register_stream(1, 1000);
	send_numbers(0, 30, 1);
	seg_consumer *slow = join_as("g", "slow", 10);
	seg_consumer *other = join_as("g", "other", 10);
	const seg_batch *batch = NULL, *none;
	seg_consumer *holder = NULL;
	long long deadline = test_now_ms() + PATIENCE_MS;
	while (!holder && test_now_ms() < deadline) {
		if (seg_consumer_poll(slow, 50, &batch, NULL) == 1)
			holder = slow;
		else if (seg_consumer_poll(other, 50, &batch, NULL) == 1)
			holder = other;
	}
	assert_non_null(holder);
	/*
	 * A batch is held for longer than a session while its process lives: the holder keeps it, and all
	 * messages after it.
	 */
	long long until = test_now_ms() + 2 * SESSION_MS;
	while (test_now_ms() < until) {
		assert_int_equal(seg_consumer_poll(slow, 20, &none, NULL), 0);
		assert_int_equal(seg_consumer_poll(other, 20, &none, NULL), 0);
	}
	assert_int_equal(number_of(&batch->messages[0]), 0);
	assert_int_equal(seg_consumer_commit(holder, batch, batch->count, NULL), 0);
	int rest = 30 - (int)batch->count;
	seg_consumer_release(holder, batch);
	read_in_order(holder, rest, 1);
	leave(slow);
	leave(other);
}

static void pending_messages_of_a_former_consumer_come_first_and_in_order(void **state)
{
	(void)state;
	register_stream(1, 1000);
	send_numbers(0, 20, 1);
	/*
	 * Reads as the Go library does: with XREADGROUP. It acknowledges some messages in the middle and dies
	 * with the others.
	 */
	redisContext *redis = test_server_connect(rig.server);
	freeReplyObject(test_server_command(redis, "XGROUP CREATE __default:s:partition_0 g 0"));
	redisReply *reply =
		test_server_command(redis,
				    "XREADGROUP GROUP g go COUNT 10 STREAMS __default:s:partition_0 >");
	redisReply *entries = reply->element[0]->element[1];
	assert_int_equal(entries->elements, 10);
	freeReplyObject(test_server_command(redis, "XACK __default:s:partition_0 g %s %s",
					    entries->element[0]->element[0]->str,
					    entries->element[5]->element[0]->str));
	freeReplyObject(reply);
	redisFree(redis);
	/*
	 * The new consumer starts at the first unacknowledged message. An acknowledged one after it comes
	 * again, to keep the order.
	 */
	seg_consumer *consumer = join_as("g", "m", 100);
	read_in_order(consumer, 19, 1);
	leave(consumer);
}

/* --- simultaneous calls, and endless ones -------------------------------------------------------------- */

static void register_process(const char *address, uint32_t partitions)
{
	seg_client_options options;
	seg_client *mine;
	seg_stream *registered;
	seg_stream_shape shape = {.partitions = partitions, .partition_size = 100};
	seg_client_options_init(&options);
	options.address = address;
	if (seg_client_open(&options, &mine, NULL))
		_exit(100);
	int status = seg_stream_register(mine, "s", &shape, &registered, NULL);
	_exit(status == 0 ? 0 : status == SEG_ESHAPE ? 1 : 2);
}

static void of_two_first_registrations_at_once_one_shape_wins_for_all(void **state)
{
	(void)state;
	enum { PROCESSES = 12 };
	pid_t processes[PROCESSES];
	int registered = 0;
	fflush(NULL);
	for (int i = 0; i < PROCESSES; i++) {
		processes[i] = fork();
		if (processes[i] == 0)
			register_process(rig.server->address, i % 2 ? 4 : 8);
	}
	for (int i = 0; i < PROCESSES; i++) {
		int status;
		assert_int_equal(waitpid(processes[i], &status, 0), processes[i]);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
		registered += WEXITSTATUS(status) == 0;
	}
	assert_int_equal(registered, PROCESSES / 2);
}

static void a_shutdown_ends_in_its_time_also_without_redis(void **state)
{
	(void)state;
	register_stream(4, 1000);
	send_numbers(0, 20, 8);
	seg_consumer *consumer = join_as("g", "m", 10);
	const seg_batch *batch;
	assert_int_equal(seg_consumer_poll(consumer, PATIENCE_MS, &batch, NULL), 1);
	test_server_kill(rig.server);
	long long before = test_now_ms();
	assert_int_equal(seg_consumer_close(consumer, 500, NULL), SEG_ETIMEOUT);
	assert_true(test_now_ms() - before < 500 + PATIENCE_MS / 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, test_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(messages_of_a_full_partition_are_refused_and_none_is_dropped_unread),
		TEST(a_new_group_sees_what_was_sent_before_it),
		TEST(members_without_a_partition_stand_by_and_take_over),
		TEST(shares_differ_by_at_most_one),
		TEST(an_owner_that_lost_its_lease_hands_on_nothing_and_commits_nothing),
		TEST(a_slow_consumer_gets_nothing_twice_and_nothing_out_of_order),
		TEST(pending_messages_of_a_former_consumer_come_first_and_in_order),
		TEST(of_two_first_registrations_at_once_one_shape_wins_for_all),
		TEST(a_shutdown_ends_in_its_time_also_without_redis),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
