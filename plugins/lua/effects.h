/*
 * effects.h - emit, state_get, state_put and state_delete, for the message that the script is handling.
 *
 *     emit(stream, key, data [, headers])    headers: {name = value, ...}, or a list of {name = ..., value = ...}
 *     state_get(name)                        the value, or nil
 *     state_put(name, value)
 *     state_delete(name)
 *
 * What segrunner refuses becomes a Lua error. All functions may raise Lua errors: call them only within a protected call.
 */
#ifndef PLUGINS_LUA_EFFECTS_H
#define PLUGINS_LUA_EFFECTS_H

#include <stddef.h>

#include <lua.h>

#include <segmenter/handler.h>

/* The message that the script is handling. Outside of handle, batch is NULL. */
typedef struct effects_message {
	const seg_batch *batch;
	size_t index;
} effects_message;

/* Defines the functions. They look at *message, which outlives the state, with each call. */
void effects_open(lua_State *lua, const effects_message *message);

#endif
