#include "partition/exclusion.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool reading;
static bool handling; /* or waiting for the read */

bool seg_exclusion_read_begin(void)
{
	pthread_mutex_lock(&lock);
	bool begins = !handling && !reading;
	reading |= begins;
	pthread_mutex_unlock(&lock);
	return begins;
}

void seg_exclusion_read_end(void)
{
	pthread_mutex_lock(&lock);
	reading = false;
	pthread_mutex_unlock(&lock);
}

bool seg_exclusion_allows_reads(void)
{
	pthread_mutex_lock(&lock);
	bool allows = !handling && !reading;
	pthread_mutex_unlock(&lock);
	return allows;
}

bool seg_exclusion_handle_begin(void)
{
	pthread_mutex_lock(&lock);
	handling = true;
	bool begins = !reading;
	pthread_mutex_unlock(&lock);
	return begins;
}

void seg_exclusion_handle_end(void)
{
	pthread_mutex_lock(&lock);
	handling = false;
	pthread_mutex_unlock(&lock);
}
