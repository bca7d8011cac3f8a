#include "record.h"

#include <inttypes.h>
#include <sys/types.h>

#include "text.h"

void record_add(buffer *record, seg_id id, const void *text, size_t length, uint64_t number)
{
	buffer_format(record, "%" PRIu64 "-%" PRIu64 "\t%" PRIu64 "\t", id.ms, id.seq, number);
	text_add_word(record, text, length);
	buffer_text(record, "\n");
}

void record_end(buffer *record)
{
	buffer_format(record, "=%016" PRIx64 "\n", text_checksum(record->bytes, record->length));
}

/* Counts a message of the journal, unless .counts has it already. */
static bool replay_line(char *line, size_t length, word_counts *counts)
{
	seg_id id;
	uint64_t number;
	int used = -1;
	if (sscanf(line, "%" SCNu64 "-%" SCNu64 "%*1[\t]%" SCNu64 "%n", &id.ms, &id.seq, &number, &used) !=
		    3 ||
	    line[used] != '\t')
		return false;
	if (!id_is_after(id, counts->last))
		return true;
	char *text = line + used + 1;
	length -= (size_t)used + 1;
	if (!text_read_word(text, &length) || !counts_word(counts, text, length))
		return false;
	counts_add(counts, id, text, length, number);
	return true;
}

static bool replay_record(buffer *record, word_counts *counts)
{
	char *line = record->bytes, *end = line + record->length;
	while (line < end) {
		char *newline = memchr(line, '\n', (size_t)(end - line));
		*newline = '\0';
		if (!replay_line(line, (size_t)(newline - line), counts))
			return false;
		line = newline + 1;
	}
	return true;
}

bool record_replay(FILE *in, word_counts *counts)
{
	buffer record = {0};
	char *line = NULL;
	size_t size = 0;
	ssize_t length;
	bool good = true;
	while (good && (length = getline(&line, &size, in)) > 0 && line[length - 1] == '\n') {
		uint64_t checksum;
		if (line[0] != '=') {
			buffer_add(&record, line, (size_t)length);
			good = !record.failed;
			continue;
		}
		if (sscanf(line, "=%16" SCNx64, &checksum) != 1 ||
		    checksum != text_checksum(record.bytes, record.length))
			break;
		good = replay_record(&record, counts);
		buffer_reset(&record);
	}
	free(line);
	buffer_fini(&record);
	return good;
}
