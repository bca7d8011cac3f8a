/*
 * agent.h - the duty cycle of a member, on its I/O thread. Each round runs the connections, acts on the parts' notes, runs the
 * step of each part, and sleeps until the next event or timer.
 */
#ifndef SEG_GROUP_AGENT_H
#define SEG_GROUP_AGENT_H

#include "group/state.h"

/* A thread's function: runs until the member has stopped. `member` is a seg_member. Returns NULL. */
void *seg_agent_run(void *member);

/* seg_route_hooks.state of each link; `link` is a seg_member_link. */
void seg_agent_link_state(void *link, seg_node node, bool up, const seg_error *why);

#endif
