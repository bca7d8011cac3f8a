#include "doctor/right_list.h"

#define RUNNER SEG_USER_RUNNER
#define PRODUCER SEG_USER_PRODUCER
#define OPERATOR SEG_USER_OPERATOR
#define ALL SEG_USER_ANY
#define EVERYWHERE SEG_RIGHT_EVERYWHERE

/* clang-format off */
const seg_right seg_rights[] = {
	{"evalsha", NULL, ALL, NULL, SEG_RIGHT_FACT, NULL},
	{"script|load", NULL, ALL, NULL, SEG_RIGHT_FACT, NULL},
	{"info", NULL, ALL, NULL, SEG_RIGHT_FACT, NULL},
	{"config|get", NULL, ALL, NULL, SEG_RIGHT_FACT, NULL},
	{"role", "ROLE", ALL, "INFO tells the role", SEG_RIGHT_ROLE, NULL},
	{"wait", "WAIT 0 1", ALL, NULL, SEG_RIGHT_REPLICAS, NULL},
	{"cluster|slots", "CLUSTER SLOTS", ALL, NULL, SEG_RIGHT_CLUSTER, NULL},
	{"cluster|info", NULL, ALL, NULL, SEG_RIGHT_FACT, NULL},
	{"asking", "ASKING", ALL, NULL, SEG_RIGHT_CLUSTER, NULL},
	{"client|tracking", "CLIENT TRACKING ON", RUNNER, "partitions without messages are read again and again",
	 SEG_RIGHT_CLUSTER, NULL},
	{"subscribe", "SUBSCRIBE __redis__:invalidate", RUNNER,
	 "partitions without messages are read again and again", SEG_RIGHT_CLUSTER, "__redis__:invalidate"},

	{"client|setname", "CLIENT SETNAME x", ALL, "CLIENT LIST does not tell whose connection is whose", EVERYWHERE, NULL},
	{"client|id", "CLIENT ID", ALL, "HELLO is asked instead", EVERYWHERE, NULL},
	{"client|unblock", "CLIENT UNBLOCK 1", RUNNER, "blocking reads are short, which costs a few more commands", EVERYWHERE, NULL},

	/* The scripts run these under the user's own rights. */
	{"exists", "EXISTS KEY", ALL, NULL, EVERYWHERE, NULL},
	{"get", "GET KEY", PRODUCER | OPERATOR, NULL, EVERYWHERE, NULL},
	{"hdel", "HDEL KEY f", RUNNER | OPERATOR, NULL, EVERYWHERE, NULL},
	{"hexists", "HEXISTS KEY f", RUNNER, NULL, EVERYWHERE, NULL},
	{"hget", "HGET KEY f", RUNNER | OPERATOR, NULL, EVERYWHERE, NULL},
	{"hgetall", "HGETALL KEY", RUNNER | OPERATOR, NULL, EVERYWHERE, NULL},
	{"hincrby", "HINCRBY KEY f 1", ALL, NULL, EVERYWHERE, NULL},
	{"hkeys", "HKEYS KEY", RUNNER, NULL, EVERYWHERE, NULL},
	{"hlen", "HLEN KEY", RUNNER | OPERATOR, NULL, EVERYWHERE, NULL},
	{"hmget", "HMGET KEY f", ALL, NULL, EVERYWHERE, NULL},
	{"hscan", "HSCAN KEY 0", RUNNER | OPERATOR, NULL, EVERYWHERE, NULL},
	{"hset", "HSET KEY f v", ALL, NULL, EVERYWHERE, NULL},
	{"sadd", "SADD KEY m", RUNNER, NULL, EVERYWHERE, NULL},
	{"set", "SET KEY v", PRODUCER | OPERATOR, NULL, EVERYWHERE, NULL},
	{"time", "TIME", ALL, NULL, EVERYWHERE, NULL},
	{"xack", "XACK KEY g 0-1", RUNNER | OPERATOR, NULL, EVERYWHERE, NULL},
	{"xadd", "XADD KEY * f v", ALL, NULL, EVERYWHERE, NULL},
	{"xgroup|create", "XGROUP CREATE KEY g 0", RUNNER, NULL, EVERYWHERE, NULL},
	{"xgroup|setid", "XGROUP SETID KEY g 0", RUNNER | OPERATOR, NULL, EVERYWHERE, NULL},
	{"xinfo|groups", "XINFO GROUPS KEY", ALL, NULL, EVERYWHERE, NULL},
	{"xinfo|stream", "XINFO STREAM KEY", ALL, NULL, EVERYWHERE, NULL},
	{"xlen", "XLEN KEY", ALL, NULL, EVERYWHERE, NULL},
	{"xpending", "XPENDING KEY g", ALL, NULL, EVERYWHERE, NULL},
	{"xrange", "XRANGE KEY - +", ALL, NULL, EVERYWHERE, NULL},
	{"xrevrange", "XREVRANGE KEY + -", RUNNER | OPERATOR, NULL, EVERYWHERE, NULL},
	{"xtrim", "XTRIM KEY MAXLEN 1", ALL, NULL, EVERYWHERE, NULL},
	{"zadd", "ZADD KEY 1 m", RUNNER, NULL, EVERYWHERE, NULL},
	{"zcard", "ZCARD KEY", RUNNER, NULL, EVERYWHERE, NULL},
	{"zrange", "ZRANGE KEY 0 1", RUNNER | OPERATOR, NULL, EVERYWHERE, NULL},
	{"zrangebyscore", "ZRANGEBYSCORE KEY 0 1", RUNNER | OPERATOR, NULL, EVERYWHERE, NULL},
	{"zrem", "ZREM KEY m", RUNNER, NULL, EVERYWHERE, NULL},
	{"zscore", "ZSCORE KEY m", RUNNER, NULL, EVERYWHERE, NULL},

	{"xread", "XREAD STREAMS KEY 0", RUNNER | OPERATOR, NULL, EVERYWHERE, NULL},

	{"scan", "SCAN 0", OPERATOR, NULL, EVERYWHERE, NULL},
	{"unlink", "UNLINK KEY", OPERATOR, NULL, EVERYWHERE, NULL},
	{"srem", "SREM KEY m", RUNNER | OPERATOR, NULL, EVERYWHERE, NULL},
	{"xdel", "XDEL KEY 0-1", OPERATOR, NULL, EVERYWHERE, NULL},
	{"smembers", "SMEMBERS KEY", RUNNER | OPERATOR, NULL, EVERYWHERE, NULL},
	{"sismember", "SISMEMBER KEY m", RUNNER | OPERATOR, NULL, EVERYWHERE, NULL},
	{"xgroup|destroy", "XGROUP DESTROY KEY g", OPERATOR, NULL, EVERYWHERE, NULL},
};
/* clang-format on */

const size_t seg_right_count = sizeof(seg_rights) / sizeof(seg_rights[0]);
