#include "script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>

#include "bounded.h"
#include "effects.h"
#include "library.h"

/* Instructions between two checks of the limit. */
enum { INSTRUCTIONS_LOOK = 1000 };

struct script {
	const script_settings *settings;
	lua_State *lua;
	uint32_t partition;
	uint64_t epoch;
	size_t used; /* bytes */
	bool exhausted;
	uint64_t executed; /* instructions of this call */
	effects_message handled;
};

/* --- limits --------------------------------------------------------------------------------- */

static void *allocate(void *arg, void *block, size_t old_size, size_t new_size)
{
	script *s = arg;
	size_t limit = s->settings->memory_limit, old = block ? old_size : 0;
	if (new_size == 0) {
		free(block);
		s->used -= old;
		return NULL;
	}
	if (limit && new_size > old && (new_size > limit || s->used - old > limit - new_size))
		return NULL;
	void *moved = realloc(block, new_size);
	if (moved)
		s->used = s->used - old + new_size;
	return moved;
}

static script *script_of(lua_State *lua)
{
	return *(script **)lua_getextraspace(lua);
}

static uint64_t instructions_left(lua_State *lua)
{
	const script *s = script_of(lua);
	uint64_t limit = s->settings->instruction_limit;
	return s->executed < limit ? limit - s->executed : 0;
}

static void count_instructions(lua_State *lua, lua_Debug *where);

static void charge_instructions(lua_State *lua, uint64_t count)
{
	script *s = script_of(lua);
	bool within = count <= instructions_left(lua);
	s->executed = within ? s->executed + count : s->settings->instruction_limit + 1;
	if (within)
		return;
	/* From here on after each instruction, so that a script that catches the error cannot continue. */
	lua_sethook(lua, count_instructions, LUA_MASKCOUNT, 1);
	luaL_error(lua, "more than %I instructions (option.instruction_limit)",
		   (lua_Integer)s->settings->instruction_limit);
}

static void count_instructions(lua_State *lua, lua_Debug *where)
{
	(void)where;
	charge_instructions(lua, INSTRUCTIONS_LOOK);
}

static void grant_instructions(script *s)
{
	s->executed = 0;
	if (s->settings->instruction_limit)
		lua_sethook(s->lua, count_instructions, LUA_MASKCOUNT, INSTRUCTIONS_LOOK);
}

/* --- calls ------------------------------------------------------------------------------------ */

/* Calls `function` with `arg`, protected and with fresh instructions. */
static int run(script *s, lua_CFunction function, void *arg, char *error, size_t error_size)
{
	grant_instructions(s);
	lua_settop(s->lua, 0);
	lua_pushcfunction(s->lua, function);
	lua_pushlightuserdata(s->lua, arg);
	int status = lua_pcall(s->lua, 1, 0, 0);
	if (status == LUA_OK)
		return 0;
	s->exhausted |= status == LUA_ERRMEM;
	const char *text = lua_type(s->lua, -1) == LUA_TSTRING ? lua_tostring(s->lua, -1) : NULL;
	if (status == LUA_ERRMEM)
		snprintf(error, error_size,
			 "the script ran out of memory; it may use %zu bytes (option.memory_limit)",
			 s->settings->memory_limit);
	else
		snprintf(error, error_size, "%s",
			 text ? text : "the script raised an error that is not a text");
	lua_settop(s->lua, 0);
	return -1;
}

static int run_file(lua_State *lua)
{
	script *s = lua_touserdata(lua, 1);
	library_open(lua, s->settings->host, s->partition, s->epoch, s->settings->sandbox);
	effects_open(lua, &s->handled);
	static const bounded limits = {.left = instructions_left, .charge = charge_instructions};
	if (s->settings->instruction_limit)
		bounded_open(lua, &limits);
	/* Only text: Lua does not verify byte code, which could do anything. */
	if (luaL_loadfilex(lua, s->settings->path, "t") != LUA_OK)
		return lua_error(lua);
	lua_call(lua, 0, 0);
	if (lua_getglobal(lua, "handle") != LUA_TFUNCTION)
		return luaL_error(lua, "%s defines no function handle(message)", s->settings->path);
	return 0;
}

