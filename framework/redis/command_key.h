/* command_key.h - the key of a command, by which a cluster is asked at the right node. Pure; any thread. */
#ifndef SEG_REDIS_COMMAND_KEY_H
#define SEG_REDIS_COMMAND_KEY_H

/*
 * The key by which a command is routed: NULL if it has none. It knows the commands of this project: the key is
 * the first argument, or the second of XINFO and XGROUP, or the first after STREAMS of XREAD.
 */
const char *seg_command_key(int argc, const char *const *argv);

#endif
