/*
 * library.h - what a script may use: Lua's own libraries, the table `segmenter`, and messages.
 *
 * All functions may raise Lua errors: call them only within a protected call.
 */
#ifndef PLUGINS_LUA_LIBRARY_H
#define PLUGINS_LUA_LIBRARY_H

#include <stdbool.h>
#include <stdint.h>

#include <lua.h>

#include <segmenter/handler.h>

/*
 * Opens the libraries in a new state. sandbox: only what cannot reach files, processes and other libraries. host must
 * outlive the state.
 */
void library_open(lua_State *lua, const seg_host *host, uint32_t partition, uint64_t epoch, bool sandbox);

/* Pushes message `index` of the batch as a table. */
void library_push_message(lua_State *lua, const seg_host *host, const seg_batch *batch, size_t index);

#endif
