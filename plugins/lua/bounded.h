/*
 * bounded.h - functions of Lua's libraries that run long within one instruction, where no hook sees them: the pattern
 * functions of string, and those that count to a number that the script gives.
 *
 * Each counts its work as instructions, before it does the work: so option.instruction_limit holds for it, too.
 */
#ifndef PLUGINS_LUA_BOUNDED_H
#define PLUGINS_LUA_BOUNDED_H

#include <stdint.h>

#include <lua.h>

typedef struct bounded {
	/* The instructions that are left in this call. */
	uint64_t (*left)(lua_State *lua);
	/* Counts so many; raises an error if they are too many. */
	void (*charge)(lua_State *lua, uint64_t instructions);
} bounded;

/* Replaces the functions in the libraries that are open. *b outlives the state. May raise Lua errors. */
void bounded_open(lua_State *lua, const bounded *b);

#endif
