#include "partition/exclusion.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned reads; /* under way */
static bool handling;  /* or waiting for the reads */

bool seg_exclusion_read_begin(void)
{
	pthread_mutex_lock(&lock);
	bool begins = !handling;
	reads += begins;
	pthread_mutex_unlock(&lock);
	return begins;
}

void seg_exclusion_read_end(void)
{
	pthread_mutex_lock(&lock);
	reads--;
	pthread_mutex_unlock(&lock);
}

bool seg_exclusion_allows_reads(void)
{
	pthread_mutex_lock(&lock);
	bool allows = !handling;
	pthread_mutex_unlock(&lock);
	return allows;
}

bool seg_exclusion_handle_begin(void)
{
	pthread_mutex_lock(&lock);
	handling = true;
	bool begins = reads == 0;
	pthread_mutex_unlock(&lock);
	return begins;
}

void seg_exclusion_handle_end(void)
{
	pthread_mutex_lock(&lock);
	handling = false;
	pthread_mutex_unlock(&lock);
}
