/* main.c - the command line of segrunner. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/descriptors.h"
#include "base/plural.h"
#include "base/units.h"
#include "config/config.h"
#include "config/path.h"
#include "plugin/describe.h"
#include "plugin/new.h"
#include "plugin/probe.h"
#include "plugin/secrets.h"
#include "plugin/trial.h"
#include "host/runner.h"
#include "host/signals.h"
#include "host/try_redis.h"

static void print_usage(FILE *out)
{
	fputs("Usage: segrunner -c FILE         run the handlers that FILE configures\n"
	      "       segrunner --check FILE    check FILE, its plugins and their options\n"
	      "       segrunner --check --connect FILE\n"
	      "                                 the same; also try FILE's Redis and streams\n"
	      "       segrunner --show FILE     print the values in force, without secrets\n"
	      "       segrunner --reference[=ini|man|markdown]\n"
	      "                                 print every option with its default\n"
	      "       segrunner test [--timeout=DURATION] [--outputs=STREAM,...] PLUGIN CASES\n"
	      "                      [OPTION=VALUE...]\n"
	      "                                 give a handler messages, and check its answers\n"
	      "       segrunner plugins [DIRECTORY]\n"
	      "                                 list the stock plugins, or those of DIRECTORY\n"
	      "       segrunner plugin PLUGIN [--man]\n"
	      "                                 print what a plugin does, and its options\n"
	      "       segrunner new-plugin NAME [--cpp]\n"
	      "                                 create the project of a new plugin, with a test\n"
	      "       segrunner --help | --version\n",
	      out);
}

static void print_help(void)
{
	print_usage(stdout);
	fputs("\nsegrunner claims a fair share of the partitions of each [consumer] section's\n"
	      "stream. The section's plugin handles each partition in order, on a thread of its\n"
	      "own. To share the work, start another segrunner with the same file.\n"
	      "\n"
	      "Signals:\n"
	      "  SIGTERM, SIGINT   stop cleanly: finish batches, commit, leave the groups;\n"
	      "                    a second one stops at once\n"
	      "  SIGHUP            read FILE again; apply changed options, and load plugins\n"
	      "                    that were rebuilt; if a terminal hung up: stop cleanly\n"
	      "  SIGUSR1           give up all partitions; the next SIGUSR1 claims them again\n"
	      "  SIGUSR2           log the state of each partition\n"
	      "\n"
	      "Exit codes:\n"
	      "  0 clean stop                     73 a file cannot be made, such as the log\n"
	      "  64 wrong command line            74 the output cannot be written\n"
	      "  66 file not found                75 stopped before all batches were finished\n"
	      "  69 Redis or a plugin failed      77 Redis refused a login or a right\n"
	      "  70 a handler is stuck            78 wrong configuration\n"
	      "  71 system error\n"
	      "\n"
	      "Configuration:\n\n",
	      stdout);
	seg_config_reference(stdout, SEG_CONFIG_FORM_HELP);
}

/* With check_all, the config is returned even if it has errors. */
static seg_config *load(const char *file, bool check_all, seg_config_errors *errors, int *exit_code)
{
	seg_config *config = NULL;
	int status = check_all ? seg_config_load_for_check(file, &config, errors)
			       : seg_config_load(file, &config, errors);
	*exit_code = status == SEG_ENOTFOUND ? EX_NOINPUT
		     : status == SEG_ENOMEM  ? EX_OSERR
		     : status                ? EX_CONFIG
					     : EX_OK;
	if (status == SEG_ENOMEM)
		fprintf(stderr, "segrunner: out of memory while reading %s\n", file);
	return config;
}

/* The path is absolute, so that the file and what it names are found again at SIGHUP, also if a plugin has called chdir(). */
static int run(const char *file)
{
	seg_config_errors errors = {0};
	int exit_code;
	seg_signals_catch();
	char *path = seg_config_path_absolute(file);
	seg_config *config = load(path ? path : file, false, &errors, &exit_code);
	free(path);
	seg_config_errors_print(&errors, stderr);
	seg_config_errors_fini(&errors);
	if (config)
		exit_code = seg_runner_run(config);
	seg_config_free(config);
	return exit_code;
}

static int check_file(const char *file, bool connect)
{
	seg_config_errors errors = {0};
	int exit_code;
	seg_config *config = load(file, true, &errors, &exit_code);
	if (config)
		seg_runner_check(config, &errors);
	seg_config_errors_print(&errors, stderr);
	size_t wrong = errors.count - errors.warnings;
	if ((wrong > 0 || errors.incomplete) && exit_code == EX_OK)
		exit_code = EX_CONFIG;
	if (config && exit_code == EX_OK)
		printf("%s: good; %zu consumer%s\n", file, config->consumer_count,
		       seg_plural(config->consumer_count));
	if (config && exit_code == EX_OK && connect)
		exit_code = seg_runner_try_redis(config, stdout);
	seg_config_errors_fini(&errors);
	seg_config_free(config);
	return exit_code;
}

