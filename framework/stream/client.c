#include "stream/client.h"

uint64_t seg_client_next_sequence(seg_client *client)
{
	return ++client->sequence;
}

void seg_client_keep(seg_client *client)
{
	atomic_store(&client->kept, true);
}
