/*
 * Addresses of Redis: every form that is accepted, the text of every refusal, and that no text contains a
 * password.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "redis/address.h"

/* --- helpers ---------------------------------------------------------------------- */

static seg_address address;
static seg_error error;

static int setup(void **state)
{
	(void)state;
	address = (seg_address){0};
	error = (seg_error){0};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	seg_address_fini(&address);
	return 0;
}

static void parse(const char *text)
{
	seg_address_fini(&address);
	if (seg_address_parse(text, &address, &error))
		fail_msg("\"%s\" is refused: %s", text, error.text);
}

static void assert_text_or_null(const char *actual, const char *expected)
{
	if (!expected)
		assert_null(actual);
	else
		assert_non_null(actual);
	if (expected)
		assert_string_equal(actual, expected);
}

static void parses_as_host(const char *text, const char *host, uint16_t port, uint32_t database)
{
	parse(text);
	assert_text_or_null(address.endpoints->host, host);
	assert_null(address.endpoints->path);
	assert_int_equal(address.endpoints->port, port);
	assert_int_equal(address.database, database);
}

static void parses_as_path(const char *text, const char *path, uint32_t database)
{
	parse(text);
	assert_text_or_null(address.endpoints->path, path);
	assert_null(address.endpoints->host);
	assert_int_equal(address.database, database);
}

static void has_login(const char *user, const char *password)
{
	assert_text_or_null(address.user, user);
	assert_text_or_null(address.password, password);
}

/* The text must say `what` is wrong and how to mend it, in one line. The address must be empty afterwards. */
static void refuses(const char *text, const char *what)
{
	static const seg_address nothing;
	seg_address refused;
	memset(&refused, 0x5a, sizeof(refused));
	error = (seg_error){0};
	if (seg_address_parse(text, &refused, &error) != SEG_EINVAL)
		fail_msg("\"%s\" is not refused", text);
	assert_int_equal(error.status, SEG_EINVAL);
	if (!strstr(error.text, what))
		fail_msg("\"%s\" is refused with \"%s\", which does not say \"%s\"", text, error.text, what);
	assert_null(strpbrk(error.text, "\r\n"));
	assert_memory_equal(&refused, &nothing, sizeof(nothing));
}

/* --- accepted addresses ------------------------------------------------------------------ */

static void a_host_alone_has_the_default_port_and_database(void **state)
{
	(void)state;
	parses_as_host("redis://cache.example.org", "cache.example.org", 6379, 0);
	parses_as_host("redis://cache.example.org/", "cache.example.org", 6379, 0);
	parses_as_host("cache", "cache", 6379, 0);
	has_login(NULL, NULL);
}

static void port_and_database_are_read_at_their_limits(void **state)
{
	(void)state;
	parses_as_host("redis://h:1/0", "h", 1, 0);
	parses_as_host("redis://h:65535/1000000", "h", 65535, 1000000);
	parses_as_host("127.0.0.1:7000", "127.0.0.1", 7000, 0);
	parses_as_host("h/15", "h", 6379, 15);
}

static void an_ipv6_host_stands_in_brackets_and_keeps_them_in_messages_only(void **state)
{
	(void)state;
	parses_as_host("redis://[::1]", "::1", 6379, 0);
	assert_string_equal(address.text, "redis://[::1]:6379");
	parses_as_host("redis://:pw@[fe80::1]:7000/3", "fe80::1", 7000, 3);
	assert_string_equal(address.text, "redis://[fe80::1]:7000/3");
}

static void a_socket_path_may_carry_a_database(void **state)
{
	(void)state;
	parses_as_path("unix:///run/redis/redis.sock", "/run/redis/redis.sock", 0);
	has_login(NULL, NULL);
	parses_as_path("unix:///r.sock?db=12", "/r.sock", 12);
	assert_string_equal(address.text, "unix:///r.sock?db=12");
}

static void has_server(uint32_t i, const char *host, uint16_t port)
{
	assert_true(i < address.endpoint_count);
	assert_text_or_null(address.endpoints[i].host, host);
	assert_int_equal(address.endpoints[i].port, port);
}

