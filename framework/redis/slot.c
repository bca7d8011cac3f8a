#include "redis/slot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POLYNOMIAL = 0x1021, PORT_MAX = 65535 };

/* Bit by bit: a key's tag has about 30 bytes, and the slots of a partition's keys are computed once. */
static uint16_t crc16(const char *bytes, size_t length)
{
	uint16_t crc = 0;
	for (size_t i = 0; i < length; i++) {
		crc ^= (uint16_t)((unsigned char)bytes[i] << 8);
		for (int bit = 0; bit < 8; bit++)
			crc = (uint16_t)(crc & 0x8000 ? crc << 1 ^ POLYNOMIAL : crc << 1);
	}
	return crc;
}

uint16_t seg_slot_of(const char *key)
{
	const char *open = strchr(key, '{'), *close = open ? strchr(open, '}') : NULL;
	if (close && close > open + 1)
		return crc16(open + 1, (size_t)(close - open - 1)) % SEG_SLOT_COUNT;
	return crc16(key, strlen(key)) % SEG_SLOT_COUNT;
}

/* A node whose host is not known has the host "?". */
static bool read_host(seg_slot_range *range, const char *host, size_t length)
{
	if (length >= sizeof(range->host) || memchr(host, '\0', length))
		return false;
	memcpy(range->host, host, length);
	range->host[length] = '\0';
	if (strcmp(range->host, "?") == 0)
		range->host[0] = '\0';
	return true;
}

bool seg_slot_range_read(const seg_reply *slots, size_t i, seg_slot_range *range)
{
	const seg_reply *element = seg_reply_at(slots, i);
	int64_t first = seg_reply_number(seg_reply_at(element, 0), -1);
	int64_t last = seg_reply_number(seg_reply_at(element, 1), -1);
	const seg_reply *master = seg_reply_at(element, 2);
	const seg_reply *host = seg_reply_at(master, 0);
	int64_t port = seg_reply_number(seg_reply_at(master, 1), -1);
	if (first < 0 || last < first || last >= SEG_SLOT_COUNT || port < 1 || port > PORT_MAX || !host)
		return false;
	*range = (seg_slot_range){.first = (uint16_t)first, .last = (uint16_t)last, .port = (uint16_t)port};
	if (host->type == SEG_REPLY_NIL)
		return true;
	return host->type == SEG_REPLY_TEXT && read_host(range, host->text, host->length);
}

/* "3999 127.0.0.1:6381"; the host may be empty, and an IPv6 address contains colons. */
static bool read_place(const char *text, seg_slot_range *range)
{
	char *end;
	unsigned long slot = strtoul(text, &end, 10);
	if (end == text || *end != ' ' || slot >= SEG_SLOT_COUNT)
		return false;
	const char *host = end + 1, *colon = strrchr(host, ':');
	if (!colon)
		return false;
	unsigned long port = strtoul(colon + 1, &end, 10);
	if (end == colon + 1 || *end || port < 1 || port > PORT_MAX)
		return false;
	*range = (seg_slot_range){.first = (uint16_t)slot, .last = (uint16_t)slot, .port = (uint16_t)port};
	return read_host(range, host, (size_t)(colon - host));
}

seg_redirection_kind seg_redirection_read(const seg_reply *error, seg_slot_range *range)
{
	if (!error || error->type != SEG_REPLY_ERROR)
		return SEG_REDIRECT_NOT;
	if (strncmp(error->text, "MOVED ", 6) == 0 && read_place(error->text + 6, range))
		return SEG_REDIRECT_MOVED;
	if (strncmp(error->text, "ASK ", 4) == 0 && read_place(error->text + 4, range))
		return SEG_REDIRECT_ASK;
	return SEG_REDIRECT_NOT;
}
