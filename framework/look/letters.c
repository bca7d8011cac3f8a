#include "look/letters.h"

#include <stdio.h>

#include "base/error.h"
#include "stream/client.h"

struct look;

typedef struct {
	struct look *look;
	uint32_t partition;
	bool answered;
} question;

typedef struct look {
	seg_exchange exchange; /* first: issue gets its address */
	const seg_stream *stream;
	const char *group;
	seg_letters *letters;
	bool no_memory;
	question questions[SEG_LETTERS_PARTITIONS];
	size_t count;
} look;

static void got_letters(void *arg, const seg_reply *reply)
{
	question *q = arg;
	if (!seg_exchange_answer(&q->look->exchange, reply))
		return;
	q->answered = true;
	const seg_reply *letters = seg_reply_at(reply, 1);
	for (size_t i = 0; seg_reply_at(letters, i); i++) {
		const seg_reply *letter = seg_reply_at(letters, i), *id = seg_reply_at(letter, 0),
				*reason = seg_reply_at(letter, 1);
		seg_id number = {0, 0};
		if (!reason || reason->type != SEG_REPLY_TEXT)
			continue;
		if (id && id->type == SEG_REPLY_TEXT)
			(void)seg_id_parse(id->text, &number);
		q->look->no_memory |=
			!seg_reasons_add(&q->look->letters->reasons, reason->text, q->partition,
					 (uint64_t)seg_reply_number(seg_reply_at(letter, 2), 0), number);
	}
}

static bool issue(seg_exchange *exchange, seg_route *route)
{
	look *l = (look *)exchange;
	char key[SEG_KEY_MAX], most[16], bytes[16], reason_bytes[16];
	snprintf(most, sizeof(most), "%d", SEG_LETTERS_EACH);
	snprintf(bytes, sizeof(bytes), "%d", SEG_LETTERS_BYTES);
	snprintf(reason_bytes, sizeof(reason_bytes), "%d", SEG_LETTERS_REASON_BYTES);
	for (size_t i = 0; i < l->count; i++) {
		if (l->questions[i].answered)
			continue;
		seg_key_beside_log(key, l->stream->client->name_space, l->stream->name,
				   l->questions[i].partition, l->group, "dead");
		const char *argv[] = {key, most, bytes, reason_bytes};
		if (!seg_route_script(route, SEG_SCRIPT_LOOK_LETTERS, got_letters, &l->questions[i], 1, 4,
				      argv, NULL))
			return false;
		exchange->waiting++;
	}
	return true;
}

int seg_letters_look(const seg_stream *stream, const char *group, const seg_group_snapshot *snapshot,
		     int64_t deadline, seg_letters *letters, seg_error *error)
{
	look l = {.exchange = {.issue = issue, .deadline = deadline},
		  .stream = stream,
		  .group = group,
		  .letters = letters};
	*letters = (seg_letters){0};
	for (uint32_t p = 0; p < snapshot->partition_count; p++) {
		if (snapshot->partitions[p].info.dead_letters == 0 || snapshot->partitions[p].unreachable)
			continue;
		if (l.count < SEG_LETTERS_PARTITIONS)
			l.questions[l.count++] = (question){&l, p, false};
		letters->partitions++;
	}
	letters->partitions_read = (uint32_t)l.count;
	int status = l.count ? seg_exchange_run(&l.exchange, stream->client, error) : 0;
	if (status == 0 && l.no_memory)
		status = seg_fail(error, SEG_ENOMEM, "out of memory for the reasons of dead letters");
	seg_reasons_sort(&letters->reasons);
	return status;
}

void seg_letters_free(seg_letters *letters)
{
	seg_reasons_free(&letters->reasons);
	*letters = (seg_letters){0};
}