static void a_list_of_servers_shares_the_login_and_the_database(void **state)
{
	(void)state;
	parse("redis://u:p,w@h1:7000,h2,[::1]:7001/3");
	assert_int_equal(address.endpoint_count, 3);
	has_server(0, "h1", 7000);
	has_server(1, "h2", 6379);
	has_server(2, "::1", 7001);
	has_login("u", "p,w");
	assert_int_equal(address.database, 3);
	assert_null(address.master);
	assert_string_equal(address.text, "redis://h1:7000,h2:6379,[::1]:7001/3");
	parse("h1,h2:1");
	assert_int_equal(address.endpoint_count, 2);
	has_server(1, "h2", 1);
}

static void the_scheme_tells_of_tls(void **state)
{
	(void)state;
	parse("redis://h");
	assert_false(address.tls);
	parse("rediss://h1,h2:7000/1");
	assert_true(address.tls);
	has_server(0, "h1", 6379);
	assert_string_equal(address.text, "rediss://h1:6379,h2:7000/1");
	parse("rediss+sentinel://h/m");
	assert_true(address.tls);
	assert_string_equal(address.text, "rediss+sentinel://h:26379/m");
}

static void sentinels_have_their_own_port_and_name_a_master(void **state)
{
	(void)state;
	parse("redis+sentinel://alice:pw@h1,h2:26380,[::1]/my.master-1_x/5");
	assert_int_equal(address.endpoint_count, 3);
	has_server(0, "h1", 26379);
	has_server(1, "h2", 26380);
	has_server(2, "::1", 26379);
	assert_string_equal(address.master, "my.master-1_x");
	has_login("alice", "pw");
	assert_int_equal(address.database, 5);
	assert_false(address.tls);
	assert_string_equal(address.text, "redis+sentinel://h1:26379,h2:26380,[::1]:26379/my.master-1_x/5");
	parse("redis+sentinel://h/m/");
	assert_int_equal(address.database, 0);
	assert_string_equal(address.text, "redis+sentinel://h:26379/m");
}

static void a_list_has_up_to_64_servers(void **state)
{
	(void)state;
	char text[400] = "redis://h0";
	for (int i = 1; i < 64; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), ",h%d", i);
	parse(text);
	assert_int_equal(address.endpoint_count, 64);
	has_server(63, "h63", 6379);
	strcat(text, ",h64");
	refuses(text, "has more than 64 servers");
}

static void a_list_bears_its_scheme_once(void **state)
{
	(void)state;
	refuses("redis://h1:7000,redis://h2:7001",
		"repeats its scheme; write it once: redis://h1:6379,h2:6379");
	refuses("rediss://:pw@h1,rediss://:pw@h2", "repeats its scheme");
	refuses("redis+sentinel://h1,redis+sentinel://h2/m", "repeats its scheme");
}

static void a_login_is_split_at_the_first_colon_and_the_last_at_sign(void **state)
{
	(void)state;
	parses_as_host("redis://alice:p:w@x@h:7000/2", "h", 7000, 2);
	has_login("alice", "p:w@x");
	parses_as_host("redis://:pw@h", "h", 6379, 0);
	has_login(NULL, "pw");
	parses_as_host("alice:pw@h:1", "h", 1, 0);
	has_login("alice", "pw");
	parses_as_path("unix://alice:pw@/r.sock?db=1", "/r.sock", 1);
	has_login("alice", "pw");
}

static void an_at_sign_in_a_socket_path_is_no_login(void **state)
{
	(void)state;
	parses_as_path("unix:///run/a:b@c/r.sock", "/run/a:b@c/r.sock", 0);
	has_login(NULL, NULL);
}

static void escapes_are_decoded_in_login_and_path(void **state)
{
	(void)state;
	parse("redis://al%3aice:%2F%40%25%c3%A9@h");
	has_login("al:ice", "/@%\xc3\xa9");
	parses_as_path("unix:///a%20b%3Fc", "/a b?c", 0);
}

static void an_empty_password_is_a_password_and_an_empty_login_none(void **state)
{
	(void)state;
	parse("redis://alice:@h");
	has_login("alice", "");
	parse("redis://@h");
	has_login(NULL, NULL);
}

