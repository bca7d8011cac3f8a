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

uint64_t seg_client_next_sequence(seg_client *client)
{
	return ++client->sequence;
}

void seg_client_keep(seg_client *client)
{
	atomic_store(&client->kept, true);
}