static int check(const char *file)
{
	return check_file(file, false);
}

static int check_and_connect(const char *file)
{
	return check_file(file, true);
}

static int show(const char *file)
{
	seg_config_errors errors = {0};
	int exit_code;
	seg_config *config = load(file, false, &errors, &exit_code);
	seg_config_errors_print(&errors, stderr);
	seg_config_errors_fini(&errors);
	if (config) {
		seg_plugin_secrets secrets = {.directory = config->runner.plugin_directory};
		seg_config_print(config, seg_plugin_hides, &secrets, stdout);
		seg_plugin_secrets_fini(&secrets);
	}
	seg_config_free(config);
	return exit_code;
}

/* `name` is the name of a form; NULL for an INI file. */
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
	fprintf(stderr, "segrunner: unknown form \"%s\"; write --reference=ini, =man or =markdown\n", name);
	return EX_USAGE;
}

/* Whether the argument is "<name>=<value>"; sets *value. */
static bool is_option(const char *argument, const char *name, const char **value)
{
	size_t length = strlen(name);
	*value = argument + length + 1;
	return strncmp(argument, name, length) == 0 && argument[length] == '=';
}

/* `segrunner test [OPTIONS] PLUGIN CASES [OPTION=VALUE...]`; the arguments after "test". */
static int test_plugin(char **arguments, int count)
{
	seg_plugin_trial_options options = {.timeout = SEG_PLUGIN_TRIAL_TIMEOUT};
	const char *value;
	for (; count > 0 && arguments[0][0] == '-'; arguments++, count--) {
		seg_error error;
		if (is_option(arguments[0], "--outputs", &value)) {
			options.outputs = value;
		} else if (!is_option(arguments[0], "--timeout", &value)) {
			break;
		} else if (seg_units_duration(value, &options.timeout, &error)) {
			fprintf(stderr, "segrunner: --timeout: %s\n", error.text);
			return EX_USAGE;
		}
	}
	if (count >= 2 && arguments[0][0] != '-')
		return seg_plugin_trial(arguments[0], arguments[1], &options, arguments + 2, count - 2);
	fputs("Usage: segrunner test [--timeout=DURATION] [--outputs=STREAM,...] PLUGIN CASES\n"
	      "                      [OPTION=VALUE...]\n"
	      "A call of the plugin may take 60s; --timeout sets another limit, 0s sets none.\n"
	      "--outputs names the streams that the plugin may emit to, as `outputs` does.\n"
	      "CASES is a file of JSON lines, or the output of `segctl tail -o json`; - is\n"
	      "standard input. A line: {\"key\": \"k1\", \"data\": \"hello\", \"expect\": \"done\"}\n",
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

/* `segrunner plugins [DIRECTORY]`. */
static int list_plugins(char **arguments, int count)
{
	if (count == 0 || (count == 1 && arguments[0][0] != '-'))
		return seg_plugin_print_all(count ? arguments[0] : NULL);
	fputs("Usage: segrunner plugins [DIRECTORY]\n", stderr);
	return EX_USAGE;
}

/* `segrunner plugin PLUGIN [--man]`. */
static int describe_plugin(char **arguments, int count)
{
	bool man = count == 2 && strcmp(arguments[1], "--man") == 0;
	if ((count == 1 || man) && arguments[0][0] != '-')
		return seg_plugin_print(arguments[0], man);
	fputs("Usage: segrunner plugin PLUGIN [--man]\n"
	      "PLUGIN is a name that segrunner plugins lists, or the path of a shared object.\n",
	      stderr);
	return EX_USAGE;
}

static const struct {
	const char *name;
	int (*run)(char **arguments, int count);
} commands[] = {{"test", test_plugin},
		{"new-plugin", new_plugin},
		{"plugins", list_plugins},
		{"plugin", describe_plugin}};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

/* A command is the first argument. NULL: there is none, but options. */
static int (*find_command(const char *name))(char **arguments, int count)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(name, commands[i].name) == 0)
			return commands[i].run;
	return NULL;
}

static int refuse_argument(const char *argument)
{
	const char *names[COMMANDS];
	for (size_t i = 0; i < COMMANDS; i++)
		names[i] = commands[i].name;
	const char *meant = seg_suggest(argument, names, COMMANDS);
	if (meant)
		fprintf(stderr, "segrunner: there is no command \"%s\"; did you mean \"%s\"?\n", argument,
			meant);
	else
		fprintf(stderr,
			"segrunner: unexpected argument \"%s\"; to run a configuration, write segrunner -c FILE\n",
			argument);
	return EX_USAGE;
}