static void the_longest_socket_path_that_the_kernel_takes_is_taken(void **state)
{
	(void)state;
	char text[200];
	snprintf(text, sizeof(text), "unix:///%0106d", 0);
	parse(text);
	assert_int_equal(strlen(address.endpoints->path), 107);
	snprintf(text, sizeof(text), "unix:///%0107d", 0);
	refuses(text, "longer than 107 bytes; use a shorter one");
}

static void the_longest_host_name_of_dns_is_taken(void **state)
{
	(void)state;
	char text[300];
	snprintf(text, sizeof(text), "redis://%0253d", 0);
	parse(text);
	snprintf(text, sizeof(text), "redis://%0254d", 0);
	refuses(text, "longer than 253 characters");
}

/* --- passwords in a wrong place ------------------------------------------------- */

/* Whether it is accepted or refused, and whatever fails then: people get to read one of these two texts. */
static void hides(const char *text, const char *secret)
{
	seg_address_fini(&address);
	error = (seg_error){0};
	const char *shown = seg_address_parse(text, &address, &error) ? error.text : address.text;
	if (strstr(shown, secret))
		fail_msg("\"%s\" is shown as \"%s\"", text, shown);
	for (uint32_t i = 0; i < address.endpoint_count; i++) {
		char server[SEG_NODE_TEXT_MAX];
		seg_endpoint_print(&address.endpoints[i], server, sizeof(server));
		assert_null(strstr(server, secret));
	}
}

/* A * stands for the password. */
static void a_password_in_the_place_of_the_host_is_not_shown(void **state)
{
	(void)state;
	static const char *const secrets[] = {"swordfish", "S3cr3t",   "Pa.ss",    "hunter2",
					      "pw",        "12345678", "0x7f1234", "pass-word",
					      "p_w.o0rd1", "127.0.1",  "a1b2",     "Redis.Prod"};
	static const char *const forms[] = {"redis://*",
					    "redis://*:6379",
					    "rediss://*/1",
					    "*",
					    "redis://*@",
					    "redis://:*",
					    "redis://:*@",
					    "redis:/*",
					    "redis//*",
					    "redis://x.y,*",
					    "rediss:///*",
					    "redis://u:x@*",
					    "redis://:pa@*:7000",
					    "redis://[*]",
					    "redis:*",
					    "http://*",
					    "redis+sentinel://*/m",
					    "redis://h/*",
					    "unix:///r?pw=*",
					    "redis://h:*",
					    "redis+sentinel://h/m/*"};
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		for (size_t k = 0; k < sizeof(secrets) / sizeof(secrets[0]); k++) {
			char text[64];
			const char *star = strchr(forms[i], '*');
			snprintf(text, sizeof(text), "%.*s%s%s", (int)(star - forms[i]), forms[i], secrets[k],
				 star + 1);
			hides(text, secrets[k]);
		}
}

static void what_special_characters_of_a_password_shift_is_not_shown(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"redis://:pa@sword1",
		"redis://:pa/sword1@h",
		"redis://:pa?sword1@h",
		"redis://:pa#sword1",
		"redis://pa,sword1",
		"redis://u:pa,sword1@h",
		"redis://pa:sword1",
		"redis://:pa%sword1@h",
		"redis://[pa]sword1",
		"redis://[sword1",
		"redis://pa sword1",
		"redis://pa!sword1",
		"redis://pa$sword1@",
		"redis://u:pa@sword1:1/0",
		"redis://sword1:44444",
		"redis://u:pa://sword1",
		"redis://u:pa@sword1/",
		"redis://sword1,sword1:1",
		"redis+sentinel://pa@sword1/m",
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		hides(texts[i], "sword1");
	hides("redis://swordfish:44444", "44444");
}

static void shows(const char *text, const char *shown)
{
	parse(text);
	assert_string_equal(address.text, shown);
}

static void a_host_that_reads_as_a_host_is_shown(void **state)
{
	(void)state;
	static const char *const hosts[] = {
		"localhost",
		"redis",
		"redis-master",
		"redis-node-1",
		"cache01",
		"valkey_primary2",
		"prod-redis",
		"my-cache",
		"10.0.0.7",
		"redis.example.org",
		"h",
		"h12",
		"redis.prod.svc",
		"ip-10-0-0-1.ec2.internal",
		"sentinel3",
		"orders-redis-2",
	};
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		char text[64], shown[80];
		snprintf(text, sizeof(text), "redis://u:p@%s:7001", hosts[i]);
		snprintf(shown, sizeof(shown), "redis://%s:7001", hosts[i]);
		shows(text, shown);
	}
	shows("redis://swordfish", "redis://sw***:6379");
	shows("redis://u:p@hunter2:7001/2", "redis://***/2");
}

