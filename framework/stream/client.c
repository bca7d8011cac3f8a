#include "stream/client.h"

seg_connection_options seg_client_connection_options(seg_client *client)
{
	return (seg_connection_options){
		.address = &client->address,
		.master = client->master,
		.denials = &client->denials,
		.connect_timeout = client->connect_timeout,
		.logger = client->logger,
	};
}

uint64_t seg_client_take_sequences(seg_client *client, size_t records)
{
	uint64_t first = client->sequence + 1;
	client->sequence += records;
	return first;
}

void seg_client_keep(seg_client *client)
{
	atomic_store(&client->kept, true);
}
