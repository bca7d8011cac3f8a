#include "bounded.h"

#include <string.h>

#include <lauxlib.h>
#include <lualib.h>

#include "pattern.h"

/* Upvalues of each function here: the bounds, and Lua's own function. */
static const bounded *bounds(lua_State *lua)
{
	return lua_touserdata(lua, lua_upvalueindex(1));
}

/* Calls Lua's own function with all arguments. */
static int call_own(lua_State *lua)
{
	lua_pushvalue(lua, lua_upvalueindex(2));
	lua_insert(lua, 1);
	lua_call(lua, lua_gettop(lua) - 1, LUA_MULTRET);
	return lua_gettop(lua);
}

/* --- patterns -------------------------------------------------------------------------------- */

/* An index that a script gives, from 1 or, if negative, from the end; as an offset, at most length + 1. */
static size_t offset_of(lua_Integer index, size_t length)
{
	if (index > 0)
		return (size_t)index - 1 > length ? length + 1 : (size_t)index - 1;
	if (index == 0 || index < -(lua_Integer)length)
		return 0;
	return length - (size_t)-index;
}

static void charge_search(lua_State *lua, pattern_search *search)
{
	const bounded *b = bounds(lua);
	search->text = luaL_checklstring(lua, 1, &search->length);
	search->pattern = luaL_checklstring(lua, 2, &search->pattern_length);
	if (search->from <= search->length)
		b->charge(lua, pattern_steps(search, b->left(lua)));
}

static size_t read_offset(lua_State *lua, int argument)
{
	size_t length;
	luaL_checklstring(lua, 1, &length);
	return offset_of(luaL_optinteger(lua, argument, 1), length);
}

/* string.match(s, pattern [, init]) */
static int match(lua_State *lua)
{
	pattern_search search = {.from = read_offset(lua, 3), .anchor = true, .matches = 1};
	charge_search(lua, &search);
	return call_own(lua);
}

/* string.find(s, pattern [, init [, plain]]): a plain text is found in linear time, which Lua's own search does not promise. */
static int find(lua_State *lua)
{
	size_t length, wanted, from = read_offset(lua, 3);
	const char *text = luaL_checklstring(lua, 1, &length), *pattern = luaL_checklstring(lua, 2, &wanted);
	if (!lua_toboolean(lua, 4) && strcspn(pattern, "^$*+?.([%-") < wanted)
		return match(lua);
	bounds(lua)->charge(lua, (length + wanted) / 8);
	const char *found = from <= length ? memmem(text + from, length - from, pattern, wanted) : NULL;
	if (!found) {
		luaL_pushfail(lua);
		return 1;
	}
	lua_pushinteger(lua, found - text + 1);
	lua_pushinteger(lua, found - text + (lua_Integer)wanted);
	return 2;
}

/* string.gmatch(s, pattern [, init]): counted as if the script went through all matches. */
static int gmatch(lua_State *lua)
{
	pattern_search search = {.from = read_offset(lua, 3), .matches = UINT64_MAX};
	charge_search(lua, &search);
	return call_own(lua);
}

/* string.gsub(s, pattern, replacement [, n]) */
static int gsub(lua_State *lua)
{
	lua_Integer most = luaL_optinteger(lua, 4, LUA_MAXINTEGER);
	pattern_search search = {.anchor = true, .matches = most > 0 ? (uint64_t)most : 0};
	charge_search(lua, &search);
	return call_own(lua);
}

/* --- counting ---------------------------------------------------------------------------------- */

/* string.rep(s, n [, separator]): an empty text takes no memory, and as long. */
static int rep(lua_State *lua)
{
	lua_Integer n = luaL_checkinteger(lua, 2);
	bounds(lua)->charge(lua, n > 0 ? (uint64_t)n : 0);
	return call_own(lua);
}

/* table.move(a, from, to, at [, b]) */
static int move(lua_State *lua)
{
	lua_Integer from = luaL_checkinteger(lua, 2), to = luaL_checkinteger(lua, 3);
	bounds(lua)->charge(lua, to >= from ? (uint64_t)to - (uint64_t)from : 0);
	return call_own(lua);
}

/* table.insert, table.remove: they shift what comes after, and believe __len. */
static int shift(lua_State *lua)
{
	luaL_checkany(lua, 1);
	lua_Integer length = luaL_len(lua, 1);
	if (lua_gettop(lua) > 1 && length > 0)
		bounds(lua)->charge(lua, (uint64_t)length / 8);
	return call_own(lua);
}

/* table.concat(t [, separator [, from [, to]]]), table.sort(t [, compare]): they believe __len. */
static int walk(lua_State *lua)
{
	luaL_checkany(lua, 1);
	lua_Integer length = luaL_len(lua, 1);
	bounds(lua)->charge(lua, length > 0 ? (uint64_t)length : 0);
	return call_own(lua);
}

/* --- all of them -------------------------------------------------------------------------------- */

void bounded_open(lua_State *lua, const bounded *b)
{
	static const struct {
		const char *table, *name;
		lua_CFunction function;
	} functions[] = {
		{LUA_STRLIBNAME, "find", find},     {LUA_STRLIBNAME, "match", match},
		{LUA_STRLIBNAME, "gmatch", gmatch}, {LUA_STRLIBNAME, "gsub", gsub},
		{LUA_STRLIBNAME, "rep", rep},       {LUA_TABLIBNAME, "move", move},
		{LUA_TABLIBNAME, "insert", shift},  {LUA_TABLIBNAME, "remove", shift},
		{LUA_TABLIBNAME, "concat", walk},   {LUA_TABLIBNAME, "sort", walk},
	};
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		lua_getglobal(lua, functions[i].table);
		lua_pushlightuserdata(lua, (void *)(uintptr_t)b);
		lua_getfield(lua, -2, functions[i].name);
		lua_pushcclosure(lua, functions[i].function, 2);
		lua_setfield(lua, -2, functions[i].name);
		lua_pop(lua, 1);
	}
}
