/* acl.c - `segctl acl`: the line for ACL SETUSER that gives a user the rights that suffice, and no others. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/names.h"
#include "command.h"
#include "doctor/right_list.h"
#include "redis/address.h"
#include "table.h"

enum { RULES_MAX = 4096 };

static const struct {
	const char *name;
	seg_user_kind kind;
} roles[] = {
	{"runner", SEG_USER_RUNNER},
	{"producer", SEG_USER_PRODUCER},
	{"operator", SEG_USER_OPERATOR},
};

static int kinds_of(int argc, char **argv)
{
	int kinds = 0;
	for (int i = 0; i < argc; i++) {
		int kind = 0;
		for (size_t r = 0; r < sizeof(roles) / sizeof(roles[0]); r++)
			if (strcmp(argv[i], roles[r].name) == 0)
				kind = roles[r].kind;
		if (kind == 0)
			ctl_die(EX_USAGE, "there is no role \"%s\"; write runner, producer or operator",
				argv[i]);
		kinds |= kind;
	}
	return kinds;
}

/* Redis allows more, but a blank or a quote would change the line. */
static void check_user(const char *user)
{
	if (*user == '\0' ||
	    strspn(user, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.@:") !=
		    strlen(user))
		ctl_die(EX_USAGE,
			"the user \"%s\": only letters, digits and _ - . @ : can stand in the line; name another with --user",
			user);
}

static void parse(const char *url, seg_address *address)
{
	seg_error error;
	*address = (seg_address){0};
	if (url && seg_address_parse(url, address, &error))
		ctl_die(EX_USAGE, "%s", error.text);
}

static void write_rules(char rules[RULES_MAX], int kinds, const char *name_space, bool select)
{
	int n = snprintf(rules, RULES_MAX, "on resetkeys ~__%s:* ~{__%s:* resetchannels -@all%s", name_space,
			 name_space, select ? " +select" : "");
	for (size_t i = 0; i < seg_right_count && n < RULES_MAX; i++) {
		const seg_right *right = &seg_rights[i];
		if (right->users & kinds)
			n += snprintf(rules + n, (size_t)(RULES_MAX - n), "%s%s +%s",
				      right->channel ? " &" : "", right->channel ? right->channel : "",
				      right->right);
	}
	if (n >= RULES_MAX)
		ctl_die(EX_SOFTWARE, "the line is too long");
}

static void print_as_table(const char *user, const char *rules, ctl_form form)
{
	static const ctl_column columns[] = {{"user", "USER", false},
					     {"rules", "RULES", false},
					     {NULL, NULL, false}};
	ctl_table *table = ctl_table_create(columns);
	ctl_table_text(table, user);
	ctl_table_text(table, rules);
	ctl_table_print(table, form, "", stdout);
	ctl_table_destroy(table);
}

static int acl(ctl_context *context, int argc, char **argv)
{
	char rules[RULES_MAX];
	int kinds = kinds_of(argc, argv);
	ctl_target target;
	seg_address address;
	seg_error error;
	int exit_code = ctl_target_choose(&target, false);
	if (exit_code)
		return exit_code;
	parse(target.options.address, &address);
	const char *user = target.options.user ? target.options.user : address.user ? address.user : argv[0];
	check_user(user);
	const char *name_space = target.options.name_space ? target.options.name_space : "default";
	if (seg_name_check("namespace", name_space, &error))
		ctl_die(EX_USAGE, "%s", error.text);
	/* A database other than 0 must be selected. */
	write_rules(rules, kinds, name_space, address.database != 0);
	if (context->form == CTL_FORM_TABLE)
		printf("ACL SETUSER %s %s\n", user, rules);
	else
		print_as_table(user, rules, context->form);
	seg_address_fini(&address);
	ctl_target_free(&target);
	return EX_OK;
}

const ctl_command ctl_acl = {
	.noun = "acl",
	.arguments = "ROLE ...",
	.arguments_min = 1,
	.arguments_max = sizeof(roles) / sizeof(roles[0]),
	.summary = "Prints the ACL SETUSER line for a runner, a producer or an operator",
	.more = "The user gets the rights that suffice in the namespace, and no others. ROLE is runner (segrunner, and "
		"programs that consume), producer (programs that send), or operator (segctl). With more than one ROLE, "
		"the user gets the rights of all: a runner whose plugin sends to streams is also a producer. --user names "
		"the user; without it, the line has the user of --config or of the address, or the first ROLE. The line "
		"sets no password: add >PASSWORD to it, or leave the user's password as it is. Does not connect. "
		"Example: segctl acl runner --namespace shop --user app",
	.run = acl,
	.connects = true,
};
