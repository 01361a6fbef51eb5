/*
 * The commands of the binary. A file that adds one registers it from a
 * constructor; main.c looks it up and is the only place that prints its error
 * and exits.
 */
#ifndef HARNESS_COMMAND_H
#define HARNESS_COMMAND_H

#include "alloc/base/base.h"

#define COMMAND_ERR_MAX 1024

/* Exit status. */
#define EXIT_OK     0
#define EXIT_FAILED 1 /* it ran, and something in it failed */
#define EXIT_USAGE  2 /* bad input: nothing was written */

struct command {
	const char *name;
	const char *usage;   /* behind "zonebench NAME " */
	const char *summary; /* one line */
	const char *help; /* more lines for `zonebench NAME --help`, or NULL */
	bool hidden;      /* not listed */
	/*
	 * argv[0] is the command's name. Returns the exit status; where it is
	 * not 0, main prints "zonebench: " and err, unless err is empty.
	 */
	int (*run)(int argc, char **argv, char *err, size_t err_len);
	struct command *next; /* sorted by name */
};

/* Called by constructors before main. */
void command_register(struct command *command);
const struct command *command_first(void);
const struct command *command_find(const char *name);

/* struct command c = {...}; COMMAND(c); */
#define COMMAND(c)                                                  \
	__attribute__((constructor)) static void register_##c(void) \
	{                                                           \
		command_register(&(c));                             \
	}                                                           \
	struct command

#endif
