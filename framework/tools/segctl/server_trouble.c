#include "server_trouble.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "stream/client.h"

/* So many starts within so long are too many. */
enum { STARTS_MANY = 3, STARTS_SECONDS = 60, TAIL = 16384 };

/* A server that has run for less was started just now. */
enum { YOUNG_SECONDS = 5 };

/* The time of a line of Redis's log: "1234:M 27 Nov 2026 01:10:29.852 * ..."; 0: it has none. */
static time_t time_of(const char *line)
{
	struct tm date = {.tm_isdst = -1};
	const char *blank = strchr(line, ' ');
	return blank && strptime(blank, " %d %b %Y %H:%M:%S", &date) ? mktime(&date) : 0;
}

/* Whether the end of the log has many starts of the last minute. */
static bool starts_often(const char *directory)
{
	char path[4096], tail[TAIL + 1], *rest = tail;
	snprintf(path, sizeof(path), "%s/redis.log", directory);
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	if (fseek(file, -TAIL, SEEK_END))
		rewind(file);
	tail[fread(tail, 1, TAIL, file)] = '\0';
	fclose(file);
	int starts = 0;
	for (char *line; (line = strsep(&rest, "\n"));)
		starts += strstr(line, " is starting ") && time(NULL) - time_of(line) < STARTS_SECONDS;
	return starts >= STARTS_MANY;
}

typedef struct {
	bool writes_fail, dump_fails;
	long long uptime; /* seconds; -1: not known */
} facts;

static long long number_after(const char *info, const char *name)
{
	const char *found = strstr(info, name);
	return found ? strtoll(found + strlen(name), NULL, 10) : -1;
}

static void got_info(void *arg, const seg_reply *reply)
{
	facts *f = arg;
	if (!reply || reply->type != SEG_REPLY_TEXT)
		return;
	f->writes_fail = strstr(reply->text, "aof_last_write_status:err") != NULL;
	f->dump_fails = strstr(reply->text, "rdb_last_bgsave_status:err") != NULL;
	f->uptime = number_after(reply->text, "uptime_in_seconds:");
}

bool ctl_server_trouble_find(ctl_context *context, ctl_trouble *trouble)
{
	static const char *const argv[] = {"INFO"};
	const char *directory = context->embedded;
	facts f = {.uptime = -1};
	if (ctl_disk_trouble(directory, trouble))
		return true;
	if (seg_client_command(context->client, got_info, &f, 1, argv, NULL, "read INFO", NULL))
		return false;
	const char *log = directory ? directory : "its";
	if (f.writes_fail || f.dump_fails)
		snprintf(trouble->what, sizeof(trouble->what),
			 "Redis cannot write its %s to the disk (%s), and may refuse messages",
			 f.writes_fail ? "append-only file" : "snapshot",
			 f.writes_fail ? "aof_last_write_status:err" : "rdb_last_bgsave_status:err");
	else if (directory && f.uptime >= 0 && f.uptime < YOUNG_SECONDS && starts_often(directory))
		snprintf(trouble->what, sizeof(trouble->what),
			 "the embedded Redis ends and is started again and again, the last time %lld s ago",
			 f.uptime);
	else
		return false;
	snprintf(trouble->remedy, sizeof(trouble->remedy),
		 "free space on its disk and check its memory; %.200s%s tells why", log,
		 directory ? "/redis.log" : " log");
	return true;
}
