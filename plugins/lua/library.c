#include "library.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <lauxlib.h>
#include <lualib.h>

/* --- Lua's own libraries ---------------------------------------------------------------------- */

static void keep_only(lua_State *lua, const char *table, const char *const *names)
{
	lua_getglobal(lua, table);
	lua_newtable(lua);
	for (size_t i = 0; names[i]; i++) {
		lua_getfield(lua, -2, names[i]);
		lua_setfield(lua, -2, names[i]);
	}
	lua_setglobal(lua, table);
	lua_pop(lua, 1);
}

static void remove_from(lua_State *lua, const char *table, const char *const *names)
{
	lua_getglobal(lua, table);
	for (size_t i = 0; names[i]; i++) {
		lua_pushnil(lua);
		lua_setfield(lua, -2, names[i]);
	}
	lua_pop(lua, 1);
}

static void open_sandboxed(lua_State *lua)
{
	static const luaL_Reg libraries[] = {
		{LUA_GNAME, luaopen_base},        {LUA_TABLIBNAME, luaopen_table},
		{LUA_STRLIBNAME, luaopen_string}, {LUA_MATHLIBNAME, luaopen_math},
		{LUA_UTF8LIBNAME, luaopen_utf8},  {LUA_COLIBNAME, luaopen_coroutine},
		{LUA_OSLIBNAME, luaopen_os},
	};
	static const char *const times[] = {"time", "clock", "date", "difftime", NULL};
	static const char *const loaders[] = {"dofile", "loadfile", "load", NULL};
	static const char *const dump[] = {"dump", NULL};
	for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++) {
		luaL_requiref(lua, libraries[i].name, libraries[i].func, 1);
		lua_pop(lua, 1);
	}
	keep_only(lua, LUA_OSLIBNAME, times);
	remove_from(lua, LUA_GNAME, loaders);
	remove_from(lua, LUA_STRLIBNAME, dump);
}

/* --- segmenter --------------------------------------------------------------------------------- */

static const seg_host *host_of(lua_State *lua)
{
	return lua_touserdata(lua, lua_upvalueindex(1));
}

/* segmenter.log([level,] text) */
static int log_text(lua_State *lua)
{
	static const char *const levels[] = {"debug", "info", "warning", "error", NULL};
	int level = SEG_INFO, text = 1;
	if (lua_gettop(lua) > 1) {
		level = luaL_checkoption(lua, 1, NULL, levels);
		text = 2;
	}
	const seg_host *host = host_of(lua);
	host->log(host, (seg_level)level, "%s", luaL_tolstring(lua, text, NULL));
	return 0;
}

/* print(...) writes to the log: there is no terminal. */
static int print_to_log(lua_State *lua)
{
	luaL_Buffer line;
	int count = lua_gettop(lua);
	luaL_buffinit(lua, &line);
	for (int i = 1; i <= count; i++) {
		if (i > 1)
			luaL_addchar(&line, ' ');
		luaL_tolstring(lua, i, NULL);
		luaL_addvalue(&line);
	}
	luaL_pushresult(&line);
	const seg_host *host = host_of(lua);
	host->log(host, SEG_INFO, "%s", lua_tostring(lua, -1));
	return 0;
}

/* segmenter.count(name [, n]) */
static int count(lua_State *lua)
{
	const char *name = luaL_checkstring(lua, 1);
	lua_Integer n = luaL_optinteger(lua, 2, 1);
	luaL_argcheck(lua, n >= 0, 2, "n must not be negative");
	const seg_host *host = host_of(lua);
	seg_counter *counter = host->counter(host, name, "Counted by the script.");
	if (!counter)
		return luaL_error(
			lua,
			"cannot make the counter \"%s\": a name has 1 to 63 of a-z 0-9 _, and a section at most 64 counters",
			name);
	seg_counter_add(counter, (uint64_t)n);
	return 0;
}

static void set_text(lua_State *lua, const char *name, const char *text)
{
	lua_pushstring(lua, text);
	lua_setfield(lua, -2, name);
}

static void set_integer(lua_State *lua, const char *name, uint64_t n)
{
	lua_pushinteger(lua, (lua_Integer)n);
	lua_setfield(lua, -2, name);
}

static void push_host_function(lua_State *lua, const seg_host *host, lua_CFunction function)
{
	lua_pushlightuserdata(lua, (void *)(uintptr_t)host);
	lua_pushcclosure(lua, function, 1);
}

void library_open(lua_State *lua, const seg_host *host, uint32_t partition, uint64_t epoch, bool sandbox)
{
	if (sandbox)
		open_sandboxed(lua);
	else
		luaL_openlibs(lua);
	push_host_function(lua, host, print_to_log);
	lua_setglobal(lua, "print");
	lua_newtable(lua);
	set_text(lua, "stream", host->stream);
	set_text(lua, "group", host->group);
	set_text(lua, "consumer", host->consumer);
	set_text(lua, "instance", host->instance);
	set_integer(lua, "partition", partition);
	set_integer(lua, "epoch", epoch);
	push_host_function(lua, host, log_text);
	lua_setfield(lua, -2, "log");
	push_host_function(lua, host, count);
	lua_setfield(lua, -2, "count");
	lua_setglobal(lua, "segmenter");
}

/* --- messages ------------------------------------------------------------------------------------- */

static void set_bytes(lua_State *lua, const char *name, const void *bytes, size_t length)
{
	lua_pushlstring(lua, length ? bytes : "", length);
	lua_setfield(lua, -2, name);
}

/* A list of {name=..., value=...}, which also has each value under its name. */
static void push_headers(lua_State *lua, const seg_message *message)
{
	lua_createtable(lua, (int)message->header_count, (int)message->header_count);
	for (size_t i = 0; i < message->header_count; i++) {
		const seg_header *header = &message->headers[i];
		lua_pushlstring(lua, header->name, header->name_length);
		lua_pushlstring(lua, header->value_length ? header->value : "", header->value_length);
		lua_rawset(lua, -3);
		lua_createtable(lua, 0, 2);
		set_bytes(lua, "name", header->name, header->name_length);
		set_bytes(lua, "value", header->value, header->value_length);
		lua_rawseti(lua, -2, (lua_Integer)i + 1);
	}
}

void library_push_message(lua_State *lua, const seg_host *host, const seg_batch *batch, size_t index)
{
	const seg_message *message = &batch->messages[index];
	char id[SEG_ID_TEXT_MAX];
	snprintf(id, sizeof(id), "%" PRIu64 "-%" PRIu64, message->id.ms, message->id.seq);
	lua_createtable(lua, 0, 9);
	set_text(lua, "stream", host->stream);
	set_text(lua, "group", host->group);
	set_integer(lua, "partition", batch->partition);
	set_integer(lua, "epoch", batch->epoch);
	set_text(lua, "id", id);
	set_integer(lua, "attempt", index == 0 ? batch->attempt : 1);
	set_bytes(lua, "key", message->key, message->key_length);
	set_bytes(lua, "data", message->data, message->data_length);
	push_headers(lua, message);
	lua_setfield(lua, -2, "headers");
}
