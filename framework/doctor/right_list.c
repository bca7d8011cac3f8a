#include "doctor/right_list.h"

#define RUNNER SEG_USER_RUNNER
#define OPERATOR SEG_USER_OPERATOR
#define ALL SEG_USER_ANY

/* clang-format off */
const seg_right seg_rights[] = {
	{"client|setname", "CLIENT SETNAME x", ALL, "CLIENT LIST does not tell whose connection is whose"},
	{"client|id", "CLIENT ID", ALL, "a blocked read cannot be ended early"},
	{"client|unblock", "CLIENT UNBLOCK 1", RUNNER, "quiet partitions are joined to the reads later, by up to 1 s"},

	/* The scripts run these under the user's own rights. */
	{"exists", "EXISTS KEY", ALL, NULL},
	{"get", "GET KEY", ALL, NULL},
	{"hdel", "HDEL KEY f", ALL, NULL},
	{"hexists", "HEXISTS KEY f", ALL, NULL},
	{"hget", "HGET KEY f", ALL, NULL},
	{"hgetall", "HGETALL KEY", ALL, NULL},
	{"hincrby", "HINCRBY KEY f 1", ALL, NULL},
	{"hkeys", "HKEYS KEY", ALL, NULL},
	{"hlen", "HLEN KEY", ALL, NULL},
	{"hmget", "HMGET KEY f", ALL, NULL},
	{"hset", "HSET KEY f v", ALL, NULL},
	{"sadd", "SADD KEY m", ALL, NULL},
	{"set", "SET KEY v", ALL, NULL},
	{"time", "TIME", ALL, NULL},
	{"xack", "XACK KEY g 0-1", ALL, NULL},
	{"xadd", "XADD KEY * f v", ALL, NULL},
	{"xgroup|create", "XGROUP CREATE KEY g 0", ALL, NULL},
	{"xgroup|setid", "XGROUP SETID KEY g 0", ALL, NULL},
	{"xinfo|groups", "XINFO GROUPS KEY", ALL, NULL},
	{"xinfo|stream", "XINFO STREAM KEY", ALL, NULL},
	{"xlen", "XLEN KEY", ALL, NULL},
	{"xpending", "XPENDING KEY g", ALL, NULL},
	{"xrange", "XRANGE KEY - +", ALL, NULL},
	{"xrevrange", "XREVRANGE KEY + -", ALL, NULL},
	{"xtrim", "XTRIM KEY MAXLEN 1", ALL, NULL},
	{"zadd", "ZADD KEY 1 m", ALL, NULL},
	{"zcard", "ZCARD KEY", ALL, NULL},
	{"zrange", "ZRANGE KEY 0 1", ALL, NULL},
	{"zrangebyscore", "ZRANGEBYSCORE KEY 0 1", ALL, NULL},
	{"zrem", "ZREM KEY m", ALL, NULL},
	{"zscore", "ZSCORE KEY m", ALL, NULL},

	{"xread", "XREAD STREAMS KEY 0", RUNNER | OPERATOR, NULL},

	{"scan", "SCAN 0", OPERATOR, NULL},
	{"multi", "MULTI", OPERATOR, NULL},
	{"exec", "EXEC", OPERATOR, NULL},
	{"unlink", "UNLINK KEY", OPERATOR, NULL},
	{"srem", "SREM KEY m", OPERATOR, NULL},
	{"xdel", "XDEL KEY 0-1", OPERATOR, NULL},
	{"smembers", "SMEMBERS KEY", OPERATOR, NULL},
	{"sismember", "SISMEMBER KEY m", OPERATOR, NULL},
	{"xgroup|destroy", "XGROUP DESTROY KEY g", OPERATOR, NULL},
};
/* clang-format on */

const size_t seg_right_count = sizeof(seg_rights) / sizeof(seg_rights[0]);
