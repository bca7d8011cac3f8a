#include "message_print.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "table.h"
#include "text.h"

json_t *ctl_message_json(const seg_message *message)
{
	char id[SEG_ID_TEXT_MAX], time[CTL_TEXT_MAX];
	json_t *headers = json_array();
	for (size_t i = 0; i < message->header_count; i++) {
		const seg_header *header = &message->headers[i];
		json_array_append_new(headers,
				      json_pack("{s:o, s:o}", "name",
						ctl_json_bytes(header->name, header->name_length), "value",
						ctl_json_bytes(header->value, header->value_length)));
	}
	return json_pack("{s:s, s:s, s:o, s:o, s:o}", "id", seg_id_format(message->id, id), "time",
			 ctl_time_text(message->id.ms, time), "key",
			 ctl_json_bytes(message->key, message->key_length), "data",
			 ctl_json_bytes(message->data, message->data_length), "headers", headers);
}

void ctl_message_print_headers(const seg_message *m, const char *before, const char *between,
			       const char *after)
{
	for (size_t i = 0; i < m->header_count; i++) {
		char *name = ctl_printable(m->headers[i].name, m->headers[i].name_length);
		char *value = ctl_printable(m->headers[i].value, m->headers[i].value_length);
		printf("%s%s%s%s%s", before, name, between, value, after);
		free(name);
		free(value);
	}
}

static void print_for_people(const seg_message *m, uint32_t partition, bool times)
{
	char id[SEG_ID_TEXT_MAX], time[CTL_TEXT_MAX];
	char *key = ctl_printable(m->key, m->key_length), *data = ctl_printable(m->data, m->data_length);
	printf("%2" PRIu32 "  %-15s  %-12s  %s", partition,
	       times ? ctl_time_text(m->id.ms, time) : seg_id_format(m->id, id), key, data);
	ctl_message_print_headers(m, "  ", "=", "");
	putchar('\n');
	free(key);
	free(data);
}

static void print_as_csv(const seg_message *m, uint32_t partition)
{
	char id[SEG_ID_TEXT_MAX];
	printf("%" PRIu32 ",%s,", partition, seg_id_format(m->id, id));
	ctl_csv_print(m->key, m->key_length, stdout);
	putchar(',');
	ctl_csv_print(m->data, m->data_length, stdout);
	fputs("\r\n", stdout);
}

static void print_as_json(const seg_message *m, uint32_t partition)
{
	json_t *object = ctl_message_json(m);
	json_object_set_new(object, "partition", json_integer(partition));
	ctl_json_print(object, true, stdout);
}

void ctl_message_print(const seg_message *message, uint32_t partition, ctl_form form, bool times)
{
	switch (form) {
	case CTL_FORM_TABLE:
		print_for_people(message, partition, times);
		break;
	case CTL_FORM_JSON:
		print_as_json(message, partition);
		break;
	case CTL_FORM_CSV:
		print_as_csv(message, partition);
		break;
	}
}

void ctl_message_print_csv_head(void)
{
	fputs("partition,id,key,data\r\n", stdout);
}
