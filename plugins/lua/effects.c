#include "effects.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

/* The message that is handled; raises an error if there is none. */
static const effects_message *message_of(lua_State *lua, const char *function)
{
	const effects_message *message = lua_touserdata(lua, lua_upvalueindex(1));
	const char *why = NULL;
	if (!message->batch)
		why = "is for handle(message): it belongs to the message that is handled";
	else if (!message->batch->calls)
		why = "is not possible: this segrunner has no outputs and no state";
	if (why)
		luaL_error(lua, "%s %s", function, why);
	return message;
}

static int refuse_if(lua_State *lua, const char *why)
{
	return why ? luaL_error(lua, "%s", why) : 0;
}

/* A text or a number at `arg`. Unlike luaL_checklstring, the error says what it is for. */
static const char *check_bytes(lua_State *lua, int arg, const char *what, size_t *length)
{
	if (!lua_isstring(lua, arg))
		luaL_error(lua, "%s must be a string or a number, and is %s", what, luaL_typename(lua, arg));
	return lua_tolstring(lua, arg, length);
}

/* --- headers ------------------------------------------------------------------------------------ */

static int compare(const void *a_, const void *b_)
{
	const seg_header *a = a_, *b = b_;
	size_t common = a->name_length < b->name_length ? a->name_length : b->name_length;
	int order = memcmp(a->name, b->name, common);
	return order ? order : a->name_length < b->name_length ? -1 : a->name_length > b->name_length;
}

/* The text is valid as long as the headers table holds it: so numbers, which have none, are refused. */
static const char *check_header(lua_State *lua, int at, const char *what, size_t *length)
{
	if (lua_type(lua, at) != LUA_TSTRING)
		luaL_error(lua, "%s of a header must be a string, and is %s", what, luaL_typename(lua, at));
	return lua_tolstring(lua, at, length);
}

/* A list of {name = ..., value = ...}, as message.headers is, in its order. */
static void read_list(lua_State *lua, int table, seg_header *headers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		seg_header *h = &headers[i];
		if (lua_rawgeti(lua, table, (lua_Integer)i + 1) != LUA_TTABLE)
			luaL_error(lua, "header %d must be {name = ..., value = ...}, and is %s", (int)i + 1,
				   luaL_typename(lua, -1));
		lua_getfield(lua, -1, "name");
		h->name = check_header(lua, -1, "the name", &h->name_length);
		lua_getfield(lua, -2, "value");
		h->value = check_header(lua, -1, "the value", &h->value_length);
		lua_pop(lua, 3);
	}
}

/* {name = value, ...}, by name: next has another order in each process, and a message has to emit the same each time. */
static void read_map(lua_State *lua, int table, seg_header *headers)
{
	size_t count = 0;
	for (lua_pushnil(lua); lua_next(lua, table); lua_pop(lua, 1)) {
		seg_header *h = &headers[count++];
		h->name = check_header(lua, -2, "the name", &h->name_length);
		h->value = check_header(lua, -1, "the value", &h->value_length);
	}
	qsort(headers, count, sizeof(*headers), compare);
}

static size_t count_fields(lua_State *lua, int table)
{
	size_t count = 0;
	for (lua_pushnil(lua); lua_next(lua, table); lua_pop(lua, 1))
		count++;
	return count;
}

/* Reads the headers at `table`. They are valid as long as the array, which stays on the stack, and the table. */
static const seg_header *read_headers(lua_State *lua, int table, size_t *count)
{
	*count = 0;
	if (lua_isnoneornil(lua, table))
		return NULL;
	if (!lua_istable(lua, table))
		luaL_error(lua, "headers must be a table, {name = value, ...}, and are %s",
			   luaL_typename(lua, table));
	size_t listed = lua_rawlen(lua, table);
	*count = listed ? listed : count_fields(lua, table);
	seg_header *headers = lua_newuserdatauv(lua, *count * sizeof(*headers) + 1, 0);
	luaL_checkstack(lua, 6, NULL);
	if (listed)
		read_list(lua, table, headers, listed);
	else
		read_map(lua, table, headers);
	return headers;
}

/* --- the functions ------------------------------------------------------------------------------ */

static int emit(lua_State *lua)
{
	const effects_message *message = message_of(lua, "emit");
	seg_output output = {0};
	size_t length;
	output.stream = check_bytes(lua, 1, "the stream of emit", &length);
	output.key = check_bytes(lua, 2, "the key of emit", &output.key_length);
	output.data = check_bytes(lua, 3, "the data of emit", &output.data_length);
	output.headers = read_headers(lua, 4, &output.header_count);
	return refuse_if(lua, seg_emit(message->batch, message->index, &output));
}

static int state_get(lua_State *lua)
{
	const effects_message *message = message_of(lua, "state_get");
	size_t name_length, length = 0;
	const char *name = check_bytes(lua, 1, "the name of a value", &name_length);
	const void *value = seg_state_get(message->batch, message->index, name, name_length, &length);
	if (value)
		lua_pushlstring(lua, value, length);
	else
		lua_pushnil(lua);
	return 1;
}

static int state_put(lua_State *lua)
{
	const effects_message *message = message_of(lua, "state_put");
	size_t name_length, length;
	const char *name = check_bytes(lua, 1, "the name of a value", &name_length);
	if (lua_isnoneornil(lua, 2))
		return luaL_error(lua, "state_put needs a value; state_delete(name) deletes one");
	const char *value = check_bytes(lua, 2, "a value", &length);
	return refuse_if(lua,
			 seg_state_put(message->batch, message->index, name, name_length, value, length));
}

static int state_delete(lua_State *lua)
{
	const effects_message *message = message_of(lua, "state_delete");
	size_t name_length;
	const char *name = check_bytes(lua, 1, "the name of a value", &name_length);
	return refuse_if(lua, seg_state_delete(message->batch, message->index, name, name_length));
}

void effects_open(lua_State *lua, const effects_message *message)
{
	static const luaL_Reg functions[] = {{"emit", emit},
					     {"state_get", state_get},
					     {"state_put", state_put},
					     {"state_delete", state_delete}};
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		lua_pushlightuserdata(lua, (void *)(uintptr_t)message);
		lua_pushcclosure(lua, functions[i].func, 1);
		lua_setglobal(lua, functions[i].name);
	}
}
