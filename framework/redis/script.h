/*
 * script.h - the scripts that run inside Redis. framework/lua/README.md is their contract. CMake embeds the
 * files of framework/lua into the program (lua_scripts.c).
 */
#ifndef SEG_REDIS_SCRIPT_H
#define SEG_REDIS_SCRIPT_H

typedef enum seg_script {
	SEG_SCRIPT_REGISTER,
	SEG_SCRIPT_APPEND,
	SEG_SCRIPT_APPEND_PACKED,
	SEG_SCRIPT_EMIT,
	SEG_SCRIPT_EMIT_PACKED,
	SEG_SCRIPT_OPEN_GROUP,
	SEG_SCRIPT_CLAIM,
	SEG_SCRIPT_COMMIT,
	SEG_SCRIPT_MARK,
	SEG_SCRIPT_DEAD_LETTER,
	SEG_SCRIPT_GAP,
	SEG_SCRIPT_COORDINATE,
	SEG_SCRIPT_WALK,
	SEG_SCRIPT_RESET,
	SEG_SCRIPT_RENEW,
	SEG_SCRIPT_OPENING,
	SEG_SCRIPT_LOOK_GROUP,
	SEG_SCRIPT_LOOK_PARTITION,
	SEG_SCRIPT_PRESENCE,
	SEG_SCRIPT_NOTE,
	SEG_SCRIPT_LOOK_LETTERS,
	SEG_SCRIPT_VALUES,
	SEG_SCRIPT_COUNT
} seg_script;

/* Indexed by seg_script. name: the file's name without ".lua". */
extern const struct seg_script_source {
	const char *name;
	const char *sha1; /* of the text, 40 hexadecimal digits, for EVALSHA */
	const char *text;
} seg_script_sources[SEG_SCRIPT_COUNT];

#endif
