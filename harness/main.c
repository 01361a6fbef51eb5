/*
 * zonebench: finds the command, prints what went wrong, exits. Nothing else in
 * the program does either.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/build_info.h"
#include "harness/command.h"
#include "harness/kv.h"

static void print_top_help(void)
{
	printf("zonebench: a laboratory for the allocators of a kernel\n\n"
	       "usage: zonebench COMMAND [KEY=VALUE...] [FILE]\n\n");
	for (const struct command *c = command_first(); c; c = c->next)
		if (!c->hidden)
			printf("  %-10s %s\n", c->name, c->summary);
	printf("\n  --help     this text; COMMAND --help says more\n"
	       "  --version  version and how it was built\n");
}

static void print_command_help(const struct command *c)
{
	printf("zonebench %s: %s\n\nusage: zonebench %s %s\n", c->name,
	       c->summary, c->name, c->usage);
	if (c->help)
		printf("\n%s", c->help);
}

static int unknown_command(const char *name)
{
	const char *names[32], *near;
	unsigned nr = 0;
	char shown[64];

	for (const struct command *c = command_first(); c; c = c->next)
		if (!c->hidden && nr < ARRAY_SIZE(names))
			names[nr++] = c->name;
	near = nearest_name(name, names, nr);
	fprintf(stderr,
		"zonebench: command line: %s: expected a command, see "
		"zonebench --help%s%s%s\n",
		printable(name, shown, sizeof(shown)),
		near ? "; did you mean '" : "", near ? near : "",
		near ? "'?" : "");
	return EXIT_USAGE;
}

static bool asks_for_help(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return true;
	return false;
}

static int run_command(const struct command *c, int argc, char **argv)
{
	char err[COMMAND_ERR_MAX] = "";
	int status = c->run(argc, argv, err, sizeof(err));

	if (status && *err)
		fprintf(stderr, "zonebench: %s\n", err);
	return status;
}

int main(int argc, char **argv)
{
	const struct command *c;
	int status = EXIT_OK;

	if (argc < 2) {
		fprintf(stderr, "zonebench: command line: expected a command, "
				"see zonebench --help\n");
		exit(EXIT_USAGE);
	}
	c = command_find(argv[1]);
	if (!strcmp(argv[1], "--version"))
		printf("zonebench %s\n", build_info_text());
	else if (!c && asks_for_help(1, argv + 1))
		print_top_help();
	else if (!c)
		status = unknown_command(argv[1]);
	else if (asks_for_help(argc - 2, argv + 2))
		print_command_help(c);
	else
		status = run_command(c, argc - 1, argv + 1);
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "zonebench: standard output: write failed\n");
		status = status ? status : EXIT_FAILED;
	}
	exit(status);
}