/* --- refusals ------------------------------------------------------------------ */

static void the_error_for_an_empty_address_shows_both_forms(void **state)
{
	(void)state;
	refuses(NULL, "is empty; write redis://host:6379 or unix:///path");
	refuses("", "is empty; write redis://host:6379 or unix:///path");
}

static void the_error_for_an_unknown_scheme_lists_the_known_ones(void **state)
{
	(void)state;
	static const char *const wrong[] =
		{"http://h", "Redis://h", "sentinel://h/m", "redis+sentinels://h/m", "redisss://h",
		 "://h",     "redis//h",  "redis:/h",       "rediss+sentinel//h/m",  "unix:/path"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		refuses(wrong[i], "must begin with redis://, rediss://, redis+sentinel://, "
				  "rediss+sentinel:// or unix://");
}

static void the_error_for_a_missing_host_shows_how_to_write_one(void **state)
{
	(void)state;
	const char *without[] = {"redis://",   "redis://:6379",     "redis:///1",
				 "redis://[]", "redis://:pw@:6379", ":6379",
				 "redis://h,", "redis://,h",        "redis+sentinel:///m",
				 "h1,,h2"};
	for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++)
		refuses(without[i], "has no host; write redis");
	refuses("redis://", "has no host; write redis://host:6379, or unix:///path for a socket");
	refuses("rediss+sentinel:///m", "has no host; write rediss+sentinel://host:26379/mymaster");
}

static void a_bad_server_of_a_list_is_named_by_its_position(void **state)
{
	(void)state;
	refuses("redis://h1,h2:65536,h3", "server 2 of the list: the port in the Redis address must be");
	refuses("redis+sentinel://h1,h2,/m",
		"server 3 of the list: the Redis address has no host; write redis+s");
	refuses("rediss://h 1,h2",
		"server 1 of the list: the host in the Redis address contains a forbidden");
	refuses("redis://u:p@h1,[::1,h3", "server 2 of the list: the Redis address has a [ without a ]");
	refuses("redis+sentinel://h1:x,h2/m", "write redis+sentinel://host:26379/mymaster or "
					      "redis+sentinel://user:password@host/mymaster");
	refuses("redis://h:0", "the port");
	assert_null(strstr(error.text, "of the list"));
}

static void the_error_for_a_bare_socket_path_names_its_scheme(void **state)
{
	(void)state;
	refuses("/run/redis/redis.sock", "unix:///");
}

static void a_port_out_of_range_is_named_with_the_range(void **state)
{
	(void)state;
	const char *wrong[] = {"0",         "65536", "99999999999999999999", "-1", "+1", " 1", "0x10",
			       "6379?db=1", ""};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char text[64];
		snprintf(text, sizeof(text), "redis://h:%s/1", wrong[i]);
		refuses(text, "the port in the Redis address must be 1 to 65535");
	}
	/* A number may be a password. */
	refuses("redis://h:65536", "the port");
	assert_null(strstr(error.text, "65536"));
}

static void a_database_out_of_range_is_named_with_the_range(void **state)
{
	(void)state;
	const char *wrong[] = {"x", "-1", "1x", "1/", "4294967296", "1000001"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char text[64];
		snprintf(text, sizeof(text), "redis://h/%s", wrong[i]);
		refuses(text, "the database in the Redis address must be a number of 0 to 1000000");
	}
}

