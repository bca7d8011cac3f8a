/*
 * main.c - the command line of segrunner.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "config/config.h"
#include "plugin/new.h"
#include "plugin/probe.h"
#include "plugin/trial.h"
#include "host/runner.h"

static void print_usage(FILE *out)
{
	fputs("Usage: segrunner -c FILE        run the handlers that FILE configures\n"
	      "       segrunner --check FILE   check FILE and load its plugins, run nothing\n"
	      "       segrunner --show FILE    print what is in force, defaults included, no secrets\n"
	      "       segrunner --reference[=ini|man|markdown]   print every option with its default\n"
	      "       segrunner test PLUGIN CASES [OPTION=VALUE...]   hand messages of a file to a handler\n"
	      "       segrunner new-plugin NAME [--cpp]   make a plugin to start from, with a test\n"
	      "       segrunner --help | --version\n",
	      out);
}

static void print_help(void)
{
	print_usage(stdout);
	fputs("\nClaims a fair share of the partitions of each [consumer] section's stream, and handles\n"
	      "them with its plugin, one thread a partition, in order. Start it again to share the work.\n"
	      "\n"
	      "Signals: SIGTERM or SIGINT stops cleanly (drains, commits, leaves); a second one at once.\n"
	      "SIGHUP reads FILE again, and puts a plugin's new build in the place of the old one. SIGUSR1 gives\n"
	      "up all partitions until the next one; SIGUSR2 logs the state of each.\n"
	      "Exit codes: 0 stopped cleanly, 64 usage, 66 no such file, 69 Redis or a plugin cannot go on,\n"
	      "70 a handler is stuck, 71 the system refused, 75 stopped before all was drained,\n"
	      "77 Redis refused the login, 78 configuration.\n"
	      "\n"
	      "Configuration:\n\n",
	      stdout);
	seg_config_reference(stdout, SEG_CONFIG_FORM_HELP);
}

static seg_config *load(const char *file, seg_config_errors *errors, int *exit_code)
{
	seg_config *config = NULL;
	int status = seg_config_load(file, &config, errors);
	*exit_code = status == SEG_ENOTFOUND ? EX_NOINPUT
		     : status == SEG_ENOMEM  ? EX_OSERR
		     : status                ? EX_CONFIG
					     : EX_OK;
	if (status == SEG_ENOMEM)
		fprintf(stderr, "segrunner: out of memory while reading %s\n", file);
	return config;
}

static int run(const char *file)
{
	seg_config_errors errors = {0};
	int exit_code;
	seg_config *config = load(file, &errors, &exit_code);
	seg_config_errors_print(&errors, stderr);
	seg_config_errors_fini(&errors);
	if (config)
		exit_code = seg_runner_run(config);
	seg_config_free(config);
	return exit_code;
}

static int check(const char *file)
{
	seg_config_errors errors = {0};
	int exit_code;
	seg_config *config = load(file, &errors, &exit_code);
	if (config)
		seg_runner_check(config, &errors);
	seg_config_errors_print(&errors, stderr);
	size_t wrong = errors.count - errors.warnings;
	if ((wrong > 0 || errors.incomplete) && exit_code == EX_OK)
		exit_code = EX_CONFIG;
	if (config && exit_code == EX_OK)
		printf("%s: good; %zu consumer%s\n", file, config->consumer_count,
		       config->consumer_count == 1 ? "" : "s");
	seg_config_errors_fini(&errors);
	seg_config_free(config);
	return exit_code;
}

static int show(const char *file)
{
	seg_config_errors errors = {0};
	int exit_code;
	seg_config *config = load(file, &errors, &exit_code);
	seg_config_errors_print(&errors, stderr);
	seg_config_errors_fini(&errors);
	if (config)
		seg_config_print(config, stdout);
	seg_config_free(config);
	return exit_code;
}

/* name: of the form, NULL for an INI file. */
static int print_reference(const char *name)
{
	static const struct {
		const char *name;
		seg_config_form form;
	} forms[] = {{"ini", SEG_CONFIG_FORM_INI},
		     {"man", SEG_CONFIG_FORM_MAN},
		     {"markdown", SEG_CONFIG_FORM_MARKDOWN}};
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (name && strcmp(name, forms[i].name) != 0)
			continue;
		seg_config_reference(stdout, forms[i].form);
		return EX_OK;
	}
	fprintf(stderr, "segrunner: no form \"%s\"; write --reference=ini, =man or =markdown\n", name);
	return EX_USAGE;
}

/* `segrunner test PLUGIN CASES [OPTION=VALUE...]`; arguments behind "test". */
static int test_plugin(char **arguments, int count)
{
	if (count >= 2)
		return seg_plugin_trial(arguments[0], arguments[1], arguments + 2, count - 2);
	fputs("Usage: segrunner test PLUGIN CASES [OPTION=VALUE...]; CASES is a file of JSON lines such as\n"
	      "{\"key\": \"k1\", \"data\": \"hello\", \"expect\": \"done\"}, or what `segctl tail -o json` prints\n",
	      stderr);
	return EX_USAGE;
}

/* `segrunner new-plugin NAME [--cpp]`, in any order. */
static int new_plugin(char **arguments, int count)
{
	const char *name = NULL;
	bool cpp = false, good = true;
	for (int i = 0; i < count; i++) {
		if (strcmp(arguments[i], "--cpp") == 0)
			cpp = true;
		else if (arguments[i][0] == '-' || name)
			good = false;
		else
			name = arguments[i];
	}
	if (good && name)
		return seg_plugin_new(name, cpp);
	fputs("Usage: segrunner new-plugin NAME [--cpp]\n", stderr);
	return EX_USAGE;
}

/* What was printed has to have arrived: `segrunner --help >/dev/full` fails. */
static int flushed(int exit_code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return exit_code;
	fprintf(stderr, "segrunner: cannot write: %s\n", strerror(errno));
	return EX_IOERR;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"check", required_argument, NULL, 'k'},
		{"show", required_argument, NULL, 's'},
		{"reference", optional_argument, NULL, 'r'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	int (*action)(const char *file) = NULL;
	const char *file = NULL;
	if (argc == 5 && strcmp(argv[1], SEG_PLUGIN_PROBE_COMMAND) == 0)
		seg_plugin_probe_child(argv + 2);
	if (argc > 1 && strcmp(argv[1], "test") == 0)
		return flushed(test_plugin(argv + 2, argc - 2));
	if (argc > 1 && strcmp(argv[1], "new-plugin") == 0)
		return flushed(new_plugin(argv + 2, argc - 2));
	for (int option; (option = getopt_long(argc, argv, "c:hV", options, NULL)) != -1;) {
		switch (option) {
		case 'c':
		case 'k':
		case 's':
			if (action) {
				fputs("segrunner: give one of -c, --check and --show, once\n", stderr);
				return EX_USAGE;
			}
			action = option == 'c' ? run : option == 'k' ? check : show;
			file = optarg;
			break;
		case 'r':
			return flushed(print_reference(optarg));
		case 'h':
			print_help();
			return flushed(EX_OK);
		case 'V':
			printf("segrunner %s\n", seg_version());
			return flushed(EX_OK);
		default: /* getopt has said what is wrong */
			print_usage(stderr);
			return EX_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "segrunner: what is \"%s\"? A configuration is given with -c FILE\n",
			argv[optind]);
		return EX_USAGE;
	}
	if (!action) {
		print_usage(stderr);
		return EX_USAGE;
	}
	return flushed(action(file));
}
