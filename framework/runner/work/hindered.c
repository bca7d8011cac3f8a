#include "work/hindered.h"

void seg_hindered_init(seg_hindered *hindered)
{
	pthread_mutex_init(&hindered->lock, NULL);
	hindered->first = NULL;
}

void seg_hindered_fini(seg_hindered *hindered)
{
	pthread_mutex_destroy(&hindered->lock);
}

static void insert(seg_hindered *hindered, seg_hindered_entry *entry)
{
	seg_hindered_entry **link = &hindered->first;
	while (*link && (*link)->partition < entry->partition)
		link = &(*link)->next;
	entry->next = *link;
	*link = entry;
	entry->listed = true;
}

void seg_hindered_note(seg_hindered *hindered, seg_hindered_entry *entry, const seg_hindrance *what)
{
	pthread_mutex_lock(&hindered->lock);
	entry->what = *what;
	if (!entry->listed)
		insert(hindered, entry);
	pthread_mutex_unlock(&hindered->lock);
}

void seg_hindered_forget(seg_hindered *hindered, seg_hindered_entry *entry)
{
	if (!entry->listed)
		return;
	pthread_mutex_lock(&hindered->lock);
	seg_hindered_entry **link = &hindered->first;
	while (*link != entry)
		link = &(*link)->next;
	*link = entry->next;
	entry->listed = false;
	pthread_mutex_unlock(&hindered->lock);
}

unsigned seg_hindered_look(seg_hindered *hindered, seg_hindrance_kind kind, seg_hindered_entry *copy)
{
	unsigned found = 0;
	pthread_mutex_lock(&hindered->lock);
	for (const seg_hindered_entry *entry = hindered->first; entry; entry = entry->next)
		if (entry->what.kind == kind && found++ == 0)
			*copy = *entry;
	pthread_mutex_unlock(&hindered->lock);
	return found;
}