static void a_sentinel_address_without_a_usable_master_is_shown_how_to_name_one(void **state)
{
	(void)state;
	static const char *const without[] = {"redis+sentinel://h", "redis+sentinel://h/",
					      "rediss+sentinel://h1,h2//0"};
	for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++)
		refuses(without[i], "write redis+sentinel://host:26379/mymaster");
	refuses("redis+sentinel://h/my master", "may contain only letters, digits, '.', '-' and '_'");
	refuses("redis+sentinel://h/m?db=1", "may contain only letters");
	refuses("redis+sentinel://h/m/x", "a number of 0 to 1000000");
	refuses("redis+sentinel://h/m/0/1", "a number of 0 to 1000000");
	char text[200];
	snprintf(text, sizeof(text), "redis+sentinel://h/%0129d", 0);
	refuses(text, "longer than 128 characters");
}

static void behind_a_socket_path_only_a_database_may_follow(void **state)
{
	(void)state;
	const char *wrong[] = {"?",         "?db",         "?db=",    "?db=x",      "?db=-1",
			       "?db=1&x=2", "?db=1000001", "?x?db=1", "?database=1"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char text[64];
		snprintf(text, sizeof(text), "unix:///r.sock%s", wrong[i]);
		refuses(text, "after the socket path, only ?db=NUMBER (0 to 1000000) may follow");
	}
}

static void a_relative_socket_path_is_shown_an_absolute_one(void **state)
{
	(void)state;
	refuses("unix://", "needs an absolute path: unix:///run/redis/redis.sock");
	refuses("unix://redis.sock", "needs an absolute path");
	refuses("unix://run/redis.sock", "needs an absolute path");
	refuses("unix://?db=1", "needs an absolute path");
	refuses("unix://u:p?w@/r.sock", "needs an absolute path");
}

static void brackets_must_be_whole(void **state)
{
	(void)state;
	refuses("redis://[::1", "a [ without a ]");
	refuses("redis://[::1]7000", "after the ] of the Redis address, only :port may follow");
	refuses("redis://[::1]:", "must be 1 to 65535");
}

static void a_host_with_characters_of_no_host_is_refused(void **state)
{
	(void)state;
	const char *wrong[] = {"a b",  "a\tb", "a\nb", "a\033b", "a?b",      "a#b", "a%41",
			       "a\"b", "[[]",  "a[b",  "a]",     "\xc3\xa9", "h "};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char text[64];
		snprintf(text, sizeof(text), "redis://%s:6379", wrong[i]);
		refuses(text, "the host in the Redis address contains a forbidden character");
	}
}

static void the_error_for_a_bad_escape_shows_how_to_write_a_percent_sign(void **state)
{
	(void)state;
	const char *wrong[] = {"%", "%4", "%zz", "%4g", "%00", "x%"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char text[64];
		snprintf(text, sizeof(text), "redis://:%s@h", wrong[i]);
		refuses(text, "has an invalid % escape; write % itself as %25");
		snprintf(text, sizeof(text), "redis://%s:pw@h", wrong[i]);
		refuses(text, "has an invalid % escape; write % itself as %25");
		snprintf(text, sizeof(text), "unix:///%s", wrong[i]);
		refuses(text, "the path in the Redis address has an invalid % escape");
	}
}

static void a_user_without_a_password_is_refused(void **state)
{
	(void)state;
	refuses("redis://alice@h", "names a user but no password; write redis://user:password@host");
	refuses("rediss://alice@h", "write rediss://user:password@host");
	refuses("redis+sentinel://alice@h/m", "write redis+sentinel://user:password@host/mymaster");
	refuses("unix://alice@/r.sock", "names a user but no password; write unix://user:password@/path");
}

/* --- secrets ------------------------------------------------------------------------- */

static void messages_never_show_the_login(void **state)
{
	(void)state;
	const char *good[] = {"redis://hidden:hidden@h:7000/2", "redis://:hidden@[::1]",
			      "unix://hidden:hidden@/r.sock?db=3"};
	const char *text[] = {"redis://h:7000/2", "redis://[::1]:6379", "unix:///r.sock?db=3"};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		parse(good[i]);
		assert_string_equal(address.text, text[i]);
	}
}

