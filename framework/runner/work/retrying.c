#include "work/retrying.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

void seg_retrying_init(seg_retrying *retrying)
{
	pthread_mutex_init(&retrying->lock, NULL);
	retrying->first = NULL;
}

void seg_retrying_fini(seg_retrying *retrying)
{
	pthread_mutex_destroy(&retrying->lock);
}

/* A reason is shown in one line, whatever the plugin wrote. */
static void copy_line(char *line, size_t size, const char *text)
{
	snprintf(line, size, "%s", text);
	for (char *c = line; *c; c++)
		if (iscntrl((unsigned char)*c))
			*c = ' ';
}

/* The link that leads to the entry, or to where it belongs. */
static seg_retrying_entry **find(seg_retrying *retrying, const seg_retrying_entry *entry)
{
	seg_retrying_entry **link = &retrying->first;
	while (*link && (*link)->partition < entry->partition)
		link = &(*link)->next;
	return link;
}

void seg_retrying_note(seg_retrying *retrying, seg_retrying_entry *entry, const char *reason,
		       uint32_t attempt, int64_t next_at)
{
	pthread_mutex_lock(&retrying->lock);
	entry->attempt = attempt;
	entry->next_at = next_at;
	copy_line(entry->reason, sizeof(entry->reason), reason);
	if (!entry->listed) {
		seg_retrying_entry **link = find(retrying, entry);
		entry->next = *link;
		*link = entry;
		entry->listed = true;
	}
	pthread_mutex_unlock(&retrying->lock);
}

void seg_retrying_forget(seg_retrying *retrying, seg_retrying_entry *entry)
{
	if (!entry->listed)
		return;
	pthread_mutex_lock(&retrying->lock);
	*find(retrying, entry) = entry->next;
	entry->listed = false;
	pthread_mutex_unlock(&retrying->lock);
}

bool seg_retrying_look(seg_retrying *retrying, seg_retrying_entry *copy)
{
	pthread_mutex_lock(&retrying->lock);
	const seg_retrying_entry *entry = retrying->first;
	if (entry)
		*copy = *entry;
	pthread_mutex_unlock(&retrying->lock);
	return entry != NULL;
}
