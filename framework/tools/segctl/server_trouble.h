/*
 * server_trouble.h - what is wrong with the server itself, so that a group's state says little: a disk that is full, writes that
 * fail, restarts.
 */
#ifndef CTL_SERVER_TROUBLE_H
#define CTL_SERVER_TROUBLE_H

#include "context.h"
#include "disk_trouble.h"

/* Whether there is any. False also where INFO cannot be read. */
bool ctl_server_trouble_find(ctl_context *context, ctl_trouble *trouble);

#endif
