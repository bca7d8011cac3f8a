#include "stream/output_names.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/names.h"

static const char blanks[] = " \t";

/* Ends the name at *rest, without the blanks around it, and moves *rest to the next one; NULL after the last. */
static char *next_name(char **rest)
{
	char *name = *rest + strspn(*rest, blanks), *comma = strchr(name, ',');
	char *end = comma ? comma : name + strlen(name);
	*rest = comma ? comma + 1 : NULL;
	while (end > name && strchr(blanks, end[-1]))
		end--;
	*end = '\0';
	return name;
}

static int check_name(const char *name, size_t number, seg_error *error)
{
	size_t word = strcspn(name, blanks);
	if (!*name)
		return seg_fail(
			error, SEG_EINVAL,
			"name %zu of the list is empty; write a name between two commas, such as a, b",
			number);
	if (name[word])
		return seg_fail(error, SEG_EINVAL,
				"\"%.60s\" is not a stream's name; write a comma between two names, such as "
				"a, b",
				name);
	return seg_name_check("stream name", name, error);
}

static int read_into(char **names, char *rest, seg_error *error)
{
	size_t count = 0;
	int status = 0;
	if (!rest[strspn(rest, blanks)])
		return seg_fail(error, SEG_EINVAL, "no stream is named; write names, such as a, b");
	while (rest && status == 0) {
		names[count] = next_name(&rest);
		status = check_name(names[count], count + 1, error);
		if (status == 0 && ++count == SEG_OUTPUT_NAMES_MAX && rest)
			status = seg_fail(error, SEG_EINVAL, "more than %d streams; remove some",
					  SEG_OUTPUT_NAMES_MAX);
	}
	names[count] = NULL;
	return status;
}

int seg_output_names_read(const char *text, char ***names, seg_error *error)
{
	const size_t pointers = (SEG_OUTPUT_NAMES_MAX + 1) * sizeof(char *), bytes = strlen(text) + 1;
	char **list = malloc(pointers + bytes);
	if (!list)
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	int status = read_into(list, memcpy((char *)list + pointers, text, bytes), error);
	if (status == 0)
		*names = list;
	else
		free(list);
	return status;
}

int seg_output_names_check(const char *const *names, size_t i, const char *stream, seg_error *error)
{
	int status = seg_name_check("output", names[i], error);
	if (status)
		return status;
	if (stream && strcmp(names[i], stream) == 0)
		return seg_fail(
			error, SEG_EINVAL,
			"\"%s\" is the stream that is read here: what it emits would come back for ever; choose another stream",
			stream);
	for (size_t k = 0; k < i; k++)
		if (strcmp(names[i], names[k]) == 0)
			return seg_fail(error, SEG_EINVAL, "\"%s\" is named twice; remove one", names[i]);
	return 0;
}
