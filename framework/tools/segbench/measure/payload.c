#include "measure/payload.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ID_LENGTH = 20, OBJECT_MAX = 160 };

const char *bench_payload_name(bench_payload payload)
{
	return payload == PAYLOAD_JSON ? "JSON" : "constant";
}

/* SplitMix64. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static int write_object(uint64_t number, char object[OBJECT_MAX])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	static const char *const events[] = {"view", "search", "add",  "remove",
					     "buy",  "pay",    "rate", "leave"};
	char id[ID_LENGTH + 1] = "";
	uint64_t state = number;
	for (int i = 0; i < ID_LENGTH; i++)
		id[i] = digits[next_random(&state) % 64];
	return snprintf(object, OBJECT_MAX,
			"{\"id\":\"%s\",\"user\":%" PRIu64
			",\"event\":\"%s\",\"ok\":true,\"source\":\"web\",\"note\":\"",
			id, 100000 + next_random(&state) % 900000, events[next_random(&state) % 8]);
}

void bench_payload_write(bench_payload payload, uint64_t number, char *data, uint32_t size)
{
	char object[OBJECT_MAX];
	memset(data, 'x', size);
	if (payload == PAYLOAD_CONSTANT)
		return;
	uint32_t length = (uint32_t)write_object(number, object);
	memcpy(data, object, length < size ? length : size);
	if (length + 2 <= size) {
		data[size - 2] = '"';
		data[size - 1] = '}';
	}
}