script *script_load(const script_settings *settings, uint32_t partition, uint64_t epoch, char *error,
		    size_t error_size)
{
	script *s = calloc(1, sizeof(*s));
	if (s) {
		s->settings = settings;
		s->partition = partition;
		s->epoch = epoch;
		s->lua = lua_newstate(allocate, s);
	}
	if (!s || !s->lua) {
		free(s);
		snprintf(error, error_size,
			 "out of memory, or option.memory_limit is too small for any script");
		return NULL;
	}
	*(script **)lua_getextraspace(s->lua) = s;
	if (run(s, run_file, s, error, error_size) == 0)
		return s;
	script_free(s);
	return NULL;
}

static int call_open(lua_State *lua)
{
	script *s = lua_touserdata(lua, 1);
	if (lua_getglobal(lua, "open") == LUA_TNIL)
		return 0;
	lua_pushinteger(lua, s->partition);
	lua_pushinteger(lua, (lua_Integer)s->epoch);
	lua_call(lua, 2, 0);
	return 0;
}

int script_open(script *s, char *error, size_t error_size)
{
	return run(s, call_open, s, error, error_size);
}

static int call_tick(lua_State *lua)
{
	if (lua_getglobal(lua, "tick") != LUA_TNIL)
		lua_call(lua, 0, 0);
	return 0;
}

int script_tick(script *s, char *error, size_t error_size)
{
	return run(s, call_tick, NULL, error, error_size);
}

static int call_close(lua_State *lua)
{
	const seg_close_reason *reason = lua_touserdata(lua, 1);
	if (lua_getglobal(lua, "close") == LUA_TNIL)
		return 0;
	lua_pushstring(lua, *reason == SEG_CLOSE_LOST ? "lost" : "released");
	lua_call(lua, 1, 0);
	return 0;
}

int script_close(script *s, seg_close_reason reason, char *error, size_t error_size)
{
	return run(s, call_close, &reason, error, error_size);
}

/* --- handle --------------------------------------------------------------------------------------- */

typedef struct handling {
	const seg_host *host;
	const seg_batch *batch;
	size_t index;
	seg_outcome outcome;
	char *reason;
	size_t reason_size;
} handling;

/* Reads what handle returned, at 2 and 3 of the stack: nothing or true; or an answer and its reason. */
static void read_answer(lua_State *lua, handling *h)
{
	static const char *const names[] = {"done", "retry", "dead_letter", "stop"};
	bool is_text = lua_type(lua, 2) == LUA_TSTRING;
	const char *answer = is_text ? lua_tostring(lua, 2) : NULL;
	h->outcome = SEG_OUTCOME_DONE;
	/* Lua's own functions tell of an error so: the message has not taken effect. */
	if (lua_isnil(lua, 2) && !lua_isnil(lua, 3))
		luaL_error(
			lua,
			"handle returned nil and %s; a message that failed needs \"retry\" or \"dead_letter\"",
			luaL_tolstring(lua, 3, NULL));
	if (lua_isnil(lua, 2) || (lua_isboolean(lua, 2) && lua_toboolean(lua, 2)))
		return;
	for (size_t i = 0; answer && i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(answer, names[i]) == 0) {
			const char *why = luaL_tolstring(lua, 3, NULL);
			snprintf(h->reason, h->reason_size, "%s", lua_isnil(lua, 3) ? names[i] : why);
			h->outcome = (seg_outcome)i;
			return;
		}
	luaL_error(lua,
		   "handle returned %s; expected nothing, true, or \"retry\", \"dead_letter\" or \"stop\" "
		   "with a reason",
		   luaL_tolstring(lua, 2, NULL));
}

static int call_handle(lua_State *lua)
{
	handling *h = lua_touserdata(lua, 1);
	lua_getglobal(lua, "handle");
	library_push_message(lua, h->host, h->batch, h->index);
	lua_call(lua, 1, 2);
	read_answer(lua, h);
	return 0;
}

seg_outcome script_handle(script *s, const seg_batch *batch, size_t index, char *reason, size_t reason_size)
{
	handling h = {.host = s->settings->host,
		      .batch = batch,
		      .index = index,
		      .reason = reason,
		      .reason_size = reason_size};
	s->handled = (effects_message){batch, index};
	int result = run(s, call_handle, &h, reason, reason_size);
	s->handled = (effects_message){0};
	return result == 0 ? h.outcome : SEG_OUTCOME_RETRY;
}

bool script_is_exhausted(const script *s)
{
	return s->exhausted;
}

void script_free(script *s)
{
	if (!s)
		return;
	lua_close(s->lua);
	free(s);
}
