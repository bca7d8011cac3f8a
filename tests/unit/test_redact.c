/* test_redact.c - texts for people keep what they say, and lose their secrets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/log.h"
#include "base/redact.h"

static void expect(const char *text, const char *redacted)
{
	char *copy = seg_redact_copy(text);
	if (strcmp(copy, redacted) != 0)
		fail_msg("\"%s\" becomes \"%s\", not \"%s\"", text, copy, redacted);
	free(copy);
}

static void the_login_of_a_url_is_hidden(void **state)
{
	(void)state;
	expect("redis://:pw@h:1/0", "redis://***@h:1/0");
	expect("at redis://u:p@w@h:1, rediss://a@b", "at redis://***@h:1, rediss://***@b");
	expect("postgresql://u:p/w?x@db/shop", "postgresql://***@db/shop");
	expect("http://h:80/a@b?c=d@e", "http://h:80/a@b?c=d@e");
	expect("http://[::1]:80/x@y", "http://[::1]:80/x@y");
	expect("redis://h1:1,h2:2/x@y", "redis://h1:1,h2:2/x@y");
	expect("write redis://HOST or mail a@b", "write redis://HOST or mail a@b");
	expect("redis://a@", "redis://***@");
}

static void secret_parameters_of_a_url_are_hidden(void **state)
{
	(void)state;
	expect("https://h/p?user=al&token=s3cret&x=1#f", "https://h/p?user=al&token=***&x=1#f");
	expect("https://h/p?key=AIza&sig=a%2Fb", "https://h/p?key=***&sig=***");
	expect("postgresql://db/shop?password=a'b&sslmode=require",
	       "postgresql://db/shop?password=***'b&sslmode=require");
	expect("https://h/?ACCESS_TOKEN=x", "https://h/?ACCESS_TOKEN=***");
}

static void the_password_of_a_connection_string_is_hidden(void **state)
{
	(void)state;
	expect("host=db password=swordfish user=al", "host=db password=*** user=al");
	expect("host=db password = sword&fish;x user=al", "host=db password = *** user=al");
	expect("password='it\\'s a \\\\' sslpassword=x", "password=*** sslpassword=***");
	expect("password='never ends", "password=***");
	expect("PGPASSWORD=x ./run --api-key=abc --token=q",
	       "PGPASSWORD=*** ./run --api-key=*** --token=***");
	expect("password=", "password=");
}

static void tokens_in_headers_and_json_are_hidden(void **state)
{
	(void)state;
	expect("Authorization: Bearer abcdefgh | X-Shop: 1", "Authorization: *** | X-Shop: 1");
	expect("X-Api-Key: k | X-Auth-Token: t", "X-Api-Key: *** | X-Auth-Token: ***");
	expect("Cookie: a=b; c=d", "Cookie: ***");
	expect("got bearer eyJhbGciOi.x.y, refused", "got bearer ***, refused");
	expect("{\"password\": \"a\\\"b\", \"x\":1}", "{\"password\": ***, \"x\":1}");
}

static void prose_about_secrets_stays(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"password_file: other users may read or write pw (mode 0644); run chmod o= pw",
		"write redis://user:password@host:6379",
		"admin_token_file = /etc/token",
		"option.token_variable = SHOP_TOKEN",
		"send the token of admin_token_file, as a Bearer token or as a password",
		"Redis refused the password: WRONGPASS invalid username-password pair",
		"partition_key = x; max_tokens = 5; secrets: none",
		"",
		"://",
		"password",
		"a?key",
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		expect(texts[i], texts[i]);
}

static void the_text_stays_within_its_room(void **state)
{
	(void)state;
	for (size_t size = sizeof("token=a token=b"); size < 24; size++) {
		char *text = malloc(size);
		strcpy(text, "token=a token=b");
		seg_redact(text, size);
		assert_true(strlen(text) < size);
		assert_memory_equal(text, "token=***", 9);
		assert_null(strchr(text, 'b'));
		free(text);
	}
}

static void keep(void *arg, const seg_log_event *event)
{
	strcpy(arg, event->text);
}

static void errors_and_log_lines_lose_their_secrets(void **state)
{
	(void)state;
	char line[1100] = "";
	seg_error error;
	seg_logger logger = seg_logger_make(keep, line);
	seg_fail(&error, SEG_EINVAL, "no server at %s", "redis://u:swordfish@h");
	assert_string_equal(error.text, "no server at redis://***@h");
	seg_log(&logger, SEG_LOG_INFO, "connecting with %s", "dbname=x password=swordfish");
	assert_string_equal(line, "connecting with dbname=x password=***");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_login_of_a_url_is_hidden),
		cmocka_unit_test(secret_parameters_of_a_url_are_hidden),
		cmocka_unit_test(the_password_of_a_connection_string_is_hidden),
		cmocka_unit_test(tokens_in_headers_and_json_are_hidden),
		cmocka_unit_test(prose_about_secrets_stays),
		cmocka_unit_test(the_text_stays_within_its_room),
		cmocka_unit_test(errors_and_log_lines_lose_their_secrets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
