#include "unreadable.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "complain.h"
#include "memory.h"

bool ctl_is_unreadable(const seg_error *error)
{
	return error->status == SEG_EPROTOCOL;
}

void ctl_unreadables_begin(ctl_unreadables *all, bool groups)
{
	for (size_t i = 0; i < all->count; i++)
		if ((*all->list[i].group != '\0') == groups)
			all->list[i].found = false;
}

void ctl_unreadables_end(ctl_unreadables *all, bool groups)
{
	size_t kept = 0;
	for (size_t i = 0; i < all->count; i++)
		if (all->list[i].found || (*all->list[i].group != '\0') != groups)
			all->list[kept++] = all->list[i];
	all->count = kept;
}

static ctl_unreadable *place_of(ctl_unreadables *all, const char *stream, const char *group)
{
	for (size_t i = 0; i < all->count; i++)
		if (strcmp(all->list[i].stream, stream) == 0 && strcmp(all->list[i].group, group) == 0)
			return &all->list[i];
	all->list = ctl_reallocate(all->list, all->count + 1, sizeof(*all->list));
	ctl_unreadable *new = &all->list[all->count++];
	*new = (ctl_unreadable){0};
	snprintf(new->stream, sizeof(new->stream), "%s", stream);
	snprintf(new->group, sizeof(new->group), "%s", group);
	return new;
}

void ctl_unreadables_add(ctl_unreadables *all, const char *stream, const char *group, const seg_error *why)
{
	ctl_unreadable *place = place_of(all, stream, group);
	place->told &= strcmp(place->why.text, why->text) == 0;
	place->why = *why;
	place->found = true;
}

int ctl_unreadables_complain(ctl_unreadables *all)
{
	for (size_t i = 0; i < all->count; i++) {
		if (!all->list[i].told)
			ctl_fail(&all->list[i].why);
		all->list[i].told = true;
	}
	return all->count > 0 ? ctl_exit_code(all->list[0].why.status) : EX_OK;
}

void ctl_unreadables_free(ctl_unreadables *all)
{
	free(all->list);
	*all = (ctl_unreadables){0};
}