static void no_refusal_repeats_a_password(void **state)
{
	(void)state;
	const char *wrong[] = {
		"redis://u:hidden@",       "redis://u:hidden@h:0",
		"redis://u:hidden@h/x",    "redis://u:hid/hidden@h",
		"redis://u:hidden/x@h",    "redis://u:hidden%@h",
		"redis://u:%zzhidden@h",   "redis://hidden@h",
		"redis://:hidden@[h",      "redis://u:hidden@a b",
		"redisss://u:hidden@h",    "http://u:hidden@h",
		"unix://u:hidden@run",     "unix://u:hid/hidden@/r",
		"unix://u:hidden?@/r",     "unix://u:%hidden@/r",
		"unix://u:hidden@/r?db=x", "redis://u:hidden",
		"redis://:hidden",         "u:hidden",
		"redis://u:hidden/0",      "redis+sentinel://u:hidden@h",
		"redis://h,u:hidden",      "redis+sentinel://u:hidden@h/m/x",
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		refuses(wrong[i], "");
		if (strstr(error.text, "hidden"))
			fail_msg("\"%s\" is refused with the password in it: \"%s\"", wrong[i], error.text);
	}
}

/* --- logins from elsewhere, and copies --------------------------------------------------- */

static void another_login_takes_the_place_of_the_whole_old_one(void **state)
{
	(void)state;
	parse("redis://alice:old@h");
	assert_int_equal(seg_address_set_login(&address, NULL, "new", NULL, &error), 0);
	has_login(NULL, "new");
	assert_int_equal(seg_address_set_login(&address, "bob", address.password, NULL, &error), 0);
	has_login("bob", "new");
	assert_int_equal(seg_address_set_login(&address, NULL, NULL, NULL, &error), 0);
	has_login(NULL, NULL);
}

static void a_password_file_takes_the_place_of_the_password(void **state)
{
	(void)state;
	parse("redis://alice:old@h");
	assert_int_equal(seg_address_set_login(&address, "bob", NULL, "/run/pw", &error), 0);
	has_login("bob", NULL);
	assert_string_equal(address.password_file, "/run/pw");
}

static void a_refused_login_leaves_the_old_one(void **state)
{
	(void)state;
	parse("redis://alice:old@h");
	assert_int_equal(seg_address_set_login(&address, "bob", NULL, NULL, &error), SEG_EINVAL);
	assert_non_null(strstr(error.text, "the Redis user has no password"));
	assert_int_equal(seg_address_set_login(&address, NULL, "pw", "/file", &error), SEG_EINVAL);
	assert_non_null(strstr(error.text, "password and password_file are both set"));
	has_login("alice", "old");
}

/* --- TLS ----------------------------------------------------------------------------- */

static void rediss_is_redis_with_tls_that_verifies(void **state)
{
	(void)state;
	parses_as_host("rediss://u:pw@h:7000/2", "h", 7000, 2);
	assert_true(address.tls);
	assert_true(address.tls_settings.verify);
	assert_string_equal(address.text, "rediss://h:7000/2");
	has_login("u", "pw");
	parses_as_host("rediss://[::1]", "::1", 6379, 0);
	assert_string_equal(address.text, "rediss://[::1]:6379");
	parse("redis://h");
	assert_false(address.tls);
	parse("unix:///r.sock");
	assert_false(address.tls);
}

static void settings_for_tls_are_copied_and_go_along_with_a_copy(void **state)
{
	(void)state;
	char file[] = "ca.pem", name[] = "redis.internal";
	seg_tls_settings given = {.ca_file = file, .server_name = name, .verify = false};
	seg_address original;
	assert_int_equal(seg_address_parse("rediss://h", &original, NULL), 0);
	assert_int_equal(seg_address_set_tls(&original, &given, &error), 0);
	memset(file, 'x', strlen(file));
	memset(name, 'x', strlen(name));
	assert_int_equal(seg_address_copy(&address, &original), 0);
	seg_address_fini(&original);
	assert_true(address.tls);
	assert_string_equal(address.tls_settings.ca_file, "ca.pem");
	assert_string_equal(address.tls_settings.server_name, "redis.internal");
	assert_null(address.tls_settings.ca_directory);
	assert_null(address.tls_settings.key_file);
	assert_false(address.tls_settings.verify);
}

