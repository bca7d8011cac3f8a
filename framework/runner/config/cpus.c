#include "config/cpus.h"

#include <ctype.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memstream.h"

/* The most CPUs of any Linux. A kernel refuses a set that is smaller than its own. */
enum { CPUS_MAX = 8192 };

typedef struct cpu_flags {
	bool set[CPUS_MAX];
} cpu_flags;

static int allowed_cpus(cpu_flags *allowed, seg_error *error)
{
	cpu_set_t sets[CPUS_MAX / CPU_SETSIZE];
	memset(sets, 0, sizeof(sets));
	if (sched_getaffinity(0, sizeof(sets), sets) != 0)
		return seg_fail(error, SEG_ESYSTEM, "cannot read the CPUs of this process: %m; write none");
	for (size_t i = 0; i < CPUS_MAX; i++)
		allowed->set[i] = CPU_ISSET_S(i, sizeof(sets), sets);
	return 0;
}

static int to_list(const cpu_flags *flags, seg_config_cpus *cpus, seg_error *error)
{
	size_t count = 0, n = 0;
	for (size_t i = 0; i < CPUS_MAX; i++)
		count += flags->set[i];
	uint16_t *list = malloc((count ? count : 1) * sizeof(*list));
	if (!list)
		return seg_fail(error, SEG_ENOMEM, "out of memory");
	for (size_t i = 0; i < CPUS_MAX; i++)
		if (flags->set[i])
			list[n++] = (uint16_t)i;
	free(cpus->list);
	*cpus = (seg_config_cpus){.list = list, .count = count};
	return 0;
}

char *seg_config_cpus_format(const seg_config_cpus *cpus)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	if (cpus->count == 0)
		fputs("none", out);
	for (size_t i = 0; i < cpus->count;) {
		size_t last = i;
		while (last + 1 < cpus->count && cpus->list[last + 1] == cpus->list[last] + 1)
			last++;
		fprintf(out, last > i ? "%s%u-%u" : "%s%u", i ? "," : "", cpus->list[i], cpus->list[last]);
		i = last + 1;
	}
	return seg_memstream_close(out, &text);
}

static void skip_blanks(const char **text)
{
	while (**text == ' ' || **text == '\t')
		(*text)++;
}

/* A CPU's number, or -1. */
static int read_cpu(const char **text)
{
	int value = -1;
	skip_blanks(text);
	for (; isdigit((unsigned char)**text); (*text)++) {
		value = (value < 0 ? 0 : value) * 10 + (**text - '0');
		if (value >= CPUS_MAX)
			return -1;
	}
	skip_blanks(text);
	return value;
}

static int read_list(const char *text, cpu_flags *wanted, seg_error *error)
{
	const char *c = text;
	for (;;) {
		int first = read_cpu(&c), last = first;
		if (first >= 0 && *c == '-') {
			c++;
			last = read_cpu(&c);
		}
		if (first < 0 || last < 0 || (*c && *c != ','))
			return seg_fail(
				error, SEG_EINVAL,
				"\"%.60s\" is not a list of CPUs; write auto, none, or numbers and ranges "
				"such as 0-3,6",
				text);
		if (last < first)
			return seg_fail(error, SEG_EINVAL, "the range %d-%d runs backwards; write %d-%d",
					first, last, last, first);
		for (int i = first; i <= last; i++) {
			if (wanted->set[i])
				return seg_fail(error, SEG_EINVAL, "CPU %d is listed twice; name it once", i);
			wanted->set[i] = true;
		}
		if (!*c++)
			return 0;
	}
}

static int check_allowed(const cpu_flags *wanted, const cpu_flags *allowed, seg_error *error)
{
	for (size_t i = 0; i < CPUS_MAX; i++) {
		if (!wanted->set[i] || allowed->set[i])
			continue;
		seg_config_cpus usable = {0};
		char *text = to_list(allowed, &usable, error) == 0 ? seg_config_cpus_format(&usable) : NULL;
		int status = seg_fail(error, SEG_EINVAL,
				      "this process may not use CPU %zu; write some of %s, or auto", i,
				      text ? text : "its CPUs");
		free(text);
		free(usable.list);
		return status;
	}
	return 0;
}

int seg_config_cpus_parse(const char *text, seg_config_cpus *cpus, seg_error *error)
{
	cpu_flags allowed = {0}, wanted = {0};
	if (strcmp(text, "none") == 0)
		return to_list(&wanted, cpus, error);
	int status = allowed_cpus(&allowed, error);
	if (status)
		return status;
	if (strcmp(text, "auto") == 0)
		return to_list(&allowed, cpus, error);
	status = read_list(text, &wanted, error);
	if (status == 0)
		status = check_allowed(&wanted, &allowed, error);
	return status ? status : to_list(&wanted, cpus, error);
}