/* Fails if the output could not be written, as in `segrunner --help >/dev/full`. */
static int flushed(int exit_code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return exit_code;
	fprintf(stderr, "segrunner: cannot write: %s\n", strerror(errno));
	return EX_IOERR;
}

/* What the command line asks for: an action on a file. */
typedef struct {
	int (*action)(const char *file);
	const char *file; /* NULL: the next argument, after the options */
	bool connect;
} request;

static const struct option options[] = {
	{"config", required_argument, NULL, 'c'},    {"check", optional_argument, NULL, 'k'},
	{"connect", no_argument, NULL, 'n'},         {"show", required_argument, NULL, 's'},
	{"reference", optional_argument, NULL, 'r'}, {"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},         {NULL, 0, NULL, 0},
};

/* The option that getopt has just refused. lacks_value: it is known, and needs one. */
static void refuse_option(const char *word, bool lacks_value)
{
	const char *names[sizeof(options) / sizeof(options[0])];
	char name[64];
	size_t count = 0;
	bool known = false;
	for (; options[count].name; count++) {
		names[count] = options[count].name;
		known |= optopt == options[count].val;
	}
	if (lacks_value) {
		fprintf(stderr, "segrunner: %s needs a file: segrunner %s FILE\n", word, word);
	} else if (known) {
		fprintf(stderr, "segrunner: %.*s takes no value\n", (int)strcspn(word, "="), word);
	} else if (optopt) {
		fprintf(stderr, "segrunner: there is no option -%c; segrunner --help lists the options\n",
			optopt);
	} else {
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(word + 2, "="), word + 2);
		const char *meant = seg_suggest(name, names, count);
		fprintf(stderr, "segrunner: there is no option --%s; ", name);
		fprintf(stderr, meant ? "did you mean \"--%s\"?\n" : "segrunner --help lists the options\n",
			meant);
	}
}

/* Reads the options. Returns false if the program ends with *exit_code now. */
static bool read_options(int argc, char **argv, request *asked, int *exit_code)
{
	*exit_code = EX_OK;
	opterr = 0;
	/* ":": a missing value is no unknown option. */
	for (int option; (option = getopt_long(argc, argv, ":c:hV", options, NULL)) != -1;) {
		switch (option) {
		case 'c':
		case 'k':
		case 's':
			if (asked->action) {
				fputs("segrunner: give only one of -c, --check and --show\n", stderr);
				*exit_code = EX_USAGE;
				return false;
			}
			asked->action = option == 'c' ? run : option == 'k' ? check : show;
			asked->file = optarg;
			break;
		case 'n':
			asked->connect = true;
			break;
		case 'r':
			*exit_code = print_reference(optarg);
			return false;
		case 'h':
			print_help();
			return false;
		case 'V':
			printf("segrunner %s\n", seg_version());
			return false;
		default:
			refuse_option(argv[optind - 1], option == ':');
			*exit_code = EX_USAGE;
			return false;
		}
	}
	return true;
}

/* Takes the FILE of `--check [--connect] FILE`, and refuses a FILE without a name. Returns false if the program ends with *exit_code now. */
static bool complete(int argc, char **argv, request *asked, int *exit_code)
{
	*exit_code = EX_USAGE;
	if (asked->connect && asked->action != check) {
		fputs("segrunner: --connect belongs to --check: segrunner --check --connect FILE\n", stderr);
		return false;
	}
	if (asked->connect)
		asked->action = check_and_connect;
	if (!asked->action)
		return true;
	if (!asked->file && optind == argc) {
		fputs("segrunner: --check needs a file: segrunner --check FILE\n", stderr);
		return false;
	}
	if (!asked->file)
		asked->file = argv[optind++];
	if (*asked->file)
		return true;
	fputs("segrunner: the name of the configuration file is empty; write its path\n", stderr);
	return false;
}

int main(int argc, char **argv)
{
	request asked = {0};
	int exit_code;
	seg_descriptors_fill();
	if (argc == 5 && strcmp(argv[1], SEG_PLUGIN_PROBE_COMMAND) == 0)
		seg_plugin_probe_child(argv + 2);
	int (*command)(char **, int) = argc > 1 ? find_command(argv[1]) : NULL;
	if (command)
		return flushed(command(argv + 2, argc - 2));
	if (!read_options(argc, argv, &asked, &exit_code) || !complete(argc, argv, &asked, &exit_code))
		return flushed(exit_code);
	if (optind < argc)
		return refuse_argument(argv[optind]);
	if (!asked.action) {
		print_usage(stderr);
		return EX_USAGE;
	}
	return flushed(asked.action(asked.file));
}