static void settings_for_tls_on_an_address_without_it_are_refused_by_name(void **state)
{
	(void)state;
	const struct {
		seg_tls_settings settings;
		const char *says;
	} wrong[] = {
		{{.ca_file = "x", .verify = true},
		 "tls_ca_file is set, but the address is without TLS; write"},
		{{.ca_directory = "x", .verify = true}, "tls_ca_directory is set, but"},
		{{.cert_file = "x", .key_file = "x", .verify = true}, "tls_cert_file is set, but"},
		{{.key_file = "x", .verify = true}, "tls_key_file is set, but"},
		{{.server_name = "x", .verify = true}, "tls_server_name is set, but"},
		{{.verify = false}, "tls_verify is set, but"},
	};
	parse("redis://h");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(seg_address_set_tls(&address, &wrong[i].settings, &error), SEG_EINVAL);
		if (!strstr(error.text, wrong[i].says))
			fail_msg("\"%s\" does not say \"%s\"", error.text, wrong[i].says);
	}
	assert_int_equal(seg_address_set_tls(&address, &(seg_tls_settings){.verify = true}, &error), 0);
}

static void a_copy_outlives_its_original(void **state)
{
	(void)state;
	seg_address original;
	assert_int_equal(seg_address_parse("redis+sentinel://alice:pw@h:7000/m/2", &original, NULL), 0);
	assert_int_equal(seg_address_copy(&address, &original), 0);
	memset(original.password, 'x', 2);
	seg_address_fini(&original);
	assert_string_equal(address.endpoints->host, "h");
	assert_string_equal(address.text, "redis+sentinel://h:7000/m/2");
	assert_string_equal(address.master, "m");
	assert_int_equal(address.endpoints->port, 7000);
	has_login("alice", "pw");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_host_alone_has_the_default_port_and_database),
		TEST(port_and_database_are_read_at_their_limits),
		TEST(an_ipv6_host_stands_in_brackets_and_keeps_them_in_messages_only),
		TEST(a_socket_path_may_carry_a_database),
		TEST(a_list_of_servers_shares_the_login_and_the_database),
		TEST(the_scheme_tells_of_tls),
		TEST(sentinels_have_their_own_port_and_name_a_master),
		TEST(a_list_has_up_to_64_servers),
		TEST(a_list_bears_its_scheme_once),
		TEST(a_login_is_split_at_the_first_colon_and_the_last_at_sign),
		TEST(an_at_sign_in_a_socket_path_is_no_login),
		TEST(escapes_are_decoded_in_login_and_path),
		TEST(an_empty_password_is_a_password_and_an_empty_login_none),
		TEST(the_longest_socket_path_that_the_kernel_takes_is_taken),
		TEST(the_longest_host_name_of_dns_is_taken),
		TEST(a_password_in_the_place_of_the_host_is_not_shown),
		TEST(what_special_characters_of_a_password_shift_is_not_shown),
		TEST(a_host_that_reads_as_a_host_is_shown),
		TEST(the_error_for_an_empty_address_shows_both_forms),
		TEST(the_error_for_an_unknown_scheme_lists_the_known_ones),
		TEST(the_error_for_a_missing_host_shows_how_to_write_one),
		TEST(a_bad_server_of_a_list_is_named_by_its_position),
		TEST(the_error_for_a_bare_socket_path_names_its_scheme),
		TEST(a_port_out_of_range_is_named_with_the_range),
		TEST(a_database_out_of_range_is_named_with_the_range),
		TEST(a_sentinel_address_without_a_usable_master_is_shown_how_to_name_one),
		TEST(behind_a_socket_path_only_a_database_may_follow),
		TEST(a_relative_socket_path_is_shown_an_absolute_one),
		TEST(brackets_must_be_whole),
		TEST(a_host_with_characters_of_no_host_is_refused),
		TEST(the_error_for_a_bad_escape_shows_how_to_write_a_percent_sign),
		TEST(a_user_without_a_password_is_refused),
		TEST(messages_never_show_the_login),
		TEST(no_refusal_repeats_a_password),
		TEST(another_login_takes_the_place_of_the_whole_old_one),
		TEST(a_password_file_takes_the_place_of_the_password),
		TEST(a_refused_login_leaves_the_old_one),
		TEST(a_copy_outlives_its_original),
		TEST(rediss_is_redis_with_tls_that_verifies),
		TEST(settings_for_tls_are_copied_and_go_along_with_a_copy),
		TEST(settings_for_tls_on_an_address_without_it_are_refused_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
