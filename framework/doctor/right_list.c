#include "doctor/right_list.h"

#define RUNNER SEG_USER_RUNNER
#define PRODUCER SEG_USER_PRODUCER
#define OPERATOR SEG_USER_OPERATOR
#define ALL SEG_USER_ANY

/* clang-format off */
const seg_right seg_rights[] = {
	{"client|setname", "CLIENT SETNAME x", ALL, "CLIENT LIST does not tell whose connection is whose"},
	{"client|id", "CLIENT ID", ALL, "a blocked read cannot be ended early"},
	{"client|unblock", "CLIENT UNBLOCK 1", RUNNER, "blocking reads are short, which costs a few more commands"},

	/* The scripts run these under the user's own rights. */
	{"exists", "EXISTS KEY", ALL, NULL},
	{"get", "GET KEY", PRODUCER | OPERATOR, NULL},
	{"hdel", "HDEL KEY f", RUNNER | OPERATOR, NULL},
	{"hexists", "HEXISTS KEY f", RUNNER, NULL},
	{"hget", "HGET KEY f", RUNNER | OPERATOR, NULL},
	{"hgetall", "HGETALL KEY", RUNNER | OPERATOR, NULL},
	{"hincrby", "HINCRBY KEY f 1", ALL, NULL},
	{"hkeys", "HKEYS KEY", RUNNER, NULL},
	{"hlen", "HLEN KEY", RUNNER, NULL},
	{"hmget", "HMGET KEY f", ALL, NULL},
	{"hset", "HSET KEY f v", ALL, NULL},
	{"sadd", "SADD KEY m", RUNNER, NULL},
	{"set", "SET KEY v", PRODUCER | OPERATOR, NULL},
	{"time", "TIME", ALL, NULL},
	{"xack", "XACK KEY g 0-1", RUNNER | OPERATOR, NULL},
	{"xadd", "XADD KEY * f v", ALL, NULL},
	{"xgroup|create", "XGROUP CREATE KEY g 0", RUNNER, NULL},
	{"xgroup|setid", "XGROUP SETID KEY g 0", RUNNER | OPERATOR, NULL},
	{"xinfo|groups", "XINFO GROUPS KEY", ALL, NULL},
	{"xinfo|stream", "XINFO STREAM KEY", ALL, NULL},
	{"xlen", "XLEN KEY", ALL, NULL},
	{"xpending", "XPENDING KEY g", ALL, NULL},
	{"xrange", "XRANGE KEY - +", ALL, NULL},
	{"xrevrange", "XREVRANGE KEY + -", OPERATOR, NULL},
	{"xtrim", "XTRIM KEY MAXLEN 1", PRODUCER | OPERATOR, NULL},
	{"zadd", "ZADD KEY 1 m", RUNNER, NULL},
	{"zcard", "ZCARD KEY", RUNNER, NULL},
	{"zrange", "ZRANGE KEY 0 1", RUNNER | OPERATOR, NULL},
	{"zrangebyscore", "ZRANGEBYSCORE KEY 0 1", RUNNER | OPERATOR, NULL},
	{"zrem", "ZREM KEY m", RUNNER, NULL},
	{"zscore", "ZSCORE KEY m", RUNNER, NULL},

	{"xread", "XREAD STREAMS KEY 0", RUNNER | OPERATOR, NULL},

	{"scan", "SCAN 0", OPERATOR, NULL},
	{"multi", "MULTI", RUNNER | OPERATOR, NULL},
	{"exec", "EXEC", RUNNER | OPERATOR, NULL},
	{"unlink", "UNLINK KEY", OPERATOR, NULL},
	{"srem", "SREM KEY m", OPERATOR, NULL},
	{"xdel", "XDEL KEY 0-1", OPERATOR, NULL},
	{"smembers", "SMEMBERS KEY", OPERATOR, NULL},
	{"sismember", "SISMEMBER KEY m", RUNNER | OPERATOR, NULL},
	{"xgroup|destroy", "XGROUP DESTROY KEY g", OPERATOR, NULL},
};
/* clang-format on */

const size_t seg_right_count = sizeof(seg_rights) / sizeof(seg_rights[0]);
