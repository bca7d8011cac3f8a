/*
 * agent.h - the duty cycle of a member, on its I/O thread: each round lets the connections work, acts on what the parts have
 * noticed, lets each part do what is due, and sleeps until the next event or timer.
 */
#ifndef SEG_GROUP_AGENT_H
#define SEG_GROUP_AGENT_H

#include "group/state.h"

/* Runs until the member has stopped: a thread's function; `member` is a seg_member. Returns NULL. */
void *seg_agent_run(void *member);

/* The connections' state, as seg_connection_options.on_state has it; `member` is a seg_member. */
void seg_agent_data_state(void *member, bool up, const seg_error *why);
void seg_agent_blocking_state(void *member, bool up, const seg_error *why);

#endif
