/*
 * fuzz_config.c - any bytes as a config. It must not crash, and: the result is a config or an error, never
 * both or neither; the printed form of an accepted config is accepted again, and prints the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "harness/require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *print(const seg_config *config, size_t *length)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, length);
	require(out != NULL, "out of memory");
	seg_config_print(config, NULL, NULL, out);
	require(fclose(out) == 0, "out of memory");
	return text;
}

/*
 * Two kinds of values do not read back as printed: secrets, and environment variables that contain comments.
 */
static bool is_reversible(const uint8_t *data, size_t size)
{
	return !memmem(data, size, "assw", 4) && !memmem(data, size, "${", 2) &&
	       !memmem(data, size, "user", 4) && !memmem(data, size, "@", 1) &&
	       !memmem(data, size, "include", 7);
}

static void require_same_when_read_again(const seg_config *config)
{
	seg_config *again;
	seg_config_errors errors = {0};
	size_t length, length_again;
	char *text = print(config, &length);
	/* The host of the address may be a password, and is hidden. */
	if (memmem(text, length, "***", 3)) {
		free(text);
		return;
	}
	int status = seg_config_load_text("", text, length, &again, &errors);
	if (status)
		seg_config_errors_print(&errors, stderr);
	require(status == 0, "what was printed is refused");
	char *text_again = print(again, &length_again);
	char *first = strchr(text, '\n'), *second = strchr(text_again, '\n');
	require(first && second && strcmp(first, second) == 0, "what was printed reads as something else");
	free(text);
	free(text_again);
	seg_config_free(again);
	seg_config_errors_fini(&errors);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	seg_config *config;
	seg_config_errors errors = {0};
	int status = seg_config_load_text("fuzz.ini", (const char *)data, size, &config, &errors);
	bool failed = errors.incomplete || errors.count > errors.warnings;
	require((status == 0) == (config != NULL), "a status that contradicts the config");
	require((status == 0) == !failed, "a status that contradicts the errors");
	for (size_t i = 0; i < errors.count; i++)
		require(strncmp(errors.list[i].text, "fuzz.ini:", 9) == 0 &&
				!strpbrk(errors.list[i].text, "\n\r\033"),
			"an error without a place, or with control characters");
	if (config && is_reversible(data, size))
		require_same_when_read_again(config);
	seg_config_free(config);
	seg_config_errors_fini(&errors);
	return 0;
}
